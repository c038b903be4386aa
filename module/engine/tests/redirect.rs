// SPDX-License-Identifier: GPL-2.0

//! `bpf_redirect`: what it returns, and what reaches the driver.

mod common;

use common::asm::*;
use common::{core, program, result_of, TestServices, CONTEXT};
use engine::exec::XdpVerdict;
use engine::frame::Frame;
use engine::insn::Insn;
use engine::pipeline::{self, XdpCounters};

const REDIRECT: i32 = 23;

/// Calls the helper; its result is in r0.
fn redirect(ifindex: u64, flags: u64) -> Vec<Insn> {
    let mut code = ld_imm64(R1, ifindex).to_vec();
    code.extend(ld_imm64(R2, flags));
    code.push(call(REDIRECT));
    code
}

/// The verdict that the driver gets for a frame, and where it is to go.
fn outcome(pieces: &[Vec<Insn>]) -> (Option<XdpVerdict>, Option<u32>) {
    let mut code = pieces.concat();
    code.push(exit());
    let data = [0; 60];
    let received = pipeline::receive(
        &mut core(),
        &program(&code, &[]),
        &mut Frame::read_only(&data),
        &mut CONTEXT.clone(),
        &TestServices,
        &XdpCounters::default(),
    );
    assert!(!received.to_host() || received.verdict == Some(XdpVerdict::Pass));
    (received.verdict, received.redirect)
}

#[test]
fn flags_are_refused_as_the_kernel_refuses_them() {
    for (flags, result) in [(0, 4), (1, 0), (1 << 32, 0), (u64::MAX, 0)] {
        let mut code = redirect(7, flags);
        code.push(exit());
        assert_eq!(result_of(&code), result, "flags {flags:#x}");
    }
    let refused = outcome(&[redirect(7, 1)]);
    assert_eq!(refused, (Some(XdpVerdict::Aborted), None));
}

#[test]
fn the_last_target_counts_and_has_32_bits() {
    let sent_to = |target| (Some(XdpVerdict::Redirect), Some(target));
    assert_eq!(outcome(&[redirect(7, 0)]), sent_to(7));
    assert_eq!(outcome(&[redirect(0, 0)]), sent_to(0));
    assert_eq!(outcome(&[redirect(7 | 1 << 32, 0)]), sent_to(7));
    assert_eq!(outcome(&[redirect(7, 0), redirect(9, 0)]), sent_to(9));
    // A call with flags leaves the target as it was.
    let answer = vec![mov_imm(R0, 4)];
    let code = [redirect(7, 0), redirect(9, 1), answer.clone()];
    assert_eq!(outcome(&code), sent_to(7));
    assert_eq!(outcome(&[answer]), (Some(XdpVerdict::Redirect), None));
}

#[test]
fn a_target_without_the_verdict_is_of_no_account() {
    for (action, verdict) in [
        (0, XdpVerdict::Aborted),
        (1, XdpVerdict::Drop),
        (2, XdpVerdict::Pass),
        (3, XdpVerdict::Tx),
        (5, XdpVerdict::Aborted),
    ] {
        let code = [redirect(7, 0), vec![mov_imm(R0, action)]];
        assert_eq!(outcome(&code), (Some(verdict), None));
    }
}
