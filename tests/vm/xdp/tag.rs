// SPDX-License-Identifier: GPL-2.0

//! VLAN tags that the device takes out of frames, and tells native programs of that ask.

use std::path::Path;

use anyhow::{ensure, Result};
use offload_tests::cable::Cable;
use offload_tests::command::Cmd;
use offload_tests::wire::{Capture, Sender};

const PIN: &str = "/sys/fs/bpf/tag";
const ENODATA: u64 = 61;
/// The EtherType that `tests/vlan/tag.bpf.c` looks for.
const TEST: u16 = 0x88b8;

/// Compiles the program and pins it, for `cable`'s far end.
fn load(cable: &Cable) -> Result<()> {
    let dir = std::env::temp_dir().join(format!("tag.{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let (source, object) = (dir.join("tag.bpf.c"), dir.join("tag.bpf.o"));
    std::fs::write(&source, include_str!("../../vlan/tag.bpf.c"))?;
    Cmd::new("clang -O2 -g -Wall -target bpf -I/usr/include/x86_64-linux-gnu -c")
        .arg(source)
        .arg("-o")
        .arg(&object)
        .run()?;
    let far = &cable.far;
    far.cmd("bpftool prog load")
        .arg(object)
        .args(format!("{PIN} type xdp xdpmeta_dev {}", far.name))
        .run()?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

/// A frame of `len` bytes with `tags`, each protocol and TCI, the outermost first.
fn frame(tags: &[[u16; 2]], len: usize) -> Vec<u8> {
    let mut frame = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2];
    for tag in tags {
        frame.extend(tag.iter().flat_map(|number| number.to_be_bytes()));
    }
    frame.extend(TEST.to_be_bytes());
    frame.resize(len, 0x5a);
    frame
}

#[test]
fn native_programs_are_told_of_tags() -> Result<()> {
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        println!(
            "skipped: native_programs_are_told_of_tags: they call a kernel function, and this kernel \
             has no BTF; those of the distribution have"
        );
        return Ok(());
    }
    let cable = Cable::onic_native(3500)?;
    load(&cable)?;
    let program = cable.attach_pinned(PIN)?;
    std::fs::remove_file(PIN)?;
    let noted = program.map("noted")?;
    let (sender, capture) = (Sender::new(&cable.near)?, Capture::start(&cable.far, "")?);
    let features = |word: &str| {
        let name = &cable.far.name;
        let line =
            format!("ethtool -K {name} rx-vlan-hw-parse {word} rx-vlan-stag-hw-parse {word}");
        cable.far.cmd(line).run()
    };
    let customer = [0x8100, 0x2007];
    let service = [0x88a8, 0x0fff];
    for word in ["on", "off"] {
        features(word)?;
        for tags in [&[customer][..], &[service], &[service, customer], &[]] {
            for len in [60, 3000] {
                let sent = frame(tags, len);
                sender.send(&sent)?;
                sender.end_batch(offload_tests::frames::MARK_PASS, 0)?;
                let passed = capture.until(|frame| {
                    offload_tests::frames::mark_number(offload_tests::frames::MARK_PASS, frame)
                        .is_some()
                })?;
                // The tag is beside the frame now, or was all the time.
                ensure!(passed == [sent], "{tags:?}, {word}: {passed:02x?}");
                let words = noted.words(&[0; 4])?;
                let inner = tags.get(1).map_or(TEST, |tag| tag[0]);
                let expected = match tags.first() {
                    Some([protocol, tci]) if word == "on" => {
                        [0, u64::from(*protocol), u64::from(*tci), inner.into()]
                    }
                    outermost => {
                        let first = outermost.map_or(TEST, |tag| tag[0]);
                        [ENODATA, 0, 0, first.into()]
                    }
                };
                // Behind two tags that stay the program finds nothing of the test's.
                if word == "off" && tags.len() == 2 {
                    continue;
                }
                ensure!(words == expected, "{tags:?}, {word}, {len}: {words:x?}");
            }
        }
    }
    Ok(())
}
