// SPDX-License-Identifier: GPL-2.0

//! The contract between the offload_nic kernel module and user space, and a client of it.
//!
//! The module is compiled from the same files as this crate, so that a name which a tool looks for
//! is the name that the driver gives, and a digest that it computes the one that the device has.
//!
//! What only user space needs comes with the feature `std`, which is on by default:
//!
#![cfg_attr(
    feature = "std",
    doc = "* [`client::Client`] asks the kernel which programs are in the device, and
  [`events::Events`] tells what happens to them;
* [`object::Object`] knows the digest of a program from its object file alone."
)]
//!
#![cfg_attr(
    feature = "std",
    doc = "```no_run
use offload_uapi::client::Client;

# fn main() -> Result<(), offload_uapi::error::Error> {
let mut client = Client::connect()?;
for device in client.devices()? {
    for slot in client.slots(Some(device.ifindex))? {
        println!(\"{}: {}: {}\", device.ifname, slot.slot, slot.verdict);
    }
}
# Ok(())
# }
```"
)]
#![cfg_attr(not(any(CONFIG_RUST, feature = "std")), no_std)]
#![forbid(unsafe_code)]

pub mod canonical;
pub mod flags;
pub mod limits;
pub mod netlink;
pub mod operation;
pub mod stats;

#[cfg(feature = "std")]
pub mod attributes;
#[cfg(feature = "std")]
pub mod client;
#[cfg(feature = "std")]
pub mod decode;
#[cfg(feature = "std")]
pub mod digest;
#[cfg(feature = "std")]
pub mod error;
#[cfg(feature = "std")]
pub mod events;
#[cfg(feature = "std")]
pub mod object;
#[cfg(feature = "std")]
mod socket;
#[cfg(feature = "std")]
pub mod types;
