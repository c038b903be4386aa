// SPDX-License-Identifier: GPL-2.0

//! The names of a port's counters, as `ethtool -S` shows them.
//!
//! What becomes of a frame that the device takes from the cable is counted once:
//!
//! [`RX_DEVICE_FRAMES`] = `rx_packets` of the interface + [`XDP_HW_DROP`] + [`XDP_HW_ABORTED`] +
//! [`XDP_HW_TX`] + [`XDP_HW_REDIRECT`] + [`TC_HW_SHOT`] + [`TC_HW_STOLEN`] + [`TC_HW_TRAP`] +
//! [`TC_HW_REDIRECT`] + [`RX_NO_BUFFER_DROPS`] + [`RX_RUNT_DROPS`] + [`XDP_HW_QUEUE_RING_FULL_DROPS`], and
//! frames that a program has changed into such as [`RX_RULE_DROPPED`] and [`RX_FLOW_TYPE_DROPPED`] count,
//! or that have arrived with others from which such a rule tells them.
//!
//! [`XDP_HW_TX`] are those that were sent, or lost by one of the `XDP_HW_TX_*_DROPS`;
//! [`XDP_HW_REDIRECT`] and [`TC_HW_REDIRECT`] those that were sent by a port which then counts them as
//! [`TX_REDIRECTED_FRAMES`], or lost by one of the `XDP_HW_REDIRECT_*_DROPS` and
//! `TC_HW_REDIRECT_*_DROPS`. Frames that never got so far are in the other counters that end in
//! `_drops`.
//!
//! What becomes of a frame that the host gets while a native program is attached is counted once:
//! `rx_packets` of the interface = the sum of [`XDP_NATIVE_PASS`], [`XDP_NATIVE_DROP`],
//! [`XDP_NATIVE_TX`], [`XDP_NATIVE_REDIRECT`], [`XDP_NATIVE_ABORTED`], [`XDP_NATIVE_TOO_LONG_DROPS`]
//! and those of [`XDP_NATIVE_NO_BUFFER_DROPS`] for which there was no memory before the program ran.
//!
//! Each frame that the host gets is in one of [`RX_CSUM_COMPLETE`], [`RX_CSUM_NONE`],
//! [`RX_HW_GRO_WIRE_PACKETS`], [`RX_LRO_WIRE_PACKETS`] and [`RX_GRO_PROG_WIRE_PACKETS`].
//!
//! A super-frame from the stack is in [`TX_HW_GSO_PACKETS`], or in one of those that begin with
//! [`TX_SW_GSO_PREFIX`]; the `tx_packets` of the interface are frames on the wire, what the device
//! has made of super-frames among them.
//!
//! Beside these there are `rxN_packets`, `rxN_bytes` (handed to the host), `txN_packets` and
//! `txN_bytes` for each queue `N`.

/// Frames that the device took from the cable.
pub const RX_DEVICE_FRAMES: &str = "rx_device_frames";
/// Bytes of those.
pub const RX_DEVICE_BYTES: &str = "rx_device_bytes";
/// Frames that the host had no memory for: before a program that writes has run, or behind it.
pub const RX_NO_BUFFER_DROPS: &str = "rx_no_buffer_drops";
/// Frames shorter than an Ethernet header, or with a VLAN tag that is cut off while the port has an
/// offloaded classifier, which gets frames without their tag.
pub const RX_RUNT_DROPS: &str = "rx_runt_drops";
/// Frames longer than the MTU with an Ethernet header and two VLAN tags, each as it was on the wire,
/// unless the private flag [`RX_OVER_MTU`](crate::flags::RX_OVER_MTU) is on. They are length errors of
/// the interface (`rx_length_errors`), and none of those that the device took.
pub const RX_TOO_LONG_DROPS: &str = "rx_too_long_drops";
/// Frames for which the sending device could not do what it had agreed to. Never counted but by a
/// mistake of the device's.
pub const RX_UNPLANNED_DROPS: &str = "rx_unplanned_drops";
/// Frames whose sum the host was told (`CHECKSUM_COMPLETE`).
pub const RX_CSUM_COMPLETE: &str = "rx_csum_complete";
/// Frames of whose checksum the host was told nothing (`CHECKSUM_NONE`).
pub const RX_CSUM_NONE: &str = "rx_csum_none";
/// Frames that the host got without the hash that it wanted (`rx-hashing`), as too little speaks for the
/// device's parser: `offloadctl parser show` says what does.
pub const RX_HASHES_WITHHELD: &str = "rx_hashes_withheld";
/// Frames that the host, or a native program, got with their VLAN tag beside them (`rx-vlan-hw-parse`,
/// `rx-vlan-stag-hw-parse`).
pub const RX_HW_VLAN_TAGS: &str = "rx_hw_vlan_tags";
/// Frames whose headers and what these carry were put into different memory (`tcp-data-split`).
pub const RX_HDS_PACKETS: &str = "rx_hds_packets";
/// Super-frames that stayed whole on their way from one host to the other, or that the device has made of
/// frames which came one by one (`rx-gro-hw`).
pub const RX_HW_GRO_PACKETS: &str = "rx_hw_gro_packets";
/// Bytes of those.
pub const RX_HW_GRO_BYTES: &str = "rx_hw_gro_bytes";
/// The frames on the wire that they stand for, which is how `rx_packets` counts them.
pub const RX_HW_GRO_WIRE_PACKETS: &str = "rx_hw_gro_wire_packets";
/// Bytes of those.
pub const RX_HW_GRO_WIRE_BYTES: &str = "rx_hw_gro_wire_bytes";
/// As [`RX_HW_GRO_PACKETS`], while it is `large-receive-offload` that is on, which the kernel does not count
/// among what it calls hardware GRO.
pub const RX_LRO_PACKETS: &str = "rx_lro_packets";
/// Bytes of those.
pub const RX_LRO_BYTES: &str = "rx_lro_bytes";
/// The frames on the wire that they stand for.
pub const RX_LRO_WIRE_PACKETS: &str = "rx_lro_wire_packets";
/// Bytes of those.
pub const RX_LRO_WIRE_BYTES: &str = "rx_lro_wire_bytes";
/// Super-frames that the driver has made by the GRO program that the kernel runs, or the device by one of its
/// own that was found changed: none of these counts as made by the device.
pub const RX_GRO_PROG_PACKETS: &str = "rx_gro_prog_packets";
/// Bytes of those.
pub const RX_GRO_PROG_BYTES: &str = "rx_gro_prog_bytes";
/// The frames on the wire that they stand for.
pub const RX_GRO_PROG_WIRE_PACKETS: &str = "rx_gro_prog_wire_packets";
/// Bytes of those.
pub const RX_GRO_PROG_WIRE_BYTES: &str = "rx_gro_prog_wire_bytes";
/// Frames for which a GRO program wanted more than the rules of GRO permit.
pub const RX_GRO_PROG_OVERRULED: &str = "rx_gro_prog_overruled";
/// Frames that waited in the device to be put together with others, or had been, and went up since another
/// flow needed their place.
pub const RX_HW_GRO_EVICTED: &str = "rx_hw_gro_evicted";
/// Those that went up since nothing more came in time.
pub const RX_HW_GRO_TIMED_OUT: &str = "rx_hw_gro_timed_out";
/// Frames that could not be put behind others, as there was no memory for that: what had waited went up, and
/// then they did.
pub const RX_HW_GRO_NO_BUFFER: &str = "rx_hw_gro_no_buffer";
/// Frames that were on the cable when the port went down, or waited there to be put together with others.
pub const RX_DOWN_DROPS: &str = "rx_down_drops";
/// Frames that were on the cable when the receive rings were made smaller than their number, or
/// fewer.
pub const RX_RESIZE_DROPS: &str = "rx_resize_drops";
/// Frames that came to a receive queue by steering; behind this prefix stands why: `hash`, by the
/// indirection table; `unhashed`, by its first entry, as they have nothing that is hashed; `rule`, by
/// a rule; `program`, by choice of the offloaded program. Frames of a port with one queue and no rules are not looked at, and not counted.
pub const RX_STEERED_PREFIX: &str = "rx_steered_";
/// How often the stack wanted a flow by another queue (accelerated RFS) for which there was no room: in the
/// device (the resource `flows`), or in the places of the port's table that are for its hash. The flow stays
/// where it is; the stack asks again when its reader is somewhere else.
pub const RX_FLOW_NO_ROOM: &str = "rx_flow_no_room";
/// Frames that a rule has dropped.
pub const RX_RULE_DROPPED: &str = "rx_rule_dropped";
/// Frames of a type that the user has dropped (`ethtool -N DEV rx-flow-hash TYPE r`), and that no rule
/// has given to another queue.
pub const RX_FLOW_TYPE_DROPPED: &str = "rx_flow_type_dropped";
/// Frames for an address that the port does not take: neither its own, nor that of everybody, nor one that
/// the stack has asked for, while it is not promiscuous. They are lost for nobody, and so are no drops of
/// the interface; no program sees them.
pub const RX_FILTERED: &str = "rx_filtered";
/// Frames of a VLAN that there is no interface for, nor anybody else, while only such are to be taken
/// (`rx-vlan-filter`, `rx-vlan-stag-filter`).
pub const RX_VLAN_FILTERED: &str = "rx_vlan_filtered";

/// Frames for which the offloaded program said `XDP_PASS`.
pub const XDP_HW_PASS: &str = "xdp_hw_pass";
/// Frames for which the offloaded program said `XDP_DROP`.
pub const XDP_HW_DROP: &str = "xdp_hw_drop";
/// Frames for which the offloaded program said `XDP_TX`.
pub const XDP_HW_TX: &str = "xdp_hw_tx";
/// Frames for which the offloaded program said `XDP_REDIRECT`.
pub const XDP_HW_REDIRECT: &str = "xdp_hw_redirect";
/// Frames for which the offloaded program said `XDP_ABORTED`, gave no valid action, or was stopped.
pub const XDP_HW_ABORTED: &str = "xdp_hw_aborted";
/// Of the aborted ones: the device stopped the program, or it returned a number that is no action.
/// Behind this prefix stands the cause.
pub const XDP_HW_FAULT_PREFIX: &str = "xdp_hw_fault_";
/// Frames that an offloaded XDP program has made those of another queue: by a number that it has
/// written to `rx_queue_index`, or by what it has made of them, which is steered anew. Besides, frames of
/// which several have arrived at once, and that a rule tells from the others by what they carry. They are in
/// `rxN_steered_REASON` of the queue to which they have arrived, and once more in that of the other one.
pub const XDP_HW_QUEUE_CHANGES: &str = "xdp_hw_queue_changes";
/// Frames for another queue that had no room for them.
pub const XDP_HW_QUEUE_RING_FULL_DROPS: &str = "xdp_hw_queue_ring_full_drops";
/// Frames for which the program chose a queue that is not in use: they went where they would have gone
/// without that.
pub const XDP_HW_QUEUE_OUT_OF_RANGE: &str = "xdp_hw_queue_out_of_range";
/// Frames to be sent back (`XDP_TX`) for which the far ring had no room.
pub const XDP_HW_TX_RING_FULL_DROPS: &str = "xdp_hw_tx_ring_full_drops";
/// Frames to be sent back (`XDP_TX`) while the other end of the cable was missing or down.
pub const XDP_HW_TX_NO_CARRIER_DROPS: &str = "xdp_hw_tx_no_carrier_drops";

/// Frames to be sent by another port (`XDP_REDIRECT`) when the program had named none, or one that no
/// port of this NIC has in the namespace of the port that received the frame.
pub const XDP_HW_REDIRECT_NO_PORT_DROPS: &str = "xdp_hw_redirect_no_port_drops";
/// Frames to be sent by another port (`XDP_REDIRECT`) while that port, or the other end of its cable,
/// was missing or down.
pub const XDP_HW_REDIRECT_DOWN_DROPS: &str = "xdp_hw_redirect_down_drops";
/// Frames to be sent by another port (`XDP_REDIRECT`) that were longer than its MTU with an Ethernet
/// header and a VLAN tag.
pub const XDP_HW_REDIRECT_TOO_LONG_DROPS: &str = "xdp_hw_redirect_too_long_drops";
/// Frames to be sent by another port (`XDP_REDIRECT`) for which the far ring had no room.
pub const XDP_HW_REDIRECT_RING_FULL_DROPS: &str = "xdp_hw_redirect_ring_full_drops";

/// Frames for which the native program said `XDP_PASS`.
pub const XDP_NATIVE_PASS: &str = "xdp_native_pass";
/// Frames for which the native program said `XDP_DROP`.
pub const XDP_NATIVE_DROP: &str = "xdp_native_drop";
/// Frames for which the native program said `XDP_TX`.
pub const XDP_NATIVE_TX: &str = "xdp_native_tx";
/// Frames for which the native program said `XDP_REDIRECT`.
pub const XDP_NATIVE_REDIRECT: &str = "xdp_native_redirect";
/// Frames for which the native program said `XDP_ABORTED`, or gave no valid action.
pub const XDP_NATIVE_ABORTED: &str = "xdp_native_aborted";
/// Frames to be sent back (`XDP_TX`) by a native program for which the far ring had no room.
pub const XDP_NATIVE_TX_RING_FULL_DROPS: &str = "xdp_native_tx_ring_full_drops";
/// Frames to be sent back (`XDP_TX`) by a native program while the other end of the cable was
/// missing or down.
pub const XDP_NATIVE_TX_NO_CARRIER_DROPS: &str = "xdp_native_tx_no_carrier_drops";
/// Frames to be redirected by a native program that the kernel could not send.
pub const XDP_NATIVE_REDIRECT_DROPS: &str = "xdp_native_redirect_drops";
/// Frames that did not fit into one buffer while the native program takes no other.
pub const XDP_NATIVE_TOO_LONG_DROPS: &str = "xdp_native_too_long_drops";
/// Frames that there was no memory for, before or behind the native program.
pub const XDP_NATIVE_NO_BUFFER_DROPS: &str = "xdp_native_no_buffer_drops";

/// Frames that the offloaded classifier let through (`TC_ACT_OK`).
pub const TC_HW_OK: &str = "tc_hw_ok";
/// Frames for which the offloaded classifier decided nothing (`TC_ACT_UNSPEC`): they went through,
/// to further classifiers.
pub const TC_HW_UNSPEC: &str = "tc_hw_unspec";
/// Frames that the offloaded classifier dropped (`TC_ACT_SHOT`), or for which it was stopped.
pub const TC_HW_SHOT: &str = "tc_hw_shot";
/// Frames that the offloaded classifier consumed (`TC_ACT_STOLEN`).
pub const TC_HW_STOLEN: &str = "tc_hw_stolen";
/// Frames that the offloaded classifier consumed (`TC_ACT_TRAP`).
pub const TC_HW_TRAP: &str = "tc_hw_trap";
/// Frames that the offloaded classifier had sent by a port (`TC_ACT_REDIRECT`).
pub const TC_HW_REDIRECT: &str = "tc_hw_redirect";
/// Of the dropped ones: the device stopped the classifier. Behind this prefix stands the cause.
pub const TC_HW_FAULT_PREFIX: &str = "tc_hw_fault_";
/// Frames to be sent by a port (`TC_ACT_REDIRECT`) when the classifier had named none, or one that no
/// port of this NIC has in the namespace of the port that received the frame.
pub const TC_HW_REDIRECT_NO_PORT_DROPS: &str = "tc_hw_redirect_no_port_drops";
/// Frames to be sent by a port (`TC_ACT_REDIRECT`) while that port, or the other end of its cable,
/// was missing or down.
pub const TC_HW_REDIRECT_DOWN_DROPS: &str = "tc_hw_redirect_down_drops";
/// Frames to be sent by a port (`TC_ACT_REDIRECT`) for which the far ring had no room.
pub const TC_HW_REDIRECT_RING_FULL_DROPS: &str = "tc_hw_redirect_ring_full_drops";

/// Frames that this port sent because a program said so: the offloaded one of a port of the same NIC
/// (`XDP_REDIRECT`, `TC_ACT_REDIRECT`), or a native one of any interface (`XDP_REDIRECT`).
pub const TX_REDIRECTED_FRAMES: &str = "tx_redirected_frames";
/// Frames of native programs of other interfaces (`XDP_REDIRECT`) that were taken, and for which the
/// far ring then had no room.
pub const TX_REDIRECT_DROPS: &str = "tx_redirect_drops";
/// Frames from the stack while the other end of the cable was missing or down.
pub const TX_NO_CARRIER_DROPS: &str = "tx_no_carrier_drops";
/// Frames from the stack whose checksum the device filled in, but for those that it has made itself.
pub const TX_HW_CHECKSUMS: &str = "tx_hw_checksums";
/// Super-frames from the stack that the device cut.
pub const TX_HW_GSO_PACKETS: &str = "tx_hw_gso_packets";
/// Bytes of those.
pub const TX_HW_GSO_BYTES: &str = "tx_hw_gso_bytes";
/// Frames that the device made of them, checksums and all.
pub const TX_HW_GSO_WIRE_PACKETS: &str = "tx_hw_gso_wire_packets";
/// Bytes of those.
pub const TX_HW_GSO_WIRE_BYTES: &str = "tx_hw_gso_wire_bytes";
/// Segments, cut by the device or by the driver, of which the headers are as a GSO program has them.
pub const TX_GSO_PROG_PACKETS: &str = "tx_gso_prog_packets";
/// Segments for which a GSO program has written something else than the rules of GSO permit: they are as
/// without.
pub const TX_GSO_PROG_OVERRULED: &str = "tx_gso_prog_overruled";
/// Segments for which a GSO program has said nothing: it had to be stopped, or returned something else than
/// `XDP_PASS`, or there was no room for the headers, or no memory. They are as without.
pub const TX_GSO_PROG_FAULTS: &str = "tx_gso_prog_faults";
/// Frames and super-frames from the stack into which the device put their VLAN tag
/// (`tx-vlan-hw-insert`, `tx-vlan-stag-hw-insert`).
pub const TX_HW_VLAN_TAGS: &str = "tx_hw_vlan_tags";
/// Frames and super-frames from the stack for whose VLAN tag there was no memory.
pub const TX_VLAN_DROPS: &str = "tx_vlan_drops";
/// Frames from the stack, or made of one by software, whose checksum software filled in. Behind
/// this prefix stands why the device did not.
pub const TX_SW_CSUM_PREFIX: &str = "tx_sw_csum_";
/// Super-frames from the stack that software cut. Behind this prefix stands why the device did not.
pub const TX_SW_GSO_PREFIX: &str = "tx_sw_gso_";
/// Frames from the stack whose checksum software could not fill in, for want of memory.
pub const TX_CSUM_DROPS: &str = "tx_csum_drops";
/// Super-frames from the stack that software could not cut: for want of memory, or because they
/// make no sense.
pub const TX_GSO_DROPS: &str = "tx_gso_drops";
/// Super-frames from the stack that software had cut when the far ring had no room any more.
pub const TX_GSO_RING_FULL_DROPS: &str = "tx_gso_ring_full_drops";
/// How often a transmit queue was stopped because its ring or the far one was full.
pub const TX_QUEUE_STOPS: &str = "tx_queue_stops";
/// How often a stopped transmit queue was woken.
pub const TX_QUEUE_WAKES: &str = "tx_queue_wakes";
