// SPDX-License-Identifier: GPL-2.0

//! Frames that a program has made those of another queue.

use super::*;

/// All goes to the queue that frames are in, but those to port 9, which go to queue 1, and to port 13,
/// which are dropped.
fn rules() -> Steering<HostMemory> {
    let port = |number: u8| Keys {
        ports: [0, 0, 0, number],
        ..Keys::default()
    };
    let mask = Keys {
        ports: [0, 0, 0xff, 0xff],
        ..Keys::default()
    };
    let rule = |number, action| Rule {
        key: port(number).words(),
        mask: mask.words(),
        payload: None,
        action,
    };
    let main = Spread {
        id: MAIN_CONTEXT,
        key: &[1; KEY_SIZE],
        fields: HashedFields::USUAL,
        symmetry: Symmetry::None,
        table: &[INGRESS.queue],
    };
    let rules = [(0, rule(9, Action::Queue(1))), (1, rule(13, Action::Drop))];
    Steering::new(&HostMemory, &[main], &rules, &[], 7).expect("memory")
}

/// A program that chooses `queue`, if any.
fn chooses(queue: Option<i32>) -> HostProgram {
    let mut code = Vec::new();
    if let Some(queue) = queue {
        code.push(st(W, R1, 16, queue));
        // What it has written is what it reads.
        code.extend([
            ldx(W, R2, R1, 16),
            jmp32_imm(JEQ, R2, queue, 2),
            mov_imm(R0, 0),
            exit(),
        ]);
    }
    code.extend([mov_imm(R0, 2), exit()]);
    program(&code, &[])
}

/// A program that writes `port` over the destination port, and then chooses `queue`, if any.
fn rewrites(port: i32, queue: Option<i32>) -> HostProgram {
    let mut code = vec![
        ldx(W, R2, R1, 0),
        ldx(W, R3, R1, 4),
        mov_reg(R4, R2),
        alu_imm(ADD, R4, 38),
        jmp_reg(JGT, R4, R3, 1),
        st(B, R2, 37, port),
    ];
    code.extend(queue.map(|queue| st(W, R1, 16, queue)));
    code.extend([mov_imm(R0, 2), exit()]);
    program(&code, &[])
}

/// What becomes of a datagram behind `program`, but that it has arrived.
fn goes(program: &HostProgram) -> Vec<Step> {
    let steering = rules();
    let running = Running::Xdp(program);
    let (mut log, frames) = steered_steps(PORT, running, datagram(), Some(&steering));
    assert_eq!((log.remove(0), frames), (Step::Arrived(1, 42), 1));
    log.retain(|step| !matches!(step, Step::Copied(_)));
    log
}

fn received(bytes: Vec<u8>) -> Step {
    let told = told(&bytes);
    Step::Received(bytes, told)
}

#[test]
fn a_program_chooses_the_queue() {
    let bytes = datagram().bytes;
    let handed = |queue| vec![Step::HandedOver(bytes.clone(), queue, Reason::Program)];
    assert_eq!(goes(&chooses(None)), [received(bytes.clone())]);
    assert_eq!(goes(&chooses(Some(0))), handed(0));
    assert_eq!(goes(&chooses(Some(2))), handed(2));
    let own = INGRESS.queue.into();
    assert_eq!(goes(&chooses(Some(own))), [received(bytes.clone())]);
    for beyond in [i32::from(IN_USE), 0x1_0002, i32::MAX, -1] {
        assert_eq!(
            goes(&chooses(Some(beyond))),
            [Step::Misdirected, received(bytes.clone())],
            "{beyond}"
        );
    }
}

#[test]
fn what_a_program_has_changed_is_steered_anew() {
    let changed = |port| {
        let mut bytes = datagram().bytes;
        bytes[37] = port;
        bytes
    };
    assert_eq!(goes(&rewrites(8, None)), [received(changed(8))]);
    assert_eq!(
        goes(&rewrites(9, None)),
        [Step::HandedOver(changed(9), 1, Reason::Rule)]
    );
    assert_eq!(goes(&rewrites(13, None)), [Step::Dropped(Reason::Dropped)]);
    // What it chooses comes before tables and rules; what it can't choose does not.
    assert_eq!(
        goes(&rewrites(9, Some(2))),
        [Step::HandedOver(changed(9), 2, Reason::Program)]
    );
    assert_eq!(goes(&rewrites(13, Some(3))), [received(changed(13))]);
    assert_eq!(
        goes(&rewrites(9, Some(4))),
        [
            Step::Misdirected,
            Step::HandedOver(changed(9), 1, Reason::Rule)
        ]
    );
}

/// No program sees it there.
#[test]
fn a_frame_that_was_handed_over_goes_up() {
    let drops = program(&[mov_imm(R0, 1), exit()], &[]);
    let bytes = datagram().bytes;
    let room = Room {
        before: 8,
        behind: 0,
    };
    let metadata = Own::new(&bytes, room);
    within(PORT, Running::Xdp(&drops), Some(&rules()), |pipeline| {
        let mut device = Device::default();
        pipeline.hand_up(&mut device, Wire::Sent(bytes.clone()), 0, None);
        device.log.retain(|step| !matches!(step, Step::Copied(_)));
        assert_eq!(device.log, [received(bytes)]);
        pipeline.hand_up(&mut device, Wire::Own(metadata), 8, None);
        assert_eq!(device.log.len(), 2);
    });
}
