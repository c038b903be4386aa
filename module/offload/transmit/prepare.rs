// SPDX-License-Identifier: GPL-2.0

//! The way of a frame from the stack to the device: what the device can't do, the kernel's own code
//! does.

use super::{
    decision::{
        check_checksum,
        check_segmentation,
        Capabilities,
        Checksums, //
    },
    reason::Reason, //
};
use kernel::prelude::*;
use net::skbuff::{
    Chain,
    Checksum,
    Described,
    Descriptor,
    OffloadRequest,
    SkBuff,
    UniqueSkBuff, //
};

/// What is done for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Its checksum is filled in.
    Checksum,
    /// It is cut into segments, whose checksums are filled in.
    Segmentation,
}

/// A driver's side of sending one frame.
pub trait Transmitter {
    /// What the device has to know to do its work.
    type Plan;
    /// What it is told of a frame.
    type Descriptor: Descriptor;

    /// What the device can do, now.
    fn capabilities(&self) -> Capabilities;

    /// Plans the device's work for `frame`, which its capabilities allow.
    ///
    /// # Errors
    ///
    /// Why the device can't do it in spite of them.
    fn plan(&self, frame: &SkBuff, request: &OffloadRequest) -> Result<Self::Plan, Reason>;

    /// `frame` goes to the device as it is, which does `work` by `plan`: what it is told.
    fn to_device(&mut self, frame: &SkBuff, work: Work, plan: Self::Plan) -> Self::Descriptor;

    /// `frame` goes to the device as it goes on the wire: what it is told.
    fn to_wire(&mut self, frame: &SkBuff) -> Self::Descriptor;

    /// Software is about to do `work` for `frame` because of `reason`. What comes out is no longer
    /// what the stack gave if it is segments, or if others have references to the frame.
    fn by_software(&mut self, frame: &SkBuff, work: Work, reason: Reason);
}

/// What goes to the device of a frame of the stack.
pub enum Prepared<D: Descriptor> {
    /// The frame itself, and what the device is told of it.
    Whole(SkBuff, D),
    /// The segments that software has cut it into, which must not be sent in part.
    Cut(Chain<D>),
}

/// Makes of a frame of the stack what goes to the device.
///
/// Context: as of `ndo_start_xmit`; does not sleep. Allocates no more than the segments of one
/// super-frame.
///
/// # Errors
///
/// `ENOMEM`, `EINVAL` and others that the kernel's helpers give, with what was tried. The frame is
/// freed as lost.
pub fn prepare<T: Transmitter>(
    skb: SkBuff,
    driver: &mut T,
) -> Result<Prepared<T::Descriptor>, (Work, Error)> {
    // Most frames ask for nothing, and one look at them tells.
    if skb.is_plain() {
        let descriptor = driver.to_wire(&skb);
        return Ok(Prepared::Whole(skb, descriptor));
    }
    if skb.is_gso() {
        return segment(skb, driver).map_err(|error| (Work::Segmentation, error));
    }
    match finish_checksum(skb, driver) {
        Ok((skb, descriptor)) => Ok(Prepared::Whole(skb, descriptor)),
        Err(error) => Err((Work::Checksum, error)),
    }
}

/// Sends a super-frame through the decision about it, and if software has to cut it, each segment
/// through that about checksums.
#[inline(never)]
fn segment<T: Transmitter>(skb: SkBuff, driver: &mut T) -> Result<Prepared<T::Descriptor>> {
    let request = skb.offload_request();
    let capabilities = driver.capabilities();
    let reason = match &request.gso {
        Some(gso) => check_segmentation(&request, gso, skb.linear(), skb.len(), &capabilities),
        None => Err(Reason::Malformed),
    };
    match reason.and_then(|()| driver.plan(&skb, &request)) {
        Ok(plan) => {
            let descriptor = driver.to_device(&skb, Work::Segmentation, plan);
            Ok(Prepared::Whole(skb, descriptor))
        }
        Err(reason) => {
            driver.by_software(&skb, Work::Segmentation, reason);
            let keep = keeps_checksums(&skb, &request, &capabilities);
            let cut = skb_gso_helper(skb.share_check()?, keep, |segment| {
                finish_checksum(segment, driver)
            });
            cut.map(Prepared::Cut)
        }
    }
}

/// Whether the device is to fill in the checksums of the segments of `skb`: their headers are of the
/// same kinds.
fn keeps_checksums(skb: &SkBuff, request: &OffloadRequest, capabilities: &Capabilities) -> bool {
    match (&request.checksum, capabilities.checksums) {
        (_, Checksums::None) => false,
        (Some(checksum), _) => {
            check_checksum(request, checksum, skb.linear(), skb.len(), capabilities).is_ok()
        }
        // What is in the super-frame is told for each segment once it is cut.
        (None, _) => true,
    }
}

/// Has the CPU cut a super-frame into a list of frames that can be sent, and each of them go through
/// `each`, which gives what is to be sent for it, and what the device is told: with its first error all
/// are freed as lost, so that a list is never sent in part. `keep_checksums`: those of the segments are
/// left open for `each`, where their protocol allows it.
///
/// Context: as of `ndo_start_xmit`; does not sleep.
///
/// # Errors
///
/// `ENOMEM`, what the protocol finds wrong with the frame, or what `each` gives.
pub fn skb_gso_helper<D: Descriptor>(
    skb: UniqueSkBuff,
    keep_checksums: bool,
    mut each: impl FnMut(SkBuff) -> Result<(SkBuff, D)>,
) -> Result<Chain<D>> {
    skb.segment(keep_checksums)?.try_map(|segment| {
        let (skb, descriptor) = each(segment)?;
        Ok(Described::new(skb, descriptor))
    })
}

/// Fills in a checksum that the stack left open (`skb_checksum_help`, `skb_crc32c_csum_help`).
/// Context: any; does not sleep.
///
/// # Errors
///
/// `ENOMEM` if a shared header can't be copied, `EINVAL` if the request is malformed.
pub fn checksum_helper(skb: &mut UniqueSkBuff, checksum: &Checksum) -> Result {
    if checksum.is_crc32c {
        skb.crc32c_help()
    } else {
        skb.checksum_help()
    }
}

/// Sends a single frame through the decision about its checksum, and gives the frame that is to be
/// sent: itself, unless software has to write to one that others have references to. Beside it is
/// what the device is told.
fn finish_checksum<T: Transmitter>(skb: SkBuff, driver: &mut T) -> Result<(SkBuff, T::Descriptor)> {
    if !skb.has_partial_checksum() {
        let descriptor = driver.to_wire(&skb);
        return Ok((skb, descriptor));
    }
    let request = skb.offload_request();
    let Some(checksum) = &request.checksum else {
        return Err(EINVAL);
    };
    let capabilities = driver.capabilities();
    let reason = check_checksum(&request, checksum, skb.linear(), skb.len(), &capabilities);
    match reason.and_then(|()| driver.plan(&skb, &request)) {
        Ok(plan) => {
            let descriptor = driver.to_device(&skb, Work::Checksum, plan);
            Ok((skb, descriptor))
        }
        Err(reason) => {
            driver.by_software(&skb, Work::Checksum, reason);
            let mut unique = skb.share_check()?;
            checksum_helper(&mut unique, checksum)?;
            let descriptor = driver.to_wire(&unique);
            Ok((unique.into(), descriptor))
        }
    }
}
