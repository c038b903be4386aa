// SPDX-License-Identifier: GPL-2.0

//! The helper functions that the device has, by the numbers and names of `linux/bpf.h`.

use core::fmt;

use crate::numbered::numbered;

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
    /// `long bpf_redirect(ifindex, flags)`.
    Redirect = 23,
    /// `long bpf_perf_event_output(xdp_md, map, flags, data, size)`.
    PerfEventOutput = 25,
    /// `s64 bpf_csum_diff(from, from_size, to, to_size, seed)`.
    CsumDiff = 28,
    /// `long bpf_xdp_adjust_head(xdp_md, delta)`.
    XdpAdjustHead = 44,
    /// `long bpf_xdp_adjust_meta(xdp_md, delta)`.
    XdpAdjustMeta = 54,
    /// `long bpf_xdp_adjust_tail(xdp_md, delta)`.
    XdpAdjustTail = 65,
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
        Self::Redirect,
        Self::PerfEventOutput,
        Self::CsumDiff,
        Self::XdpAdjustHead,
        Self::XdpAdjustMeta,
        Self::XdpAdjustTail,
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
            23 => Self::Redirect,
            25 => Self::PerfEventOutput,
            28 => Self::CsumDiff,
            44 => Self::XdpAdjustHead,
            54 => Self::XdpAdjustMeta,
            65 => Self::XdpAdjustTail,
            _ => return None,
        })
    }

    /// Whether the helper can move the bounds of the frame, so that packet pointers become invalid.
    pub const fn moves_frame(self) -> bool {
        matches!(
            self,
            Self::XdpAdjustHead | Self::XdpAdjustMeta | Self::XdpAdjustTail
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
            Self::Redirect => "bpf_redirect",
            Self::PerfEventOutput => "bpf_perf_event_output",
            Self::CsumDiff => "bpf_csum_diff",
            Self::XdpAdjustHead => "bpf_xdp_adjust_head",
            Self::XdpAdjustMeta => "bpf_xdp_adjust_meta",
            Self::XdpAdjustTail => "bpf_xdp_adjust_tail",
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
    (9, "bpf_skb_store_bytes"),
    (10, "bpf_l3_csum_replace"),
    (11, "bpf_l4_csum_replace"),
    (12, "bpf_tail_call"),
    (13, "bpf_clone_redirect"),
    (14, "bpf_get_current_pid_tgid"),
    (26, "bpf_skb_load_bytes"),
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
    (110, "bpf_tcp_gen_syncookie"),
    (118, "bpf_jiffies64"),
    (125, "bpf_ktime_get_boot_ns"),
    (130, "bpf_ringbuf_output"),
    (131, "bpf_ringbuf_reserve"),
    (160, "bpf_ktime_get_coarse_ns"),
    (163, "bpf_check_mtu"),
    (164, "bpf_for_each_map_elem"),
    (168, "bpf_timer_init"),
    (181, "bpf_loop"),
    (182, "bpf_strncmp"),
    (188, "bpf_xdp_get_buff_len"),
    (189, "bpf_xdp_load_bytes"),
    (190, "bpf_xdp_store_bytes"),
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

/// Writes the names of all helpers of the device, separated by commas.
#[inline]
pub(crate) fn write_all(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (i, helper) in numbered(Helper::ALL) {
        if i > 0 {
            f.write_str(", ")?;
        }
        f.write_str(helper.name())?;
    }
    Ok(())
}
