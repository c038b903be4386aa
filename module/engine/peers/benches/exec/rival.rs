// SPDX-License-Identifier: GPL-2.0

//! The programs on rbpf: its interpreter and its just-in-time compiler, both of which check
//! addresses as the device does. Of the compilers that it has, the one that uses Cranelift: the
//! other one is `unsafe` to call, which this project is not, checks nothing, and has one page for
//! machine code, which the longest program does not fit into.

use engine::insn::{class, mode, pseudo, size, Insn};
use engine::store::{RegisterFacts, RegisterKind};

use crate::facts;
use crate::listing::Listing;
use crate::tables;
use crate::traffic::{Frames, Traffic};

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
    frames: Frames,
    /// The bounds of the frame, and the values of the map.
    context: Vec<u8>,
}

/// Bytes of the bounds of the frame.
const BOUNDS_LEN: usize = 16;

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
        if mode == Mode::Jit {
            compile(&mut machine)?;
        }
        Ok(Self {
            machine,
            mode,
            frames: Frames::new(listing.name, traffic),
            context: vec![0; BOUNDS_LEN + tables::VALUES_LEN],
        })
    }

    /// Runs the program on frame `frame`; gives the verdict.
    #[inline]
    pub(crate) fn run(&mut self, frame: usize) -> u64 {
        let (frame, context) = (self.frames.get(frame), &mut self.context);
        let bounds = frame.as_ptr_range();
        let (first, second) = context[..BOUNDS_LEN].split_at_mut(8);
        first.copy_from_slice(&(bounds.start as u64).to_le_bytes());
        second.copy_from_slice(&(bounds.end as u64).to_le_bytes());
        tables::values_at(context[BOUNDS_LEN..].as_ptr() as u64);
        let verdict = match self.mode {
            Mode::Interpreter => self.machine.execute_program(frame, context),
            #[cfg(feature = "jit")]
            Mode::Jit => self.machine.execute_program_cranelift(frame, context),
            #[cfg(not(feature = "jit"))]
            Mode::Jit => unreachable!("nothing was compiled"),
        };
        verdict.expect("a verdict")
    }

    /// Frame `frame` as the program left it.
    pub(crate) fn left(&self, frame: usize) -> &[u8] {
        self.frames.left(frame)
    }
}

/// Compiles the program, if rbpf can: it panics where it can't.
#[cfg(feature = "jit")]
fn compile(machine: &mut rbpf::EbpfVmMbuff<'static>) -> Result<(), String> {
    use std::panic::{catch_unwind, set_hook, take_hook, AssertUnwindSafe};

    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let outcome = catch_unwind(AssertUnwindSafe(|| machine.cranelift_compile()));
    set_hook(hook);
    match outcome {
        Ok(compiled) => compiled.map_err(|error| error.to_string()),
        Err(_) => Err("it gave up".to_owned()),
    }
}

#[cfg(not(feature = "jit"))]
fn compile(_machine: &mut rbpf::EbpfVmMbuff<'static>) -> Result<(), String> {
    Err("the bench was built without `--features jit`".to_owned())
}

/// The program with its differences to the kernel's ABI: pointers in the context have 64 bits; and
/// rbpf, which has no maps, gets the key of a lookup itself, in r2 and r3, by two instructions in
/// place of the two that would have loaded the map.
fn for_rbpf(listing: &Listing) -> Vec<Insn> {
    let facts = facts::of(&listing.insns);
    let mut insns = Vec::new();
    let mut listed = listing.insns.iter().zip(facts);
    while let Some((insn, facts)) = listed.next() {
        let kind = facts.map(|facts| facts.kind(insn.src()));
        let load = |size, dst, src, off| Insn::new(class::LDX | mode::MEM | size, dst, src, off, 0);
        if insn.class() == class::LDX && kind == Some(RegisterKind::Ctx) {
            insns.push(load(size::DW, insn.dst(), insn.src(), 2 * insn.off));
        } else if insn.is_ld_imm64() && insn.src() == pseudo::MAP_FD {
            if listing.name == "lookup" {
                insns.push(load(size::DW, 3, 2, 8));
                insns.push(load(size::DW, 2, 2, 0));
            } else {
                insns.push(load(size::W, 3, 2, 0));
                insns.push(load(size::W, 2, 2, 0));
            }
            listed.next();
        } else {
            insns.push(*insn);
        }
    }
    insns
}

fn look_up_flow(_map: u64, first: u64, second: u64, _: u64, _: u64) -> u64 {
    tables::look_up([first, second])
}

fn look_up_element(_map: u64, index: u64, _: u64, _: u64, _: u64) -> u64 {
    tables::element(index as u32)
}
