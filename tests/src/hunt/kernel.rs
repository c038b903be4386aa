// SPDX-License-Identifier: GPL-2.0

//! Programs on the kernel, by the process that `tests/hunt/kernel.c` becomes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{bail, ensure, Context, Result};
use engine::store::ProgramKind;
use nix::errno::Errno;

use super::observed::{Maps, Observed, Ran, Returned};
use super::{Case, MapShape, MapType};
use crate::bpf::Mode;
use crate::compiled::Compiled;
use crate::link::Link;

/// What the kernel made of a case.
#[derive(Debug)]
pub enum Answer {
    /// The verifier did not accept the program: the error, and the log, if it was asked for.
    Refused(Errno, String),
    /// The program ran. The log, if it was asked for.
    Ran(Ran, String),
}

/// How much the verifier is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// Nothing, which is fast.
    Off = 0,
    /// Why it refuses a program; else little.
    Brief = 1,
    /// Each instruction that it looks at, with what it knows.
    Full = 2,
}

/// The process that makes the system calls.
pub struct Kernel {
    program: Compiled,
    child: Child,
    requests: ChildStdin,
    answers: ChildStdout,
    has_events: bool,
}

fn type_number(kind: ProgramKind) -> u32 {
    match kind {
        ProgramKind::SchedCls => 3,
        ProgramKind::Xdp => 6,
    }
}

fn map_number(kind: MapType) -> u32 {
    match kind {
        MapType::Hash => 1,
        MapType::Array => 2,
        MapType::Events => 4,
    }
}

/// Numbers and bytes as they are sent.
#[derive(Default)]
struct Request(Vec<u8>);

impl Request {
    fn number(&mut self, number: u32) {
        self.0.extend(number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }
}

/// The same as they arrive.
struct Received<'a>(&'a [u8]);

impl<'a> Received<'a> {
    fn bytes(&mut self, len: usize) -> Result<&'a [u8]> {
        let padded = len.next_multiple_of(4);
        let (now, later) = self.0.split_at_checked(padded).context("a cut answer")?;
        self.0 = later;
        now.get(..len).context("a cut answer")
    }

    fn number(&mut self) -> Result<u32> {
        let bytes = self.bytes(4)?.first_chunk().context("a cut answer")?;
        Ok(u32::from_le_bytes(*bytes))
    }

    fn len(&mut self) -> Result<usize> {
        Ok(usize::try_from(self.number()?)?)
    }
}

impl Kernel {
    /// Builds and starts it.
    ///
    /// # Errors
    ///
    /// Without a C compiler, or without the rights to load programs.
    pub fn new() -> Result<Self> {
        let program = Compiled::tool("kernel", include_str!("../../hunt/kernel.c"))?;
        let mut child = Command::new(program.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {:?}", program.path()))?;
        let requests = child.stdin.take().context("no pipe")?;
        let answers = child.stdout.take().context("no pipe")?;
        let mut kernel = Self {
            program,
            child,
            requests,
            answers,
            has_events: false,
        };
        let answer = kernel.ask(&[0; 24])?;
        kernel.has_events = Received(&answer).number()? == 0;
        Ok(kernel)
    }

    /// Whether this kernel has `CONFIG_PERF_EVENTS`, without which there are no samples.
    pub fn has_events(&self) -> bool {
        self.has_events
    }

    fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let len = u32::try_from(request.len())?;
        let sent = self.requests.write_all(&len.to_le_bytes());
        let sent = sent.and_then(|()| self.requests.write_all(request));
        let mut answer = Vec::new();
        let received = sent.and_then(|()| {
            let mut len = [0; 4];
            self.answers.read_exact(&mut len)?;
            answer.resize(u32::from_le_bytes(len) as usize, 0);
            self.answers.read_exact(&mut answer)
        });
        if let Err(error) = received {
            bail!(
                "the process for the kernel: {:?}: {error}",
                self.child.wait()?
            );
        }
        Ok(answer)
    }

    /// Makes the program of `case` with new maps, for the device of `link` or for the host, and pins it
    /// as `path`. Its maps are `map0` and so on. `None` where it is refused.
    ///
    /// # Errors
    ///
    /// Where the process fails.
    pub fn pin(&self, case: &Case, link: &Link, mode: Mode, path: &str) -> Result<Option<()>> {
        let file = self.program.beside("request");
        fs::write(&file, request(case, Log::Brief)?)?;
        let index = match mode {
            Mode::Native => 0,
            Mode::Offload => link.index()?,
        };
        let said = link
            .cmd("")
            .arg(self.program.path())
            .arg(&file)
            .arg(index.to_string())
            .arg(path)
            .run()?;
        let (error, log) = said.split_once('\n').context("no error number")?;
        if error != "0" {
            println!(
                "refused ({mode:?}, error {error}):
{log}"
            );
        }
        Ok((error == "0").then_some(()))
    }

    /// Loads the program of `case` with new maps, and runs it on all of its frames.
    ///
    /// # Errors
    ///
    /// Where the process fails: at anything but loading and running the program.
    pub fn run(&mut self, case: &Case, log: Log) -> Result<Answer> {
        let answer = self.ask(&request(case, log)?)?;
        let mut answer = Received(&answer);
        let error = answer.number()?;
        let len = answer.len()?;
        let log = String::from_utf8_lossy(answer.bytes(len)?).into_owned();
        if error != 0 {
            return Ok(Answer::Refused(errno(error), log));
        }
        let left_len = case.maps.first().map_or(0, |map| map.value_size as usize);
        let observed = case
            .inputs
            .iter()
            .map(|_| observation(&mut answer, case.kind, left_len))
            .collect::<Result<_>>()?;
        let elements = case.maps.iter().skip(1);
        let maps = elements
            .filter(|map| map.kind != MapType::Events)
            .map(|map| elements_of(&mut answer, map))
            .collect::<Result<Maps>>()?;
        ensure!(answer.0.is_empty(), "an answer with something left over");
        Ok(Answer::Ran(Ran { observed, maps }, log))
    }
}

fn request(case: &Case, log: Log) -> Result<Vec<u8>> {
    let mut request = Request::default();
    for number in [
        log as u32,
        u32::from(case.is_strict),
        type_number(case.kind),
        u32::try_from(case.code.insns.len())?,
        u32::try_from(case.maps.len())?,
        u32::try_from(case.inputs.len())?,
    ] {
        request.number(number);
    }
    for insn in &case.code.insns {
        request.bytes(&insn.to_le_bytes());
    }
    for map in &case.maps {
        for number in [
            map_number(map.kind),
            map.key_size,
            map.value_size,
            map.entries,
        ] {
            request.number(number);
        }
    }
    for input in &case.inputs {
        request.number(input.mark);
        request.number(input.priority);
        for cb in input.cb {
            request.number(cb);
        }
        request.number(u32::try_from(input.bytes.len())?);
        request.bytes(&input.bytes);
    }
    Ok(request.0)
}

impl Drop for Kernel {
    fn drop(&mut self) {
        // It has no state worth a friendlier end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn errno(number: u32) -> Errno {
    Errno::from_raw(number as i32)
}

fn observation(answer: &mut Received<'_>, kind: ProgramKind, left_len: usize) -> Result<Observed> {
    let error = answer.number()?;
    let number = answer.number()?;
    let len = answer.len()?;
    let meta_len = answer.len()?;
    let mut context = [0; 8];
    for field in &mut context {
        *field = answer.number()?;
    }
    let all = answer.bytes(len)?;
    let (metadata, bytes) = match kind {
        ProgramKind::Xdp if error == 0 => all
            .split_at_checked(meta_len)
            .context("more metadata than bytes")?,
        _ => (&[][..], all),
    };
    let samples = (0..answer.number()?)
        .map(|_| {
            let len = answer.len()?;
            Ok(answer.bytes(len)?.to_vec())
        })
        .collect::<Result<_>>()?;
    Ok(Observed {
        returned: match error {
            0 => Returned::of(kind, number),
            error => Returned::Stopped(errno(error).to_string()),
        },
        bytes: bytes.to_vec(),
        metadata: metadata.to_vec(),
        context: match kind {
            ProgramKind::Xdp => [0; 8],
            ProgramKind::SchedCls => context,
        },
        samples,
        left: answer.bytes(left_len)?.to_vec(),
    })
}

fn elements_of(answer: &mut Received<'_>, map: &MapShape) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let count = answer.len()?;
    let (key_size, value_size) = (map.key_size as usize, map.value_size as usize);
    let keys = answer.bytes(count * key_size)?;
    let values = answer.bytes(count * value_size)?;
    let keys = keys.chunks_exact(key_size).map(<[u8]>::to_vec);
    let values = values.chunks_exact(value_size).map(<[u8]>::to_vec);
    let elements: BTreeMap<_, _> = keys.zip(values).collect();
    ensure!(elements.len() == count, "the kernel lists a key twice");
    Ok(elements)
}
