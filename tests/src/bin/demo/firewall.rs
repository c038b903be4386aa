// SPDX-License-Identifier: GPL-2.0

//! The tables of the demo's firewalls (`tests/bpf/firewall.h`) and the device's
//! counters, read with `bpftool` and `ethtool`.

use anyhow::{bail, Context, Result};
use offload_tests::bpf::{words, Attached, Map};
use offload_tests::link::{Link, Statistics};

use crate::stage::run_and_print;

pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;

const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;

/// Packets and bytes, as `struct count` holds them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

impl Count {
    fn read(map: &Map, key: &[u8]) -> Result<Self> {
        let value = map
            .lookup(key)?
            .with_context(|| format!("map {} has no key {key:02x?}", map.id))?;
        match words(&value)[..] {
            [packets, bytes] => Ok(Self { packets, bytes }),
            _ => bail!("map {} has values of another size: {value:?}", map.id),
        }
    }
}

/// The key of a rule: an IPv4 source as IPv6 maps it, destination port, protocol.
pub(crate) fn rule_key(source: [u8; 4], port: u16, proto: u8) -> [u8; 20] {
    let mut key = [0; 20];
    key[10..12].fill(0xff);
    key[12..16].copy_from_slice(&source);
    key[16..18].copy_from_slice(&port.to_be_bytes());
    key[18] = proto;
    key
}

/// The maps of one of the two firewalls.
pub(crate) struct Firewall {
    pub(crate) rules: Map,
    pub(crate) verdicts: Map,
}

/// A program's counts and its device's, taken at a moment when no frame was between.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) passed: Count,
    pub(crate) dropped: Count,
    pub(crate) device: Statistics,
}

impl Snapshot {
    /// Frames that the program has judged.
    pub(crate) fn judged(&self) -> u64 {
        self.passed.packets + self.dropped.packets
    }
}

impl Firewall {
    pub(crate) fn new(program: &Attached) -> Result<Self> {
        Ok(Self {
            rules: program.map("rules")?,
            verdicts: program.map("verdicts")?,
        })
    }

    /// What the rule has counted.
    pub(crate) fn rule(&self, key: &[u8]) -> Result<Count> {
        Count::read(&self.rules, key)
    }

    /// The counts of program and device. The kernel sends a frame of its own now and
    /// then (IPv6 neighbour discovery), so it is read again until no frame came
    /// between the readings.
    pub(crate) fn snapshot(&self, port: &Link) -> Result<Snapshot> {
        for _ in 0..100 {
            let before = port.statistics()?;
            let passed = Count::read(&self.verdicts, &XDP_PASS.to_le_bytes())?;
            let dropped = Count::read(&self.verdicts, &XDP_DROP.to_le_bytes())?;
            let device = port.statistics()?;
            if device.since(&before, "rx_device_frames")? == 0 {
                return Ok(Snapshot {
                    passed,
                    dropped,
                    device,
                });
            }
        }
        bail!("frames keep coming in on {port} where none should")
    }

    /// Shows both maps as `bpftool` prints them.
    pub(crate) fn print(&self) -> Result<()> {
        for map in [&self.rules, &self.verdicts] {
            run_and_print(&map.plain_cmd("dump"), |_| true)?;
        }
        Ok(())
    }
}
