// SPDX-License-Identifier: GPL-2.0

//! Receive steering: the hash, and the tables that frames are steered by.

mod flows;
mod hash;
#[path = "../parser/kernel.rs"]
mod kernel;
mod memory;
mod payload;
mod rules;
