// SPDX-License-Identifier: GPL-2.0

//! The kernel's flow dissector, and the program that may be attached in its place.
//!
//! C header: [`include/net/flow_dissector.h`](srctree/include/net/flow_dissector.h)

use crate::{
    bindings,
    bpf::KernelProgram,
    netdev::NetDevice,
    rcu, //
};
use core::marker::PhantomData;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// EtherType of IPv4.
pub const ETH_P_IP: u16 = bindings::ETH_P_IP as u16;
/// EtherType of IPv6.
pub const ETH_P_IPV6: u16 = bindings::ETH_P_IPV6 as u16;
/// Bytes of `struct bpf_flow_keys`.
pub const KEYS: usize = 56;

/// What the dissector has found in a frame. Numbers are as on the wire, and zero where there is
/// nothing.
#[derive(Clone, Copy, Debug)]
pub struct Dissected {
    /// Whether all is well with the frame.
    pub is_okay: bool,
    /// `struct bpf_flow_keys`, without `nhoff` and `flags`.
    pub keys: [u8; KEYS],
    /// Protocol and tag control information (without the drop eligible indicator) of the outermost VLAN
    /// tag.
    pub vlan: [u8; 4],
    /// The key of GRE.
    pub gre_key: [u8; 4],
    /// Whether a program has found it, and not the kernel's own code.
    pub by_program: bool,
}

/// Has the dissector of the interface's namespace look at `frame`, which begins with its Ethernet
/// header: the program that is attached, or else the kernel's own code. `flags` are
/// `FLOW_DISSECTOR_F_*`. Context: process or softirq.
///
/// # Errors
///
/// `EINVAL` if the frame is shorter than its Ethernet header, `ENOMEM`.
pub fn dissect(
    interface: &NetDevice,
    frame: &[u8],
    flags: u32,
    guard: &rcu::Guard,
) -> Result<Dissected> {
    let len = u32::try_from(frame.len()).map_err(|_| EINVAL)?;
    let program = || attached(interface, guard).map(|attached| attached.program);
    let (found, result, program) = loop {
        let before = program();
        let mut found = bindings::offload_nic_dissected::default();
        // SAFETY: The interface is valid, and the namespace that it is in stays so for the read side of RCU,
        // which the guard holds; `frame` has `len` bytes, and `found` may be written.
        let result = unsafe {
            let (dev, frame) = (interface.as_ptr(), frame.as_ptr().cast());
            bindings::offload_nic_flow_dissect(dev, frame, len, flags, &mut found)
        };
        to_result(result)?;
        // Who has found it can't be told if another one came meanwhile.
        if before == program() {
            break (found, result, before);
        }
    };
    // They lie as on the wire.
    let [[p0, p1], [t0, t1]] = [found.vlan_tpid, found.vlan_tci].map(u16::to_ne_bytes);
    Ok(Dissected {
        is_okay: result > 0,
        keys: found.keys,
        vlan: [p0, p1, t0, t1],
        gre_key: found.gre_key.to_ne_bytes(),
        by_program: program.is_some(),
    })
}

/// What the stack makes the hash of a flow from. Bytes are as on the wire, and zero where there is
/// nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlowKeys {
    /// The EtherType of the addresses in host byte order (`ETH_P_IP`, `ETH_P_IPV6`); 0 without any.
    pub addr_proto: u16,
    /// Both addresses, where they lie in `struct bpf_flow_keys`.
    pub addresses: [u8; 32],
    /// EtherType of the network header.
    pub n_proto: [u8; 2],
    /// Protocol behind the IP header.
    pub ip_proto: u8,
    /// Flow label of IPv6, 20 bits in host byte order.
    pub flow_label: u32,
    /// Both ports.
    pub ports: [u8; 4],
    /// The key of GRE.
    pub gre_key: [u8; 4],
    /// Protocol of the outermost VLAN tag.
    pub vlan_tpid: [u8; 2],
    /// Its tag control information, in host byte order.
    pub vlan_tci: u16,
    /// EtherType behind it.
    pub vlan_eth_type: [u8; 2],
}

/// The hash that the stack makes of a flow, with its secret (`skb_get_hash`): if the flow dissector of the
/// interface's namespace finds `keys` of it, which may be a program. Never 0. Context: process or softirq.
#[inline]
pub fn flow_hash(keys: &FlowKeys, interface: &NetDevice, guard: &rcu::Guard) -> u32 {
    let by_program = attached(interface, guard).is_some();
    let keys = bindings::offload_nic_flow_keys {
        addrs: keys.addresses,
        addr_proto: keys.addr_proto,
        n_proto: u16::from_ne_bytes(keys.n_proto),
        flow_label: keys.flow_label,
        ports: u32::from_ne_bytes(keys.ports),
        gre_key: u32::from_ne_bytes(keys.gre_key),
        vlan_tpid: u16::from_ne_bytes(keys.vlan_tpid),
        vlan_eth_type: u16::from_ne_bytes(keys.vlan_eth_type),
        vlan_tci: keys.vlan_tci,
        ip_proto: keys.ip_proto,
    };
    // SAFETY: `keys` is valid, and only read.
    unsafe { bindings::offload_nic_flow_hash(&keys, by_program) }
}

/// The program that dissects in the place of the kernel's own code.
///
/// # Invariants
///
/// `program` is valid for `'a`, and the verifier has made its digest.
#[derive(Clone, Copy)]
pub struct Attached<'a> {
    program: *const bindings::bpf_prog,
    _guard: PhantomData<&'a rcu::Guard>,
}

impl Attached<'_> {
    /// What names it.
    pub fn program(&self) -> KernelProgram {
        // SAFETY: By the type invariant.
        unsafe { KernelProgram::of(self.program) }
    }

    /// SHA-256 of its instructions, as in [`KernelProgram::digest`].
    #[inline]
    pub fn digest(&self) -> &[u8; 32] {
        // SAFETY: By the type invariant; the digest does not change any more.
        unsafe { &(*self.program).__bindgen_anon_1.digest }
    }

    /// Whether its digest says all of what it does: it has no maps, no functions beside the one that
    /// is run, and calls none of the kernel's by their type information. A map may be bound to it at any
    /// moment.
    #[inline]
    pub fn is_self_contained(&self) -> bool {
        // SAFETY: The program is valid by the type invariant, and so is what it consists of; the number of its
        // maps, which alone may change, is read once.
        unsafe { bindings::offload_nic_bpf_is_self_contained(self.program) }
    }
}

/// The program that dissects for the interface's namespace; `None` if there is none, and the kernel's own
/// code does it. Another may be attached at any moment. Any context.
#[inline]
pub fn attached<'a>(interface: &NetDevice, _guard: &'a rcu::Guard) -> Option<Attached<'a>> {
    // SAFETY: The interface is valid. The guard holds the read side of RCU: for that, the namespace which the
    // interface is in when it is looked up stays valid, and so does a program that is attached then.
    let program = unsafe { bindings::offload_nic_flow_dissector(interface.as_ptr()) };
    // INVARIANT: It stays valid while the guard lives; a program that is attached has been verified.
    (!program.is_null()).then_some(Attached {
        program,
        _guard: PhantomData,
    })
}
