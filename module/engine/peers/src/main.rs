// SPDX-License-Identifier: GPL-2.0

//! Runs random programs on random frames, on the device and on rbpf, by the million.
//!
//! The programs are those of the property test of the same name, which takes a few of them each
//! time. This goes on until there were as many pairs of a program and a frame as were asked for, or
//! until two results differ: then it prints the program and fails.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use engine::insn::Insn;
use engine::store::RegisterKind;
use engine_peers::{on_rbpf, on_the_device, straight_program, FRAME_LEN};
use indicatif::{ProgressBar, ProgressStyle};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Frames for each program.
const FRAMES: u64 = 100;

/// Compares the device with rbpf on random programs
#[derive(Parser)]
struct Args {
    /// Pairs of a program and a frame
    #[arg(long, default_value_t = 10_000_000)]
    pairs: u64,
    /// What all randomness comes from; by default another number each time
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.unwrap_or_default().as_nanos() as u64
    });
    println!("seed {seed}");
    let bytes: Vec<u8> = seed.to_le_bytes().repeat(4);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let programs = args.pairs.div_ceil(FRAMES);
    let progress = ProgressBar::new(programs * FRAMES).with_style(
        ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} pairs, {eta} left")
            .expect("a template"),
    );
    for number in 0..programs {
        let insns = straight_program()
            .new_tree(&mut runner)
            .expect("a program")
            .current();
        let frames: Vec<_> = (0..FRAMES)
            .map(|_| {
                let mut frame = vec![0; FRAME_LEN as usize];
                runner.rng().fill_bytes(&mut frame);
                frame
            })
            .collect();
        // One hint after the other, none of them for every fourth program.
        let hint = [
            None,
            Some(RegisterKind::Packet),
            Some(RegisterKind::Stack),
            Some(RegisterKind::MapValue),
        ][(number % 4) as usize];
        let results = on_the_device(&insns, hint, &frames)
            .into_iter()
            .zip(on_rbpf(&insns, &frames));
        for (frame, (device, rbpf)) in frames.iter().zip(results) {
            if device != rbpf {
                progress.abandon();
                report(&insns, hint, frame, &device, &rbpf);
                return ExitCode::FAILURE;
            }
        }
        progress.inc(FRAMES);
    }
    progress.finish();
    println!(
        "{} programs, {} pairs: no difference",
        programs,
        programs * FRAMES
    );
    ExitCode::SUCCESS
}

/// Says what differs, so that it can be made into a test.
fn report(insns: &[Insn], hint: Option<RegisterKind>, frame: &[u8], device: &[u8], rbpf: &[u8]) {
    eprintln!("The device and rbpf differ, hint {hint:?}:");
    for insn in insns {
        eprintln!("    {insn:?}");
    }
    eprintln!("frame  {frame:02x?}\ndevice {device:02x?}\nrbpf   {rbpf:02x?}");
}
