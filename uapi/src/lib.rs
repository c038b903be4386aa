// SPDX-License-Identifier: GPL-2.0

//! The contract between the offload_nic kernel module and user space.
