// SPDX-License-Identifier: GPL-2.0

//! The offload infrastructure.

#![forbid(unsafe_code)]
