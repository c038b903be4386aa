// SPDX-License-Identifier: GPL-2.0

//! The programs on rbpf: its interpreter, which checks addresses as the device does, and its
//! just-in-time compiler, which does not.
//!
//! Compiled code and the pointers that a program hands to a helper are outside of what Rust can
//! check: the one place in this package with `unsafe`.
#![expect(
    unsafe_code,
    reason = "rbpf's JIT is unsafe to call, and helpers get addresses"
)]

use std::panic::{catch_unwind, AssertUnwindSafe};

use engine::insn::{class, mode, pseudo, Insn};
use engine::store::{RegisterFacts, RegisterKind};

use crate::facts;
use crate::listing::Listing;
use crate::tables;
use crate::traffic::Traffic;

const MAP_LOOKUP_ELEM: u32 = 1;

/// How rbpf runs a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Interpreter,
    Jit,
}

/// A program on rbpf, with frames of its own.
pub(crate) struct Rival {
    machine: rbpf::EbpfVmMbuff<'static>,
    mode: Mode,
    frames: Vec<Vec<u8>>,
    contexts: Vec<[u8; 16]>,
}

impl Rival {
    /// The program on rbpf, or why rbpf can't run it.
    pub(crate) fn new(listing: &Listing, traffic: &Traffic, mode: Mode) -> Result<Self, String> {
        let code: Vec<u8> = for_rbpf(listing)
            .iter()
            .flat_map(|insn| insn.to_le_bytes())
            .collect();
        let text = |error: std::io::Error| error.to_string();
        // A handful of programs per process, each of which lives to its end.
        let mut machine = rbpf::EbpfVmMbuff::new(Some(code.leak())).map_err(text)?;
        let helper = match listing.name {
            "lookup" => look_up_flow,
            _ => look_up_element,
        };
        machine
            .register_helper(MAP_LOOKUP_ELEM, helper)
            .map_err(text)?;
        for range in tables::memory() {
            machine.register_allowed_memory(range);
        }
        if mode == Mode::Jit {
            compile(&mut machine)?;
        }
        let frames = traffic.frames.clone();
        let context = |frame: &Vec<u8>| {
            let bounds = frame.as_ptr_range();
            let [start, end] = [bounds.start, bounds.end].map(|at| (at as u64).to_le_bytes());
            std::array::from_fn(|at| if at < 8 { start[at] } else { end[at - 8] })
        };
        let contexts = frames.iter().map(context).collect();
        Ok(Self {
            machine,
            mode,
            frames,
            contexts,
        })
    }

    /// Runs the program on frame `frame`; gives the verdict.
    #[inline]
    pub(crate) fn run(&mut self, frame: usize) -> u64 {
        let (frame, context) = (&mut self.frames[frame], &mut self.contexts[frame]);
        let verdict = match self.mode {
            Mode::Interpreter => self.machine.execute_program(frame, context),
            // SAFETY: The programs of this bench stay inside the frame, the context, the stack and
            // the values of the tables: the device, which checks every access, ran each of them on
            // each of these frames before. Frame and context are borrowed for as long as it runs.
            Mode::Jit => unsafe { self.machine.execute_program_jit(frame, context) },
        };
        verdict.expect("a verdict")
    }
}

/// Compiles the program, if it fits: rbpf has one page for machine code, and panics at its end.
fn compile(machine: &mut rbpf::EbpfVmMbuff<'static>) -> Result<(), String> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = catch_unwind(AssertUnwindSafe(|| machine.jit_compile()));
    std::panic::set_hook(hook);
    match outcome {
        Ok(compiled) => compiled.map_err(|error| error.to_string()),
        Err(_) => Err("the machine code does not fit into rbpf's one page".to_owned()),
    }
}

/// The program with its differences to the kernel's ABI: pointers in the context have 64 bits, and
/// maps are none of rbpf's business.
fn for_rbpf(listing: &Listing) -> Vec<Insn> {
    let facts = facts::of(&listing.insns);
    let insns = listing.insns.iter().zip(facts);
    insns
        .map(|(insn, facts)| {
            let kind = facts.map(|facts| facts.kind(insn.src()));
            if insn.class() == class::LDX && kind == Some(RegisterKind::Ctx) {
                let wide = class::LDX | mode::MEM | engine::insn::size::DW;
                return Insn::new(wide, insn.dst(), insn.src(), 2 * insn.off, 0);
            }
            if insn.is_ld_imm64() && insn.src() == pseudo::MAP_FD {
                return Insn::new(insn.code, insn.dst(), 0, 0, 0);
            }
            *insn
        })
        .collect()
}

// The JIT calls helpers with a stack that is 8 bytes off. These two use nothing on it that would
// have to be aligned: they are a few instructions on integers.

fn look_up_flow(_map: u64, key: u64, _: u64, _: u64, _: u64) -> u64 {
    // SAFETY: The programs pass the address of a key of 16 bytes on their stack.
    tables::look_up(unsafe { (key as *const [u64; 2]).read_unaligned() })
}

fn look_up_element(_map: u64, key: u64, _: u64, _: u64, _: u64) -> u64 {
    // SAFETY: The programs pass the address of an index of four bytes on their stack.
    tables::element(unsafe { (key as *const u32).read_unaligned() })
}
