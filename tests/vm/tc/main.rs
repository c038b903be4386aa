// SPDX-License-Identifier: GPL-2.0

//! Classifiers in the device.

mod equality;
mod filters;
