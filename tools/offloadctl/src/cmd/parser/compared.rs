// SPDX-License-Identifier: GPL-2.0

//! What the device and the kernel find in frames, side by side.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use comfy_table::Table;
use offload_uapi::client::Client;
use offload_uapi::netlink::ParseVerdict;
use offload_uapi::types::{hex, FoundKeys, Known, Parsed};
use parse_graph::agree::{self, Keys};
use parse_graph::{Field, Order};
use serde::Serialize;

use crate::cmd::frames::Source;
use crate::interface::Interfaces;
use crate::output::{table, Output, Status};

/// Values by the names of fields.
type Fields = BTreeMap<&'static str, String>;

/// What was found in a frame.
#[derive(Serialize)]
pub(super) struct Compared {
    /// Its number, counted from 1.
    frame: usize,
    /// Its bytes that were looked at.
    bytes: usize,
    device: Side,
    kernel: Side,
    /// Whether the kernel's side is a program.
    kernel_program: bool,
    /// Names of what is not the same: fields, or `verdict`.
    different: Vec<&'static str>,
    /// The nodes of the device's way, each with the offset of its header.
    steps: Vec<(u16, u16)>,
}

/// What one of them has found.
#[derive(Serialize)]
struct Side {
    verdict: Known<ParseVerdict>,
    /// What is not zero.
    fields: Fields,
}

pub(super) fn run(interface: &str, source: &Source, flags: u32, output: &Output) -> Result<Status> {
    // A mistake in there has nothing to do with the kernel.
    let frames = source.frames()?;
    let mut client = Client::connect()?;
    let all = Interfaces::of(&mut client)?;
    let device = all.find(interface)?;
    let compared = (1..).zip(&frames).map(|(number, frame)| {
        let parsed = client.parse(device.ifindex, &frame.bytes, flags);
        let parsed = parsed.with_context(|| format!("{}: frame {number}", device.ifname))?;
        Ok(Compared::new(number, frame.bytes.len(), &parsed))
    });
    let compared = compared.collect::<Result<Vec<_>>>()?;
    let is_same = compared.iter().all(|it| it.different.is_empty());
    output.show(compared.as_slice(), list)?;
    Ok(if is_same {
        Status::Good
    } else {
        Status::Different
    })
}

impl Compared {
    pub(super) fn new(frame: usize, bytes: usize, parsed: &Parsed) -> Self {
        Self {
            frame,
            bytes,
            device: Side::new(&parsed.device),
            kernel: Side::new(&parsed.kernel),
            kernel_program: parsed.kernel_program,
            different: different(parsed),
            steps: parsed.steps.clone(),
        }
    }
}

/// What the two do not agree on, of what both can tell.
fn different(parsed: &Parsed) -> Vec<&'static str> {
    let (device, kernel) = (&parsed.device, &parsed.kernel);
    if device.verdict == Known::Is(ParseVerdict::LeftOut) {
        return Vec::new();
    }
    let verdict = (device.verdict != kernel.verdict).then_some("verdict");
    let fields = agree::different(keys(device), keys(kernel), parsed.kernel_program);
    verdict.into_iter().chain(fields.map(Field::name)).collect()
}

fn keys(found: &FoundKeys) -> Keys<'_> {
    Keys {
        flow_keys: &found.keys,
        device: &found.fields,
    }
}

impl Side {
    fn new(found: &FoundKeys) -> Self {
        let keys = keys(found);
        let fields = Field::ALL.into_iter().filter(|field| keys.has(*field));
        let fields = fields.filter_map(|field| {
            let mut bytes = keys.bytes(field).to_vec();
            if field.order() == Order::Host {
                bytes.reverse();
            }
            let is_something = bytes.iter().any(|byte| *byte != 0);
            is_something.then(|| (field.name(), hex(&bytes)))
        });
        Self {
            verdict: found.verdict,
            fields: fields.collect(),
        }
    }
}

pub(super) fn list(all: &[Compared]) -> Table {
    let mut table = table(["frame", "field", "device", "kernel", ""]);
    for compared in all {
        let (device, kernel) = (&compared.device, &compared.kernel);
        let mark = |name: &str| {
            let is_different = compared.different.contains(&name);
            if is_different { "different" } else { "" }.to_owned()
        };
        table.add_row([
            compared.frame.to_string(),
            "verdict".to_owned(),
            device.verdict.to_string(),
            kernel.verdict.to_string(),
            mark("verdict"),
        ]);
        let names = Field::ALL.map(Field::name);
        for name in names {
            let values = [&device.fields, &kernel.fields].map(|fields| fields.get(name));
            if values == [None, None] {
                continue;
            }
            let [device, kernel] = values.map(|value| value.map_or("-", String::as_str).to_owned());
            table.add_row([String::new(), name.to_owned(), device, kernel, mark(name)]);
        }
    }
    table
}
