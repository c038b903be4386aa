// SPDX-License-Identifier: GPL-2.0

//! What happens to a frame if an XDP program runs in the device.

use super::{
    poll::Poll,
    wire::{
        Wire,
        Written, //
    }, //
};
use crate::{
    cable::Unsent,
    port::Plugged,
    program::Program,
    redirects::Redirects,
    services::Machine,
    slots::Running, //
};
use engine::{
    descriptor::RxDescriptor,
    exec::XdpVerdict,
    frame::{
        Frame,
        XdpContext, //
    },
    limits::{
        MAX_SKB_LEN,
        XDP_PACKET_HEADROOM, //
    },
    pipeline, //
};
use net::skbuff::{
    Room,
    UniqueSkBuff, //
};

/// Which frames the port that is to send them takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Those that its MTU lets through: so does native XDP.
    Mtu,
    /// All: a classifier's frames go straight to the driver.
    Any,
}

impl<H: Plugged> Poll<'_, H> {
    /// Takes one frame through the XDP program.
    pub(super) fn run(&mut self, frame: Wire, program: &Program<H::Label>) {
        if !program.image().writes_frame() && frame.bytes().is_some() {
            self.run_in_place(frame, program);
        } else {
            self.run_in_host_memory(frame, program);
        }
    }

    /// The room around a frame of `len` bytes that the device's program may claim, if the frame is
    /// put into host memory for it.
    pub(super) fn room(&self, len: usize) -> Room {
        match self.running {
            Running::Xdp(program, _) if program.image().writes_frame() => xdp_room(len),
            Running::Nothing | Running::Xdp(..) => Room::default(),
            Running::Classifier(program, _) => Room {
                before: XDP_PACKET_HEADROOM,
                behind: if program.image().grows_frame() {
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
    fn run_in_place(&mut self, wire: Wire, program: &Program<H::Label>) {
        let mut frame = Frame::read_only(wire.bytes().unwrap_or_default());
        let descriptor = self.execute(program, &mut frame);
        match descriptor.verdict {
            Some(XdpVerdict::Tx | XdpVerdict::Redirect) => {
                if let Some(skb) = wire.into_sent(self) {
                    self.send(skb, &descriptor);
                }
            }
            _ if descriptor.to_host() => self.bring(wire, &descriptor),
            _ => wire.consume(),
        }
    }

    /// Runs a program that may write, or a frame that lies in several pieces: in host memory, as the
    /// sender's bytes are not ours.
    #[inline(never)]
    fn run_in_host_memory(&mut self, wire: Wire, program: &Program<H::Label>) {
        let room = xdp_room(wire.len());
        let Some(mut written) = Written::with_room(wire, room, self) else {
            return;
        };
        let Some(mut frame) = self.frame_in(&mut written) else {
            return;
        };
        let descriptor = self.execute(program, &mut frame);
        let range = frame.data_offset()..frame.end_offset();
        let written = written.with_range(range);
        match descriptor.verdict {
            Some(XdpVerdict::Tx | XdpVerdict::Redirect) => {
                self.send(written.into_sent(), &descriptor)
            }
            _ if descriptor.to_host() && self.host_program => {
                self.bring(Wire::Written(written), &descriptor)
            }
            _ if descriptor.to_host() => {
                let received = written.into_received(descriptor.meta_len);
                self.deliver(received, &descriptor);
            }
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

    /// Has the device run `program` on `frame`, and counts what comes out.
    fn execute(&mut self, program: &Program<H::Label>, frame: &mut Frame<'_>) -> RxDescriptor {
        let services = Machine::new(program, self.guard);
        let mut context = XdpContext {
            ingress_ifindex: self.setup.ifindex,
            rx_queue_index: u32::from(self.queue),
            egress_ifindex: 0,
            redirect: None,
        };
        let descriptor = pipeline::receive(
            &mut self.core.0,
            Some(program.engine()),
            frame,
            &mut context,
            &services,
            &self.rx.xdp,
        );
        if descriptor.verdict == Some(XdpVerdict::Aborted) {
            self.note_fault();
        }
        descriptor
    }

    /// Notes the fault for which the program was stopped, if it was.
    pub(super) fn note_fault(&mut self) {
        if let Some(record) = self.core.0.take_fault() {
            self.rx.faults.note(record);
        }
    }

    /// Has the device send a frame, where the program wants it.
    fn send(&self, skb: UniqueSkBuff, descriptor: &RxDescriptor) {
        if descriptor.verdict == Some(XdpVerdict::Redirect) {
            self.redirect(skb, descriptor.redirect, Fit::Mtu, &self.rx.xdp_redirects);
        } else {
            self.bounce(skb);
        }
    }

    /// Sends a frame back to the cable that it came from (XDP_TX).
    fn bounce(&self, skb: UniqueSkBuff) {
        match self
            .port
            .send_back(skb, self.queue, self.onward, self.guard)
        {
            Ok(len) => {
                self.rx.bounced_packets.add(1);
                self.rx.bounced_bytes.add(len as u64);
            }
            Err(Unsent::NoCarrier) => self.rx.bounce_no_carrier_drops.add(1),
            Err(Unsent::RingFull(_)) => self.rx.bounce_ring_full_drops.add(1),
        }
    }

    /// Sends a frame out of the port of the card that the program named, `target`, if the frame fits.
    /// Whatever keeps it from being sent, it is lost.
    pub(super) fn redirect(
        &self,
        skb: UniqueSkBuff,
        target: Option<u32>,
        fit: Fit,
        redirects: &Redirects,
    ) {
        let Some(host) = target.and_then(|ifindex| self.sibling(ifindex)) else {
            redirects.no_port_drops.add(1);
            return;
        };
        if !host.port().is_up() {
            redirects.down_drops.add(1);
            return;
        }
        if fit == Fit::Mtu && skb.len() > host.longest_forwarded() {
            redirects.too_long_drops.add(1);
            return;
        }
        let port = host.port();
        let sent = port.send_redirected(skb, self.queue, self.onward, self.guard);
        match sent {
            Ok(()) => redirects.packets.add(1),
            Err(Unsent::NoCarrier) => redirects.down_drops.add(1),
            Err(Unsent::RingFull(_)) => redirects.ring_full_drops.add(1),
        }
    }

    /// The port of this card that programs which run here mean by interface index `ifindex`.
    fn sibling(&self, ifindex: u32) -> Option<&H> {
        let guard = self.guard;
        let index = usize::from(self.port.index);
        let here = self.port.card.ports.at(index, guard)?;
        let mut ports = self.port.card.ports.iter(guard);
        ports.find(|port| port.is_called(ifindex, here, guard))
    }
}

/// The room around a frame of `len` bytes for an XDP program: buffers are whole pages of 4 KiB with
/// `XDP_PACKET_HEADROOM` before the frame and what native XDP keeps for `skb_shared_info` at the end,
/// so that a frame grows to the same length in both.
fn xdp_room(len: usize) -> Room {
    const PAGE: usize = 4096;
    const SHARED_INFO: usize = 320;
    let used = (XDP_PACKET_HEADROOM + SHARED_INFO).wrapping_add(len);
    Room {
        before: XDP_PACKET_HEADROOM,
        behind: PAGE.wrapping_sub(used % PAGE) % PAGE,
    }
}
