// SPDX-License-Identifier: GPL-2.0

//! Coalescing of frames that come one by one: it is what the kernel's GRO makes of them, and can be cut
//! again into what was on the wire.

mod changes;
#[path = "../common/mod.rs"]
mod common;
mod datagrams;
mod device;
mod flows;
mod frames;
#[path = "../parser/kernel.rs"]
mod kernel;
mod layers;
mod model;
mod open;
mod places;
mod random;
mod rules;
mod sequences;
mod tunnels;

use device::{Queue, Setup, Up};
use engine::coalesce::{is_complete, is_same_to_gro, GroLimits};
use engine::descriptor::{GsoKind, TxDescriptor};
use engine::transmit::TxPlan;
use engine::vlan::TagKinds;
use model::Gro;
use random::Random;

/// How many random sequences are tried: a compiler that does not optimise has not so much time.
const SEQUENCES: u64 = if cfg!(debug_assertions) {
    4_000
} else {
    100_000
};

const SETUP: Setup = Setup {
    slots: 512,
    limits: GroLimits {
        ipv4: 65_536,
        ipv6: 65_536,
        datagrams: true,
    },
    strip: TagKinds::NONE,
};

/// The wire frames that `bytes` becomes.
fn cut(descriptor: &TxDescriptor, bytes: &[u8]) -> Vec<Vec<u8>> {
    let plan = TxPlan::new(descriptor, bytes, []).expect("it can be cut");
    let frames = plan.wire_frames([]).map(|frame| {
        let payload = &bytes[frame.payload.clone()];
        let mut wire = [&bytes[..frame.header], payload].concat();
        plan.finish(&frame, &mut wire).expect("as planned");
        wire
    });
    frames.collect()
}

/// `frame` without what GRO loses by its own rules: the identification of an IPv4 header with IPv6 inside,
/// and so its checksum.
fn kept(frame: &[u8], kind: GsoKind) -> Vec<u8> {
    let mut frame = frame.to_vec();
    if kind.has(GsoKind::IPXIP4) && kind.has(GsoKind::TCPV6) {
        let mut ip = 14;
        while matches!(frame[ip - 2..ip], [0x81, 0] | [0x88, 0xa8]) {
            ip += 4;
        }
        frame[ip + 4..ip + 6].fill(0);
        frame[ip + 10..ip + 12].fill(0);
    }
    frame
}

/// Compares what has gone up with what the model has, and cuts it again.
#[track_caller]
fn compare(ours: &[Up], model: &Gro, what: &str) {
    for (index, (ours, theirs)) in ours.iter().zip(&model.up).enumerate() {
        let mut packet = ours.packet.clone();
        packet.frames.clone_from(&theirs.frames);
        assert_eq!(&packet, theirs, "{what}: packet {index}");
        let Some(descriptor) = &ours.cut else {
            assert_eq!(theirs.frames, [&theirs.bytes[..]], "{what}: packet {index}");
            continue;
        };
        let kind = descriptor.gso.expect("to be cut").kind;
        let kept = |frames: &[Vec<u8>]| -> Vec<_> {
            frames.iter().map(|frame| kept(frame, kind)).collect()
        };
        assert!(
            is_complete(&packet.bytes, packet.bytes.len()),
            "{what}: packet {index}"
        );
        let again = cut(descriptor, &packet.bytes);
        for (again, wire) in again.iter().zip(&theirs.frames) {
            assert!(
                again == wire || is_same_to_gro(wire, again),
                "{what}: packet {index}, lost by others than GRO"
            );
        }
        assert_eq!(
            kept(&again),
            kept(&theirs.frames),
            "{what}: packet {index}, cut again"
        );
    }
    assert_eq!(ours.len(), model.up.len(), "{what}");
}

/// Whether there is no memory, now and then.
fn shortage(seed: u64, is_short: bool) -> Box<dyn FnMut() -> bool> {
    let mut random = Random::new(seed);
    Box::new(move || is_short && random.once_in(5))
}

#[test]
fn any_sequence_is_what_the_kernel_makes_of_it() {
    let (mut packets, mut merged, mut shared) = (0, 0, [0; 2]);
    for seed in 0..SEQUENCES {
        let mut random = Random::new(seed);
        let limit = |random: &mut Random| match random.below(4) {
            0 => 100 + random.below(3000) as u32,
            _ => 65_536 + random.below(2) as u32 * 65_536,
        };
        let setup = Setup {
            slots: [64, 64, 2, 0][random.below(4)],
            limits: GroLimits {
                ipv4: limit(&mut random),
                ipv6: limit(&mut random),
                datagrams: true,
            },
            strip: TagKinds {
                customer: random.once_in(2),
                service: random.once_in(2),
            },
        };
        let is_short = random.once_in(4);
        let frames = sequences::sequence(&mut random, common::PORT_ADDRESS, 1400, false);
        let mut queue = Queue::new(setup, shortage(seed, is_short));
        // Some senders leave checksums to the device, which makes no difference.
        let (mut opens, share) = (Random::new(!seed), random.below(3));
        queue.opens = Box::new(move || opens.below(2) < share);
        let limits = (setup.limits.ipv4 as usize, setup.limits.ipv6 as usize);
        let mut model = Gro::new(setup.slots.into(), limits);
        model.is_out_of_memory = shortage(seed, is_short);
        let mut now = 0;
        for batch in frames.chunks(1 + random.below(30)) {
            now += 10;
            // Whether it was so long ago that all goes up, or nothing.
            let before = if random.once_in(4) { now } else { 0 };
            let oldest = queue.poll(now, batch, Some(before));
            for frame in batch {
                let tag = setup.strip.outermost(frame);
                match tag {
                    Some(tag) => {
                        let bytes = [&frame[..12], &frame[16..]].concat();
                        model.receive(&bytes, Some((tag.protocol, tag.tci)));
                    }
                    None => model.receive(frame, None),
                }
            }
            if before == now {
                assert_eq!(oldest, None);
                model.end_all();
            }
        }
        queue.poll(now, &[], Some(now));
        model.end_all();
        let up = queue.up();
        compare(&up, &model, &format!("seed {seed}"));
        packets += up.len();
        merged += up.iter().filter(|up| up.cut.is_some()).count();
        for (sum, more) in shared.iter_mut().zip(queue.shared()) {
            *sum += more;
        }
    }
    println!(
        "{SEQUENCES} sequences: {packets} packets, {merged} of several frames; of those that came with an open \
         checksum {} were taken as they lay, {} without being looked at",
        shared[0], shared[1]
    );
    assert!(merged * 20 > packets, "{merged} of {packets}");
    assert!(shared[0] * 5 > packets && shared[1] * 100 > packets);
}
