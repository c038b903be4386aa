// SPDX-License-Identifier: GPL-2.0

//! Programs that others wrote: those of the kernel's own selftests that an offloaded
//! program can be, held to the same law as ours (`equality.rs`, `tc_equality.rs`).

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::Attached;
use offload_tests::cable::Cable;
use offload_tests::env;
use offload_tests::frames::{Frames, JUMBO_MTU, SHORTEST};
use offload_tests::outcome::{equal_but, Prepare};
use offload_tests::tc_outcome::{self, PASSED};

/// What programs may make a frame grow by: one that grew beyond its MTU does not fit
/// through a veth any more, which says nothing about the program.
const GROWTH: usize = 216;

/// The frames of each: they are for the ways of a program, of which these have few.
fn how_many() -> usize {
    if env::is_slow() {
        300
    } else {
        400
    }
}

/// Whether a program is left to kernels without checkers, and says so: our own programs go all the
/// ways through the driver that these go.
fn is_elsewhere(object: &str) -> bool {
    // It differs from `tc_scale1` in an offset alone.
    if env::is_emulated() && object == "tc_scale3" {
        println!("skipped: {object}: the verifier takes minutes for it on an emulated processor");
        return true;
    }
    env::is_left_to_others(object, &[])
}

/// Makes of a frame one that the program looks at.
type Shape = fn(&mut Vec<u8>);

fn as_it_is(_: &mut Vec<u8>) {}

/// One program, and how it is tried.
struct Try {
    /// The object's name.
    name: &'static str,
    seed: u64,
    shape: Shape,
    prepare: Prepare,
    /// What the device is compared with.
    native: fn(usize) -> Result<Cable>,
    /// Clears what the program leaves to chance in frames that come out.
    unset: fn(&mut [u8]),
}

impl Try {
    fn new(name: &'static str, seed: u64) -> Self {
        Self {
            name,
            seed,
            shape: as_it_is,
            prepare: |_| Ok(()),
            native: Cable::veth,
            unset: |_| (),
        }
    }

    /// The law, with frames of random shapes; and that some frames took each of the
    /// ways of which `ways` are true: passed, bounced, neither.
    fn equal(self, ways: [bool; 3]) -> Result<()> {
        if is_elsewhere(self.name) {
            return Ok(());
        }
        let mut source = Frames::new(self.seed, JUMBO_MTU - GROWTH);
        let frames: Vec<_> = (0..how_many())
            .map(|_| {
                let mut frame = source.next_frame();
                (self.shape)(&mut frame);
                frame
            })
            .collect();
        let object = format!("selftests/{}", self.name);
        let outcome = equal_but(self.native, self.unset, &object, self.prepare, &frames)
            .with_context(|| format!("seed {}", self.seed))?;
        let passed = outcome.observed.passed.len();
        let bounced = outcome.observed.bounced.len();
        let sums = [passed, bounced, how_many() - passed - bounced];
        ensure!(
            sums.map(|sum| sum > 0) == ways,
            "{object} was not exercised: {sums:?} frames passed, bounced, were dropped"
        );
        Ok(())
    }
}

#[test]
fn xdp_dummy() -> Result<()> {
    // The stack drops frames that end in a VLAN tag before anybody sees them.
    Try::new("xdp_dummy", 101).equal([true, false, true])
}

#[test]
fn xdp_tx() -> Result<()> {
    Try::new("xdp_tx", 102).equal([false, true, true])
}

#[test]
fn test_xdp_link() -> Result<()> {
    Try::new("xdp_link", 103).equal([false, false, true])
}

#[test]
fn test_btf_ext() -> Result<()> {
    Try::new("btf_ext", 104).equal([false, false, true])
}

/// Every other tagged frame has the VLAN number that `test_xdp_vlan.c` looks for.
fn vlan_4011(frame: &mut [u8]) {
    let tagged = matches!(frame.get(12..14), Some([0x81, 0] | [0x88, 0xa8]));
    if let Some([high, low]) = frame
        .get_mut(14..16)
        .filter(|tci| tagged && tci[1] & 1 == 0)
    {
        (*high, *low) = (*high & 0xf0 | 0x0f, 0xab);
    }
}

#[test]
fn test_xdp_vlan_drop() -> Result<()> {
    Try {
        shape: |frame| vlan_4011(frame),
        ..Try::new("vlan_drop", 105)
    }
    .equal([true, false, true])
}

#[test]
fn test_xdp_vlan_change() -> Result<()> {
    Try {
        shape: |frame| vlan_4011(frame),
        ..Try::new("vlan_change", 106)
    }
    .equal([true, false, true])
}

#[test]
fn test_xdp_vlan_remove() -> Result<()> {
    Try {
        shape: |frame| vlan_4011(frame),
        ..Try::new("vlan_remove", 107)
    }
    .equal([true, false, true])
}

#[test]
fn test_xdp_vlan_remove2() -> Result<()> {
    Try {
        shape: |frame| vlan_4011(frame),
        ..Try::new("vlan_remove2", 108)
    }
    .equal([true, false, true])
}

/// Most frames of the lengths that `test_xdp_adjust_tail_grow.c` looks for, or nearly.
fn of_few_lengths(frame: &mut Vec<u8>) {
    let len = [53, 54, 64, 74, 128, 129][usize::from(frame[3]) % 6];
    frame.resize(len, 0x5a);
}

#[test]
fn test_xdp_adjust_tail_grow() -> Result<()> {
    // A veth has as much room behind a frame as the sender's buffer happens to have; a
    // port of ours, as other NICs, a page less what XDP wants of it.
    let native = Cable::onic_native;
    Try {
        native,
        shape: of_few_lengths,
        ..Try::new("tail_grow", 109)
    }
    .equal([false, true, true])
}

#[test]
fn test_xdp_adjust_tail_shrink() -> Result<()> {
    Try::new("tail_shrink", 110).equal([false, true, true])
}

#[test]
fn test_xdp_context() -> Result<()> {
    Try::new("context", 111).equal([false, false, true])
}

/// Tunnels to all destinations of TCP and of UDP that the frames have.
fn add_tunnels(program: &Attached) -> Result<()> {
    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;
    let tunnels = program.map("vip2tnl")?;
    for family in [AF_INET, AF_INET6] {
        let mut keys = Vec::new();
        for host in 1..4 {
            for port in [53_u16, 80, 443, 5201, 8080] {
                for protocol in [6, 17] {
                    // struct vip of test_iptunnel_common.h
                    let mut key = vec![0; 24];
                    if family == AF_INET {
                        key[..4].copy_from_slice(&[10, 0, 1, host]);
                    } else {
                        (key[0], key[7], key[15]) = (0xfd, 1, host);
                    }
                    key[16..18].copy_from_slice(&port.to_be_bytes());
                    key[18..20].copy_from_slice(&family.to_le_bytes());
                    key[20] = protocol;
                    keys.push(key);
                }
            }
        }
        // struct iptnl_info
        let mut tunnel: Vec<u8> = (0x10..0x10 + 40).collect();
        tunnel[32..34].copy_from_slice(&family.to_le_bytes());
        tunnels.update_all(&keys, &tunnel)?;
    }
    Ok(())
}

/// The programs set no identification in the IPv4 header that they push, so it is what
/// was in front of the frame before; and the checksum depends on it.
fn identification(frame: &mut [u8]) {
    const PUSHED: [u8; 6] = [0x32, 0x33, 0x34, 0x35, 0x36, 0x37];
    if frame.starts_with(&PUSHED) && frame[12..14] == [8, 0] {
        frame[18..20].fill(0);
        frame[24..26].fill(0);
    }
}

#[test]
fn test_xdp_iptunnel() -> Result<()> {
    Try {
        unset: identification,
        prepare: add_tunnels,
        ..Try::new("iptunnel", 112)
    }
    .equal([true, true, true])
}

#[test]
fn test_xdp_loop() -> Result<()> {
    Try {
        unset: identification,
        prepare: add_tunnels,
        ..Try::new("iptunnel_loop", 113)
    }
    .equal([true, true, true])
}

/// Services at all destinations of TCP and of UDP that the frames have, on any port.
fn add_services(program: &Attached) -> Result<()> {
    let mut keys = Vec::new();
    for host in 1..4 {
        for protocol in [6, 17] {
            for v4 in [true, false] {
                // struct vip_definition of test_xdp_noinline.c
                let mut key = vec![0; 24];
                if v4 {
                    key[..4].copy_from_slice(&[10, 0, 1, host]);
                } else {
                    (key[0], key[7], key[15]) = (0xfd, 1, host);
                }
                key[20] = protocol;
                keys.push(key);
            }
        }
    }
    program.map("vip_map")?.update_all(&keys, &[0; 8])
}

#[test]
fn test_xdp_noinline_v4() -> Result<()> {
    Try {
        prepare: add_services,
        ..Try::new("balancer_v4", 114)
    }
    .equal([true, true, true])
}

#[test]
fn test_xdp_noinline_v6() -> Result<()> {
    Try {
        prepare: add_services,
        ..Try::new("balancer_v6", 115)
    }
    .equal([true, true, true])
}

/// The first four bytes say where 16 bytes are that the program marks if they have
/// the marks of the test; sometimes beyond the frame.
fn marked(frame: &mut [u8]) {
    let offset = u16::from_le_bytes([frame[4] & 0xfe, frame[5] & 0x03]);
    frame[..4].copy_from_slice(&u32::from(offset).to_le_bytes());
    let offset = usize::from(offset);
    if offset >= 14 {
        for at in [offset, offset + 15] {
            if let Some(byte) = frame.get_mut(at) {
                *byte = 0xaa;
            }
        }
    }
}

#[test]
fn test_xdp_update_frags() -> Result<()> {
    Try {
        shape: |frame| marked(frame),
        ..Try::new("update_frags", 116)
    }
    .equal([true, false, true])
}

/// The law for the classifier `selftests/OBJECT`, which lets frames pass.
fn classifier_equal(object: &str, seed: u64) -> Result<()> {
    if is_elsewhere(object) {
        return Ok(());
    }
    let object = format!("selftests/{object}");
    tc_outcome::equal(SHORTEST, &object, seed, tc_outcome::nothing, &[PASSED])
}

#[test]
fn tc_dummy() -> Result<()> {
    classifier_equal("tc_dummy", 121)
}

#[test]
fn tc_bpf2bpf() -> Result<()> {
    classifier_equal("tc_bpf2bpf", 122)
}

#[test]
fn test_tc_bpf_cls() -> Result<()> {
    classifier_equal("tc_cls", 123)
}

#[test]
fn test_tc_bpf_pkt_ptr() -> Result<()> {
    classifier_equal("tc_pkt_ptr", 124)
}

#[test]
fn test_pkt_access() -> Result<()> {
    classifier_equal("tc_pkt_access", 125)
}

#[test]
fn test_xdp_vlan_tc_push() -> Result<()> {
    classifier_equal("tc_vlan_push", 126)
}

#[test]
fn test_verif_scale1() -> Result<()> {
    classifier_equal("tc_scale1", 127)
}

#[test]
fn test_verif_scale3() -> Result<()> {
    classifier_equal("tc_scale3", 128)
}

#[test]
fn the_others_can_not_be_offloaded() -> Result<()> {
    let file = env::selftests()?.join("left_out");
    let left_out = std::fs::read_to_string(&file).with_context(|| format!("read {file:?}"))?;
    let mut reasons = Vec::new();
    for line in left_out.lines() {
        let words: Vec<_> = line.splitn(3, ' ').collect();
        let [state, file, reason] = words[..] else {
            anyhow::bail!("not a reason: {line}");
        };
        ensure!(
            state == "kept",
            "{file} has no {reason} any more: it may be one that can be offloaded"
        );
        reasons.push(format!("{file} ({reason})"));
    }
    ensure!(!reasons.is_empty(), "{file:?} says nothing");
    println!(
        "skipped: the_others_can_not_be_offloaded: {}",
        reasons.join(", ")
    );
    Ok(())
}
