// SPDX-License-Identifier: GPL-2.0

//! What a bridge sends on, and what not.

use engine::forward::{Arrived, Bridged, IpAddress, Role, Trap};

use super::frames::{put, to};
use super::model::{
    bridge, forwarded, in_port, out_port, stamp, station, trapped, writer, HostWriter, IN, OUT,
    SENDER, SIZES,
};

const V4: IpAddress = IpAddress::V4([203, 0, 113, 5]);

const BRIDGED: Bridged = Bridged {
    bridge: 77,
    vlan: 5,
};

const STATION: [u8; 6] = [2, 9, 9, 9, 9, 9];

fn bridged() -> HostWriter {
    let mut writer = writer(&SIZES);
    for (address, port) in [(SENDER, IN), (STATION, OUT), ([4; 6], IN)] {
        let key = station(address, BRIDGED);
        writer.set_station(&key, port, stamp(0)).unwrap();
    }
    writer
}

#[test]
fn bridges_send_on_what_both_ends_of_are_known() {
    let writer = bridged();
    let frame = put(to(V4), 0, &STATION);
    let forward = forwarded(bridge(&writer, &frame, BRIDGED));
    assert_eq!((forward.port, forward.rewrite), (OUT, None));
    assert_eq!(forward.len, frame.len() as u32);
    // All that is in a frame is of no matter.
    let short = [&frame[..12], &[0x88, 0xb5]].concat();
    forwarded(bridge(&writer, &short, BRIDGED));

    let unlike = |at, bytes: &[u8]| put(frame.clone(), at, bytes);
    let cases = [
        (Trap::NoStation, unlike(0, &[6])),
        (Trap::SamePort, unlike(0, &[4; 6])),
        (Trap::Group, unlike(0, &[0xff; 6])),
        (Trap::Group, unlike(0, &[1, 0x80, 0xc2, 0, 0, 0])),
        (Trap::Learn, unlike(6, &[6])),
        (Trap::Learn, unlike(6, &STATION)),
        (Trap::SourceAddress, unlike(6, &[1])),
        (Trap::Tagged, unlike(12, &[0x81, 0])),
        (Trap::Protocol, unlike(12, &[8, 6])),
        (Trap::Protocol, unlike(12, &[0x80, 0x35])),
        (Trap::Protocol, unlike(12, &[5, 0xdc])),
        (Trap::Short, frame[..13].to_vec()),
    ];
    for (trap, frame) in cases {
        assert_eq!(
            trapped(bridge(&writer, &frame, BRIDGED)),
            trap,
            "{frame:02x?}"
        );
    }
    let others = [(78, 5), (77, 6)].map(|(bridge, vlan)| Bridged { bridge, vlan });
    for other in others {
        assert_eq!(trapped(bridge(&writer, &frame, other)), Trap::Learn);
    }

    // The port by which it leaves: its MTU and a tag, and its bridge.
    let arrived = |len| Arrived { front: &frame, len };
    let by = in_port(Role::Bridged(BRIDGED));
    let tables = writer.tables();
    let decide = |len, bridge| tables.decide(&arrived(len), &by, out_port(bridge), || None);
    forwarded(decide(1518, Some(BRIDGED)));
    assert_eq!(trapped(decide(1519, Some(BRIDGED))), Trap::TooLong);
    for bridge in [None, Some(others[0]), Some(others[1])] {
        assert_eq!(trapped(decide(60, bridge)), Trap::NoPort);
    }
}
