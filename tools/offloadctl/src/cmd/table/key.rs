// SPDX-License-Identifier: GPL-2.0

//! The fields of a key, as they are written on a command line.

use anyhow::{bail, ensure, Context, Result};
use graph_json::{digest, names};
use offload_uapi::client::Client;
use offload_uapi::types::TableField;
use parse_graph::{blob, Field, Piece, Source};

/// The fields that `texts` name, of which some may be those that the graph of the interface's device finds.
pub(super) fn fields(
    client: &mut Client,
    ifindex: u32,
    texts: &[String],
) -> Result<Vec<TableField>> {
    let mut file = None;
    let mut all = Vec::new();
    for text in texts {
        let field = match text.split_once(':') {
            Some((node, rest)) => by_place(node, rest),
            None => match &file {
                None => by_name(text, file.insert(client.parse_graph(ifindex)?.bytes)),
                Some(file) => by_name(text, file),
            },
        };
        all.push(field.with_context(|| format!("field {text:?}"))?);
    }
    Ok(all)
}

/// The name of a node, and which time it is that a frame comes to it.
fn node(text: &str) -> Result<(String, u32)> {
    Ok(match text.rsplit_once('#') {
        Some((name, time)) => (name.to_owned(), time.parse().context("no number behind #")?),
        None => (text.to_owned(), 1),
    })
}

/// A number of bits, or of bytes with a B behind it.
fn bits(text: &str) -> Result<u32> {
    let number = |text: &str| text.parse::<u32>().with_context(|| format!("{text:?}"));
    match text.strip_suffix('B') {
        Some(bytes) => number(bytes)?.checked_mul(8).context("too many bytes"),
        None => number(text),
    }
}

fn by_place(of: &str, rest: &str) -> Result<TableField> {
    let (name, occurrence) = node(of)?;
    let (offset, length) = rest.split_once(':').context("no length")?;
    Ok(TableField {
        node: name,
        occurrence,
        offset: bits(offset).context("the offset")?,
        bits: bits(length).context("the length")?,
    })
}

/// A field that the graph in `file` finds at a node.
fn by_name(text: &str, file: &[u8]) -> Result<TableField> {
    let (of, field) = text
        .rsplit_once('.')
        .context("neither NODE:OFFSET:LENGTH nor NODE.FIELD")?;
    let (name, occurrence) = node(of)?;
    let found = Field::ALL.into_iter().find(|known| known.name() == field);
    let found = found.with_context(|| format!("no field has this name: {field}"))?;
    let blob = blob::parse(file, digest)?;
    let called = names(&blob);
    let mut nodes = (0..).zip(blob.graph.nodes());
    let node = nodes.find(|(number, _)| called.node(*number) == name);
    let (_, node) = node.with_context(|| format!("the parse graph has no node {name:?}"))?;
    let mut stores = blob.graph.stores(node.stores);
    let store = stores.find(|store| store.field == found && store.source == Source::Extract);
    let store = store.with_context(|| format!("node {name:?} does not find {field}"))?;
    let (offset, bits) = place(&store.piece)?;
    Ok(TableField {
        node: name,
        occurrence,
        offset,
        bits,
    })
}

/// Where the bits of a piece begin, and how many they are.
fn place(piece: &Piece) -> Result<(u32, u32)> {
    let (offset, size) = (u32::from(piece.offset) * 8, u32::from(piece.size) * 8);
    if piece.is_plain() {
        return Ok((offset, size));
    }
    let left = piece.mask.leading_zeros();
    let bits = piece.mask.count_ones();
    ensure!(bits > 0, "no bit of it counts");
    if left + bits + piece.mask.trailing_zeros() != u32::BITS {
        bail!("its bits do not lie side by side: name them by their places");
    }
    Ok((offset + left - (u32::BITS - size), bits))
}

#[cfg(test)]
mod tests {
    use graph_json::Canonical;

    use super::*;

    fn overlay() -> Vec<u8> {
        let json = std::fs::read_to_string("../../samples/parsers/overlay.json").unwrap();
        Canonical::from_json(&json).unwrap().to_blob(None).unwrap()
    }

    #[test]
    fn fields_by_their_places() {
        let field = |text: &str| {
            let (of, rest) = text.split_once(':').unwrap();
            by_place(of, rest)
        };
        for (text, written) in [
            ("ipv4:96:32", "ipv4:96:32"),
            ("ipv4#1:12B:4B", "ipv4:96:32"),
            ("ipv4#2:12B:1", "ipv4#2:96:1"),
            ("a.b#x#3:0:8", "a.b#x#3:0:8"),
        ] {
            assert_eq!(field(text).unwrap().to_string(), written);
        }
        for text in ["ipv4:96", "ipv4:x:1", "ipv4#a:1:1", "ipv4:1:999999999B"] {
            assert!(field(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fields_by_the_names_that_a_graph_has_for_them() {
        let file = overlay();
        for (text, written) in [
            ("ipv4#2.ipv4_src", "ipv4#2:96:32"),
            ("ipv6.ipv6_dst", "ipv6:192:128"),
            ("ipv6.tos", "ipv6:4:8"),
            ("vxlan.tunnel_id", "vxlan:96:24"),
            ("ipv6-labelled.flow_label", "ipv6-labelled:12:20"),
        ] {
            assert_eq!(by_name(text, &file).unwrap().to_string(), written);
        }
        for (text, told) in [
            ("ipv4", "NODE.FIELD"),
            ("ipv4.none", "no field has this name"),
            ("ipv5.tos", "no node \"ipv5\""),
            ("ipv4.ports", "does not find ports"),
            // A constant.
            ("ipv4.addr_proto", "does not find addr_proto"),
        ] {
            let error = by_name(text, &file).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
