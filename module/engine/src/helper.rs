// SPDX-License-Identifier: GPL-2.0

//! The helper functions that the device has, by the numbers and names of `linux/bpf.h`.

use core::fmt;

use crate::program::ProgramKind;

/// The flag of `bpf_redirect` that has a port receive the frame; of classifiers only.
pub(crate) const BPF_F_INGRESS: u64 = 1;

/// Which programs may call a helper: those of the same types as in the kernel.
enum Callers {
    Any,
    Xdp,
    SchedCls,
}

/// What a helper does to the frame, or needs beside it.
enum Effect {
    /// Nothing.
    Reads,
    /// Nothing; but the processor that runs the program matters.
    Locates,
    /// It changes bytes or bounds.
    Writes,
    /// It may make the frame longer, too, where the room that native XDP leaves around a frame is
    /// not the limit.
    Grows,
}

/// The table of helpers: number in a call instruction, name here and in `linux/bpf.h`, who may call
/// it, what it does to the frame, and the method of the machine that is the helper.
///
/// `helper_table!(m!(tokens))` expands to `m!` of the tokens, in parentheses, and the rows.
macro_rules! helper_table {
    ($each:ident!($($given:tt)*)) => {
        $each! {
            ($($given)*)
            /// `void *bpf_map_lookup_elem(map, key)`.
            1, MapLookupElem, "bpf_map_lookup_elem", Any, Reads, map_lookup;
            /// `long bpf_map_update_elem(map, key, value, flags)`.
            2, MapUpdateElem, "bpf_map_update_elem", Any, Reads, map_update;
            /// `long bpf_map_delete_elem(map, key)`.
            3, MapDeleteElem, "bpf_map_delete_elem", Any, Reads, map_delete;
            /// `u64 bpf_ktime_get_ns()`.
            5, KtimeGetNs, "bpf_ktime_get_ns", Any, Reads, ktime_get_ns;
            /// `u32 bpf_get_prandom_u32()`.
            7, GetPrandomU32, "bpf_get_prandom_u32", Any, Reads, prandom_u32;
            /// `u32 bpf_get_smp_processor_id()`.
            8, GetSmpProcessorId, "bpf_get_smp_processor_id", Any, Locates, processor_id;
            /// `long bpf_skb_store_bytes(skb, offset, from, len, flags)`.
            9, SkbStoreBytes, "bpf_skb_store_bytes", SchedCls, Writes, skb_store_bytes;
            /// `long bpf_l3_csum_replace(skb, offset, from, to, size)`.
            10, L3CsumReplace, "bpf_l3_csum_replace", SchedCls, Writes, l3_csum_replace;
            /// `long bpf_l4_csum_replace(skb, offset, from, to, flags)`.
            11, L4CsumReplace, "bpf_l4_csum_replace", SchedCls, Writes, l4_csum_replace;
            /// `long bpf_skb_vlan_push(skb, protocol, tci)`.
            18, SkbVlanPush, "bpf_skb_vlan_push", SchedCls, Grows, skb_vlan_push;
            /// `long bpf_skb_vlan_pop(skb)`.
            19, SkbVlanPop, "bpf_skb_vlan_pop", SchedCls, Writes, skb_vlan_pop;
            /// `long bpf_redirect(ifindex, flags)`.
            23, Redirect, "bpf_redirect", Any, Reads, redirect;
            /// `long bpf_perf_event_output(ctx, map, flags, data, size)`.
            25, PerfEventOutput, "bpf_perf_event_output", Any, Locates, event_output;
            /// `long bpf_skb_load_bytes(skb, offset, to, len)`.
            26, SkbLoadBytes, "bpf_skb_load_bytes", SchedCls, Reads, skb_load_bytes;
            /// `s64 bpf_csum_diff(from, from_size, to, to_size, seed)`.
            28, CsumDiff, "bpf_csum_diff", Any, Reads, csum_diff;
            /// `long bpf_skb_change_proto(skb, protocol, flags)`.
            31, SkbChangeProto, "bpf_skb_change_proto", SchedCls, Grows, skb_change_proto;
            /// `long bpf_skb_change_type(skb, type)`.
            32, SkbChangeType, "bpf_skb_change_type", SchedCls, Reads, skb_change_type;
            /// `long bpf_skb_change_tail(skb, len, flags)`.
            38, SkbChangeTail, "bpf_skb_change_tail", SchedCls, Grows, skb_change_tail;
            /// `long bpf_skb_pull_data(skb, len)`.
            39, SkbPullData, "bpf_skb_pull_data", SchedCls, Reads, skb_pull_data;
            /// `void bpf_set_hash_invalid(skb)`.
            41, SetHashInvalid, "bpf_set_hash_invalid", SchedCls, Reads, set_hash_invalid;
            /// `long bpf_skb_change_head(skb, len, flags)`.
            43, SkbChangeHead, "bpf_skb_change_head", SchedCls, Grows, skb_change_head;
            /// `long bpf_xdp_adjust_head(xdp_md, delta)`.
            44, XdpAdjustHead, "bpf_xdp_adjust_head", Xdp, Writes, xdp_adjust_head;
            /// `long bpf_xdp_adjust_meta(xdp_md, delta)`.
            54, XdpAdjustMeta, "bpf_xdp_adjust_meta", Xdp, Writes, xdp_adjust_meta;
            /// `long bpf_xdp_adjust_tail(xdp_md, delta)`.
            65, XdpAdjustTail, "bpf_xdp_adjust_tail", Xdp, Writes, xdp_adjust_tail;
            /// `long bpf_skb_load_bytes_relative(skb, offset, to, len, header)`.
            68, SkbLoadBytesRelative, "bpf_skb_load_bytes_relative", SchedCls, Reads, skb_load_bytes_relative;
            /// `u64 bpf_xdp_get_buff_len(xdp_md)`.
            188, XdpGetBuffLen, "bpf_xdp_get_buff_len", Xdp, Reads, xdp_get_buff_len;
            /// `long bpf_xdp_load_bytes(xdp_md, offset, to, len)`.
            189, XdpLoadBytes, "bpf_xdp_load_bytes", Xdp, Reads, xdp_load_bytes;
            /// `long bpf_xdp_store_bytes(xdp_md, offset, from, len)`.
            190, XdpStoreBytes, "bpf_xdp_store_bytes", Xdp, Writes, xdp_store_bytes;
        }
    };
}
pub(crate) use helper_table;

macro_rules! define {
    (() $(
        $(#[$doc:meta])*
        $id:literal, $name:ident, $text:literal, $callers:ident, $effect:ident, $method:ident;
    )*) => {
        /// A helper of the device. The discriminant is the helper's number in a call instruction.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Helper {
            $($(#[$doc])* $name = $id,)*
        }

        impl Helper {
            /// All helpers of the device, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The helper with number `id`, if the device has it.
            pub const fn from_id(id: i32) -> Option<Self> {
                match id {
                    $($id => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The name in `linux/bpf.h`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            const fn callers(self) -> Callers {
                match self {
                    $(Self::$name => Callers::$callers,)*
                }
            }

            const fn effect(self) -> Effect {
                match self {
                    $(Self::$name => Effect::$effect,)*
                }
            }
        }
    };
}

helper_table!(define!());

impl Helper {
    /// Whether programs of type `kind` may call it: for the same types as in the kernel.
    pub const fn is_for(self, kind: ProgramKind) -> bool {
        match self.callers() {
            Callers::Any => true,
            Callers::Xdp => matches!(kind, ProgramKind::Xdp),
            Callers::SchedCls => matches!(kind, ProgramKind::SchedCls),
        }
    }

    /// The helper with number `id`, if the device has it for programs of type `kind`.
    pub fn for_kind(id: i32, kind: ProgramKind) -> Option<Self> {
        Self::from_id(id).filter(|helper| helper.is_for(kind))
    }

    /// Whether the helper can change the bytes or the bounds of the frame.
    pub const fn writes_frame(self) -> bool {
        matches!(self.effect(), Effect::Writes | Effect::Grows)
    }

    /// Whether it matters to the helper which processor runs the program.
    pub const fn locates(self) -> bool {
        matches!(self.effect(), Effect::Locates)
    }

    /// Whether the helper can make the frame longer, up to
    /// [`MAX_SKB_LEN`](crate::limits::MAX_SKB_LEN) bytes, where the room that native XDP leaves
    /// around a frame is not the limit.
    pub const fn grows_frame(self) -> bool {
        matches!(self.effect(), Effect::Grows)
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
