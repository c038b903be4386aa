// SPDX-License-Identifier: GPL-2.0

//! `offloadctl gro audit`: super-frames that the kernel has cut again.

use std::io;

use anyhow::Result;
use comfy_table::{CellAlignment, Table};
use offload_uapi::client::Client;
use offload_uapi::types::{self, CutDifference};
use serde::Serialize;

use crate::interface::{Interfaces, Names};
use crate::output::{drawn, table, Output, Status};

/// Bytes of a frame in a line of text.
const LINE: usize = 16;

/// What has come of an audit.
#[derive(Serialize)]
struct Audit {
    interface: String,
    #[serde(flatten)]
    told: types::GroAudit,
}

/// Sets the audit of `interface` first, if `set` says how: of how many super-frames one is compared, and
/// whether a difference ends the permission. Then it shows it, or all.
pub(super) fn run(
    interface: Option<&str>,
    set: Option<(u32, bool)>,
    output: &Output,
) -> Result<Status> {
    let mut client = Client::connect()?;
    let interfaces = Interfaces::of(&mut client)?;
    let told = match interfaces.filter(interface)? {
        Some(ifindex) => {
            if let Some((one_in, ends_permission)) = set {
                client.set_gro_audit(ifindex, one_in, ends_permission)?;
            }
            vec![client.gro_audit(ifindex)?]
        }
        None => client.gro_audits()?,
    };
    let names = interfaces.names();
    let all: Vec<_> = told.into_iter().map(|told| named(told, &names)).collect();
    let is_same = all.iter().all(|audit| audit.told.different == 0);
    output.show_text(all.as_slice(), text)?;
    Ok(if is_same {
        Status::Good
    } else {
        Status::Different
    })
}

fn named(told: types::GroAudit, names: &Names) -> Audit {
    Audit {
        interface: names.of(told.ifindex),
        told,
    }
}

/// A table of all, and behind it the first differences.
fn text(all: &[Audit]) -> String {
    let mut text = drawn(list(all));
    for audit in all {
        if let Some(first) = &audit.told.first {
            text += &format!("{}: {}", audit.interface, told(first));
        }
    }
    text
}

fn list(all: &[Audit]) -> Table {
    let mut table = table([
        "interface",
        "one in",
        "audited",
        "left out",
        "lossy",
        "different",
        "permission",
    ]);
    for column in 1..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for Audit { interface, told } in all {
        table.add_row([
            interface.clone(),
            match told.one_in {
                0 => "-".to_owned(),
                one_in => one_in.to_string(),
            },
            told.audited.to_string(),
            told.left_out.to_string(),
            told.lossy.to_string(),
            told.different.to_string(),
            match (told.ends_permission, told.ended) {
                (_, true) => "ended by a difference",
                (true, _) => "ends with a difference",
                _ => "stays",
            }
            .to_owned(),
        ]);
    }
    table
}

/// What is different, in lines.
fn told(first: &CutDifference) -> String {
    let frames = first.frames;
    if let Some(error) = first.error {
        // An error number is small.
        let error = io::Error::from_raw_os_error(error as i32);
        return format!("the first one was {frames} frames, and can't be cut: {error}\n");
    }
    let mut text = format!(
        "the first one was {frames} frames, and is cut into {}",
        first.segments
    );
    let number = first.index + 1;
    match (first.wire.len, first.cut.len) {
        _ if first.untrue => {
            let at = first.offset;
            text += &format!("; its own headers are not true, from byte {at} on\n");
        }
        (_, 0) => text += &format!(": without number {number}\n"),
        (0, _) => text += &format!(": number {number} is too many\n"),
        (wire, cut) => {
            let at = first.offset;
            text += &format!(
                "; number {number}, of {wire} bytes and {cut}, is another one from byte {at} on\n"
            );
        }
    }
    for (name, frame) in [("wire", &first.wire), ("cut", &first.cut)] {
        text += &line(name, first.offset as usize, &frame.data);
    }
    text
}

/// The bytes of `frame` around number `at`, if there are any.
fn line(name: &str, at: usize, frame: &[u8]) -> String {
    let start = at - at % LINE;
    let Some(bytes) = frame.get(start..).filter(|bytes| !bytes.is_empty()) else {
        return String::new();
    };
    let bytes = bytes.iter().take(LINE).map(|byte| format!(" {byte:02x}"));
    format!("  {name:4}  {start:4}: {}\n", bytes.collect::<String>())
}

#[cfg(test)]
mod tests {
    use offload_uapi::types::KeptFrame;

    use super::*;

    fn kept(data: &[u8]) -> KeptFrame {
        KeptFrame {
            len: data.len() as u32,
            data: data.to_vec(),
        }
    }

    #[test]
    fn a_difference_is_told() {
        let (mut wire, mut other) = (vec![0; 40], vec![0; 40]);
        (wire[33], other[33]) = (1, 2);
        let first = CutDifference {
            frames: 3,
            segments: 3,
            error: None,
            untrue: false,
            index: 1,
            offset: 33,
            wire: kept(&wire),
            cut: kept(&other),
        };
        assert_eq!(
            told(&first),
            "the first one was 3 frames, and is cut into 3; number 2, of 40 bytes and 40, is another one \
             from byte 33 on\n  wire    32:  00 01 00 00 00 00 00 00\n  cut     32:  00 02 00 00 00 00 00 \
             00\n"
        );
        let missing = CutDifference {
            segments: 1,
            offset: 0,
            wire: kept(&[1, 2]),
            cut: kept(&[]),
            ..first.clone()
        };
        assert_eq!(
            told(&missing),
            "the first one was 3 frames, and is cut into 1: without number 2\n  wire     0:  01 02\n"
        );
        let untrue = CutDifference {
            untrue: true,
            index: 0,
            ..first.clone()
        };
        assert!(told(&untrue).starts_with(
            "the first one was 3 frames, and is cut into 3; its own headers are not true, from byte 33 on\n"
        ));
        let refused = CutDifference {
            segments: 0,
            error: Some(22),
            ..first
        };
        assert_eq!(
            told(&refused),
            "the first one was 3 frames, and can't be cut: Invalid argument (os error 22)\n"
        );
    }
}
