// SPDX-License-Identifier: GPL-2.0

//! What is changed in a packet that is routed, and what is not.

use proptest::collection::vec;
use proptest::prelude::*;

use engine::forward::{Action, IpAddress, Rewrite};

use super::frames::{between, checksum, summed};
use super::model::{
    decide, forwarded, mac, prefix4, prefix6, route, stamp, with_nexthops, writer, ROUTED, SIZES,
};

/// `ip_decrease_ttl()` of Linux, and the addresses; the rest is as it was.
fn rewritten(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[..6].copy_from_slice(&mac(3));
    frame[6..12].copy_from_slice(&mac(1003));
    if frame[14] >> 4 == 6 {
        frame[21] -= 1;
        return frame;
    }
    let check = u32::from(u16::from_le_bytes([frame[24], frame[25]])) + 1;
    let check = (check + u32::from(check >= 0xffff)) as u16;
    frame[24..26].copy_from_slice(&check.to_le_bytes());
    frame[22] -= 1;
    frame
}

fn frame() -> impl Strategy<Value = Vec<u8>> {
    // Type of service, identification and protocol, or class and flow; and hops.
    let header = (any::<[u8; 4]>(), 2..=255_u8);
    let addresses = prop_oneof![
        any::<[u8; 3]>().prop_map(|[a, b, c]| IpAddress::V4([11, a, b, c])),
        any::<[u8; 15]>().prop_map(|rest| {
            let mut address = [0x20; 16];
            address[1..].copy_from_slice(&rest);
            IpAddress::V6(address)
        }),
    ];
    (addresses, header, vec(any::<u8>(), 0..20)).prop_map(|(to, (fields, hops), padding)| {
        let mut frame = between(to, to);
        let [a, b, c, d] = fields;
        if let IpAddress::V4(_) = to {
            frame[15] = a;
            frame[18..20].copy_from_slice(&[b, c]);
            frame[23] = d;
            frame[22] = hops;
            frame = summed(frame);
        } else {
            frame[14..18].copy_from_slice(&[0x60 | a & 0xf, b, c, d]);
            frame[21] = hops;
        }
        frame.extend(padding);
        frame
    })
}

proptest! {
    #[test]
    fn packets_are_changed_as_linux_does(frame in frame()) {
        let mut writer = writer(&SIZES);
        with_nexthops(&mut writer);
        for prefix in [prefix4([0; 4], 0), prefix6([0; 16], 0)] {
            let key = route(ROUTED.table, prefix);
            writer.set_route(&key, Action::Nexthop(3), stamp(0)).unwrap();
        }
        let forward = forwarded(decide(&writer, &frame, ROUTED));
        let rewrite = forward.rewrite.expect("it is routed");
        let mut changed = frame.clone();
        prop_assert_eq!(rewrite.apply(&mut changed), Some(()));
        prop_assert_eq!(&changed, &rewritten(&frame));
        if changed[14] == 0x45 {
            // Ones' complement has two zeros, and nobody can tell them apart.
            let sum = checksum(&changed[14..34]);
            let field = u16::from_be_bytes([changed[24], changed[25]]);
            prop_assert!(sum == field || (sum, field) == (0xffff, 0) || (sum, field) == (0, 0xffff));
        }
        // Whatever follows the packet is not sent on.
        prop_assert_eq!(forward.len, 14 + 20 + 20 + if changed[14] >> 4 == 6 { 20 } else { 0 });
        // The beginning is enough, and less is not.
        let mut front = frame[..Rewrite::LEN].to_vec();
        prop_assert_eq!(rewrite.apply(&mut front), Some(()));
        prop_assert_eq!(&front[..], &changed[..Rewrite::LEN]);
        let mut short = frame[..Rewrite::LEN - 1].to_vec();
        prop_assert_eq!(rewrite.apply(&mut short), None);
        prop_assert_eq!(&short[..], &frame[..Rewrite::LEN - 1]);
    }
}

/// Every checksum that a header can have, both zeros among them, is that of Linux with one less hop.
#[test]
fn all_checksums() {
    let mut writer = writer(&SIZES);
    with_nexthops(&mut writer);
    let key = route(ROUTED.table, prefix4([0; 4], 0));
    writer
        .set_route(&key, Action::Nexthop(3), stamp(0))
        .unwrap();
    let to = IpAddress::V4([11, 1, 2, 3]);
    let mut zeros = 0;
    for identification in 0..=u16::MAX {
        let mut frame = between(to, to);
        frame[18..20].copy_from_slice(&identification.to_be_bytes());
        let mut frames = vec![summed(frame)];
        if frames[0][24..26] == [0; 2] {
            let mut other = frames[0].clone();
            other[24..26].copy_from_slice(&[0xff; 2]);
            frames.push(other);
            zeros += 1;
        }
        for frame in frames {
            let forward = forwarded(decide(&writer, &frame, ROUTED));
            let mut changed = frame.clone();
            forward
                .rewrite
                .and_then(|rewrite| rewrite.apply(&mut changed))
                .expect("it fits");
            assert_eq!(changed, rewritten(&frame));
        }
    }
    assert!(zeros > 0);
}
