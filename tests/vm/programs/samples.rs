// SPDX-License-Identifier: GPL-2.0

//! `bpf_perf_event_output`: what reaches user space from the device is what reaches it from
//! native XDP, byte for byte, and programs are told the same.
//!
//! Perf events need an x86 machine: User Mode Linux has none.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{ensure, Context, Result};
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;
use offload_tests::bpf::{Attached, Map};
use offload_tests::cable::Cable;
use offload_tests::command::Cmd;
use offload_tests::frames::Frames;
use offload_tests::link::await_that;
use offload_tests::processor::run_on;
use offload_tests::wire::Sender;
use serde_json::Value;

/// Frames for which a reader's buffer has room whether or not it gets to run: each
/// event has 16 pages.
const FRAMES: usize = 300;
/// The longest frame. One in ten is sent whole.
const LONGEST: usize = 400;

/// `bpftool` at the other end of an array of events.
struct Reader(Child);

impl Reader {
    fn start(events: &Map) -> Result<Self> {
        let child = events.cmd("event_pipe", "").spawn(Stdio::piped())?;
        Ok(Self(child))
    }

    /// Ends it and gives what it has read: a list of events.
    fn finish(mut self) -> Result<Vec<Value>> {
        kill(Pid::from_raw(i32::try_from(self.0.id())?), Signal::SIGINT)?;
        let mut said = [String::new(), String::new()];
        let [stdout, stderr] = &mut said;
        let pipe = self.0.stdout.take().context("no pipe")?;
        BufReader::new(pipe).read_to_string(stdout)?;
        let pipe = self.0.stderr.take().context("no pipe")?;
        BufReader::new(pipe).read_to_string(stderr)?;
        self.0.wait()?;
        serde_json::from_str(stdout).with_context(|| format!("bpftool printed {said:?}"))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How often the program saw each result, by result and kind of call.
type Returned = BTreeMap<Vec<u8>, Vec<u8>>;

/// What a run left behind.
#[derive(Debug)]
struct Outcome {
    samples: Vec<Value>,
    returned: Returned,
}

/// Frames of one kind of call, [`FRAMES`] of all kinds.
fn some_frames() -> Vec<Vec<u8>> {
    let mut source = Frames::new(50, LONGEST - 14);
    (0..FRAMES).map(|_| source.next_frame()).collect()
}

/// A frame that asks for a sample without frame bytes.
fn probe() -> Vec<u8> {
    let mut frame = vec![0; 60];
    (frame[0], frame[6]) = (2, 2);
    frame
}

/// The key in `returned` of result `value` for calls of kind `kind`.
fn result(value: i64, kind: u64) -> Vec<u8> {
    [value.to_le_bytes(), kind.to_le_bytes()].concat()
}

fn run(cable: &Cable, frames: &[Vec<u8>]) -> Result<Outcome> {
    let maps = number_of_maps()?;
    let program = cable.attach("samples")?;
    let returned = program.map("returned")?;
    let reader = Reader::start(&program.map("events")?)?;
    let sender = Sender::new(&cable.near)?;
    // bpftool takes one processor after the other. The frames go through on the last.
    await_that("a reader of events", || {
        sender.send(&probe())?;
        Ok(returned.lookup(&result(0, 0))?.is_some())
    })?;
    let before = handled(&program)?;
    frames.iter().try_for_each(|frame| sender.send(frame))?;
    await_that("every frame", || {
        // What was probed last may still have been on its way.
        Ok(handled(&program)? >= before + frames.len() as u64)
    })?;
    let outcome = Outcome {
        samples: reader.finish()?,
        returned: returned.dump()?,
    };
    cable.detach()?;
    await_that("the maps are gone", || Ok(number_of_maps()? == maps))?;
    Ok(outcome)
}

fn number_of_maps() -> Result<usize> {
    let list = Cmd::new("bpftool -j map show").json()?;
    Ok(list.as_array().map_or(0, Vec::len))
}

/// How many frames the program has seen.
fn handled(program: &Attached) -> Result<u64> {
    let words = program.map("state")?.words(&[0; 4])?;
    Ok(words.first().context("no element")? & 0xffff_ffff)
}

/// Binds this thread, and so the processing of what it sends, to the last processor.
fn stay_on_the_last_processor() -> Result<()> {
    run_on(std::thread::available_parallelism()?.get() - 1)
}

/// The bytes of the samples behind the probes', without their number.
fn payloads(samples: &[Value]) -> Result<Vec<Vec<u8>>> {
    let bytes = |sample: &Value| {
        let list = sample["data"]
            .as_array()
            .with_context(|| format!("no sample: {sample}"))?;
        let byte = |byte: &Value| u8::try_from(byte.as_u64()?).ok();
        let bytes = list.iter().map(byte).collect::<Option<Vec<_>>>();
        bytes.with_context(|| format!("not bytes: {sample}"))
    };
    let all = samples.iter().map(bytes).collect::<Result<Vec<_>>>()?;
    let probe = &probe()[..24];
    let of_a_probe = |bytes: &&Vec<u8>| bytes.get(8..32) == Some(probe);
    let mut payloads: Vec<_> = all.iter().skip_while(of_a_probe).cloned().collect();
    for payload in &mut payloads {
        payload.iter_mut().take(4).for_each(|byte| *byte = 0);
    }
    Ok(payloads)
}

#[test]
fn samples_are_those_of_native_xdp() -> Result<()> {
    if !Path::new("/proc/sys/kernel/perf_event_paranoid").exists() {
        println!("skipped: samples_are_those_of_native_xdp: this kernel has no perf events");
        return Ok(());
    }
    stay_on_the_last_processor()?;
    let frames = some_frames();
    let native = run(&Cable::veth(1500)?, &frames).context("native")?;
    let offloaded = run(&Cable::onic(1500)?, &frames).context("offloaded")?;

    let (expected, found) = (payloads(&native.samples)?, payloads(&offloaded.samples)?);
    let pairs = expected.iter().zip(&found);
    for (number, (expected, found)) in pairs.enumerate() {
        ensure!(
            expected == found,
            "sample {number} differs\nnative:    {expected:02x?}\noffloaded: {found:02x?}"
        );
    }
    let (expected, found) = (expected.len(), found.len());
    ensure!(expected == found, "{expected} samples, {found} offloaded");
    // Six of ten kinds of calls send one.
    ensure!(expected > FRAMES / 2, "only {expected} samples");
    println!("{expected} samples of {FRAMES} frames");

    // The number of probes, which succeed or find nobody, is a matter of time.
    let lasting = |returned: &Returned| {
        let is_probe = |key: &Vec<u8>| key.ends_with(&0_u64.to_le_bytes());
        let all = returned.clone().into_iter();
        all.filter(|(key, _)| !is_probe(key)).collect::<Returned>()
    };
    let (expected, found) = (lasting(&native.returned), lasting(&offloaded.returned));
    ensure!(
        expected == found,
        "returned natively {expected:02x?}, offloaded {found:02x?}"
    );
    for (errno, kind) in [(14, 3), (22, 4), (7, 5), (2, 6)] {
        let key = result(-errno, kind);
        ensure!(
            expected.contains_key(&key),
            "no error {errno}: {expected:?}"
        );
    }
    Ok(())
}
