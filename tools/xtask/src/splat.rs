// SPDX-License-Identifier: GPL-2.0

//! Kernel faults in a guest's log, leaks in kmemleak's list, and whether lockdep
//! was awake. A check that does not work must not look like a clean log: the
//! debug kernels' checkers are provoked once per kernel ([`crate::selfcheck`]).

/// How many lines of a fault are shown.
const EXCERPT: usize = 60;
/// How many faults, or leaks, are shown.
const SHOWN: usize = 5;

/// How the first line of a fault begins, after the time stamp.
const BEGINS: &[&str] = &[
    "WARNING: ",
    "BUG: ",
    // The slab allocator's: "BUG kmalloc-64 (Not tainted): ...".
    "BUG ",
    "[ BUG: ",
    "kernel BUG at ",
    "UBSAN: ",
    "Oops: ",
    "Oops ",
    "Internal error: ",
    "Kernel panic",
    "general protection fault",
    "Unable to handle kernel",
    "refcount_t: ",
    "list_add corruption",
    "list_del corruption",
    "ODEBUG: ",
    "ref_tracker: ",
    "unregister_netdevice: waiting for ",
    "rust_kernel: panicked at ",
    "INFO: trying to register non-static key",
    "------------[ cut here ]------------",
];

/// What stands in the first line of a fault, wherever.
const CONTAINS: &[&str] = &[
    // In the words of kernel/bpf/core.c: the host ran what only a device may.
    "attempt to execute device eBPF program",
    "blocked for more than",
    "detected stalls on CPUs",
    "self-detected stall on CPU",
    "detected expedited stalls",
    "BUG: soft lockup",
    "hard LOCKUP",
    "BUG: workqueue lockup",
    "sleeping function called from invalid context",
    // Checkers that give up.
    "Kernel memory leak detector disabled",
    "turning off the locking correctness validator",
    "INFO: lockdep is turned off",
];

/// The faults in a kernel log: each with the lines that follow its first one.
pub(crate) fn find(log: &str) -> Vec<String> {
    let lines: Vec<&str> = log.lines().collect();
    let mut faults = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if !is_headline(message(lines[at])) {
            at += 1;
            continue;
        }
        let end = excerpt_end(&lines, at);
        faults.push(lines[at..end].join("\n"));
        at = end;
    }
    shorten(faults, "faults")
}

/// Where the excerpt of the fault at `start` ends.
fn excerpt_end(lines: &[&str], start: usize) -> usize {
    let limit = lines.len().min(start + EXCERPT);
    (start + 1..limit)
        .find(|&line| message(lines[line]).starts_with("---[ end "))
        .map_or(limit, |line| line + 1)
}

/// Whether a message is the first line of a fault.
fn is_headline(message: &str) -> bool {
    // It only says that a leak may go unnoticed now: what fault injection brings about.
    if message.starts_with("ref_tracker: memory allocation failure") {
        return false;
    }
    BEGINS.iter().any(|begin| message.starts_with(begin))
        || CONTAINS.iter().any(|part| message.contains(part))
}

/// A line without what printk puts before a message: the time stamp "[    0.5] "
/// and, if the kernel is so configured, the caller "[  T123] "; and without the
/// subsystems' own prefixes of the faults that have one.
fn message(line: &str) -> &str {
    let mut rest = line.trim_start();
    while let Some((inside, after)) = rest.strip_prefix('[').and_then(|tail| tail.split_once(']')) {
        let inside = inside.trim();
        let stamp = !inside.is_empty() && inside.chars().all(|c| c.is_ascii_digit() || c == '.');
        let caller = inside
            .strip_prefix(['T', 'C'])
            .is_some_and(|id| !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()));
        if !stamp && !caller {
            break;
        }
        rest = after.trim_start();
    }
    for prefix in ["watchdog: ", "rcu: "] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    rest
}

/// The objects in kmemleak's list that are the module's and were made at the jiffy
/// `since` or later, as one fault.
///
/// The list always has objects of the kernel's own, which on User Mode Linux
/// kmemleak cannot reach from where it starts. The module's are told by their
/// backtrace: it names the module, or, if that has been removed since, has an
/// address without a name.
pub(crate) fn leaks(list: &str, since: u64) -> Option<String> {
    let mut objects: Vec<String> = Vec::new();
    for line in list.lines() {
        if line.starts_with("unreferenced object") {
            objects.push(String::new());
        }
        if let Some(object) = objects.last_mut() {
            object.push_str(line);
            object.push('\n');
        }
    }
    // An object whose age cannot be read is not passed over.
    objects
        .retain(|object| made_at(object).is_none_or(|jiffy| jiffy >= since) && is_modules(object));
    if objects.is_empty() {
        return None;
    }
    Some(format!(
        "memory leaked in the guest, {} objects:\n{}",
        objects.len(),
        shorten(objects, "objects").join("")
    ))
}

/// Whether an object was allocated by, or on behalf of, a module that is ours or
/// gone.
fn is_modules(object: &str) -> bool {
    object.split_once("backtrace").is_some_and(|(_, frames)| {
        frames.contains("[offload_nic]")
            || frames.lines().skip(1).any(|frame| {
                frame
                    .trim_start()
                    .rsplit("] ")
                    .next()
                    .is_some_and(|f| f.starts_with("0x"))
            })
    })
}

/// When an object was made: "  comm "ip", pid 1, jiffies 4294937296".
fn made_at(object: &str) -> Option<u64> {
    let (_, after) = object.split_once(", jiffies ")?;
    after.split_whitespace().next()?.parse().ok()
}

/// A fault if `/proc/lockdep_stats`, taken at the end of a run, says that lockdep
/// has switched itself off. Empty: the kernel has no lockdep.
pub(crate) fn lockdep_asleep(stats: &str) -> Option<String> {
    if stats.is_empty() {
        return None;
    }
    let awake = stats
        .lines()
        .filter_map(|line| line.split_once(':'))
        .any(|(name, value)| name.trim() == "debug_locks" && value.trim() == "1");
    (!awake).then(|| {
        "lockdep was off at the end of the run (debug_locks in /proc/lockdep_stats is not 1): \
         what it did not report proves nothing"
            .to_owned()
    })
}

/// The first few, and a word about the rest.
fn shorten(mut texts: Vec<String>, what: &str) -> Vec<String> {
    let more = texts.len().saturating_sub(SHOWN);
    texts.truncate(SHOWN);
    if more > 0 {
        texts.push(format!("... and {more} more {what}\n"));
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as a healthy guest prints them, some of them close to a fault's.
    const CLEAN: &str = "\
[    0.000000] Linux version 7.2.12 (gcc)\n\
[    0.010000] Warning: unable to open an initial console.\n\
[    0.100000] debug: booted with KASAN and lockdep\n\
[    0.200000] offload_nic: loading out-of-tree module taints kernel.\n\
[    0.300000] onic0: refused map: 65 bytes asked, WARNING level is 64\n\
[    0.350000] ref_tracker: memory allocation failure, unreliable refcount tracker.\n\
[    0.400000] INFO: something usual\n";

    #[test]
    fn clean_log_has_no_fault() {
        assert_eq!(find(CLEAN), Vec::<String>::new());
    }

    #[test]
    fn every_kind_of_fault_is_found() {
        for line in [
            "WARNING: net/core/dev.c:1 at f+0x1/0x2, CPU#0: insmod/1",
            "WARNING: possible circular locking dependency detected",
            "WARNING: inconsistent lock state",
            "WARNING: bad unlock balance detected!",
            "WARNING: suspicious RCU usage",
            "BUG: KASAN: slab-out-of-bounds in f+0x1/0x2 [offload_nic]",
            "BUG: sleeping function called from invalid context at mm/slab.c:1",
            "BUG: kernel NULL pointer dereference, address: 0",
            "BUG kmalloc-64 (Tainted: G  O): Right Redzone overwritten",
            "[ BUG: Invalid wait context ]",
            "kernel BUG at net/core/skbuff.c:1!",
            "UBSAN: array-index-out-of-bounds in f.c:1:2",
            "Oops: 0000 [#1] SMP",
            "Kernel panic - not syncing: oh",
            "refcount_t: saturated; leaking memory.",
            "list_del corruption. prev->next should be 1",
            "rust_kernel: panicked at module/net/lib.rs:1:2:",
            "rcu: INFO: rcu_preempt self-detected stall on CPU",
            "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [ip:1]",
            "INFO: task ip:1 blocked for more than 120 seconds.",
            "attempt to execute device eBPF program on the host!",
            "unregister_netdevice: waiting for onic0 to become free. Usage count = 2",
            "kmemleak: Kernel memory leak detector disabled",
        ] {
            for stamp in ["[    1.500000] ", "[    1.500000][  T123] ", ""] {
                let log = format!("{CLEAN}{stamp}{line}\n{CLEAN}");
                let faults = find(&log);
                assert_eq!(faults.len(), 1, "{line}");
                assert!(faults[0].contains(line), "{line}");
            }
        }
    }

    #[test]
    fn fault_ends_at_its_end_trace() {
        let log = "[ 1.0] WARNING: a\n[ 1.0] Call Trace:\n[ 1.0] ---[ end trace 0 ]---\n\
                   [ 2.0] fine\n[ 3.0] BUG: b\n";
        let faults = find(log);
        assert_eq!(faults.len(), 2);
        assert!(!faults[0].contains("fine"));
    }

    #[test]
    fn many_faults_are_counted() {
        let log = "[ 1.0] WARNING: a\n[ 1.0] ---[ end trace 0 ]---\n".repeat(SHOWN + 3);
        let faults = find(&log);
        assert_eq!(faults.len(), SHOWN + 1);
        assert!(faults[SHOWN].contains("3 more"));
    }

    #[test]
    fn leaks_of_the_module_are_counted() {
        let object = |jiffy: u64, frame: &str| {
            format!(
                "unreferenced object 0x60 (size 64):\n  comm \"ip\", pid 9, jiffies {jiffy}\n  \
                 hex dump (first 8 bytes):\n    00 01\n  backtrace (crc 0):\n    {frame}\n    \
                 main+0x1/0x2\n"
            )
        };
        let ours = "f+0x1/0x2 [offload_nic]";
        assert_eq!(leaks("", 0), None);
        assert_eq!(leaks(&object(9, ours), 10), None);
        assert_eq!(leaks(&object(10, "alloc_pid+0x1/0x2"), 10), None);
        let list = object(10, ours) + &object(11, "0x0000000062a1") + &object(12, "[<6>] 0x6a");
        let fault = leaks(&list, 10).unwrap();
        assert!(fault.contains("3 objects"), "{fault}");
    }

    #[test]
    fn lockdep_must_be_awake() {
        assert_eq!(lockdep_asleep(""), None);
        assert_eq!(
            lockdep_asleep(" lock-classes: 9\n debug_locks:   1\n"),
            None
        );
        assert!(lockdep_asleep(" lock-classes: 9\n debug_locks:   0\n").is_some());
        assert!(lockdep_asleep("nonsense").is_some());
    }
}
