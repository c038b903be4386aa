// SPDX-License-Identifier: GPL-2.0

//! Runs one program on the device, for conformance suites and the curious.
//!
//! The program comes as hexadecimal bytes on standard input, memory that it may read and write as
//! hexadecimal bytes in the first argument; white space does not count. r1 is the address of the
//! memory and r2 its length, both 0 without memory. r0 goes to standard output as a hexadecimal
//! number. `--disassemble` prints the device image instead.
//!
//! Conformance suites want a helper number 5 that returns its argument. The device's number 5 is
//! the clock, so here a call of it is a move.

use std::error::Error;
use std::io::{self, Read};
use std::process::ExitCode;

use engine::exec::{Core, Program, Sample, Services};
use engine::frame::Frame;
use engine::image::Image;
use engine::insn::{alu, class, Insn, SRC_REG};
use engine::limits::Limits;
use engine::map::Map;
use engine::memory::HostMemory;
use engine::store::{ProgramKind, Source};

const USAGE: &str = "usage: engine-run [--disassemble] [MEMORY-IN-HEX] < PROGRAM-IN-HEX";

/// The eBPF call of helper number 5, little endian.
const CALL_5: [u8; 8] = [0x85, 0, 0, 0, 5, 0, 0, 0];

/// A device without clock and chance, so that a program always gives the same.
struct Repeatable;

impl Services for Repeatable {
    fn ktime_get_ns(&self) -> u64 {
        0
    }

    fn prandom_u32(&self) -> u32 {
        0
    }

    fn processor_id(&self) -> u32 {
        0
    }

    fn event_output(&self, _map: u16, _flags: u64, _sample: &Sample<'_>) -> i64 {
        0
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("engine-run: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut disassemble = false;
    let mut memory = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--disassemble" => disassemble = true,
            "--help" => {
                println!("{USAGE}");
                return Ok(());
            }
            option if option.starts_with('-') => {
                return Err(format!("unknown option {option}; {USAGE}").into())
            }
            hex => memory = bytes(hex).map_err(|error| format!("memory: {error}"))?,
        }
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let code = bytes(&text).map_err(|error| format!("program: {error}"))?;
    let image = translate(&code)?;
    if disassemble {
        print!("{image}");
        return Ok(());
    }
    let program: Program<HostMemory, &'static Map<HostMemory>> = Program::new(image, Vec::new());
    let mut core = Core::new(&HostMemory, &Limits::default()).map_err(|error| error.to_string())?;
    let len = memory.len();
    let mut frame = Frame::writable(&mut memory, 0, len).ok_or("memory without bounds")?;
    let r0 = core
        .run_raw(&program, &mut frame, &Repeatable)
        .map_err(|fault| fault.to_string())?;
    println!("{r0:x}");
    Ok(())
}

/// Checks and translates a program as the driver does.
fn translate(code: &[u8]) -> Result<Image<HostMemory>, Box<dyn Error>> {
    if code.len() % 8 != 0 {
        return Err(format!(
            "program: {} bytes are not a whole number of 8-byte instructions",
            code.len()
        )
        .into());
    }
    let insns: Vec<Insn> = code
        .chunks_exact(8)
        .filter_map(|chunk| chunk.first_chunk())
        .map(|chunk| match *chunk {
            CALL_5 => Insn::new(class::ALU64 | alu::MOV | SRC_REG, 0, 1, 0, 0),
            other => Insn::from_le_bytes(other),
        })
        .collect();
    let limits = Limits::default();
    let refused = |refusal: engine::refusal::Refusal| refusal.to_string();
    let mut source =
        Source::new(&HostMemory, ProgramKind::Xdp, insns.into_iter(), &limits).map_err(refused)?;
    source.finalize().map_err(refused)?;
    let image = Image::translate(&HostMemory, &source, [0; 32], &mut |_| None, &limits);
    Ok(image.map_err(refused)?)
}

/// The bytes that `hex` stands for.
fn bytes(hex: &str) -> Result<Vec<u8>, String> {
    let digits = hex.chars().filter(|character| !character.is_whitespace());
    let digits: Option<Vec<u8>> = digits
        .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits.ok_or("not hexadecimal")?;
    if digits.len() % 2 != 0 {
        return Err(format!(
            "{} hexadecimal digits are not a whole number of bytes",
            digits.len()
        ));
    }
    Ok(digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect())
}
