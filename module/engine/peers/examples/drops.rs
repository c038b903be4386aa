// SPDX-License-Identifier: GPL-2.0

//! Runs a program of two instructions on a frame as often as the first argument says: for counting
//! the machine instructions that a run costs whatever the program does.
//!
//! ```text
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='*execute*' \
//!     target/release/examples/drops 1000
//! ```
//!
//! says how many instructions were collected. With rustc 1.95 it is 114 for each run, 21 of them in
//! the program's two operations; without `--toggle-collect`, 1,000 runs more take 143,000 more, with
//! all that hands over the frame and looks at the verdict.

#[path = "../../tests/common/mod.rs"]
mod common;

use common::asm::{exit, mov_imm, R0};
use common::{core, program, TestServices, CONTEXT};
use engine::exec::XdpVerdict;
use engine::frame::Frame;

fn main() {
    let runs = std::env::args().nth(1).and_then(|runs| runs.parse().ok());
    let runs: usize = runs.expect("the number of runs as first argument");
    let program = program(&[mov_imm(R0, 1), exit()], &[]);
    let mut core = core();
    let mut buffer = [0; 64];
    for _ in 0..runs {
        let mut frame = Frame::writable(&mut buffer, 0, 64).expect("the whole buffer");
        let verdict = core.run_xdp(&program, &mut frame, &mut CONTEXT.clone(), &TestServices);
        assert_eq!(verdict, Ok(XdpVerdict::Drop));
    }
}
