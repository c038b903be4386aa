// SPDX-License-Identifier: GPL-2.0

//! Builds, boots and tests offload_nic.

fn main() {}
