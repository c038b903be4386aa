// SPDX-License-Identifier: GPL-2.0

//! `offloadctl parser`: parse graphs, in files and in devices.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{ensure, Context, Result};
use clap::Subcommand;
use comfy_table::{CellAlignment, Table};
use graph_json::{digest, dump, names, Canonical};
use offload_uapi::client::Client;
use offload_uapi::types::{hex, Parser};
use parse_graph::{blob, Header};
use serde::Serialize;

use super::frames::Source;
use crate::interface::{Interfaces, Names};
use crate::output::{table, Output, Status};

mod attach;
mod audit;
mod compared;
mod count;
mod elf;
mod import;
mod picture;

/// Builds parse graphs, shows those of devices, and asks what they find in frames
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build a parse graph and its flow dissector, and tell the digests of both
    ///
    /// Two graphs that mean the same have one digest, whatever their nodes are called and in which order
    /// they stand.
    Build {
        /// The graph, as JSON
        file: PathBuf,
        /// Write what can be flashed to this file: `devlink dev flash DEV file FILE component parser`
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Write the flow dissector to this object file, for other tools than `offloadctl parser attach`:
        /// `bpftool prog load FILE PATH type flow_dissector`
        #[arg(long, value_name = "FILE")]
        object: Option<PathBuf>,
    },
    /// Show by which graphs devices parse
    Show {
        /// Only of this interface: its name or index
        interface: Option<String>,
    },
    /// Write the graph of a device as JSON, which has the same digest
    Dump {
        /// An interface of the device: its name or index
        interface: String,
        /// Write the graph's file to this one, as it was flashed
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Have the kernel run the flow dissector of a graph, in this network namespace
    ///
    /// It is that of the graph by which a device parses, so that its hashes are believed, or of the graph in
    /// a file. `bpftool` loads and attaches it, and it stays when this has ended. One that was attached like
    /// this before is replaced at once. What is attached in the first network namespace is for all of them.
    Attach {
        /// An interface of the device: its name or index
        #[arg(required_unless_present = "file")]
        interface: Option<String>,
        /// The graph in this file, as JSON or as it is flashed
        #[arg(long, value_name = "FILE", conflicts_with = "interface")]
        file: Option<PathBuf>,
        /// In the place of one, too, that was not attached like this
        #[arg(long)]
        replace: bool,
    },
    /// Have the kernel run its own code again, in this network namespace
    ///
    /// Only what `offloadctl parser attach` has attached is detached.
    Detach,
    Import(import::Args),
    /// Draw a graph, in the language of Graphviz or as SVG
    ///
    /// Both have a box for each node and the keys by which one leads to the other; failure is red, and what
    /// happens when no more headers are counted is dotted.
    Graph {
        /// The graph, as JSON
        #[arg(required_unless_present = "of")]
        file: Option<PathBuf>,
        /// Draw the graph of the device of this interface, with what is counted of its frames
        #[arg(long, value_name = "INTERFACE", conflicts_with = "file")]
        of: Option<String>,
        /// As SVG, which needs no other program
        #[arg(long)]
        svg: bool,
        /// Write it to this file, instead of standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Ask what the device and the kernel find in each frame
    ///
    /// The kernel's flow dissector is the program that is attached in the namespace of the interface, or
    /// the kernel's own code. Nothing is sent and nothing counted. The exit status is 3 if they do
    /// not find the same in all frames that the graph does not leave out.
    Run {
        /// An interface of the device: its name or index
        interface: String,
        #[command(flatten)]
        source: Source,
        /// What is asked for, as flow dissectors are: 1 what is behind the first of several fragments,
        /// 2 nothing behind a flow label, 4 nothing in what another packet carries, 8 not that it does
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..16))]
        flags: u32,
    },
    /// Have the kernel look at received frames, too, and show what has come of it
    ///
    /// Without --one-in, nothing is changed. With it, the audit begins anew. The exit status is 3 if device
    /// and kernel have not found the same in some frame.
    Audit {
        /// Only of this interface: its name or index
        interface: Option<String>,
        /// Of so many frames for the stack the kernel looks at one; 0 for none
        #[arg(long, value_name = "NUMBER", requires = "interface")]
        one_in: Option<u32>,
        /// The first difference ends the permission to tell hashes
        #[arg(long, requires = "one_in")]
        end: bool,
    },
    /// Count which nodes of the graph received frames come to, how they go on, and where they fail
    ///
    /// Without on or off, nothing is changed. Each frame that comes to a queue of the interface is counted
    /// once, a super-frame as one; for that the device walks over the graph another time. Of each node the
    /// last frame is kept that failed there. Another graph that is activated is counted anew.
    Count {
        /// The interface: its name or index
        interface: String,
        /// Begin anew, or end, and forget what was counted
        switch: Option<count::Switch>,
    },
}

/// A graph that was built.
#[derive(Serialize)]
struct Built {
    /// Its name.
    parser: String,
    /// SHA-256 of the canonical form.
    digest: String,
    /// Size of that in bytes.
    size: usize,
    /// SHA-256 of the flow dissector.
    dissector: String,
    /// How many instructions that has.
    instructions: usize,
    nodes: u16,
    entries: u16,
    max_headers: u8,
}

impl Args {
    pub(crate) fn run(self, output: &Output) -> Result<Status> {
        match self.command {
            Command::Build {
                file,
                output: blob,
                object,
            } => build(&file, blob.as_deref(), object.as_deref(), output),
            Command::Show { interface } => show(interface.as_deref(), output),
            Command::Dump {
                interface,
                output: blob,
            } => dump_of(&interface, blob.as_deref(), output),
            Command::Attach {
                interface,
                file,
                replace,
            } => attach::attach(interface.as_deref(), file.as_deref(), replace, output),
            Command::Detach => attach::detach(output),
            Command::Import(args) => args.run(output),
            Command::Graph {
                file,
                of,
                svg,
                output: picture,
            } => {
                let drawn = match of {
                    Some(of) => count::draw(&of, svg)?,
                    None => {
                        let canonical = canonical(&file.unwrap_or_default())?;
                        picture::draw(svg, &canonical.graph()?, canonical.names(), &())
                    }
                };
                match picture {
                    Some(picture) => write(&picture, drawn.as_bytes())?,
                    None => output.write(&drawn)?,
                }
                Ok(Status::Good)
            }
            Command::Run {
                interface,
                source,
                flags,
            } => compared::run(&interface, &source, flags, output),
            Command::Audit {
                interface,
                one_in,
                end,
            } => audit::run(
                interface.as_deref(),
                one_in.map(|one_in| (one_in, end)),
                output,
            ),
            Command::Count { interface, switch } => count::run(&interface, switch, output),
        }
    }
}

/// The graph in a file.
fn canonical(file: &Path) -> Result<Canonical> {
    let context = || file.display().to_string();
    let text = fs::read_to_string(file).with_context(context)?;
    Canonical::from_json(&text).with_context(context)
}

fn build(
    file: &Path,
    blob: Option<&Path>,
    object: Option<&Path>,
    output: &Output,
) -> Result<Status> {
    let canonical = canonical(file)?;
    let insns =
        elf::instructions(&canonical.graph()?).with_context(|| file.display().to_string())?;
    let dissector = digest(&insns);
    let [nodes, entries, ..]: [u16; Header::KINDS] = canonical.graph()?.counts();
    let built = Built {
        parser: canonical.names().parser.clone(),
        digest: hex(&canonical.digest()),
        size: canonical.bytes().len(),
        dissector: hex(&dissector),
        instructions: insns.len() / 8,
        nodes,
        entries,
        max_headers: canonical.graph()?.max_headers(),
    };
    if let Some(blob) = blob {
        write(blob, &canonical.to_blob(Some(&dissector))?)?;
    }
    if let Some(object) = object {
        write(object, &elf::object(&insns)?)?;
    }
    output.show_text(&built, |built| {
        format!(
            "{}: {} nodes, {} table entries, {} headers\n\
             graph      {}  {} bytes\n\
             dissector  {}  {} instructions\n",
            built.parser,
            built.nodes,
            built.entries,
            built.max_headers,
            built.digest,
            built.size,
            built.dissector,
            built.instructions
        )
    })?;
    Ok(Status::Good)
}

fn show(interface: Option<&str>, output: &Output) -> Result<Status> {
    let mut client = Client::connect()?;
    let interfaces = Interfaces::of(&mut client)?;
    let all = match interfaces.filter(interface)? {
        Some(ifindex) => vec![client.parser(ifindex)?],
        None => client.parsers()?,
    };
    output.show(all.as_slice(), |all| list(all, &interfaces.names()))?;
    Ok(Status::Good)
}

fn list(all: &[Parser], names: &Names) -> Table {
    let mut table = table([
        "interface",
        "nodes",
        "entries",
        "headers",
        "memory",
        "graph",
        "dissector",
        "level",
        "hashes",
        "withheld",
    ]);
    for column in [1, 2, 3, 4, 9] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for parser in all {
        table.add_row([
            names.of(parser.ifindex),
            parser.nodes.to_string(),
            parser.entries.to_string(),
            parser.max_headers.to_string(),
            parser.memory.to_string(),
            tag(&parser.digest),
            tag(&parser.dissector),
            match &parser.release {
                Some(release) => format!("{} ({release})", parser.level),
                None => parser.level.to_string(),
            },
            if parser.permitted { "told" } else { "withheld" }.to_owned(),
            parser.withheld.to_string(),
        ]);
    }
    table
}

/// The first 8 bytes of a digest, by which people know a program: `bpftool` calls them its tag.
fn tag(digest: &[u8]) -> String {
    hex(digest.get(..8).unwrap_or(digest))
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(file, bytes).with_context(|| file.display().to_string())
}

fn dump_of(interface: &str, file: Option<&Path>, output: &Output) -> Result<Status> {
    let mut client = Client::connect()?;
    let all = Interfaces::of(&mut client)?;
    let running = client.parse_graph(all.find(interface)?.ifindex)?;
    let blob = blob::parse(&running.bytes, digest)?;
    let (told, found) = (hex(&running.digest), hex(&blob.digest));
    ensure!(
        told == found,
        "the device says that the digest is {told}, and it is {found}"
    );
    if let Some(file) = file {
        write(file, &running.bytes)?;
    }
    let document = dump(&blob.graph, &names(&blob));
    output.write(&(serde_json::to_string_pretty(&document)? + "\n"))?;
    Ok(Status::Good)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each NIC comes with.
    const BUILT_IN: &str = "../../module/device/parser/kernel.fw";

    #[test]
    fn what_a_nic_comes_with_is_the_sample() {
        let canonical = canonical(Path::new("../../samples/parsers/kernel.json")).unwrap();
        let dissector = digest(&elf::instructions(&canonical.graph().unwrap()).unwrap());
        let blob = canonical.to_blob(Some(&dissector)).unwrap();
        assert!(
            fs::read(BUILT_IN).unwrap() == blob,
            "offloadctl parser build samples/parsers/kernel.json --output module/device/parser/kernel.fw"
        );
    }
}
