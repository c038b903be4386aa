// SPDX-License-Identifier: GPL-2.0

//! What a function is for, told by its name and by what it is part of.

use super::symbols::Symbol;

/// The module whose functions are told apart.
pub(crate) const OURS: &str = "offload_nic";

/// Crates whose generic code is compiled into those that use it.
const LIBRARIES: &[&str] = &["core", "alloc", "kernel", "pin_init"];

/// The kernel's own functions by the beginnings of their names.
const KERNEL: &[(&str, &[&str])] = &[
    (
        "the clock",
        &["ktime_", "timekeeping_", "timer_read", "os_nsecs"],
    ),
    (
        "the interrupt flag",
        &[
            "um_set_signals",
            "set_signals",
            "get_signals",
            "block_signals",
            "unblock_signals",
            "arch_local_irq",
            "__local_ipi",
        ],
    ),
    (
        "programs and maps of the host",
        &[
            "bpf_",
            "__bpf",
            "___bpf",
            "htab_",
            "__htab",
            "lookup_nulls",
            "array_map",
            "xdp_",
            "__xdp",
            "jhash",
        ],
    ),
    (
        "copies and sums",
        &[
            "memcpy",
            "__memcpy",
            "memset",
            "__memset",
            "memmove",
            "__memmove",
            "csum_partial",
            "do_csum",
            "raw_copy",
            "copy_",
            "_copy_",
            "__copy_",
        ],
    ),
    (
        "buffers made and freed",
        &[
            "kmem_cache",
            "kmalloc",
            "__kmalloc",
            "kfree",
            "__kfree",
            "slab_",
            "__slab",
            "___slab",
            "page_pool",
            "__page_pool",
            "alloc_pages",
            "__alloc_pages",
            "get_page_from",
            "free_unref",
            "free_frozen",
            "__free",
            "page_frag",
            "__page_frag",
            "alloc_skb",
            "__alloc_skb",
            "build_skb",
            "__build_skb",
            "napi_build_skb",
            "napi_alloc_skb",
            "__napi_alloc",
            "napi_consume",
            "napi_skb",
            "__napi_kfree",
            "skb_release",
            "skb_free",
            "sk_skb_reason_drop",
            "skb_attempt_defer",
            "consume_skb",
            "__consume",
            "refill_",
            "__pcs",
            "netdev_alloc",
            "__netdev_alloc",
            "kmalloc_reserve",
            "finalize_skb",
        ],
    ),
    ("veth", &["veth_"]),
    ("dummy", &["dummy_"]),
];

/// What is not code of the guest's kernel, by the file that it lies in.
pub(crate) fn of_file(file: &str) -> &'static str {
    match file {
        "[vdso]" => "the clock",
        "[kernel.kallsyms]" => "system calls of User Mode Linux: the host's kernel",
        file if file.contains("/libc.so") => {
            "system calls of User Mode Linux: the host's C library"
        }
        _ => "processes of the guest, and the rest",
    }
}

/// What a function of the guest's kernel is for.
pub(crate) fn of(symbol: &Symbol) -> String {
    if symbol.module == OURS {
        return format!("{OURS}: {}", crate_of(&symbol.name));
    }
    if !symbol.module.is_empty() {
        return symbol.module.clone();
    }
    let is_of = |prefixes: &&[&str]| {
        prefixes
            .iter()
            .any(|prefix| symbol.name.starts_with(prefix))
    };
    let group = KERNEL.iter().find(|(_, prefixes)| is_of(prefixes));
    group
        .map_or("the rest of the kernel", |(group, _)| group)
        .to_owned()
}

/// A function's name as its author wrote it.
pub(crate) fn readable(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// Which crate of the module a function is of.
fn crate_of(name: &str) -> String {
    if rustc_demangle::try_demangle(name).is_err() {
        return "C".to_owned();
    }
    let readable = readable(name);
    let words = readable.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
    let paths = words.filter_map(|word| word.split_once("::"));
    let mut roots = paths.map(|(root, _)| root).filter(|root| !root.is_empty());
    let root = roots.find(|root| !LIBRARIES.contains(root));
    format!("crate {}", root.unwrap_or("kernel"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, module: &str) -> String {
        let symbol = Symbol {
            name: name.to_owned(),
            module: module.to_owned(),
        };
        of(&symbol)
    }

    #[test]
    fn functions_have_groups() {
        assert_eq!(group("ktime_get", ""), "the clock");
        assert_eq!(group("dev_hard_start_xmit", ""), "the rest of the kernel");
        assert_eq!(group("pktgen_xmit", "pktgen"), "pktgen");
        assert_eq!(group("net_helper_free", "offload_nic"), "offload_nic: C");
        assert_eq!(of_file("[vdso]"), "the clock");
    }

    #[test]
    fn generic_code_belongs_to_the_crate_that_it_is_about() {
        let name = "_RNvCs1234_7mycrate3foo";
        assert_eq!(group(name, "offload_nic"), "offload_nic: crate mycrate");
        // <core::option::Option<mycrate::Type>>::map
        let name = "_RNvMNtCsaaa_4core6optionINtB2_6OptionNtCsbbb_7mycrate4TypeE3map";
        assert_eq!(group(name, "offload_nic"), "offload_nic: crate mycrate");
    }
}
