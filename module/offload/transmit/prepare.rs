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
    Asks,
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

/// A driver's side of sending one frame. What the device is told is written where it is to be: to move it
/// takes as long as to make it.
pub trait Transmitter {
    /// What the device is told of a frame.
    type Descriptor: Descriptor + Default;

    /// What the device can do, now.
    fn capabilities(&self) -> Capabilities;

    /// `frame` goes to the device as it is, which does `work` as `request` says, and its capabilities
    /// allow. `told` becomes what the device is told.
    ///
    /// # Errors
    ///
    /// Why the device can't do it in spite of them; then the frame does not go there, and `told` is of no
    /// use.
    fn to_device(
        &mut self,
        frame: &SkBuff,
        request: &OffloadRequest,
        work: Work,
        told: &mut Self::Descriptor,
    ) -> Result<(), Reason>;

    /// `frame` goes to the device as it goes on the wire. `told` becomes what the device is told.
    fn to_wire(&mut self, frame: &SkBuff, told: &mut Self::Descriptor);

    /// Software is about to do `work` for `frame` because of `reason`. What comes out is no longer
    /// what the stack gave if it is segments, or if others have references to the frame.
    fn by_software(&mut self, frame: &SkBuff, work: Work, reason: Reason);

    /// The next segment that software has cut, whose checksum may be open. Gives what it is to be: its headers
    /// may be others, as long as nothing that is summed is.
    fn segmented(&mut self, segment: SkBuff) -> SkBuff {
        segment
    }
}

/// What goes to the device of a frame of the stack.
pub enum Prepared<D: Descriptor> {
    /// The frame itself.
    Whole(SkBuff),
    /// The segments that software has cut it into, which must not be sent in part.
    Cut(Chain<D>),
}

/// Makes of a frame of the stack, which `asks` for that, what goes to the device. `told` is what that is told
/// of one that stays whole.
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
    asks: Asks,
    driver: &mut T,
    told: &mut T::Descriptor,
) -> Result<Prepared<T::Descriptor>, (Work, Error)> {
    if asks.is_segments() {
        return segment(skb, driver, told).map_err(|error| (Work::Segmentation, error));
    }
    match finish_checksum(skb, asks, driver, told) {
        Ok(skb) => Ok(Prepared::Whole(skb)),
        Err(error) => Err((Work::Checksum, error)),
    }
}

/// Sends a super-frame through the decision about it, and if software has to cut it, each segment
/// through that about checksums.
#[inline(never)]
fn segment<T: Transmitter>(
    skb: SkBuff,
    driver: &mut T,
    told: &mut T::Descriptor,
) -> Result<Prepared<T::Descriptor>> {
    let request = skb.offload_request();
    let capabilities = driver.capabilities();
    let reason = match &request.gso {
        Some(gso) => check_segmentation(&request, gso, skb.linear(), skb.len(), &capabilities),
        None => Err(Reason::Malformed),
    };
    match reason.and_then(|()| driver.to_device(&skb, &request, Work::Segmentation, told)) {
        Ok(()) => Ok(Prepared::Whole(skb)),
        Err(reason) => {
            driver.by_software(&skb, Work::Segmentation, reason);
            let keep = keeps_checksums(&skb, &request, &capabilities);
            let cut = skb_gso_helper(skb.share_check()?, keep, |segment| {
                let segment = driver.segmented(segment);
                let mut told = T::Descriptor::default();
                let asks = segment.asks();
                let segment = finish_checksum(segment, asks, driver, &mut told)?;
                Ok((segment, told))
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
/// sent: itself, unless software has to write to one that others have references to. `told` becomes
/// what the device is told.
fn finish_checksum<T: Transmitter>(
    skb: SkBuff,
    asks: Asks,
    driver: &mut T,
    told: &mut T::Descriptor,
) -> Result<SkBuff> {
    if !asks.is_checksum() {
        driver.to_wire(&skb, told);
        return Ok(skb);
    }
    let request = skb.offload_request();
    let Some(checksum) = &request.checksum else {
        return Err(EINVAL);
    };
    let capabilities = driver.capabilities();
    let reason = check_checksum(&request, checksum, skb.linear(), skb.len(), &capabilities);
    match reason.and_then(|()| driver.to_device(&skb, &request, Work::Checksum, told)) {
        Ok(()) => Ok(skb),
        Err(reason) => {
            driver.by_software(&skb, Work::Checksum, reason);
            let mut unique = skb.share_check()?;
            checksum_helper(&mut unique, checksum)?;
            driver.to_wire(&unique, told);
            Ok(unique.into())
        }
    }
}
