// SPDX-License-Identifier: GPL-2.0

//! The helper functions that the device has, by the numbers and names of `linux/bpf.h`.

use core::fmt;

use crate::store::ProgramKind;

/// The flag of `bpf_redirect` that has a port receive the frame; of classifiers only.
pub(crate) const BPF_F_INGRESS: u64 = 1;

/// A helper of the device. The discriminant is the helper's number in a call instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Helper {
    /// `void *bpf_map_lookup_elem(map, key)`.
    MapLookupElem = 1,
    /// `long bpf_map_update_elem(map, key, value, flags)`.
    MapUpdateElem = 2,
    /// `long bpf_map_delete_elem(map, key)`.
    MapDeleteElem = 3,
    /// `u64 bpf_ktime_get_ns()`.
    KtimeGetNs = 5,
    /// `u32 bpf_get_prandom_u32()`.
    GetPrandomU32 = 7,
    /// `u32 bpf_get_smp_processor_id()`.
    GetSmpProcessorId = 8,
    /// `long bpf_skb_store_bytes(skb, offset, from, len, flags)`.
    SkbStoreBytes = 9,
    /// `long bpf_l3_csum_replace(skb, offset, from, to, size)`.
    L3CsumReplace = 10,
    /// `long bpf_l4_csum_replace(skb, offset, from, to, flags)`.
    L4CsumReplace = 11,
    /// `long bpf_skb_vlan_push(skb, protocol, tci)`.
    SkbVlanPush = 18,
    /// `long bpf_skb_vlan_pop(skb)`.
    SkbVlanPop = 19,
    /// `long bpf_redirect(ifindex, flags)`.
    Redirect = 23,
    /// `long bpf_perf_event_output(ctx, map, flags, data, size)`.
    PerfEventOutput = 25,
    /// `long bpf_skb_load_bytes(skb, offset, to, len)`.
    SkbLoadBytes = 26,
    /// `s64 bpf_csum_diff(from, from_size, to, to_size, seed)`.
    CsumDiff = 28,
    /// `long bpf_skb_change_proto(skb, protocol, flags)`.
    SkbChangeProto = 31,
    /// `long bpf_skb_change_type(skb, type)`.
    SkbChangeType = 32,
    /// `long bpf_skb_change_tail(skb, len, flags)`.
    SkbChangeTail = 38,
    /// `long bpf_skb_pull_data(skb, len)`.
    SkbPullData = 39,
    /// `void bpf_set_hash_invalid(skb)`.
    SetHashInvalid = 41,
    /// `long bpf_skb_change_head(skb, len, flags)`.
    SkbChangeHead = 43,
    /// `long bpf_xdp_adjust_head(xdp_md, delta)`.
    XdpAdjustHead = 44,
    /// `long bpf_xdp_adjust_meta(xdp_md, delta)`.
    XdpAdjustMeta = 54,
    /// `long bpf_xdp_adjust_tail(xdp_md, delta)`.
    XdpAdjustTail = 65,
    /// `long bpf_skb_load_bytes_relative(skb, offset, to, len, header)`.
    SkbLoadBytesRelative = 68,
    /// `u64 bpf_xdp_get_buff_len(xdp_md)`.
    XdpGetBuffLen = 188,
    /// `long bpf_xdp_load_bytes(xdp_md, offset, to, len)`.
    XdpLoadBytes = 189,
    /// `long bpf_xdp_store_bytes(xdp_md, offset, from, len)`.
    XdpStoreBytes = 190,
}

impl Helper {
    /// All helpers of the device, by number.
    pub const ALL: &'static [Self] = &[
        Self::MapLookupElem,
        Self::MapUpdateElem,
        Self::MapDeleteElem,
        Self::KtimeGetNs,
        Self::GetPrandomU32,
        Self::GetSmpProcessorId,
        Self::SkbStoreBytes,
        Self::L3CsumReplace,
        Self::L4CsumReplace,
        Self::SkbVlanPush,
        Self::SkbVlanPop,
        Self::Redirect,
        Self::PerfEventOutput,
        Self::SkbLoadBytes,
        Self::CsumDiff,
        Self::SkbChangeProto,
        Self::SkbChangeType,
        Self::SkbChangeTail,
        Self::SkbPullData,
        Self::SetHashInvalid,
        Self::SkbChangeHead,
        Self::XdpAdjustHead,
        Self::XdpAdjustMeta,
        Self::XdpAdjustTail,
        Self::SkbLoadBytesRelative,
        Self::XdpGetBuffLen,
        Self::XdpLoadBytes,
        Self::XdpStoreBytes,
    ];

    /// The helper with number `id`, if the device has it.
    pub const fn from_id(id: i32) -> Option<Self> {
        Some(match id {
            1 => Self::MapLookupElem,
            2 => Self::MapUpdateElem,
            3 => Self::MapDeleteElem,
            5 => Self::KtimeGetNs,
            7 => Self::GetPrandomU32,
            8 => Self::GetSmpProcessorId,
            9 => Self::SkbStoreBytes,
            10 => Self::L3CsumReplace,
            11 => Self::L4CsumReplace,
            18 => Self::SkbVlanPush,
            19 => Self::SkbVlanPop,
            23 => Self::Redirect,
            25 => Self::PerfEventOutput,
            26 => Self::SkbLoadBytes,
            28 => Self::CsumDiff,
            31 => Self::SkbChangeProto,
            32 => Self::SkbChangeType,
            38 => Self::SkbChangeTail,
            39 => Self::SkbPullData,
            41 => Self::SetHashInvalid,
            43 => Self::SkbChangeHead,
            44 => Self::XdpAdjustHead,
            54 => Self::XdpAdjustMeta,
            65 => Self::XdpAdjustTail,
            68 => Self::SkbLoadBytesRelative,
            188 => Self::XdpGetBuffLen,
            189 => Self::XdpLoadBytes,
            190 => Self::XdpStoreBytes,
            _ => return None,
        })
    }

    /// Whether programs of type `kind` may call it: for the same types as in the kernel.
    pub const fn is_for(self, kind: ProgramKind) -> bool {
        match self {
            Self::MapLookupElem
            | Self::MapUpdateElem
            | Self::MapDeleteElem
            | Self::KtimeGetNs
            | Self::GetPrandomU32
            | Self::GetSmpProcessorId
            | Self::Redirect
            | Self::PerfEventOutput
            | Self::CsumDiff => true,
            Self::XdpAdjustHead
            | Self::XdpAdjustMeta
            | Self::XdpAdjustTail
            | Self::XdpGetBuffLen
            | Self::XdpLoadBytes
            | Self::XdpStoreBytes => matches!(kind, ProgramKind::Xdp),
            _ => matches!(kind, ProgramKind::SchedCls),
        }
    }

    /// The helper with number `id`, if the device has it for programs of type `kind`.
    pub fn for_kind(id: i32, kind: ProgramKind) -> Option<Self> {
        Self::from_id(id).filter(|helper| helper.is_for(kind))
    }

    /// Whether the helper can change the bytes or the bounds of the frame.
    pub const fn writes_frame(self) -> bool {
        self.grows_frame()
            || matches!(
                self,
                Self::XdpAdjustHead
                    | Self::XdpAdjustMeta
                    | Self::XdpAdjustTail
                    | Self::XdpStoreBytes
                    | Self::SkbStoreBytes
                    | Self::L3CsumReplace
                    | Self::L4CsumReplace
                    | Self::SkbVlanPop
            )
    }

    /// Whether the helper can make the frame longer, up to
    /// [`MAX_SKB_LEN`](crate::limits::MAX_SKB_LEN) bytes, where the room that native XDP leaves
    /// around a frame is not the limit.
    pub const fn grows_frame(self) -> bool {
        matches!(
            self,
            Self::SkbVlanPush | Self::SkbChangeProto | Self::SkbChangeTail | Self::SkbChangeHead
        )
    }

    /// The name in `linux/bpf.h`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MapLookupElem => "bpf_map_lookup_elem",
            Self::MapUpdateElem => "bpf_map_update_elem",
            Self::MapDeleteElem => "bpf_map_delete_elem",
            Self::KtimeGetNs => "bpf_ktime_get_ns",
            Self::GetPrandomU32 => "bpf_get_prandom_u32",
            Self::GetSmpProcessorId => "bpf_get_smp_processor_id",
            Self::SkbStoreBytes => "bpf_skb_store_bytes",
            Self::L3CsumReplace => "bpf_l3_csum_replace",
            Self::L4CsumReplace => "bpf_l4_csum_replace",
            Self::SkbVlanPush => "bpf_skb_vlan_push",
            Self::SkbVlanPop => "bpf_skb_vlan_pop",
            Self::Redirect => "bpf_redirect",
            Self::PerfEventOutput => "bpf_perf_event_output",
            Self::SkbLoadBytes => "bpf_skb_load_bytes",
            Self::CsumDiff => "bpf_csum_diff",
            Self::SkbChangeProto => "bpf_skb_change_proto",
            Self::SkbChangeType => "bpf_skb_change_type",
            Self::SkbChangeTail => "bpf_skb_change_tail",
            Self::SkbPullData => "bpf_skb_pull_data",
            Self::SetHashInvalid => "bpf_set_hash_invalid",
            Self::SkbChangeHead => "bpf_skb_change_head",
            Self::XdpAdjustHead => "bpf_xdp_adjust_head",
            Self::XdpAdjustMeta => "bpf_xdp_adjust_meta",
            Self::XdpAdjustTail => "bpf_xdp_adjust_tail",
            Self::SkbLoadBytesRelative => "bpf_skb_load_bytes_relative",
            Self::XdpGetBuffLen => "bpf_xdp_get_buff_len",
            Self::XdpLoadBytes => "bpf_xdp_load_bytes",
            Self::XdpStoreBytes => "bpf_xdp_store_bytes",
        }
    }
}

impl fmt::Display for Helper {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The helpers that programs for a NIC are most likely to ask for and that this device lacks, so
/// that a refusal names what the author wrote and not only a number.
const COMMON: &[(i32, &str)] = &[
    (4, "bpf_probe_read"),
    (6, "bpf_trace_printk"),
    (12, "bpf_tail_call"),
    (13, "bpf_clone_redirect"),
    (14, "bpf_get_current_pid_tgid"),
    (17, "bpf_get_cgroup_classid"),
    (20, "bpf_skb_get_tunnel_key"),
    (21, "bpf_skb_set_tunnel_key"),
    (24, "bpf_get_route_realm"),
    (34, "bpf_get_hash_recalc"),
    (40, "bpf_csum_update"),
    (46, "bpf_get_socket_cookie"),
    (47, "bpf_get_socket_uid"),
    (48, "bpf_set_hash"),
    (50, "bpf_skb_adjust_room"),
    (51, "bpf_redirect_map"),
    (69, "bpf_fib_lookup"),
    (84, "bpf_sk_lookup_tcp"),
    (85, "bpf_sk_lookup_udp"),
    (86, "bpf_sk_release"),
    (87, "bpf_map_push_elem"),
    (88, "bpf_map_pop_elem"),
    (89, "bpf_map_peek_elem"),
    (93, "bpf_spin_lock"),
    (94, "bpf_spin_unlock"),
    (95, "bpf_sk_fullsock"),
    (97, "bpf_skb_ecn_set_ce"),
    (110, "bpf_tcp_gen_syncookie"),
    (118, "bpf_jiffies64"),
    (124, "bpf_sk_assign"),
    (125, "bpf_ktime_get_boot_ns"),
    (130, "bpf_ringbuf_output"),
    (131, "bpf_ringbuf_reserve"),
    (135, "bpf_csum_level"),
    (152, "bpf_redirect_neigh"),
    (155, "bpf_redirect_peer"),
    (160, "bpf_ktime_get_coarse_ns"),
    (163, "bpf_check_mtu"),
    (164, "bpf_for_each_map_elem"),
    (168, "bpf_timer_init"),
    (181, "bpf_loop"),
    (182, "bpf_strncmp"),
    (192, "bpf_skb_set_tstamp"),
    (195, "bpf_map_lookup_percpu_elem"),
    (208, "bpf_ktime_get_tai_ns"),
];

/// Writes the name of helper `id` as in `linux/bpf.h`, or `helper` where it is not one that this
/// crate names.
#[inline]
pub(crate) fn write_name(f: &mut fmt::Formatter<'_>, id: i32) -> fmt::Result {
    if let Some(helper) = Helper::from_id(id) {
        return f.write_str(helper.name());
    }
    let known = COMMON.iter().find(|(number, _)| *number == id);
    f.write_str(known.map_or("helper", |(_, name)| name))
}

/// Writes the names of all helpers that programs of type `kind` may call, separated by commas.
#[inline]
pub(crate) fn write_all(f: &mut fmt::Formatter<'_>, kind: ProgramKind) -> fmt::Result {
    let mut separator = "";
    for helper in Helper::ALL.iter().filter(|helper| helper.is_for(kind)) {
        f.write_str(separator)?;
        f.write_str(helper.name())?;
        separator = ", ";
    }
    Ok(())
}
