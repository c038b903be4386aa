// SPDX-License-Identifier: GPL-2.0

//! `offloadctl parser attach` and `detach`: the flow dissector that the kernel runs in this network namespace.
//!
//! `bpftool` asks the kernel for it, which users have anyway: no crate does it without C libraries, on the
//! Rust that this is built with, and as `bpftool` does, so that a program stays when this ends and another
//! one takes its place at once. (A link would have to be pinned for the one, and updated for the other.)

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use anyhow::{ensure, Context, Result};
use graph_json::{digest, Canonical};
use offload_uapi::client::Client;
use offload_uapi::types::hex;
use parse_graph::blob;
use serde::Serialize;

use super::elf;
use crate::bpftool::{bpftool, Pinned, Program, BPFTOOL};
use crate::interface::Interfaces;
use crate::output::{Output, Status};

/// The type of the programs, and how they are attached, in its words.
const FLOW_DISSECTOR: &str = "flow_dissector";
/// How many digits of a digest are a program's tag.
const TAG: usize = 16;
/// What a program that can't be attached may be refused for.
const ELSEWHERE: &str =
    "a program of the first network namespace is for all of them, and there can be none \
                         elsewhere then: `bpftool net show` tells which one a namespace has";

/// Whether a program is one that was attached by this tool, as far as its name tells.
fn is_ours(program: &Program) -> bool {
    program.name.as_bytes() == elf::NAME
}

/// What was attached.
#[derive(Serialize)]
struct Attached {
    /// SHA-256 of the instructions.
    dissector: String,
    instructions: usize,
    program: Program,
    /// What was attached until then.
    replaced: Option<Program>,
}

/// The number of the program that `bpftool net show` tells of. It is asked in words: its JSON is broken where
/// there is one (`"flow_dissector":["id":6]`).
fn id_in(shown: &str) -> Result<Option<u32>> {
    let mut lines = shown.lines();
    let heading = lines.any(|line| line.trim_end_matches(':') == FLOW_DISSECTOR);
    ensure!(heading, "{BPFTOOL} net show: no {FLOW_DISSECTOR}: {shown}");
    let Some(id) = lines.next().and_then(|line| line.strip_prefix("id ")) else {
        return Ok(None);
    };
    let id = id.trim().parse();
    Ok(Some(id.with_context(|| {
        format!("{BPFTOOL} net show: no number: {shown}")
    })?))
}

/// The program that is attached in this network namespace.
fn attached() -> Result<Option<Program>> {
    let shown = bpftool(["net", "show"], Stdio::null())?;
    let Some(id) = id_in(&String::from_utf8_lossy(&shown))? else {
        return Ok(None);
    };
    let program = bpftool(["-j", "prog", "show", "id", &id.to_string()], Stdio::null())?;
    Ok(Some(serde_json::from_slice(&program)?))
}

/// Loads a program of these instructions. It goes with what this gives, unless it is attached by then.
fn load(insns: &[u8]) -> Result<Pinned> {
    // It is opened by that name, which no other process can get at.
    const STDIN: &str = "/proc/self/fd/0";
    let mut object = tempfile::tempfile().context("a file for the program")?;
    object.write_all(&elf::object(insns)?)?;
    let options = ["type", FLOW_DISSECTOR];
    Pinned::load(STDIN.as_ref(), object.into(), "dissector", &options)
}

/// The instructions for the graph in a file: JSON, or what is flashed.
fn of_file(file: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(file)?;
    if bytes.starts_with(&blob::MAGIC.to_le_bytes()) {
        of_blob(&bytes)
    } else {
        let text = String::from_utf8(bytes)?;
        elf::instructions(&Canonical::from_json(&text)?.graph()?)
    }
}

fn of_blob(bytes: &[u8]) -> Result<Vec<u8>> {
    elf::instructions(&blob::parse(bytes, digest)?.graph)
}

/// Attaches the flow dissector of the graph by which the device of an interface parses, or of the one in a
/// file. One that was not attached like this is replaced only if `replace` is set.
pub(super) fn attach(
    interface: Option<&str>,
    file: Option<&Path>,
    replace: bool,
    output: &Output,
) -> Result<Status> {
    let insns = match (interface, file) {
        (_, Some(file)) => of_file(file).with_context(|| file.display().to_string())?,
        (interface, None) => {
            let mut client = Client::connect()?;
            let all = Interfaces::of(&mut client)?;
            let ifindex = all.find(interface.unwrap_or_default())?.ifindex;
            of_blob(&client.parse_graph(ifindex)?.bytes)?
        }
    };
    let replaced = attached()?;
    if let Some(other) = &replaced {
        ensure!(
            replace || is_ours(other),
            "{} is attached here, which was not attached by offloadctl: --replace puts another one in its place",
            other.brief()
        );
    }
    let loaded = load(&insns)?;
    let program = loaded.program.clone();
    let dissector = hex(&digest(&insns));
    ensure!(
        dissector.get(..TAG) == Some(&program.tag),
        "{BPFTOOL} has loaded other instructions than it was given, {dissector}: {}",
        program.brief()
    );
    let done = loaded.ask(&[], "attach", &[FLOW_DISSECTOR]);
    done.with_context(|| match &replaced {
        Some(other) => format!(
            "can't take the place of {}, which a link may hold: `bpftool link show`",
            other.brief()
        ),
        None => format!("can't be attached here; {ELSEWHERE}"),
    })?;
    let attached = Attached {
        dissector,
        instructions: insns.len() / 8,
        program,
        replaced,
    };
    output.show_text(&attached, |attached| {
        let place = match &attached.replaced {
            Some(other) => format!(", in the place of {}", other.brief()),
            None => String::new(),
        };
        format!(
            "dissector  {}  {} instructions\n{} is attached{place}\n",
            attached.dissector,
            attached.instructions,
            attached.program.brief()
        )
    })?;
    Ok(Status::Good)
}

/// Detaches what was attached like this.
pub(super) fn detach(output: &Output) -> Result<Status> {
    let program = attached()?.with_context(|| {
        format!("no flow dissector is attached in this network namespace; {ELSEWHERE}")
    })?;
    let id = program.id.to_string();
    ensure!(
        is_ours(&program),
        "{} was not attached by offloadctl: `{BPFTOOL} prog detach id {id} {FLOW_DISSECTOR}` detaches it",
        program.brief()
    );
    bpftool(["prog", "detach", "id", &id, FLOW_DISSECTOR], Stdio::null())
        .with_context(|| program.brief())?;
    output.show_text(&program, |program| {
        format!("{} is detached\n", program.brief())
    })?;
    Ok(Status::Good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_in_what_is_shown() {
        let shown =
            |between: &str| format!("xdp:\n\ntc:\n\nflow_dissector:\n{between}\nnetfilter:\n\n");
        assert_eq!(id_in(&shown("id 17\n")).unwrap(), Some(17));
        assert_eq!(id_in(&shown("")).unwrap(), None);
        let error = id_in(&shown("id none\n")).unwrap_err().to_string();
        assert!(error.contains("no number"), "{error}");
        assert!(id_in("xdp:\n\n").is_err());
    }
}
