// SPDX-License-Identifier: GPL-2.0

//! Execution: one [`Core`] per receive queue runs programs, one frame at a time.

#[macro_use]
mod shapes;

mod alu;
mod bytes;
mod calls;
mod checksum;
mod context;
mod flow;
mod handlers;
mod helpers;
mod interpreter;
mod machine;
mod packet_load;
mod readable;
mod sample;
mod services;
mod shortcuts;
mod skb_helpers;

use core::ops::Deref;

use crate::address;
use crate::fault::{Fault, FaultCause, FaultRecord};
use crate::frame::{Frame, TcContext, XdpContext};
use crate::image::Image;
use crate::insn::REGISTERS;
use crate::limits::{Limits, MAX_CALL_DEPTH, STACK_FRAME};
use crate::map::words::KEY_WORDS;
use crate::map::Map;
use crate::memory::{Memory, OutOfMemory};
use crate::op::Register;
pub use crate::verdict::{GroVerdict, TcVerdict, XdpVerdict};
use context::Context;
use machine::{CallFrame, Machine, Returned, Stop};
pub use sample::Sample;
pub use services::Services;

/// A program ready to run: an image and the maps that it names.
///
/// `R` is how the embedder shares maps between programs and user space, such as `Arc<Map<M>>`.
pub struct Program<M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static> {
    image: Image<M>,
    maps: M::Buffer<R>,
}

impl<M: Memory, R: Deref<Target = Map<M>> + Send + Sync + 'static> Program<M, R> {
    /// Puts a program together. `maps` is the program's map table: entry `i` is the map for which
    /// translation was given index `i`. An operation on a map that the table lacks stops the
    /// program.
    pub fn new(image: Image<M>, maps: M::Buffer<R>) -> Self {
        Self { image, maps }
    }

    /// The image.
    pub fn image(&self) -> &Image<M> {
        &self.image
    }

    /// The map table.
    pub fn maps(&self) -> &[R] {
        &self.maps
    }
}

/// A processor of the device: what a running program needs beside its image and maps.
pub struct Core<M: Memory> {
    stack: M::Buffer<u8>,
    key: [u64; KEY_WORDS],
    calls: [CallFrame; MAX_CALL_DEPTH],
    budget: u32,
    fault: Option<FaultRecord>,
}

impl<M: Memory> Core<M> {
    /// A processor with its stack. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub fn new(memory: &M, limits: &Limits) -> Result<Self, OutOfMemory> {
        Ok(Self {
            stack: memory.allocate(MAX_CALL_DEPTH * STACK_FRAME, |_| 0)?,
            key: [0; KEY_WORDS],
            calls: [CallFrame::default(); MAX_CALL_DEPTH],
            budget: limits.insn_budget,
            fault: None,
        })
    }

    /// Runs `program` on `frame`. Any context; does not sleep or allocate; takes time in proportion
    /// to the budget.
    ///
    /// If the program's image [may write the frame](Image::writes_frame), `frame` must be writable.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the device had to stop the program; the frame then counts as aborted, and its
    /// bytes are as the program left them.
    pub fn run_xdp<R: Deref<Target = Map<M>> + Send + Sync + 'static>(
        &mut self,
        program: &Program<M, R>,
        frame: &mut Frame<'_>,
        context: &mut XdpContext,
        services: &impl Services,
    ) -> Result<XdpVerdict, Fault> {
        // What is no action is treated as native XDP treats it.
        let verdict = |r0| XdpVerdict::from_action(r0 as u32);
        let arguments = [address::CONTEXT, 0];
        let context = Context::Xdp(context);
        self.execute(program, frame, context, services, arguments, verdict)
    }

    /// Runs `program`, an XDP program that does not [write](Image::writes_frame), on a
    /// [`Pair`](crate::coalesce::Pair), whose bytes are `pair`; gives what it says of the new frame. Otherwise
    /// as [`run_xdp`](Self::run_xdp).
    ///
    /// # Errors
    ///
    /// [`Fault`] if the device had to stop the program, or what it returned is no verdict.
    pub fn run_gro<R: Deref<Target = Map<M>> + Send + Sync + 'static>(
        &mut self,
        program: &Program<M, R>,
        pair: &[u8],
        context: &mut XdpContext,
        services: &impl Services,
    ) -> Result<GroVerdict, Fault> {
        let verdict = |r0| GroVerdict::from_action(r0 as u32);
        let arguments = [address::CONTEXT, 0];
        let (mut frame, context) = (Frame::read_only(pair), Context::Xdp(context));
        self.execute(program, &mut frame, context, services, arguments, verdict)
    }

    /// Runs `program`, a classifier, on `frame`; gives what its filter makes of the result.
    /// Otherwise as [`run_xdp`](Self::run_xdp).
    ///
    /// # Errors
    ///
    /// [`Fault`] if the device had to stop the program; the frame then is to be dropped, and its
    /// bytes are as the program left them.
    pub fn run_tc<R: Deref<Target = Map<M>> + Send + Sync + 'static>(
        &mut self,
        program: &Program<M, R>,
        frame: &mut Frame<'_>,
        context: &mut TcContext,
        services: &impl Services,
    ) -> Result<TcVerdict, Fault> {
        let arguments = [address::CONTEXT, 0];
        let returned = |r0| Some(r0 as i32);
        let inner = Context::Tc(&mut *context);
        let returned = self.execute(program, frame, inner, services, arguments, returned)?;
        Ok(context.decide(returned))
    }

    /// Runs `program` with r1 the address of the first byte of `frame` and r2 its length, or both 0
    /// if it is empty, and gives r0: how conformance suites call programs. Otherwise as
    /// [`run_xdp`](Self::run_xdp).
    ///
    /// # Errors
    ///
    /// [`Fault`] if the device had to stop the program.
    pub fn run_raw<R: Deref<Target = Map<M>> + Send + Sync + 'static>(
        &mut self,
        program: &Program<M, R>,
        frame: &mut Frame<'_>,
        services: &impl Services,
    ) -> Result<u64, Fault> {
        let start = address::of_frame(frame.data_offset());
        let arguments = if frame.is_empty() {
            [0, 0]
        } else {
            [start, frame.len() as u64]
        };
        let mut context = XdpContext::default();
        let context = Context::Xdp(&mut context);
        self.execute(program, frame, context, services, arguments, Some)
    }

    /// Runs a program; what it returns has to be something to `result`.
    fn execute<R: Deref<Target = Map<M>> + Send + Sync + 'static, V>(
        &mut self,
        program: &Program<M, R>,
        frame: &mut Frame<'_>,
        context: Context<'_>,
        services: &impl Services,
        [r1, r2]: [u64; 2],
        result: impl FnOnce(u64) -> Option<V>,
    ) -> Result<V, Fault> {
        let mut machine = Machine {
            registers: [0; 16],
            frame,
            context,
            stack: &mut self.stack,
            key: &mut self.key,
            calls: &mut self.calls,
            maps: &program.maps,
            services,
            handlers: &handlers::Table::HANDLERS,
            origins: program.image.origins(),
            slots: program.image.slots(),
            budget: self.budget,
            depth: 0,
            chain_end: 0,
            stop: Stop {
                op: 0,
                cause: FaultCause::InvalidOperation,
                address: 0,
            },
        };
        machine.set(Register::R1, r1);
        machine.set(Register::R2, r2);
        let returned = machine.run(program.image.ops());
        let result = returned.and_then(|Returned { op, value }| {
            result(value).ok_or(Stop {
                op,
                cause: FaultCause::InvalidAction,
                address: value,
            })
        });
        match result {
            Ok(result) => Ok(result),
            Err(stop) => {
                let registers = machine.registers;
                Err(self.fault(program.image(), stop, &registers))
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn fault(&mut self, image: &Image<M>, stop: Stop, registers: &[u64; 16]) -> Fault {
        let fault = Fault {
            cause: stop.cause,
            insn: image.origin(stop.op).unwrap_or(u32::MAX),
            op: stop.op as u32,
            address: stop.address,
        };
        let mut named = [0; REGISTERS];
        for (named, register) in named.iter_mut().zip(registers) {
            *named = *register;
        }
        self.fault = Some(FaultRecord {
            fault,
            registers: named,
            digest: *image.digest(),
        });
        fault
    }

    /// The record of the last fault on this processor, once.
    pub fn take_fault(&mut self) -> Option<FaultRecord> {
        self.fault.take()
    }
}
