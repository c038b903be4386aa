// SPDX-License-Identifier: GPL-2.0

//! `engine-run` as a conformance suite calls it.

mod common;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use common::asm::*;
use engine::insn::Insn;

/// A program as suites write it: hexadecimal bytes with blanks between them.
fn hex(insns: &[Insn]) -> String {
    let bytes = insns.iter().flat_map(|insn| insn.to_le_bytes());
    bytes.map(|byte| format!("{byte:02x} ")).collect()
}

fn engine_run(program: &str, arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_engine-run"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("engine-run starts");
    // It may refuse its arguments before it has read the program.
    let _ = child
        .stdin
        .take()
        .expect("its input")
        .write_all(program.as_bytes());
    child.wait_with_output().expect("engine-run ends")
}

#[track_caller]
fn prints(program: &[Insn], arguments: &[&str], expected: &str) {
    let output = engine_run(&hex(program), arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

#[track_caller]
fn fails(program: &str, arguments: &[&str], reason: &str) {
    let output = engine_run(program, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    assert!(
        said.starts_with("engine-run: ") && said.contains(reason),
        "{said}"
    );
}

#[test]
fn r0_comes_out_in_hexadecimal() {
    prints(&[mov_imm(R0, -2), exit()], &[], "fffffffffffffffe\n");
}

#[test]
fn r1_and_r2_are_the_memory() {
    let sum = [
        ldx(H, R0, R1, 1),
        st(B, R1, 0, 0x7f),
        ldx(B, R3, R1, 0),
        alu_reg(ADD, R0, R3),
        alu_imm(LSH, R2, 32),
        alu_reg(ADD, R0, R2),
        exit(),
    ];
    prints(&sum, &["11 22 33 44"], "4000033a1\n");
    prints(&[mov_reg(R0, R1), alu_reg(OR, R0, R2), exit()], &[], "0\n");
}

#[test]
fn helper_5_returns_its_argument() {
    prints(&[mov_imm(R1, 42), call(5), exit()], &[], "2a\n");
}

#[test]
fn the_image_can_be_read() {
    prints(
        &[mov_imm(R0, 1), exit()],
        &["--disassemble"],
        concat!(
            "    0: const            r0, 1  ; insn 0\n",
            "    1: exit               ; insn 1\n",
        ),
    );
}

#[test]
fn what_cannot_run_is_said() {
    fails(
        &hex(&[ldx(B, R0, R1, 4), exit()]),
        &["11223344"],
        "insn 0 (op 0): frame_bounds",
    );
    fails(&hex(&[ja(-1), exit()]), &[], "budget_spent");
    fails(&hex(&[call(1000), exit()]), &[], "unknown func ");
    fails(
        "95 00",
        &[],
        "2 bytes are not a whole number of 8-byte instructions",
    );
    fails("9", &[], "1 hexadecimal digits");
    fails("zz", &[], "program: not hexadecimal");
    fails("", &["xy"], "memory: not hexadecimal");
    fails("", &["--wrong"], "unknown option --wrong; usage: ");
}
