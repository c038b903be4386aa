// SPDX-License-Identifier: GPL-2.0

//! The program that is asked for the headers of segments, where it is executed.

use core::ops::Deref;

use super::rules::Segmenting;
use super::wire::Ingress;
use super::{Pipeline, Receiver};
use crate::exec::{Core, Services, XdpVerdict};
use crate::frame::{Frame, XdpContext};
use crate::map::Map;
use crate::memory::Memory;
use crate::transmit::{Asked, Finisher, Heard, TxPlan};

/// The program, with what executes it.
pub(super) struct Processing<
    'a,
    'p,
    M: Memory,
    R: Deref<Target = Map<M>> + Send + Sync + 'static,
    S,
> {
    segmenting: &'a mut Segmenting<'p, M, R, S>,
    core: &'a mut Core<M>,
    ingress: Ingress,
}

impl<M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static, S: Services> Asked
    for Processing<'_, '_, M, R, S>
{
    fn run(&mut self, shown: &mut [u8]) -> bool {
        let mut context = XdpContext {
            ingress_ifindex: self.ingress.ifindex,
            rx_queue_index: self.ingress.queue.into(),
            ..XdpContext::default()
        };
        let end = shown.len();
        let Some(mut frame) = Frame::writable(shown, 0, end) else {
            return false;
        };
        let Segmenting {
            program, services, ..
        } = self.segmenting;
        let said = self
            .core
            .run_xdp(program, &mut frame, &mut context, services);
        said == Ok(XdpVerdict::Pass)
    }

    fn count(&mut self, heard: Heard) {
        self.segmenting.counts.add(heard);
    }
}

impl<M, R, S> Pipeline<'_, M, R, S>
where
    M: Memory,
    R: Deref<Target = Map<M>> + Send + Sync + 'static,
    S: Services,
{
    /// Has the fixed rules alone cut, if the program is not any more what it was.
    #[inline]
    pub(super) fn check_segmenting<D: Receiver>(&mut self, device: &mut D) {
        if self.segmenting.is_some() && !device.is_gso_intact() {
            self.segmenting = None;
        }
    }

    /// Has `make` make a frame of a super-frame that begins with `headers`, by `plan`.
    #[inline]
    pub(super) fn made<D: Receiver, T>(
        &mut self,
        device: &mut D,
        (plan, headers): (&TxPlan, &[u8]),
        make: impl FnOnce(&mut D, &mut Finisher<'_>) -> T,
    ) -> T {
        let ingress = self.programs.ingress;
        let core = &mut *self.programs.core;
        let mut processing = self.segmenting.as_mut().map(|segmenting| Processing {
            segmenting,
            core,
            ingress,
        });
        let asked = processing
            .as_mut()
            .map(|it| (headers, it as &mut dyn Asked));
        let made = make(device, &mut Finisher::new(plan, asked));
        if self.segmenting.is_some() {
            // Whoever uses the processor next is not to find it.
            if let Some(record) = self.programs.core.take_fault() {
                device.stopped(record);
            }
        }
        made
    }

    /// Tells what became of what the program has said of a super-frame.
    #[inline]
    pub(super) fn tell_of_segments<D: Receiver>(&mut self, device: &mut D) {
        if let Some(segmenting) = &mut self.segmenting {
            device.segmented(core::mem::take(&mut segmenting.counts));
        }
    }
}
