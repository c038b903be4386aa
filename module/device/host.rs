// SPDX-License-Identifier: GPL-2.0

//! The machine that a card is plugged into, as the card sees it.

use crate::{
    lane::Lane,
    originals::Originals,
    parser::Parser, //
};
use engine::{
    coalesce::GroVerdict,
    descriptor::RxDescriptor,
    pipeline::LengthLimit,
    vlan::TagKinds, //
};
use net::{
    rcu,
    skbuff::{
        Received,
        SkBuff,
        UniqueSkBuff, //
    }, //
};

/// The most ports that a card has.
pub const MAX_PORTS: u16 = 64;
/// The most queue pairs that a port has.
pub const MAX_QUEUES: u16 = 128;

/// The machine's side of a port: what the card reaches by the slot that it is plugged into, and what
/// the driver keeps up to date for it.
pub trait Host: Send + Sync + Sized + 'static {
    /// What the driver notes with a program.
    type Label: Send + Sync + 'static;

    /// The interrupt of queue pair `queue`: frames have arrived, or completions that the driver
    /// waits for. Context: softirq or bottom halves off.
    fn raise(&self, queue: u16);

    /// Has queue pair `queue` polled at once, whether or not its interrupt is masked. Nothing happens
    /// while the port is down. Context: softirq or bottom halves off.
    fn poll(&self, queue: u16);

    /// The port's Ethernet address. Any context.
    fn address(&self) -> [u8; 6];

    /// The interface index of the port, which programs get to know. Any context.
    fn ifindex(&self) -> u32;

    /// Whether rules say which queue a frame is for, if there are any: the user may want none to count.
    /// Any context.
    fn wants_rules(&self) -> bool;

    /// Whether programs that run for `other`, a port of the same card, mean this port by interface
    /// index `ifindex`.
    fn is_called(&self, ifindex: u32, other: &Self, guard: &rcu::Guard) -> bool;

    /// Whether what `parser` finds in frames of the port may be told: it is what the machine would find by
    /// itself. Asked in each poll. Context: softirq.
    fn believes(&self, parser: &Parser, guard: &rcu::Guard) -> bool;

    /// The program in the device that is asked for the headers of what the port sends is not what it was when it
    /// was set: it is not asked any more. Context: softirq.
    fn doubts_gso(&self);

    /// How long the frames are that the port takes from the cable. Any context.
    fn length_limit(&self) -> LengthLimit;

    /// The kinds of tags of which the port takes only those VLANs that it was told of
    /// ([`Port::take_vlan`](crate::port::Port::take_vlan)). Any context.
    fn filtered_tags(&self) -> TagKinds;

    /// Length in bytes, from the Ethernet header on, of the longest frame that XDP programs of other
    /// ports may send by this one.
    fn longest_forwarded(&self) -> usize;
}

/// A frame that the device hands up.
pub enum HostFrame {
    /// Written into the host's memory.
    Written(Received),
    /// A super-frame that need not be cut, in the sender's memory.
    Whole(UniqueSkBuff),
    /// A frame whose bytes lie where they are, which the driver takes into memory of its own, and by
    /// which lane it is to go if a program sends it on.
    Unwritten(SkBuff, Lane),
}

/// Where the frames of a poll go.
pub trait Receive {
    /// Takes a frame, and what the device says of it. Context: the poll of the queue.
    fn receive(&mut self, descriptor: &RxDescriptor, frame: HostFrame);

    /// Whether the frames are to be kept that are about to be put together to one. Asked where
    /// [`Setup::audits`](crate::receive::Setup::audits) says so. Context: the poll of the queue.
    fn wants_originals(&mut self) -> bool;

    /// There was no memory to keep such frames. Context: the poll of the queue.
    fn lacks_originals(&mut self);

    /// What the host's GRO program says of a frame that has come, of which it is shown `pair`
    /// ([`Pair`](engine::coalesce::Pair)). Asked where [`Setup::asks_host`](crate::receive::Setup::asks_host)
    /// says so. Context: the poll of the queue.
    fn ask_gro(&self, pair: &mut [u8]) -> GroVerdict;

    /// The program in the device by which the frame was put together that comes next is not what it was when it
    /// was set. The frame is, as the device sees to that by itself. Context: the poll of the queue.
    fn doubts_gro(&mut self);

    /// As [`Self::receive`], of a frame that was put together of `originals`: it goes up, or they do in its
    /// place.
    fn receive_with_originals(
        &mut self,
        descriptor: &RxDescriptor,
        frame: Received,
        originals: Originals,
    );
}
