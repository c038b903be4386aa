// SPDX-License-Identifier: GPL-2.0

//! What the samples find in frames. For `kernel` the truth is `__skb_flow_dissect()` of Linux 7.2, read.

mod kernel;
mod others;
mod tunnels;
mod walker;

use graph_json::Canonical;
use walker::{walk, Found};

/// The sample with a name.
fn sample(name: &str) -> Canonical {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/parsers");
    let text = std::fs::read_to_string(format!("{dir}/{name}.json")).unwrap();
    Canonical::from_json(&text).unwrap()
}

/// What a sample finds.
fn find(name: &str, frame: &[u8], flags: u16) -> Found {
    let sample = sample(name);
    walk(&sample.graph().unwrap(), frame, flags)
}

fn ethernet(kind: u16) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    frame.extend(kind.to_be_bytes());
    frame
}

/// A header of IPv4 with `options` words of options.
fn ipv4(protocol: u8, fragment: u16, options: u8) -> Vec<u8> {
    let mut header = vec![0x45 + options, 0x10, 0, 0, 0, 0];
    header.extend(fragment.to_be_bytes());
    header.extend([64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    header.resize(header.len() + 4 * usize::from(options), 1);
    header
}

fn ipv6(protocol: u8, label: u32) -> Vec<u8> {
    let mut header = (0x6ab0_0000 | label).to_be_bytes().to_vec();
    header.extend([0, 0, protocol, 63]);
    header.extend([0x11; 16]);
    header.extend([0x22; 16]);
    header
}

fn frame(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

const PORTS: [u8; 8] = [0x12, 0x34, 0x56, 0x78, 0, 0, 0, 0];
