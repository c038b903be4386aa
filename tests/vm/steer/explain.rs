// SPDX-License-Identifier: GPL-2.0

//! What `offloadctl steer explain` says of frames, beside what becomes of them.

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};
use offload_tests::command::{says, Cmd};
use offload_tests::env;
use offload_tests::wire::save;
use offload_uapi::stats;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::packet::{Packet, SCTP, TCP, UDP};
use crate::stand::Stand;

const QUEUES: u32 = 4;
const FILE: &str = "/tmp/explained.pcap";

impl Stand {
    fn explain(&self, args: &str) -> Result<Cmd> {
        let far = &self.cable.far;
        far.offloadctl(format!("steer explain {} {args}", far.name))
    }

    /// The counters of the reasons that the tool tells.
    fn counters(&self) -> Result<BTreeMap<&'static str, u64>> {
        let far = self.cable.far.statistics()?;
        let steered = |reason| far.get(&format!("{}{reason}", stats::RX_STEERED_PREFIX));
        Ok([
            ("hash", steered("hash")?),
            ("unhashed", steered("unhashed")?),
            ("rule", steered("rule")?),
            ("rule-drop", far.get(stats::RX_RULE_DROPPED)?),
            ("type-drop", far.get(stats::RX_FLOW_TYPE_DROPPED)?),
        ]
        .into())
    }

    /// The tool is right about all of `packets`; what it says.
    fn compare(&mut self, packets: &[Packet]) -> Result<Vec<Value>> {
        let bytes = packets
            .iter()
            .map(|packet| packet.bytes([2, 0, 0, 0, 0, 1]));
        let bytes: Vec<_> = bytes.collect();
        save(FILE, bytes.iter().map(Vec::as_slice))?;
        let before = self.counters()?;
        let said = self.explain(&format!("--json --pcap {FILE}"))?.json()?;
        ensure!(self.counters()? == before, "a question is counted");
        let said = said.as_array().context("no list")?.clone();
        ensure!(said.len() == packets.len(), "{} frames", said.len());

        let mut expected = BTreeMap::<_, u64>::new();
        for (said, (packet, seen)) in said.iter().zip(packets.iter().zip(self.send(packets)?)) {
            let differs = || format!("{packet:?} came with {seen:?}: {said}");
            let queue = said["queue"].as_u64().map(u32::try_from).transpose()?;
            ensure!(queue == seen.map(|seen| seen.queue), "{}", differs());
            if let Some(seen) = seen.filter(|_| said["reason"] != "single-queue") {
                let hash = said["hash"].as_u64().unwrap_or(0);
                ensure!(u64::from(seen.hash) == hash, "{}", differs());
                ensure!(said["flow_type"] == packet.flow(), "{}", differs());
            }
            let reason = said["reason"].as_str().context("no reason")?;
            *expected.entry(reason.to_owned()).or_default() += 1;
        }
        let now = self.counters()?;
        for (reason, now) in now {
            let counted = now - before[reason];
            let told = expected.get(reason).copied().unwrap_or(0);
            ensure!(counted == told, "{reason}: {counted} counted, {told} told");
        }
        Ok(said)
    }
}

#[test]
fn where_frames_really_go() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(env::seed()?);
    let mut stand = Stand::new(QUEUES)?;
    let count = if env::is_slow() { 100 } else { 400 };
    let mut packets: Vec<_> = (0..count).map(|_| Packet::any(&mut rng)).collect();
    packets.extend((0..40).map(|port| Packet::v4(UDP, [port, 53])));
    packets.extend((0..40).map(|port| Packet::v6(TCP, [port, 80])));
    packets.extend([Packet::v4(TCP, [1, 99]), Packet::v4(SCTP, [1, 2])]);
    packets.push(Packet {
        payload: vec![0, 0, 0, 0xbe, 0xef],
        ..Packet::v4(UDP, [7, 8])
    });
    stand.compare(&packets).context("nothing is set")?;

    stand.ethtool("-X", "weight 1 2 3 0").run()?;
    stand.ethtool("-N", "rx-flow-hash sctp4 r").run()?;
    let made = stand.ethtool("-X", "context new equal 2").run()?;
    let context = made.split_whitespace().last().context("no context")?;
    for rule in [
        "udp4 dst-port 53 action 3 loc 9".to_owned(),
        format!("tcp6 dst-port 80 context {context} action 1 loc 7"),
        "tcp4 dst-port 99 action -1 loc 5".to_owned(),
        "ether proto 0x88cc action 2 loc 3".to_owned(),
        "udp4 user-def 0x3beef action 2 loc 4".to_owned(),
        "tcp4 user-def 0x20102 action 3 loc 11".to_owned(),
        "ip6 user-def 0x50001 m 0xfffe action 1 loc 12".to_owned(),
    ] {
        stand.ethtool("-N", &format!("flow-type {rule}")).run()?;
    }
    let said = stand.compare(&packets).context("rules and a context")?;
    let find = |reason: &str, rule: u64| {
        let mut all = said.iter();
        all.find(|it| it["reason"] == reason && it["rule"].as_u64() == Some(rule))
            .with_context(|| format!("no frame of {reason} {rule}"))
    };
    find("rule", 9)?;
    find("rule", 4)?;
    find("rule-drop", 5)?;
    let spread = find("rule", 7)?;
    let number = |name: &str| spread[name].as_u64().context(name.to_owned());
    ensure!(
        spread["context"].as_u64() == context.parse().ok(),
        "{spread}"
    );
    ensure!(
        number("entry")? == number("hash")? % number("entries")?,
        "{spread}"
    );
    ensure!(number("queue")? == 1 + number("entry")? % 2, "{spread}");
    ensure!(
        spread["hash_fields"] == serde_json::json!(["ip-src", "ip-dst", "l4-b-0-1", "l4-b-2-3"])
            && spread["hash_level"] == "l4"
            && spread["programmed"] == false,
        "{spread}"
    );
    let dropped = said.iter().find(|it| it["reason"] == "type-drop");
    let dropped = dropped.context("no frame is dropped for its type")?;
    ensure!(
        dropped["flow_type"] == "sctp4" && dropped["queue"].is_null(),
        "{dropped}"
    );

    stand.ethtool("-K", "ntuple off").run()?;
    stand.compare(&packets).context("rules do not count")?;
    Ok(())
}

#[test]
fn one_queue_and_mistakes() -> Result<()> {
    let mut stand = Stand::new(1)?;
    let said = stand.compare(&[Packet::v4(UDP, [1, 2])])?;
    ensure!(said[0]["reason"] == "single-queue", "{said:?}");

    let long = "00".repeat(65_532);
    std::fs::write("/tmp/none.pcap", "none")?;
    for (args, words) in [
        (
            "--frame 00:11:22",
            "a frame of 3 bytes: an Ethernet header has 14",
        ),
        (
            "--frame 0011x2",
            "character 5, 'x', is no hexadecimal digit",
        ),
        (
            "--pcap /tmp/none.pcap",
            "it does not begin as a capture file does",
        ),
        ("--pcap /tmp/missing.pcap", "/tmp/missing.pcap"),
    ] {
        says(&stand.explain(args)?.refused()?, &["error", words])?;
    }
    let far = &stand.cable.far;
    let ask = |interface: &str, frame: &str| {
        far.offloadctl(format!("steer explain {interface} --frame {frame}"))
    };
    let refused = ask(&far.name, &long)?.refused()?;
    says(
        &refused,
        &["a frame of 65532 bytes: a question has room for 65531"],
    )?;
    for other in ["lo", "eth7"] {
        let refused = ask(other, &"00".repeat(14))?.refused()?;
        says(&refused, &["no interface", other, "offloadctl device"])?;
    }
    Ok(())
}
