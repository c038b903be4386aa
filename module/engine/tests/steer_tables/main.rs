// SPDX-License-Identifier: GPL-2.0

//! The tables that frames are steered by.

mod flows;
mod memory;
mod rules;
