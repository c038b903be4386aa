// SPDX-License-Identifier: GPL-2.0

//! Flow dissectors in the kernel, by a small program in C: they are loaded and run without being attached.

use anyhow::{ensure, Context, Result};

use crate::compiled::Compiled;

/// Bytes of `struct bpf_flow_keys`.
pub const KEYS: usize = 56;

/// The compiled program.
#[derive(Debug)]
pub struct Dissect(Compiled);

/// What a flow dissector made of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dissected {
    /// What it returned.
    pub code: u32,
    /// The flow keys.
    pub keys: [u8; KEYS],
}

impl Dissect {
    /// Compiles it.
    ///
    /// # Errors
    ///
    /// Where there is no C compiler.
    pub fn new() -> Result<Self> {
        Compiled::tool("dissect", include_str!("../parser/dissect.c")).map(Self)
    }

    /// Loads a program and runs it with frames, each with the flags of its caller: what the verifier said,
    /// and what became of each frame.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses it.
    pub fn run(&self, insns: &[u8], frames: &[(u32, Vec<u8>)]) -> Result<(String, Vec<Dissected>)> {
        let [program, input, output] =
            ["program", "frames", "results"].map(|name| self.0.beside(name));
        std::fs::write(&program, insns).context("write the program")?;
        let mut bytes = Vec::new();
        for (flags, frame) in frames {
            let len = u32::try_from(frame.len()).context("a frame that is too long")?;
            bytes.extend(len.to_le_bytes());
            bytes.extend(flags.to_le_bytes());
            bytes.extend(frame);
        }
        std::fs::write(&input, bytes).context("write the frames")?;
        let cmd = self.0.cmd().arg(program).arg(input).arg(&output);
        let said = cmd.run()?;
        let results = std::fs::read(output).context("read the results")?;
        let (results, rest) = (results.chunks_exact(4 + KEYS), results.len() % (4 + KEYS));
        ensure!(
            results.len() == frames.len() && rest == 0,
            "{} results and {rest} bytes of {} frames",
            results.len(),
            frames.len()
        );
        let results = results.map(|result| {
            let (code, keys) = result.split_at(4);
            Ok(Dissected {
                code: u32::from_le_bytes(code.try_into()?),
                keys: keys.try_into()?,
            })
        });
        Ok((said, results.collect::<Result<_>>()?))
    }
}
