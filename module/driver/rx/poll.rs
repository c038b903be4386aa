// SPDX-License-Identifier: GPL-2.0

//! What happens to a frame that the device has taken from the cable, if an XDP program runs in the
//! device or none.

use super::{
    Running,
    RxCore,
    RxQueue,
    ETH_HLEN, //
};
use crate::{
    map::MapRef,
    memory::KernelMemory,
    port::Port,
    program::LoadedProgram,
    redirect::Fit,
    services::Machine, //
};
use engine::{
    descriptor::RxDescriptor,
    exec::{
        Program,
        XdpVerdict, //
    },
    frame::{
        Frame,
        XdpContext, //
    },
    limits::XDP_PACKET_HEADROOM,
    pipeline, //
};
use net::{
    netdev::PollContext,
    rcu,
    skbuff::{
        FrameBuffer,
        Received,
        SkBuff, //
    },
    xdp::NativeProgram, //
};

/// The poll of one queue: what each of its frames needs.
pub(crate) struct Poll<'a> {
    pub(crate) port: &'a Port,
    pub(crate) queue: u16,
    pub(crate) rx: &'a RxQueue,
    pub(super) program: Running<'a>,
    pub(super) native: Option<&'a NativeProgram>,
    pub(crate) context: &'a PollContext<'a>,
    pub(crate) guard: &'a rcu::Guard,
}

impl Poll<'_> {
    /// Takes one frame through the device.
    pub(super) fn receive(&self, skb: SkBuff, core: &mut RxCore) {
        self.rx.device_frames.add(1);
        self.rx.device_bytes.add(skb.len() as u64);
        match self.program {
            Running::Nothing => self.hand_up(skb),
            Running::Xdp(program) => {
                if skb.is_linear() && !program.engine().image().writes_frame() {
                    self.run_in_place(skb, program, core);
                } else {
                    self.run_in_host_memory(skb, program, core);
                }
            }
            Running::Classifier(classifier) => self.classify(skb, classifier, core),
        }
    }

    /// Runs a program that only reads on the frame where it lies. Nothing is copied for a frame that
    /// does not go to the host.
    fn run_in_place(&self, skb: SkBuff, program: &LoadedProgram, core: &mut RxCore) {
        let mut frame = Frame::read_only(skb.linear());
        let descriptor = self.execute(program, &mut frame, core);
        match descriptor.verdict {
            Some(XdpVerdict::Tx | XdpVerdict::Redirect) => self.send(skb, &descriptor),
            _ if descriptor.to_host() => self.hand_up(skb),
            _ => skb.consume(),
        }
    }

    /// Runs a program that may write: on the host's copy, as the sender's bytes are not ours.
    fn run_in_host_memory(&self, skb: SkBuff, program: &LoadedProgram, core: &mut RxCore) {
        let len = skb.len();
        let tailroom = tailroom(len);
        let Some(mut buffer) = self.copy_for_program(skb, tailroom) else {
            return;
        };
        let Some(mut frame) = self.frame_in(&mut buffer, len) else {
            return;
        };
        let descriptor = self.execute(program, &mut frame, core);
        let range = frame.data_offset()..frame.end_offset();
        match descriptor.verdict {
            Some(XdpVerdict::Tx | XdpVerdict::Redirect) => {
                self.send(buffer.into_sent(range), &descriptor)
            }
            _ if descriptor.to_host() && self.native.is_some() => {
                self.hand_up(buffer.into_sent(range))
            }
            _ if descriptor.to_host() => {
                self.deliver(buffer.into_received(range, descriptor.meta_len))
            }
            _ => {}
        }
    }

    /// Copies the frame to the host, with the room around it that a program may claim. `None`, and
    /// counted, if there is no memory.
    pub(super) fn copy_for_program(&self, skb: SkBuff, tailroom: usize) -> Option<FrameBuffer> {
        let copy = FrameBuffer::copy_of(&skb, XDP_PACKET_HEADROOM, tailroom, self.context);
        if copy.is_some() {
            skb.consume();
        } else {
            self.rx.no_buffer_drops.add(1);
        }
        copy
    }

    /// The frame of `len` bytes that [`Self::copy_for_program`] has put into `buffer`. `None`, and
    /// counted, if that is too small for it.
    pub(super) fn frame_in<'b>(
        &self,
        buffer: &'b mut FrameBuffer,
        len: usize,
    ) -> Option<Frame<'b>> {
        let end = XDP_PACKET_HEADROOM.saturating_add(len);
        let frame = Frame::writable(buffer.bytes_mut(), XDP_PACKET_HEADROOM, end);
        if frame.is_none() {
            self.rx.no_buffer_drops.add(1);
        }
        frame
    }

    /// Has the device send a frame, where the program wants it.
    fn send(&self, skb: SkBuff, descriptor: &RxDescriptor) {
        let (port, rx) = (self.port, self.rx);
        if descriptor.verdict == Some(XdpVerdict::Redirect) {
            let target = descriptor.redirect;
            let redirects = &rx.xdp_redirects;
            port.redirect(skb, target, Fit::Mtu, self.queue, redirects, self.guard);
        } else {
            port.bounce(skb, self.queue, rx, self.guard);
        }
    }

    /// Has the device run `program` on `frame`, and counts what comes out.
    fn execute(
        &self,
        program: &LoadedProgram,
        frame: &mut Frame<'_>,
        core: &mut RxCore,
    ) -> RxDescriptor {
        let services = Machine::new(program, self.guard);
        let program = Some(program.engine());
        let descriptor = self.descriptor(program, frame, core, &services);
        if descriptor.verdict == Some(XdpVerdict::Aborted) {
            if let Some(record) = core.0.take_fault() {
                self.rx.faults.note(record);
            }
        }
        descriptor
    }

    /// What the device says of a received frame, after running the XDP program if there is one.
    pub(super) fn descriptor(
        &self,
        program: Option<&Program<KernelMemory, MapRef>>,
        frame: &mut Frame<'_>,
        core: &mut RxCore,
        services: &Machine<'_>,
    ) -> RxDescriptor {
        let mut context = XdpContext {
            ingress_ifindex: self.port.device.ifindex(),
            rx_queue_index: u32::from(self.queue),
            egress_ifindex: 0,
            redirect: None,
        };
        let counters = &self.rx.xdp;
        pipeline::receive(
            &mut core.0,
            program,
            frame,
            &mut context,
            services,
            counters,
        )
    }

    /// Copies the frame to the host as it is, where a program may see it first.
    fn hand_up(&self, skb: SkBuff) {
        let len = skb.len();
        if let Some(program) = self.native {
            if len < ETH_HLEN {
                self.rx.runt_drops.add(1);
                return;
            }
            self.rx.packets.add(1);
            self.rx.bytes.add(len as u64);
            self.run_native(skb, program);
            return;
        }
        match FrameBuffer::copy_of(&skb, 0, 0, self.context) {
            Some(buffer) => {
                skb.consume();
                self.deliver(buffer.into_received(0..len, 0));
            }
            None => self.rx.no_buffer_drops.add(1),
        }
    }

    fn deliver(&self, frame: Received) {
        self.count_delivered(frame.deliver(self.queue, self.context));
    }

    /// Counts a frame that was handed up with that many bytes, or was too short.
    pub(super) fn count_delivered(&self, len: Option<usize>) {
        match len {
            Some(len) => {
                self.rx.packets.add(1);
                self.rx.bytes.add(len as u64);
            }
            None => self.rx.runt_drops.add(1),
        }
    }
}

/// Room behind a frame of `len` bytes for `bpf_xdp_adjust_tail`: buffers are whole pages of 4 KiB
/// with `XDP_PACKET_HEADROOM` before the frame and what native XDP keeps for `skb_shared_info` at
/// the end, so that a frame grows to the same length in both.
fn tailroom(len: usize) -> usize {
    const PAGE: usize = 4096;
    const SHARED_INFO: usize = 320;
    let used = (XDP_PACKET_HEADROOM + SHARED_INFO).wrapping_add(len);
    PAGE.wrapping_sub(used % PAGE) % PAGE
}
