// SPDX-License-Identifier: GPL-2.0

//! Frames to which others hold on while they are under way: the kernel's packet generator keeps a
//! reference to each, and a packet socket a clone. The driver must leave both as they are.

use std::collections::BTreeSet;

use anyhow::{bail, ensure, Context, Result};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use offload_tests::cable::Cable;
use offload_tests::link::Link;
use offload_tests::nic::set_profile;
use offload_tests::pktgen;
use offload_tests::wire::Tap;
use offload_uapi::stats;

const FRAMES: u64 = 20_000;

/// Has the generator send on `cable`'s near end, by a queueing discipline or straight to the driver,
/// with checksums left open, and waits until the far end has taken all.
fn generate(cable: &Cable, mode: &str, settings: &[&str]) -> Result<()> {
    let (near, far) = (cable.near.statistics()?, cable.far.statistics()?);
    let mode = format!("xmit_mode {mode}");
    let all = [
        &[&*mode, "flag SHARED", "flag UDPCSUM", "pkt_size 200"],
        settings,
    ]
    .concat();
    let run = pktgen::run(&cable.near, FRAMES, &all)?;
    ensure!(
        run.sent == FRAMES,
        "{} of {FRAMES} frames were sent",
        run.sent
    );
    let lost = |link: &Link, before| -> Result<u64> {
        let now = link.statistics()?;
        let drops = now.iter().filter(|(name, _)| name.ends_with("_drops"));
        drops.map(|(name, _)| now.since(before, name)).sum()
    };
    cable.far.await_that("all frames of the generator", |end| {
        let taken = end.statistics()?.since(&far, stats::RX_DEVICE_FRAMES)?;
        Ok(taken + lost(&cable.near, &near)? == FRAMES)
    })?;
    let lost = lost(&cable.near, &near)? + lost(&cable.far, &far)?;
    // A queueing discipline sends again what did not fit, and so does the generator.
    ensure!(lost == 0, "{lost} frames were lost");
    Ok(())
}

/// A cable whose near end leaves checksums to the NIC.
fn cable() -> Result<Cable> {
    pktgen::load()?;
    let cable = Cable::onic(1500)?;
    let near = &cable.near;
    near.cmd(format!("ethtool -K {} tx on", near.name)).run()?;
    Ok(cable)
}

/// The checksum of a UDP datagram in IPv4 as it stands in the frame, and as it would be right.
fn checksums(frame: &[u8]) -> Result<(u16, u16)> {
    let packet = SlicedPacket::from_ethernet(frame)?;
    match (&packet.net, &packet.transport) {
        (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Udp(udp))) => {
            let header = ip.header().to_header();
            let right = udp.to_header().calc_checksum_ipv4(&header, udp.payload())?;
            Ok((udp.checksum(), right))
        }
        _ => bail!("no UDP datagram in IPv4: {frame:?}"),
    }
}

#[test]
fn a_frame_that_others_hold_stays_as_it_is() -> Result<()> {
    let cable = cable()?;
    for profile in ["programmable", "legacy", "none"] {
        set_profile(0, profile)?;
        for mode in ["queue_xmit", "start_xmit"] {
            let what = || format!("{profile}, {mode}");
            let (near, far) = (Tap::new(&cable.near)?, Tap::new(&cable.far)?);
            generate(&cable, mode, &[]).with_context(what)?;
            let (kept, arrived) = (near.frames()?, far.frames()?);
            ensure!(!arrived.is_empty(), "{}: nothing arrived", what());
            for frame in &arrived {
                let (found, right) = checksums(frame)?;
                ensure!(found == right, "{}: {found:04x}, not {right:04x}", what());
            }
            // Taps see what goes through the stack alone.
            ensure!(kept.is_empty() == (mode == "start_xmit"), "{}", what());
            // What the stack left there, the pseudo header's sum, is the same in all of them; the
            // checksums are not: the generator counts its frames.
            let left = kept.iter().map(|frame| Ok(checksums(frame)?.0));
            let left = left.collect::<Result<BTreeSet<u16>>>()?;
            ensure!(left.len() <= 1, "{}: written to: {left:04x?}", what());
        }
    }
    Ok(())
}

#[test]
fn a_frame_that_others_hold_is_sent_back() -> Result<()> {
    let cable = cable()?;
    cable.attach("actions")?;
    let tap = Tap::new(&cable.near)?;
    let before = cable.near.statistics()?;
    // The program says XDP_TX to this address, and does not write.
    generate(&cable, "queue_xmit", &["src_mac 02:00:00:00:00:04"])?;
    cable.near.await_that("the frames", |near| {
        let taken = near.statistics()?.since(&before, stats::RX_DEVICE_FRAMES)?;
        Ok(taken == FRAMES)
    })?;
    ensure!(!tap.frames()?.is_empty(), "the tap has seen nothing");
    Ok(())
}
