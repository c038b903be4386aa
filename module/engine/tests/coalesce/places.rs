// SPDX-License-Identifier: GPL-2.0

//! What the kernel's own test of GRO does not ask: how long packets get, places, time, and memory.

use engine::coalesce::{End, GroLimits};

use crate::device::{Queue, Setup};
use crate::frames::PSH;
use crate::rules::{bytes, check, kinds, payloads_of, segment, segments, v4, v6, SIZE};
use crate::{cut, SETUP};

#[test]
fn no_longer_than_ip_and_the_user_allow() {
    for ips in kinds() {
        let header = segment(&ips, 0, 0).bytes().len() - 14;
        let size = 4096 - header;
        let (count, rest) = ((65_535 - header) / size, (65_535 - header) % size);
        let many = |rest| {
            let mut frames: Vec<_> = (0..count)
                .map(|index| segment(&ips, index * size, size))
                .collect();
            frames.push(segment(&ips, count * size, rest));
            frames.push(segment(&ips, (count + 1) * size, rest));
            frames
        };
        check(&ips, &many(rest), &[65_535 - header, rest]);
        check(&ips, &many(rest + 1), &[count * size, rest + 1, rest + 1]);
        let limits = |limit: usize| Setup {
            limits: GroLimits {
                ipv4: limit as u32,
                ipv6: limit as u32,
                datagrams: true,
            },
            ..SETUP
        };
        let three = segments(&ips, 3);
        assert_eq!(payloads_of(&three, limits(header + 301)), [300]);
        assert_eq!(payloads_of(&three, limits(header + 300)), [200, 100]);
    }
}

/// As many flows as there are places, the oldest of which goes for one more; and each before the frame that
/// ends it.
#[test]
fn flows_in_their_order() {
    let setup = Setup { slots: 4, ..SETUP };
    let mut queue = Queue::new(setup, Box::new(|| false));
    let of_flow = |flow: u16, at| {
        let mut frame = segment(&[v4()], at, SIZE);
        frame.tcp.ports[0] += flow;
        frame
    };
    let first: Vec<_> = (0..6).map(|flow| of_flow(flow, 0)).collect();
    let mut second: Vec<_> = (0..6).map(|flow| of_flow(flow, SIZE)).collect();
    for frame in &mut second {
        frame.tcp.flags |= PSH;
    }
    queue.poll(1, &bytes(&first), Some(0));
    let up = queue.up();
    let evicted: Vec<_> = up
        .iter()
        .map(|up| (up.packet.bytes.clone(), up.why))
        .collect();
    let expected = |flow: usize| (first[flow].bytes(), Some(End::Room));
    assert_eq!(evicted, [expected(0), expected(1)]);
    queue.poll(2, &bytes(&second), Some(0));
    let up = queue.up();
    assert_eq!(up.len(), 6);
    for (flow, up) in up.iter().enumerate() {
        match flow {
            0 | 1 => assert_eq!(up.packet.bytes, second[flow].bytes()),
            _ => {
                let descriptor = up.cut.as_ref().expect("of several");
                let again = cut(descriptor, &up.packet.bytes);
                assert_eq!(again, [first[flow].bytes(), second[flow].bytes()]);
            }
        }
    }
}

#[test]
fn nothing_waits_longer_than_it_may() {
    let mut queue = Queue::new(SETUP, Box::new(|| false));
    let of_flow = |flow: u16| {
        let mut frame = segment(&[v6()], 0, SIZE);
        frame.tcp.ports[1] += flow;
        frame.bytes()
    };
    assert_eq!(queue.poll(10, &[of_flow(0)], Some(0)), Some(10));
    assert_eq!(queue.poll(20, &[of_flow(1), of_flow(2)], Some(0)), Some(10));
    assert!(queue.up().is_empty());
    assert_eq!(queue.poll(30, &[], Some(10)), Some(20));
    let up = queue.up();
    assert_eq!(up.len(), 1);
    assert_eq!(
        (&up[0].packet.bytes, up[0].why),
        (&of_flow(0), Some(End::Time))
    );
    assert_eq!(queue.poll(40, &[], Some(20)), None);
    assert_eq!(queue.up().len(), 2);
}

/// What waits ends, and nothing is lost.
#[test]
fn without_memory_each_goes_up_alone() {
    let mut count = 0;
    let out_of_memory = move || {
        count += 1;
        count == 2
    };
    let mut queue = Queue::new(SETUP, Box::new(out_of_memory));
    let frames = segments(&[v4()], 5);
    queue.poll(1, &bytes(&frames), Some(1));
    let payloads: Vec<_> = queue
        .up()
        .iter()
        .map(|up| up.packet.bytes.len() - 54)
        .collect();
    assert_eq!(payloads, [200, 100, 200]);
}
