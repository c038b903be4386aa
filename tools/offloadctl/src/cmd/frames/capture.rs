// SPDX-License-Identifier: GPL-2.0

//! The frames of a capture file.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{ensure, Context, Result};
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::{Block, PcapNgReader};
use pcap_file::DataLink;

/// How a file in the format pcapng begins.
const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// A frame that is asked about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Its bytes, as far as they were captured.
    pub(crate) bytes: Vec<u8>,
    /// Its length on the wire: the end may not have been captured.
    pub(crate) length: u32,
}

/// The frames of the file at `path`.
///
/// # Errors
///
/// If it can't be read, is no capture, or one of something else than Ethernet.
pub(super) fn frames(path: &Path) -> Result<Vec<Frame>> {
    let mut reader = BufReader::new(File::open(path)?);
    if reader.fill_buf()?.starts_with(&PCAPNG) {
        next_generation(reader)
    } else {
        classic(reader)
    }
}

fn classic(reader: impl BufRead) -> Result<Vec<Frame>> {
    let mut reader = PcapReader::new(reader).context("it does not begin as a capture file does")?;
    is_ethernet(reader.header().datalink)?;
    let mut frames = Vec::new();
    while let Some(packet) = reader.next_packet() {
        let packet = packet.with_context(|| broken(&frames))?;
        frames.push(Frame {
            length: packet.orig_len,
            bytes: packet.data.into_owned(),
        });
    }
    Ok(frames)
}

fn next_generation(reader: impl BufRead) -> Result<Vec<Frame>> {
    let mut reader =
        PcapNgReader::new(reader).context("it does not begin as a pcapng file does")?;
    let mut frames = Vec::new();
    let mut links = Vec::new();
    while let Some(block) = reader.next_block() {
        let (interface, length, bytes) = match block.with_context(|| broken(&frames))? {
            // Interfaces are numbered anew.
            Block::SectionHeader(_) => {
                links.clear();
                continue;
            }
            Block::InterfaceDescription(interface) => {
                links.push(interface.linktype);
                continue;
            }
            Block::EnhancedPacket(it) => (it.interface_id, it.original_len, it.data.into_owned()),
            Block::SimplePacket(it) => (0, it.original_len, it.data.into_owned()),
            Block::Packet(it) => (
                it.interface_id.into(),
                it.original_len,
                it.data.into_owned(),
            ),
            _ => continue,
        };
        let link = links.get(usize::try_from(interface)?).copied();
        let number = frames.len() + 1;
        link.with_context(|| format!("no interface {interface}"))
            .and_then(is_ethernet)
            .with_context(|| format!("frame {number}"))?;
        frames.push(Frame { bytes, length });
    }
    Ok(frames)
}

fn is_ethernet(link: DataLink) -> Result<()> {
    ensure!(
        link == DataLink::ETHERNET,
        "what is captured has link type {} ({link:?}); only Ethernet, which is 1, can be asked about",
        u32::from(link)
    );
    Ok(())
}

/// Where a file is broken.
fn broken(frames: &[Frame]) -> String {
    format!("broken behind frame {}", frames.len())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::time::Duration;

    use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
    use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
    use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionBlock;
    use pcap_file::pcapng::PcapNgWriter;

    use super::*;

    const BYTES: [&[u8]; 2] = [&[1; 14], &[2; 60]];

    fn pcap(datalink: DataLink) -> Vec<u8> {
        let header = PcapHeader {
            datalink,
            ..PcapHeader::default()
        };
        let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
        for bytes in BYTES {
            let packet = PcapPacket::new(Duration::ZERO, 1500, bytes);
            writer.write_packet(&packet).unwrap();
        }
        writer.into_writer()
    }

    fn pcapng(links: [DataLink; 2]) -> Vec<u8> {
        let mut writer = PcapNgWriter::new(Vec::new()).unwrap();
        for link in links {
            let interface = InterfaceDescriptionBlock::new(link, 0xffff);
            writer.write_pcapng_block(interface).unwrap();
        }
        for (interface_id, bytes) in (0..).zip(BYTES) {
            let packet = EnhancedPacketBlock {
                interface_id,
                timestamp: Duration::ZERO,
                original_len: 1500,
                data: Cow::Borrowed(bytes),
                options: Vec::new(),
            };
            writer.write_pcapng_block(packet).unwrap();
        }
        writer.into_inner()
    }

    fn expected() -> Vec<Frame> {
        BYTES
            .map(|bytes| Frame {
                bytes: bytes.to_vec(),
                length: 1500,
            })
            .into()
    }

    #[test]
    fn both_formats_are_read() {
        let found = classic(&pcap(DataLink::ETHERNET)[..]).unwrap();
        assert_eq!(found, expected());
        let found = next_generation(&pcapng([DataLink::ETHERNET; 2])[..]).unwrap();
        assert_eq!(found, expected());
    }

    #[test]
    fn another_link_type_is_refused_by_number() {
        let told = |result: Result<Vec<Frame>>| format!("{:#}", result.unwrap_err());
        let error = told(classic(&pcap(DataLink::LINUX_SLL)[..]));
        assert!(error.contains("link type 113"), "{error}");
        let links = [DataLink::ETHERNET, DataLink::RAW];
        let error = told(next_generation(&pcapng(links)[..]));
        assert!(
            error.starts_with("frame 2: ") && error.contains("link type 101"),
            "{error}"
        );
    }

    #[test]
    fn broken_files_are_told() {
        let told = |result: Result<Vec<Frame>>| format!("{:#}", result.unwrap_err());
        let file = pcap(DataLink::ETHERNET);
        let error = told(classic(&file[..file.len() - 1]));
        assert!(error.starts_with("broken behind frame 1"), "{error}");
        let error = told(classic(&[0x7f, b'E', b'L', b'F', 0, 0, 0, 0][..]));
        assert!(error.starts_with("it does not begin as"), "{error}");
    }
}
