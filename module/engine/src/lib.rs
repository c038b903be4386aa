// SPDX-License-Identifier: GPL-2.0

//! The device side of offload_nic.

#![cfg_attr(not(CONFIG_RUST), no_std)]
#![forbid(unsafe_code)]
