// SPDX-License-Identifier: GPL-2.0

//! VLAN tags that the host gets beside its frames.

use super::*;

/// The outermost tag leaves each frame for the host, in every way, if it is of a wanted kind, and is no part
/// of what is summed. Programs of the device see it, and it goes back to the cable with what they send.
#[test]
fn the_host_gets_tags_beside_its_frames() {
    let accepts = program(&[mov_imm(R0, 2), exit()], &[]);
    let bounces = program(&[mov_imm(R0, 3), exit()], &[]);
    let apart = Port {
        merges: false,
        ..PORT
    };
    let host_program = Port {
        host_program: true,
        ..PORT
    };
    let verified = Port {
        checksums: RxChecksums::Verified,
        ..PORT
    };
    let kinds = [(true, false), (false, true), (true, true), (false, false)];
    for protocol in [0x8100, 0x88a8] {
        let tag = VlanTag {
            protocol,
            tci: 0x2009,
        };
        for (customer, service) in kinds {
            let strip = TagKinds { customer, service };
            let is_wanted = if protocol == 0x8100 {
                customer
            } else {
                service
            };
            let expected = is_wanted.then_some(tag);
            for port in [PORT, apart, verified, host_program] {
                let port = Port { strip, ..port };
                for running in [Running::Nothing, Running::Xdp(&accepts)] {
                    let plain = plain();
                    for sent in [super_frame(), single(), plain] {
                        let (untagged, _) = run(port, running, sent.clone(), None);
                        assert!(untagged.tags.iter().all(Option::is_none));
                        let whole = matches!(untagged.log[0], Step::Whole(_));
                        let (device, _) = run(port, running, sent.tagged(tag), None);
                        assert!(
                            !device.tags.is_empty() && device.tags.iter().all(|it| *it == expected)
                        );
                        let received = |device: &Device| -> Vec<_> {
                            let host = device.log.iter().filter_map(|step| match step {
                                Step::Received(bytes, checksum) => Some((bytes.clone(), *checksum)),
                                _ => None,
                            });
                            host.collect()
                        };
                        let frames = received(&device);
                        if is_wanted && !whole {
                            assert_eq!(frames, received(&untagged));
                        }
                        for (bytes, checksum) in frames {
                            let is_tagged = bytes[12..14] == protocol.to_be_bytes();
                            assert_eq!(is_tagged, !is_wanted);
                            if port.checksums == RxChecksums::Complete {
                                assert_eq!(checksum, told(&bytes));
                            }
                        }
                    }
                }
                let mut sent = single().tagged(tag);
                sent.descriptor = None;
                let bytes = sent.bytes.clone();
                let (log, _) = steps(port, Running::Xdp(&bounces), sent);
                assert_eq!(log[1..], [Step::SentBack(bytes)]);
            }
        }
    }
}

/// A tag that is cut off stays where it is: the stack drops such a frame.
#[test]
fn what_ends_within_its_tag_keeps_it() {
    let strip = TagKinds {
        customer: true,
        service: true,
    };
    let port = Port { strip, ..PORT };
    for len in 14..24 {
        let mut sent = plain();
        sent.bytes.splice(12..12, [0x81, 0, 0, 9]);
        sent.bytes.truncate(len);
        let (device, _) = run(port, Running::Nothing, sent, None);
        assert_eq!(
            device.tags,
            [(len >= 20).then_some(VlanTag {
                protocol: 0x8100,
                tci: 9,
            })]
        );
    }
}

/// Metadata stays in front of a frame whose tag leaves it.
#[test]
fn metadata_moves_with_the_frame() {
    let strip = TagKinds {
        customer: true,
        service: false,
    };
    let frame = single().tagged(VlanTag {
        protocol: 0x8100,
        tci: 9,
    });
    let room = Room {
        before: 8,
        behind: 0,
    };
    let mut own = Own::new(&frame.bytes, room);
    own.bytes[..8].copy_from_slice(b"metadata");
    let mut device = Device::default();
    within(Port { strip, ..PORT }, Running::Nothing, None, |pipeline| {
        pipeline.hand_up(&mut device, Wire::Own(own), 8, None);
    });
    assert_eq!(device.metadata, [b"metadata"]);
}
