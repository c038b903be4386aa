// SPDX-License-Identifier: GPL-2.0

//! `offloadctl parser audit`: frames in which the kernel has looked as well.

use anyhow::Result;
use comfy_table::{CellAlignment, Table};
use offload_uapi::client::Client;
use offload_uapi::types::{self, hex};
use serde::Serialize;

use super::compared::{self, Compared};
use crate::interface::{Interfaces, Names};
use crate::output::{drawn, table, Output, Status};

/// What has come of an audit.
#[derive(Serialize)]
struct Audit {
    ifindex: u32,
    interface: String,
    /// Of so many frames one is looked at; 0 for none.
    one_in: u32,
    ends_permission: bool,
    /// Whether a difference has ended the permission.
    ended: bool,
    audited: u64,
    left_out: u64,
    different: u64,
    /// The first frame in which they have not found the same.
    first: Option<First>,
}

/// A frame, and what was found in it.
#[derive(Serialize)]
struct First {
    /// Its first bytes.
    data: String,
    #[serde(flatten)]
    compared: Compared,
}

impl Audit {
    fn new(told: types::Audit, names: &Names) -> Self {
        Self {
            ifindex: told.ifindex,
            interface: names.of(told.ifindex),
            one_in: told.one_in,
            ends_permission: told.ends_permission,
            ended: told.ended,
            audited: told.audited,
            left_out: told.left_out,
            different: told.different,
            first: told.first.map(|(frame, parsed)| First {
                data: hex(&frame),
                compared: Compared::new(1, frame.len(), &parsed),
            }),
        }
    }
}

/// Sets the audit of `interface` first, if `set` says how: of how many frames one is looked at, and whether a
/// difference ends the permission. Then it shows it, or all.
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
                client.set_audit(ifindex, one_in, ends_permission)?;
            }
            vec![client.audit(ifindex)?]
        }
        None => client.audits()?,
    };
    let names = interfaces.names();
    let all = told.into_iter().map(|told| Audit::new(told, &names));
    let all: Vec<_> = all.collect();
    let is_same = all.iter().all(|audit| audit.different == 0);
    output.show_text(all.as_slice(), text)?;
    Ok(if is_same {
        Status::Good
    } else {
        Status::Different
    })
}

/// A table of all, and behind it the first differences.
fn text(all: &[Audit]) -> String {
    let mut text = drawn(list(all));
    for audit in all {
        if let Some(First { data, compared }) = &audit.first {
            let table = drawn(compared::list(std::slice::from_ref(compared)));
            text += &format!("{}: the first frame: {data}\n{table}", audit.interface);
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
        "different",
        "permission",
    ]);
    for column in 1..5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for audit in all {
        table.add_row([
            audit.interface.clone(),
            match audit.one_in {
                0 => "-".to_owned(),
                one_in => one_in.to_string(),
            },
            audit.audited.to_string(),
            audit.left_out.to_string(),
            audit.different.to_string(),
            match (audit.ends_permission, audit.ended) {
                (_, true) => "ended by a difference",
                (true, _) => "ends with a difference",
                _ => "stays",
            }
            .to_owned(),
        ]);
    }
    table
}
