// SPDX-License-Identifier: GPL-2.0

//! What the VM tests share.
