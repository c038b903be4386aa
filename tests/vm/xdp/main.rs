// SPDX-License-Identifier: GPL-2.0

//! XDP: in the device, in the driver, and both.

mod ahead;
mod bounce;
mod equality;
mod native;
mod redirect;
mod tag;
