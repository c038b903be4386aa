// SPDX-License-Identifier: GPL-2.0

//! Frames that are not cut.

use crc::{Crc, CRC_32_ISCSI};
use engine::descriptor::{TxChecksum, TxDescriptor};
use engine::transmit::{TxPlan, TxRefusal};
use proptest::prelude::*;

use crate::packet::Packet;
use crate::{headers_of, random, transmit};

fn asking(len: usize, checksum: TxChecksum) -> TxDescriptor {
    TxDescriptor {
        len: len as u32,
        checksum,
        ..TxDescriptor::default()
    }
}

#[test]
fn nothing_is_done_to_a_frame_that_asks_for_nothing() {
    let frame = random::payload(61, 7);
    let sent = transmit(&asking(61, TxChecksum::None), &frame, 61);
    assert_eq!(sent, Ok(vec![frame]));
}

#[test]
fn sums_made_by_hand() {
    // The bytes behind the Ethernet header, where the checksum goes, what it is.
    let examples: [(&[u8], u16, [u8; 2]); 5] = [
        (&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0, 0], 6, [0x19, 0x05]),
        // An odd byte at the end is the first of its word.
        (&[0x00, 0x01, 0, 0, 0x40], 2, [0xbf, 0xfe]),
        // What the field holds is added.
        (&[0x00, 0x01, 0x00, 0x02, 0, 0], 2, [0xff, 0xfc]),
        // No field is sent as 0.
        (&[0xff, 0xff, 0, 0], 2, [0xff, 0xff]),
        (&[0, 0, 0, 0], 2, [0xff, 0xff]),
    ];
    for (bytes, offset, checksum) in examples {
        let frame = [&[2; 14], bytes].concat();
        let start = 14;
        let descriptor = asking(frame.len(), TxChecksum::Internet { start, offset });
        let mut expected = frame.clone();
        let field = 14 + usize::from(offset);
        expected[field..field + 2].copy_from_slice(&checksum);
        let sent = transmit(&descriptor, &frame, frame.len());
        assert_eq!(sent, Ok(vec![expected]), "{bytes:x?}");
    }
}

#[test]
fn requests_outside_of_the_linear_part_are_refused() {
    let frame = [0; 60];
    for (checksum, fits) in [
        (
            TxChecksum::Internet {
                start: 34,
                offset: 16,
            },
            52,
        ),
        (
            TxChecksum::Internet {
                start: 0,
                offset: 0,
            },
            2,
        ),
        (
            TxChecksum::Crc32c {
                start: 34,
                offset: 8,
            },
            46,
        ),
    ] {
        let descriptor = asking(60, checksum);
        let refused = Err(TxRefusal::Checksum);
        assert_eq!(TxPlan::new(&descriptor, &frame[..fits - 1], []), refused);
        assert!(TxPlan::new(&descriptor, &frame[..fits], []).is_ok());
        let shorter = TxDescriptor {
            len: fits as u32 - 1,
            ..descriptor
        };
        assert_eq!(TxPlan::new(&shorter, &frame, []), refused);
    }
    let far = TxChecksum::Internet {
        start: u16::MAX,
        offset: u16::MAX,
    };
    let refused = TxPlan::new(&asking(60, far), &frame, []);
    assert_eq!(refused, Err(TxRefusal::Checksum));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn any_packet(packet in random::packet(), len in 0_usize..3000, seed in any::<u64>()) {
        let packet = Packet { payload: random::payload(len, seed), ..packet };
        let frame = packet.unfinished(len);
        let sent = transmit(&packet.descriptor(None), &frame, headers_of(&packet, &frame));
        let sent = sent.expect("one frame").remove(0);
        // The stack has filled in the checksums of tunnels before.
        let at = frame.len() - len - packet.transport.header_len();
        prop_assert_eq!(&sent[..at], &frame[..at]);
        prop_assert_eq!(&sent[at..], &packet.sent()[at..]);
    }

    #[test]
    fn crc32c(len in 12_usize..3000, seed in any::<u64>(), start in 0_u16..64) {
        let before = usize::from(start);
        let mut frame = random::payload(before + len, seed);
        frame[before + 8..before + 12].fill(0);
        let checksum = TxChecksum::Crc32c { start, offset: 8 };
        let sent = transmit(&asking(frame.len(), checksum), &frame, before + 12);
        let sum = Crc::<u32>::new(&CRC_32_ISCSI).checksum(&frame[before..]);
        frame[before + 8..before + 12].copy_from_slice(&sum.to_le_bytes());
        prop_assert_eq!(sent, Ok(vec![frame]));
    }
}
