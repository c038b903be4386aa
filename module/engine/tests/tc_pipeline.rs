// SPDX-License-Identifier: GPL-2.0

//! From a classifier's verdict to the receive descriptor, and what is counted on the way.

mod common;

use common::asm::*;
use common::{classifier, core, source_of, tc_context, RegisterIs, TestServices, PORT_ADDRESS};
use engine::descriptor::{RxDescriptor, TcDescriptor};
use engine::exec::{TcVerdict, XdpVerdict};
use engine::fault::FaultCause;
use engine::frame::{Frame, VlanTag};
use engine::insn::Insn;
use engine::limits::Limits;
use engine::pipeline::{self, TcCounters};
use engine::receive_checksum::RxChecksum;
use engine::refusal::Rule;
use engine::store::{ProgramKind, RegisterKind};

const REDIRECT: i32 = 23;

/// A frame with a VLAN tag.
fn tagged() -> Vec<u8> {
    let mut frame = [
        &PORT_ADDRESS[..],
        &[2, 0, 0, 0, 0, 2, 0x88, 0xa8, 0, 7, 8, 0],
    ]
    .concat();
    frame.resize(64, 0x5a);
    frame
}

/// What is known of a frame before its classifier.
const RECEIVED: RxDescriptor = RxDescriptor {
    len: 64,
    meta_len: 0,
    queue: 5,
    chosen_queue: None,
    flow: None,
    verdict: Some(XdpVerdict::Pass),
    redirect: None,
    tc: None,
    header_len: 0,
    checksum: RxChecksum::None,
    vlan: None,
    coalesced: None,
    stamp: None,
};

/// The descriptor and bytes of the tagged frame after `code`, with direct action.
fn outcome(code: &[Insn], counters: &TcCounters) -> (RxDescriptor, Vec<u8>) {
    outcome_of(code, false, counters)
}

/// As [`outcome`]; `returns_class` is whether the filter has no direct action.
fn outcome_of(
    code: &[Insn],
    returns_class: bool,
    counters: &TcCounters,
) -> (RxDescriptor, Vec<u8>) {
    let bytes = tagged();
    let mut buffer = bytes.clone();
    let mut frame = Frame::writable(&mut buffer, 0, 64).expect("a frame");
    let mut context = tc_context(&mut frame);
    context.returns_class = returns_class;
    let program = classifier(code, &[]);
    let descriptor = pipeline::run_tc(
        &mut core(),
        &program,
        &mut frame,
        &mut context,
        &TestServices,
        counters,
        RECEIVED,
    );
    (descriptor, frame.data().to_vec())
}

#[test]
fn the_descriptor_has_what_the_stack_found_and_the_program_changed() {
    let code = [
        st(W, R1, 8, 0x11),
        st(W, R1, 12, 3),
        st(W, R1, 32, 0x22),
        st(W, R1, 44, 0x33),
        mov_imm(R0, -1),
        exit(),
    ];
    let (descriptor, left) = outcome(&code, &TcCounters::default());
    let tc = TcDescriptor {
        verdict: TcVerdict::Unspec,
        redirect: None,
        protocol: 0x0800,
        pkt_type: 0,
        network_offset: 14,
        vlan: Some(VlanTag {
            protocol: 0x88a8,
            tci: 7,
        }),
        mark: 0x11,
        priority: 0x22,
        tc_index: 0x33,
        queue_mapping: 3,
        hash_invalid: false,
    };
    let expected = RxDescriptor {
        len: 60,
        tc: Some(tc),
        ..RECEIVED
    };
    assert_eq!(descriptor, expected);
    assert!(descriptor.to_host());
    assert_eq!(left, [&tagged()[..12], &tagged()[16..]].concat());
    // bpf_set_hash_invalid
    let (descriptor, _) = outcome(&[call(41), mov_imm(R0, -1), exit()], &TcCounters::default());
    assert!(descriptor.tc.is_some_and(|tc| tc.hash_invalid));
    assert!(descriptor.to_host());
}

#[test]
fn verdicts_and_faults_are_counted() {
    let counters = TcCounters::default();
    for (action, verdict) in [
        (-1, TcVerdict::Unspec),
        (0, TcVerdict::Ok),
        (2, TcVerdict::Shot),
        (4, TcVerdict::Stolen),
        (7, TcVerdict::Redirect),
        (8, TcVerdict::Trap),
    ] {
        let (descriptor, _) = outcome(&[mov_imm(R0, action), exit()], &counters);
        let tc = descriptor.tc.expect("the classifier ran");
        assert_eq!((tc.verdict, tc.redirect), (verdict, None));
        let to_host = matches!(verdict, TcVerdict::Ok | TcVerdict::Unspec);
        assert_eq!(descriptor.to_host(), to_host);
        assert_eq!(
            (counters.packets(verdict), counters.bytes(verdict)),
            (1, 60)
        );
    }
    let (descriptor, _) = outcome(&[ldx(W, R0, R1, 68), exit()], &counters);
    assert_eq!(descriptor.tc.map(|tc| tc.verdict), Some(TcVerdict::Shot));
    assert_eq!(counters.packets(TcVerdict::Shot), 2);
    assert_eq!(counters.faults(FaultCause::Context), 1);
    assert_eq!(counters.faults(FaultCause::Frame), 0);
    let names: Vec<_> = TcVerdict::ALL
        .iter()
        .map(|verdict| verdict.name())
        .collect();
    assert_eq!(
        names,
        ["unspec", "ok", "shot", "stolen", "trap", "redirect"]
    );
}

/// The stack puts the class of a frame that a filter lets through into its `tc_index`.
#[test]
fn the_class_of_a_frame_that_is_let_through() {
    // Writes both `tc_index` and `tc_classid`.
    let code = |returned| {
        [
            st(W, R1, 44, 0x33),
            st(W, R1, 72, 0x44),
            mov_imm(R0, returned),
            exit(),
        ]
    };
    for (returns_class, returned, verdict, tc_index) in [
        (false, 0, TcVerdict::Ok, 0x44),
        (false, -1, TcVerdict::Unspec, 0x33),
        (false, 3, TcVerdict::Unspec, 0x33),
        (true, 0, TcVerdict::Unspec, 0x33),
        (true, -1, TcVerdict::Ok, 0),
        (true, 2, TcVerdict::Ok, 2),
        (true, 0x0010_0020, TcVerdict::Ok, 0x20),
    ] {
        let counters = TcCounters::default();
        let (descriptor, _) = outcome_of(&code(returned), returns_class, &counters);
        let tc = descriptor.tc.expect("the classifier ran");
        assert_eq!((tc.verdict, tc.tc_index), (verdict, tc_index), "{returned}");
        assert_eq!(counters.packets(verdict), 1);
    }
}

/// `bpf_redirect`, and its result as the verdict.
fn redirect(ifindex: i32, flags: u64) -> Vec<Insn> {
    let mut code = vec![mov_imm(R1, ifindex)];
    code.extend(ld_imm64(R2, flags));
    code.extend([call(REDIRECT), exit()]);
    code
}

#[test]
fn a_frame_that_is_sent_has_its_tag_again() {
    let (descriptor, left) = outcome(&redirect(7, 0), &TcCounters::default());
    let tc = descriptor.tc.expect("the classifier ran");
    assert_eq!(
        (tc.verdict, tc.redirect, tc.vlan),
        (TcVerdict::Redirect, Some(7), None)
    );
    assert_eq!((descriptor.len, left), (64, tagged()));
    assert!(!descriptor.to_host());
    // Flags that the kernel does not know.
    let (descriptor, _) = outcome(&redirect(7, 2), &TcCounters::default());
    let tc = descriptor.tc.expect("the classifier ran");
    assert_eq!((tc.verdict, tc.redirect), (TcVerdict::Shot, None));
    // Had the verifier known that these were the flags, the program would have been refused.
    let counters = TcCounters::default();
    let (descriptor, _) = outcome(&redirect(7, 1), &counters);
    assert_eq!(descriptor.tc.map(|tc| tc.verdict), Some(TcVerdict::Shot));
    assert_eq!(counters.faults(FaultCause::InvalidOperation), 1);
    // bpf_skb_change_head has taken the room of the tag: the frame can't be sent.
    let mut code = vec![mov_reg(R6, R1), mov_imm(R2, 4), mov_imm(R3, 0), call(43)];
    code.extend(redirect(7, 0));
    let (descriptor, _) = outcome(&code, &TcCounters::default());
    assert_eq!(descriptor.tc.map(|tc| tc.verdict), Some(TcVerdict::Shot));
}

#[test]
fn flags_of_a_redirection_must_be_known_and_harmless() {
    let check = |flags| {
        let code = [call(REDIRECT), exit()];
        let mut stored = source_of(ProgramKind::SchedCls, &code, &Limits::default()).expect("room");
        let facts = RegisterIs(R2, RegisterKind::Scalar { constant: flags });
        stored.check_insn(0, &facts).map_err(|refusal| refusal.rule)
    };
    assert_eq!(check(Some(0)), Ok(()));
    assert_eq!(check(Some(2)), Ok(()));
    assert_eq!(check(Some(1)), Err(Rule::RedirectIngress));
    assert_eq!(check(None), Err(Rule::RedirectFlags));
    for rule in [Rule::RedirectIngress, Rule::RedirectFlags] {
        assert!(rule.to_string().contains("bpf_redirect#23"), "{rule}");
    }
    // XDP has no flags at all, and says so when it runs.
    let code = [call(REDIRECT), exit()];
    let mut stored = source_of(ProgramKind::Xdp, &code, &Limits::default()).expect("room");
    let facts = RegisterIs(R2, RegisterKind::Scalar { constant: None });
    assert_eq!(stored.check_insn(0, &facts), Ok(()));
}
