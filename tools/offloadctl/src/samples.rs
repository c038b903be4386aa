// SPDX-License-Identifier: GPL-2.0

//! Made-up answers, for tests without a kernel.

use offload_uapi::netlink::{DigestAlgorithm, Policy, ProgramKind, Slot, State, Unit, Verdict};
use offload_uapi::types::{Device, Digest, Known, Program, Resource, SlotReport, Stats};

/// An interface.
pub(crate) fn device(ifindex: u32, ifname: &str) -> Device {
    let resource = |name: &str, unit, limit, used| Resource {
        name: name.to_owned(),
        unit: Known::Is(unit),
        limit,
        used,
    };
    Device {
        ifindex,
        ifname: ifname.to_owned(),
        driver: Some("offload_nic".to_owned()),
        bus: Some("offload_nic".to_owned()),
        device: Some("offload_nic0".to_owned()),
        policy: Known::Is(Policy::Report),
        resources: vec![
            resource("programs", Unit::Entry, 64, 2),
            resource("memory", Unit::Byte, 268_435_456, 134_217_728),
        ],
    }
}

/// A program whose digests are `byte` throughout.
pub(crate) fn program(name: &str, id: u32, byte: u8) -> Program {
    let digest = |algorithm, length| Digest {
        algorithm: Known::Is(algorithm),
        value: vec![byte; length],
    };
    Program {
        kind: Known::Is(ProgramKind::Xdp),
        name: Some(name.to_owned()),
        id: Some(id),
        digests: vec![
            digest(DigestAlgorithm::Sha256, 32),
            digest(DigestAlgorithm::Sha1, 20),
        ],
        state: Some(Known::Is(State::Active)),
        instructions: Some(120),
        image_format: Some(2),
        image_size: Some(6464),
        operations: Some(130),
        memory: Some(16_384),
    }
}

/// A slot with what device and kernel have in it.
pub(crate) fn slot(
    device: Option<Program>,
    kernel: Option<Program>,
    verdict: Verdict,
) -> SlotReport {
    SlotReport {
        ifindex: 3,
        slot: Known::Is(Slot::Xdp),
        device,
        kernel,
        verdict: Known::Is(verdict),
        replaces_kernel: verdict == Verdict::Equal,
        in_kernel: false,
    }
}

/// What has happened.
pub(crate) fn stats(ifindex: u32) -> Stats {
    Stats {
        ifindex,
        comparisons: 10,
        mismatches: 2,
        faults: 1,
        refusals: 1,
        activations: 4,
        removals: 3,
    }
}
