// SPDX-License-Identifier: GPL-2.0

//! What the device's parser finds, beside what the kernel's flow dissector does, as `offloadctl parser`
//! tells it; and that tool's other answers.

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};
use offload_tests::cable::Cable;
use offload_tests::command::{says, Cmd};
use offload_tests::wire::save;

use crate::corpus::{corpus, sample};
use crate::some_frames;

/// Frames in one question.
const QUESTION: usize = 4000;
/// Where they are.
const FILE: &str = "/tmp/parsed.pcap";

pub(crate) fn parser(cable: &Cable, args: &str) -> Result<Cmd> {
    cable.far.offloadctl(format!("parser {args}"))
}

#[test]
fn the_device_finds_what_the_kernel_does() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    let frames = some_frames();
    let mut verdicts = BTreeMap::<String, usize>::new();
    for flags in 0..16 {
        let asked = frames.iter().filter(|(asked, _)| *asked == flags);
        let asked: Vec<_> = asked.map(|(_, frame)| frame.as_slice()).collect();
        for frames in asked.chunks(QUESTION) {
            save(FILE, frames.iter().copied())?;
            let run = format!("run {} --json --flags {flags} --pcap {FILE}", far.name);
            let answer = parser(&cable, &run)?.output()?;
            let text = answer.stdout();
            let said: Vec<serde_json::Value> =
                serde_json::from_str(&text).with_context(|| format!("{answer:?}"))?;
            ensure!(said.len() == frames.len(), "{} answers", said.len());
            for (said, frame) in said.iter().zip(frames) {
                let different = said["different"].as_array().context("no list")?;
                ensure!(
                    different.is_empty(),
                    "flags {flags}, frame {frame:02x?}: {said:#}"
                );
                let verdict = said["device"]["verdict"].as_str().unwrap_or_default();
                *verdicts.entry(verdict.to_owned()).or_default() += 1;
            }
            ensure!(answer.success(), "{:?}", answer.code());
        }
    }
    println!("{} frames: {verdicts:?}", frames.len());
    let often = |verdict: &str| {
        let count = verdicts.get(verdict);
        count.is_some_and(|count| *count > frames.len() / 10)
    };
    ensure!(often("okay") && often("fail"), "{verdicts:?}");
    Ok(())
}

#[test]
fn graphs_of_devices_are_shown_and_dumped() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    let all = corpus();
    let (_, kernel) = all
        .iter()
        .find(|(name, _)| name == "kernel")
        .context("no kernel")?;
    let digest: String = kernel
        .digest()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();

    let shown = parser(&cable, &format!("show {} --json", far.name))?.json()?;
    ensure!(shown[0]["digest"] == *digest, "{shown:#}: not {digest}");

    // What is dumped is built to the same again.
    let dumped = parser(&cable, &format!("dump {}", far.name))?.run()?;
    says(&dumped, &["\"ipv4\""])?;
    std::fs::write("/tmp/dumped.json", dumped)?;
    let built = parser(&cable, "build /tmp/dumped.json --json")?.json()?;
    for (of_device, of_file) in [
        ("digest", "digest"),
        ("dissector", "dissector"),
        ("attested", "dissector"),
    ] {
        ensure!(
            shown[0][of_device] == built[of_file],
            "{shown:#}, {built:#}"
        );
    }
    let drawn = parser(&cable, &format!("graph {}", sample("kernel").display()))?.run()?;
    for word in ["digraph", "ipv4", "0x800"] {
        says(&drawn, &[word])?;
    }
    Ok(())
}

#[test]
fn mistakes_are_told() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let far = &cable.far.name;
    std::fs::write("/tmp/none.json", "{\"parsers\": 3}")?;
    for (args, words) in [
        ("build /tmp/none.json".to_owned(), "parsers"),
        ("build /tmp/missing.json".to_owned(), "/tmp/missing.json"),
        ("show none".to_owned(), "none"),
        (format!("run {far} --frame 0011"), "a frame of 2 bytes"),
        ("audit --one-in 3".to_owned(), "required arguments"),
        (format!("audit {far} --end"), "required arguments"),
        (format!("audit {far} --one-in many"), "many"),
        ("count".to_owned(), "required arguments"),
        (format!("count {far} perhaps"), "perhaps"),
        ("count none on".to_owned(), "none"),
        ("graph".to_owned(), "required arguments"),
        (format!("graph --of {far} /tmp/none.json"), "cannot be used"),
    ] {
        says(&parser(&cable, &args)?.refused()?, &["error", words])?;
    }
    Ok(())
}
