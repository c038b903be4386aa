// SPDX-License-Identifier: GPL-2.0

//! What finishes wire frames: a plan, and behind it a program, if one is asked.

use super::program::Heard;
use super::{TxPlan, TxRefusal, WireFrame};
use crate::checksum::Sum;

/// What runs the program that is asked for each segment.
pub trait Asked {
    /// Runs it on what it is shown, which it may write to; gives whether it has said that it is done.
    fn run(&mut self, shown: &mut [u8]) -> bool;

    /// It was, or was not, heard.
    fn count(&mut self, heard: Heard);
}

/// What finishes wire frames: the device by a plan, and behind it a program, if there is one for that.
pub struct Finisher<'a> {
    plan: &'a TxPlan,
    /// The first bytes of the super-frame, and what runs the program.
    asked: Option<(&'a [u8], &'a mut dyn Asked)>,
}

impl<'a> Finisher<'a> {
    /// By `plan` alone, if nobody is `asked` for the segments of a super-frame that begins with the bytes
    /// beside.
    #[inline]
    pub fn new(plan: &'a TxPlan, asked: Option<(&'a [u8], &'a mut dyn Asked)>) -> Self {
        Self { plan, asked }
    }

    /// As [`TxPlan::finish`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn finish(&mut self, frame: &WireFrame, wire: &mut [u8]) -> Result<(), TxRefusal> {
        self.plan.finish(frame, wire)?;
        self.consult(frame, wire);
        Ok(())
    }

    /// As [`TxPlan::finish_header`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn finish_header(
        &mut self,
        frame: &WireFrame,
        header: &mut [u8],
        payload: Sum,
        skip: usize,
    ) -> Result<Sum, TxRefusal> {
        let sum = self.plan.finish_header(frame, header, payload, skip)?;
        // What the program changes changes no sum.
        self.consult(frame, header);
        Ok(sum)
    }

    #[inline]
    fn consult(&mut self, frame: &WireFrame, wire: &mut [u8]) {
        if let Some((headers, asked)) = &mut self.asked {
            let heard = self
                .plan
                .consult(frame, headers, wire, &mut |shown| asked.run(shown));
            asked.count(heard);
        }
    }
}
