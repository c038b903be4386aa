// SPDX-License-Identifier: GPL-2.0

//! The programs on the device.

use engine::exec::{Core, Program};
use engine::frame::Frame;
use engine::image::{Fusion, Image};
use engine::limits::Limits;
use engine::map::{MapKind, BPF_ANY};
use engine::memory::HostMemory;
use engine::store::{ProgramKind, Source};

use crate::common::{core, map, HostMap, HostProgram, TestServices, CONTEXT};
use crate::facts;
use crate::listing::Listing;
use crate::tables::{BACKENDS, FLOWS};
use crate::traffic::{flow_key, Frames, Traffic};

/// A program on one processor of the device, with frames of its own.
pub(crate) struct Device {
    core: Core<HostMemory>,
    program: HostProgram,
    frames: Frames,
}

/// The listing as the program store has it after the verifier's visit.
pub(crate) fn store(listing: &Listing) -> Source<HostMemory> {
    let insns = listing.insns.iter().copied();
    let mut source = Source::new(&HostMemory, ProgramKind::Xdp, insns, &Limits::default())
        .unwrap_or_else(|refusal| panic!("{}: {refusal}", listing.name));
    for (at, facts) in facts::of(&listing.insns).iter().enumerate() {
        if let Some(facts) = facts {
            source
                .check_insn(at, facts)
                .unwrap_or_else(|refusal| panic!("{}: {refusal}", listing.name));
        }
    }
    source.finalize().expect("calls that the device has");
    source
}

pub(crate) fn translate(source: &Source<HostMemory>, fusion: Fusion) -> Image<HostMemory> {
    let mut maps = |immediate: u64| u16::try_from(immediate).ok();
    let limits = Limits::default();
    Image::translate_with(&HostMemory, source, [0; 32], &mut maps, &limits, fusion)
        .unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn map_of(name: &str) -> Option<HostMap> {
    match name {
        "lookup" => {
            let flows = map(MapKind::Hash, 16, 8, 1024);
            for flow in FLOWS {
                for proto in [6, 17] {
                    let key = flow_key(flow, proto);
                    flows.update(&key, &[0; 8], BPF_ANY).expect("room");
                }
            }
            Some(flows)
        }
        "balancer" => Some(map(MapKind::Array, 4, 16, BACKENDS as u32)),
        "counter" => Some(map(MapKind::Array, 4, 16, 1)),
        _ => None,
    }
}

impl Device {
    pub(crate) fn new(listing: &Listing, traffic: &Traffic, fusion: Fusion) -> Self {
        let image = translate(&store(listing), fusion);
        Self {
            core: core(),
            program: Program::new(image, map_of(listing.name).into_iter().collect()),
            frames: Frames::new(listing.name, traffic),
        }
    }

    /// Runs the program on frame `frame`; gives the verdict.
    #[inline]
    pub(crate) fn run(&mut self, frame: usize) -> u64 {
        let buffer = self.frames.get(frame);
        let len = buffer.len();
        let mut frame = Frame::writable(buffer, 0, len).expect("the whole buffer");
        let mut context = CONTEXT;
        self.core
            .run_xdp(&self.program, &mut frame, &mut context, &TestServices)
            .unwrap_or_else(|fault| panic!("{fault}")) as u64
    }

    /// Frame `frame` as the program left it.
    pub(crate) fn left(&self, frame: usize) -> &[u8] {
        self.frames.left(frame)
    }
}
