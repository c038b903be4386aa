// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask selftests`: the kernel tree's own tests of NICs, on ours.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{bail, Context, Result};

use super::KernelOptions;
use crate::flavour::{Flavour, Machine};
use crate::guest::{Outcome, Output};
use crate::ktap::{self, Excuse, Report};
use crate::session::Session;
use crate::source::Source;
use crate::suite::{Suite, BPF_OFFLOAD};
use crate::summary::Counts;
use crate::target::Target;
use crate::ui;
use crate::workshop::Workshop;

/// Runs the kernel tree's own tests of NICs on two cabled ports, unmodified
///
/// They come from the package that the kernel was built from. Each script has a guest
/// of its own, in which it finds a port, and the far end of its cable in another
/// namespace. The older ones in shell find five cables, with both ends in the same one.
/// Stdout is the report, in KTAP; its last line counts the cases. Scripts run on User Mode
/// Linux, or under QEMU, mostly on Debian's kernel, if they need what that one lacks.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    kernel: KernelOptions,
    /// What the tests are run on: netdevsim and veth are there for comparison
    #[arg(long, value_enum, default_value_t = Nic::Ours)]
    nic: Nic,
    /// Have the NIC parse by this graph, and the kernel run its flow dissector: a file in JSON, or one of
    /// samples/parsers by its name
    #[arg(long, value_name = "GRAPH")]
    graph: Option<String>,
    /// Seconds after which the guest of a script is killed
    #[arg(long, default_value_t = 1800, value_name = "SECONDS")]
    timeout: u64,
    /// Scripts of drivers/net, drivers/net/hw and net/forwarding, and bpf_offload; without
    /// any, those that this NIC is to pass
    name: Vec<String>,
    /// Arguments for the scripts, such as `-t CASE` of those in Python
    #[arg(last = true, value_name = "ARG")]
    arguments: Vec<String>,
}

/// A kind of interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Nic {
    #[value(name = "offload_nic")]
    Ours,
    Netdevsim,
    Veth,
}

impl Nic {
    /// The name for the guest.
    fn name(self) -> &'static str {
        match self {
            Nic::Ours => "offload_nic",
            Nic::Netdevsim => "netdevsim",
            Nic::Veth => "veth",
        }
    }
}

/// What is run if nothing is asked for.
const SCRIPTS: [&str; 34] = [
    BPF_OFFLOAD,
    "drivers/net/ping.py",
    "drivers/net/stats.py",
    "drivers/net/queues.py",
    "drivers/net/hds.py",
    "drivers/net/xdp.py",
    "drivers/net/napi_id.py",
    "drivers/net/napi_threaded.py",
    "drivers/net/ring_reconfig.py",
    "drivers/net/netpoll_basic.py",
    "drivers/net/gro.py",
    "drivers/net/hw/gro_hw.py",
    "drivers/net/hw/csum.py",
    "drivers/net/hw/tso.py",
    "drivers/net/hw/uso.py",
    "drivers/net/hw/rss_api.py",
    "drivers/net/hw/rss_ctx.py",
    "drivers/net/hw/rss_drv.py",
    "drivers/net/hw/rss_flow_label.py",
    "drivers/net/hw/rss_input_xfrm.py",
    "drivers/net/hw/toeplitz.py",
    "drivers/net/hw/irq.py",
    "drivers/net/hw/ntuple.py",
    "drivers/net/hw/nic_timestamp.py",
    "drivers/net/hw/xdp_metadata.py",
    "drivers/net/hw/pp_alloc_fail.py",
    "drivers/net/hw/ethtool.sh",
    "drivers/net/hw/ethtool_extended_state.sh",
    "drivers/net/hw/ethtool_std_stats.sh",
    "drivers/net/hw/ethtool_rmon.sh",
    "drivers/net/hw/loopback.sh",
    "net/forwarding/local_termination.sh",
    "net/forwarding/min_max_mtu.sh",
    "net/forwarding/bridge_mdb_host.sh",
];

/// Cases that fail on any NIC, and why. What else of them can fail is not seen, until they pass.
const EXCUSES: [Excuse; 2] = [
    (
        "rss_ctx.test_rss_context_queue_reconfigure",
        "it wants the second rule to have the number of the first one, and deletes each at the end: one \
         rule, deleted twice",
    ),
    (
        "rss_drv.resize_below_user_size_reject.ctx",
        "the core refuses 4 queues while the table of a context has more, as that of a new one has when \
         all are in use",
    ),
];

const DMA_BUFS: &str = "it lends a NIC DMA buffers (udmabuf)";
const HUGE_PAGES: &str = "it lends a NIC huge pages";

/// Where parse graphs are.
const SAMPLES: &str = "samples/parsers";

/// Scripts that need what User Mode Linux lacks, what that is, and a kernel that has it.
const X86: [(&str, &str, Flavour); 9] = [
    (
        "drivers/net/xdp.py",
        "its programs call kernel functions, which takes BTF and the JIT compiler",
        Flavour::Distro,
    ),
    (
        "drivers/net/hw/xdp_metadata.py",
        "its programs call kernel functions, which takes BTF and the JIT compiler",
        Flavour::Distro,
    ),
    (
        "drivers/net/netpoll_basic.py",
        "it uses kprobes",
        Flavour::Distro,
    ),
    ("drivers/net/hw/devmem.py", DMA_BUFS, Flavour::Distro),
    ("drivers/net/hw/nk_devmem.py", DMA_BUFS, Flavour::Distro),
    ("drivers/net/hw/userns_devmem.py", DMA_BUFS, Flavour::Distro),
    ("drivers/net/hw/iou-zcrx.py", HUGE_PAGES, Flavour::Distro),
    ("drivers/net/hw/nk_qlease.py", HUGE_PAGES, Flavour::Distro),
    (
        "drivers/net/hw/pp_alloc_fail.py",
        "it injects faults into functions, which takes kprobes",
        Flavour::QemuBtf,
    ),
];

/// Scripts for which two processors are too few, and how many are enough.
const PROCESSORS: [(&str, u32); 1] = [
    // Two that no queue's interrupt goes to, beside those of the queues.
    ("drivers/net/hw/toeplitz.py", 4),
];

/// How many processors the guest of a script has.
fn processors(script: &str) -> u32 {
    let mut all = PROCESSORS.iter();
    let found = all.find(|(name, _)| *name == script);
    found.map_or(2, |&(_, processors)| processors)
}

/// Why a script needs x86_64, if it does, and its kernel.
fn needs_x86(script: &str) -> Option<(&'static str, Flavour)> {
    let mut all = X86.iter();
    let found = all.find(|(name, ..)| *name == script);
    found.map(|&(_, why, flavour)| (why, flavour))
}

/// The sums of a run, and what is to be said at its end.
#[derive(Default)]
struct Totals {
    counts: Counts,
    notes: Vec<String>,
}

impl Args {
    /// Runs the command; its exit status.
    pub(crate) fn run(self) -> Result<i32> {
        // What is wrong with the options is said before minutes of building.
        let graph = self.graph()?;
        let workshop = Workshop::open_for_suites()?;
        let source = Source::ensure(&workshop.cache, &workshop.root, self.kernel.kernel_source())?;
        let suite = Suite::ensure(&workshop.cache, &workshop.root, &source)?;
        let scripts = if self.name.is_empty() {
            SCRIPTS.map(str::to_owned).to_vec()
        } else {
            let names = self.name.iter().map(|name| suite.find(name));
            names.collect::<Result<Vec<_>>>()?
        };
        // Before the first line of the report, so that it is not torn by building.
        let mut sessions = BTreeMap::new();
        for script in &scripts {
            let flavour = self.flavour(script);
            let guest = (flavour.name(), processors(script));
            if self.refusal(flavour, script).is_none() && !sessions.contains_key(&guest) {
                let mut session = self.session(&workshop, &suite, flavour)?;
                session.cpus(processors(script));
                if let Some(graph) = &graph {
                    session.user_side(None)?;
                    session.env("OFFLOAD_NIC_GRAPH", graph.display().to_string());
                    session.ro(graph.parent().unwrap_or(graph));
                }
                sessions.insert(guest, session);
            }
        }

        println!("KTAP version 1\n1..{}", scripts.len());
        let mut totals = Totals::default();
        for (number, script) in (1..).zip(&scripts) {
            let flavour = self.flavour(script);
            match sessions.get(&(flavour.name(), processors(script))) {
                Some(session) if self.refusal(flavour, script).is_none() => {
                    self.script(session, flavour, number, script, &mut totals)?;
                }
                _ => {
                    let why = self.refusal(flavour, script).unwrap_or_default();
                    println!("ok {number} {script} # SKIP {why}");
                    totals.counts.skipped += 1;
                    totals.notes.push(format!("skipped: {script}: {why}"));
                }
            }
        }
        for note in &totals.notes {
            println!("# {note}");
        }
        println!("\n{}", totals.counts);
        Ok(i32::from(
            totals.counts.failed > 0 || totals.counts.passed == 0,
        ))
    }

    /// The file of the graph that is asked for, if one is.
    fn graph(&self) -> Result<Option<PathBuf>> {
        let Some(graph) = &self.graph else {
            return Ok(None);
        };
        if self.nic != Nic::Ours {
            bail!("--graph {graph}: {} has no parse graph", self.nic.name());
        }
        let samples = crate::workshop::repo()?.join(SAMPLES);
        let sample = samples.join(format!("{graph}.json"));
        let file = [sample, PathBuf::from(graph)]
            .into_iter()
            .find(|file| file.is_file());
        let file = file.with_context(|| {
            format!("--graph {graph}: neither a file nor the name of one in {SAMPLES}")
        })?;
        Ok(Some(file.canonicalize()?))
    }

    /// The kernel for a script.
    fn flavour(&self, script: &str) -> Flavour {
        let fitting = needs_x86(script);
        let flavour = match (self.kernel.asked(), fitting) {
            (Some(Flavour::Uml), _) | (None, None) => Flavour::UmlSuites,
            (None, Some((_, flavour))) => flavour,
            (Some(flavour), _) => flavour,
        };
        match (flavour, fitting) {
            (Flavour::Qemu, _) | (Flavour::Distro, Some((_, Flavour::QemuBtf))) => Flavour::QemuBtf,
            // Debian's kernels have none.
            (Flavour::Distro, _) if self.nic == Nic::Netdevsim => Flavour::QemuBtf,
            _ => flavour,
        }
    }

    /// Why a script can't be run on a kernel.
    fn refusal(&self, flavour: Flavour, script: &str) -> Option<String> {
        let (why, _) = needs_x86(script).filter(|_| flavour.machine() == Machine::Uml)?;
        Some(format!("not on User Mode Linux: {why}"))
    }

    /// Guests that see the tests.
    fn session<'a>(
        &self,
        workshop: &'a Workshop,
        suite: &Suite,
        flavour: Flavour,
    ) -> Result<Session<'a>> {
        let kernel = workshop.kernel(flavour, self.kernel.kernel_source())?;
        let mut session = Session::new(workshop, Target::Ours(kernel))?;
        session.timeout(Duration::from_secs(self.timeout));
        session.ro(suite.entry());
        for (name, path) in [
            ("OFFLOAD_NIC_SUITES", suite.selftests()),
            ("OFFLOAD_NIC_ETHTOOL", suite.ethtool()),
        ] {
            session.env(name, path.display().to_string());
        }
        Ok(session)
    }

    /// Runs a script in a guest, and reports.
    fn script(
        &self,
        session: &Session<'_>,
        flavour: Flavour,
        number: usize,
        script: &str,
        totals: &mut Totals,
    ) -> Result<()> {
        ui::say(&format!(
            "{script} on {}, kernel {flavour}",
            self.nic.name()
        ));
        println!("  KTAP version 1\n  # Subtest: {script}");
        let mut argv = vec![
            crate::workshop::repo()?
                .join("tests/adapter/stage.sh")
                .display()
                .to_string(),
            self.nic.name().to_owned(),
            script.to_owned(),
        ];
        argv.extend(self.arguments.iter().cloned());
        let outcome = session.run(Some(argv), Output::Subtest)?;
        let mut report = Report::of(&outcome.stdout);
        for line in report.end() {
            println!("{}", ktap::indent(&line));
        }
        outcome.report();
        let excused = report.excuse(&EXCUSES);
        let mut counts = report.counts();
        let notes = report.notes().map(|note| format!("{script}: {note}"));
        totals.notes.extend(notes);
        if let Some(why) = failure(&outcome, counts, excused) {
            // The cases that failed are counted; what else went wrong is one more.
            counts.failed += 1;
            totals.notes.push(format!("{script}: FAILED: {why}"));
        }
        let verdict = if counts.failed > 0 { "not ok" } else { "ok" };
        println!(
            "{verdict} {number} {script}{}",
            match counts.passed + counts.failed {
                0 => " # SKIP every case of it",
                _ => "",
            }
        );
        ui::say(&format!("{counts}; {}", ui::duration(outcome.took)));
        totals.counts += counts;
        Ok(())
    }
}

/// What went wrong beside the cases: a kernel fault, a guest that died, a script that
/// ended badly although no case failed, not even one of those that are `excused`.
fn failure(outcome: &Outcome, counts: Counts, excused: usize) -> Option<String> {
    /// What a script of the kernel's ends with if all of it was skipped.
    const SKIPPED: i32 = 4;
    match outcome.status {
        None => Some("the guest died or took too long".to_owned()),
        Some(_) if !outcome.faults.is_empty() => Some("a kernel fault or leak".to_owned()),
        Some(SKIPPED) if counts.skipped > 0 => None,
        Some(0) if counts == Counts::default() => Some("no case was run".to_owned()),
        Some(code @ 1..) if counts.failed == 0 && excused == 0 => {
            Some(format!("exit status {code}, and no case failed"))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn outcome(status: Option<i32>, faults: &[&str]) -> Outcome {
        Outcome {
            status,
            faults: faults.iter().map(|&fault| fault.to_owned()).collect(),
            stdout: String::new(),
            console: PathBuf::new(),
            took: Duration::ZERO,
        }
    }

    #[test]
    fn what_is_no_case_can_fail_too() {
        let counts = |passed, failed, skipped| Counts {
            passed,
            failed,
            skipped,
        };
        for (outcome, counts, excused) in [
            (outcome(Some(0), &[]), counts(1, 0, 0), 0),
            (outcome(Some(1), &[]), counts(1, 1, 0), 0),
            (outcome(Some(1), &[]), counts(1, 0, 1), 1),
            (outcome(Some(4), &[]), counts(0, 0, 1), 0),
        ] {
            assert_eq!(
                failure(&outcome, counts, excused),
                None,
                "{outcome:?} {counts}"
            );
        }
        for (outcome, counts) in [
            (outcome(None, &[]), counts(1, 0, 0)),
            (outcome(Some(0), &["WARNING"]), counts(1, 0, 0)),
            (outcome(Some(0), &[]), counts(0, 0, 0)),
            (outcome(Some(1), &[]), counts(1, 0, 0)),
            (outcome(Some(4), &[]), counts(0, 0, 0)),
        ] {
            assert!(
                failure(&outcome, counts, 0).is_some(),
                "{outcome:?} {counts}"
            );
        }
    }
}
