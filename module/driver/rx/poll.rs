// SPDX-License-Identifier: GPL-2.0

//! What happens to a frame that the device has taken from the cable, if an XDP program runs in the
//! device or none.

use super::{
    wire::{
        Wire,
        Written, //
    },
    Running,
    RxChecksums,
    RxCore,
    RxQueue,
    ETH_HLEN, //
};
use crate::{
    loaded::LoadedProgram,
    map::MapRef,
    memory::KernelMemory,
    port::Port,
    redirect::Fit,
    services::Machine, //
};
use engine::{
    coalesce::GroLimits,
    descriptor::RxDescriptor,
    exec::{
        Program,
        XdpVerdict, //
    },
    frame::{
        Frame,
        XdpContext, //
    },
    limits::{
        MAX_SKB_LEN,
        XDP_PACKET_HEADROOM, //
    },
    pipeline,
    receive_checksum::{
        self,
        RxChecksum, //
    }, //
};
use net::{
    netdev::PollContext,
    rcu,
    skbuff::{
        Received,
        Room,
        UniqueSkBuff, //
    },
    xdp::NativeProgram, //
};
use offload::receive::skb_csum_rx_legacy_convert_unnecessary;

/// The poll of one queue: what each of its frames needs.
pub(crate) struct Poll<'a> {
    pub(crate) port: &'a Port,
    pub(crate) queue: u16,
    pub(crate) rx: &'a RxQueue,
    pub(super) program: Running<'a>,
    pub(super) native: Option<&'a NativeProgram>,
    pub(super) checksums: RxChecksums,
    /// Which super-frames may stay whole, if any.
    pub(super) whole: Option<GroLimits>,
    pub(crate) context: &'a PollContext<'a>,
    pub(crate) guard: &'a rcu::Guard,
}

// What only some frames need does not lie on the stack of the others: see `transmit`.
impl Poll<'_> {
    /// Takes one frame through the device.
    pub(super) fn receive(&self, frame: Wire, core: &mut RxCore) {
        self.count_arrived(frame.len());
        match self.program {
            Running::Nothing => self.hand_up(frame),
            Running::Xdp(program) => {
                if !program.engine().image().writes_frame() && frame.bytes().is_some() {
                    self.run_in_place(frame, program, core);
                } else {
                    self.run_in_host_memory(frame, program, core);
                }
            }
            Running::Classifier(classifier) => self.classify(frame, classifier, core),
        }
    }

    /// Whether no program sees the frames before the stack does.
    pub(super) fn is_unseen(&self) -> bool {
        matches!(self.program, Running::Nothing) && self.native.is_none()
    }

    /// Counts a frame of `len` bytes that the device took from the cable.
    pub(super) fn count_arrived(&self, len: usize) {
        self.rx.device_frames.add(1);
        self.rx.device_bytes.add(len as u64);
    }

    /// The room around a frame of `len` bytes that the device's program may claim, if the frame is
    /// put into host memory for it.
    pub(super) fn room(&self, len: usize) -> Room {
        match self.program {
            Running::Xdp(program) if program.engine().image().writes_frame() => Room {
                before: XDP_PACKET_HEADROOM,
                behind: tailroom(len),
            },
            Running::Nothing | Running::Xdp(_) => Room::default(),
            Running::Classifier(classifier) => Room {
                before: XDP_PACKET_HEADROOM,
                behind: if classifier.program().engine().image().grows_frame() {
                    MAX_SKB_LEN.saturating_sub(len)
                } else {
                    0
                },
            },
        }
    }

    /// Runs a program that only reads on the frame where it lies. Nothing is copied for a frame that
    /// does not go to the host.
    #[inline(never)]
    fn run_in_place(&self, wire: Wire, program: &LoadedProgram, core: &mut RxCore) {
        let mut frame = Frame::read_only(wire.bytes().unwrap_or_default());
        let descriptor = self.execute(program, &mut frame, core);
        match descriptor.verdict {
            Some(XdpVerdict::Tx | XdpVerdict::Redirect) => {
                if let Some(skb) = wire.into_sent(self) {
                    self.send(skb, &descriptor);
                }
            }
            _ if descriptor.to_host() => self.hand_up(wire),
            _ => wire.consume(),
        }
    }

    /// Runs a program that may write, or a frame that lies in several pieces: in host memory, as the
    /// sender's bytes are not ours.
    #[inline(never)]
    fn run_in_host_memory(&self, wire: Wire, program: &LoadedProgram, core: &mut RxCore) {
        let room = Room {
            before: XDP_PACKET_HEADROOM,
            behind: tailroom(wire.len()),
        };
        let Some(mut written) = Written::from_wire(wire, room, self) else {
            return;
        };
        let Some(mut frame) = self.frame_in(&mut written) else {
            return;
        };
        let descriptor = self.execute(program, &mut frame, core);
        let range = frame.data_offset()..frame.end_offset();
        let written = written.with_range(range);
        match descriptor.verdict {
            Some(XdpVerdict::Tx | XdpVerdict::Redirect) => {
                self.send(written.into_sent(), &descriptor)
            }
            _ if descriptor.to_host() && self.native.is_some() => {
                self.hand_up(Wire::Written(written))
            }
            _ if descriptor.to_host() => self.deliver(written.into_received(descriptor.meta_len)),
            _ => {}
        }
    }

    /// The frame that lies in host memory, as a program gets it. `None`, and counted, if it does
    /// not.
    pub(super) fn frame_in<'b>(&self, written: &'b mut Written) -> Option<Frame<'b>> {
        let frame = written.frame();
        if frame.is_none() {
            self.rx.no_buffer_drops.add(1);
        }
        frame
    }

    /// Has the device send a frame, where the program wants it.
    fn send(&self, skb: UniqueSkBuff, descriptor: &RxDescriptor) {
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

    /// Brings the frame to the host as it is, where a program may see it first.
    fn hand_up(&self, frame: Wire) {
        let len = frame.len();
        if let Some(program) = self.native {
            if len < ETH_HLEN {
                self.rx.runt_drops.add(1);
                return;
            }
            self.rx.packets.add(1);
            self.rx.bytes.add(len as u64);
            self.rx.checksum_none.add(1);
            self.run_native(frame.into_skb(), program);
            return;
        }
        if let Some(written) = Written::from_wire(frame, Room::default(), self) {
            self.deliver(written.into_received(0));
        }
    }

    fn deliver(&self, mut frame: Received) {
        let sum = self.checksum(frame.bytes(), ETH_HLEN);
        frame.set_checksum(sum);
        self.count_delivered(frame.deliver(self.queue, self.context));
    }

    /// What the host is told of the checksum of a frame that is delivered: the sum of all its bytes
    /// from `network_offset` on (`CHECKSUM_COMPLETE`), or nothing.
    pub(super) fn checksum(&self, frame: &[u8], network_offset: usize) -> Option<u16> {
        let sum = match self.checksums {
            RxChecksums::None => None,
            RxChecksums::Complete => {
                match receive_checksum::complete(frame.get(network_offset..)?) {
                    RxChecksum::Complete(sum) => Some(sum),
                    _ => None,
                }
            }
            RxChecksums::Verified => {
                let is_right = network_offset == ETH_HLEN && receive_checksum::verify(frame);
                is_right
                    .then(|| skb_csum_rx_legacy_convert_unnecessary(frame))
                    .flatten()
            }
        };
        self.count_checksum(sum);
        sum
    }

    /// Counts a frame with whose checksum the host is told `sum`, or nothing.
    pub(super) fn count_checksum(&self, sum: Option<u16>) {
        let count = if sum.is_some() {
            &self.rx.checksum_complete
        } else {
            &self.rx.checksum_none
        };
        count.add(1);
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
