// SPDX-License-Identifier: GPL-2.0

//! The tables that frames are steered by.

mod memory;
mod rules;
