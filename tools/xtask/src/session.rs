// SPDX-License-Identifier: GPL-2.0

//! Guests with the module at hand: what `vm`, `test`, `demo`, `bench` and `selftests` share.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use crate::cargo;
use crate::flavour::Machine;
use crate::guest::{self, Boot, Job, Outcome, Output};
use crate::module;
use crate::selfcheck;
use crate::target::Target;
use crate::ui;
use crate::workshop::Workshop;

/// How many control directories of earlier runs are kept.
const KEPT: usize = 20;

/// A kernel, the module built for it, and what guests with them see.
pub(crate) struct Session<'a> {
    workshop: &'a Workshop,
    boot: Boot,
    job: Job,
    /// The program of the host's that guests run under, if any.
    under: Vec<OsString>,
}

impl<'a> Session<'a> {
    /// Builds the module and the BPF objects for `kernel`.
    pub(crate) fn new(workshop: &'a Workshop, kernel: Target) -> Result<Self> {
        let module = module::build(workshop, &kernel, &[])?;
        Self::with_module(workshop, kernel, module.path())
    }

    /// Builds the BPF objects, and takes `module`, which was built for `kernel`.
    pub(crate) fn with_module(
        workshop: &'a Workshop,
        kernel: Target,
        module: &Path,
    ) -> Result<Self> {
        let module = workshop.own.keep(module)?;
        let bpf = module::build_bpf(workshop)?.keep(workshop)?;
        let mut session = Self::bare(workshop, &kernel)?;
        for (name, value) in [
            ("OFFLOAD_NIC_KO", module.display().to_string()),
            ("OFFLOAD_NIC_BPF", bpf.display().to_string()),
        ] {
            session.env(name, value);
        }
        if let Target::Ours(kernel) = &kernel {
            selfcheck::ensure(kernel, |argv| session.run(Some(argv), Output::Keep))?;
        }
        Ok(session)
    }

    /// A session without the module.
    fn bare(workshop: &'a Workshop, kernel: &Target) -> Result<Self> {
        let (boot, flavour) = match kernel {
            Target::Ours(kernel) => (
                Boot {
                    machine: kernel.flavour.machine(),
                    image: kernel.image(),
                    modules: Some(kernel.modules()),
                    initrd: kernel.initrd(),
                    parameters: kernel.flavour.parameters(),
                    cpus: 2,
                    memory: 2048,
                    kvm: false,
                },
                kernel.flavour.name(),
            ),
            Target::Theirs(kdir) => (
                Boot {
                    machine: kdir.machine(),
                    image: kdir.bootable()?,
                    modules: None,
                    initrd: None,
                    parameters: &[],
                    cpus: 2,
                    memory: 2048,
                    kvm: false,
                },
                "kdir",
            ),
        };
        let mut session = Self {
            workshop,
            boot,
            job: Job {
                argv: None,
                repo: workshop.repo.clone(),
                ro: Vec::new(),
                results: workshop.own.path("results")?,
                env: vec![("OFFLOAD_NIC_FLAVOUR".to_owned(), flavour.to_owned())],
                timeout: Duration::from_secs(1800),
            },
            under: Vec::new(),
        };
        if session.boot.machine == Machine::Qemu {
            session.boot.kvm = session.probe_kvm(workshop)?;
        }
        Ok(session)
    }

    /// Sets an environment variable for commands in the guest.
    pub(crate) fn env(&mut self, name: &str, value: String) {
        self.job.env.push((name.to_owned(), value));
    }

    /// Shows the user's side of the netlink family: `offloadctl`, and the kernel's own tools for
    /// specifications of families, if the kernel's source is at hand.
    pub(crate) fn user_side(&mut self, source: Option<&Path>) -> Result<()> {
        let offloadctl = cargo::offloadctl(self.workshop)?;
        self.env("OFFLOADCTL", offloadctl.display().to_string());
        if let Some(source) = source {
            let ynl = source.join("tools/net/ynl");
            self.ro(&ynl);
            // Where its programs look for the kernel's own families.
            self.ro(&source.join("Documentation/netlink/specs"));
            self.env("OFFLOAD_NIC_YNL", ynl.display().to_string());
        }
        Ok(())
    }

    /// Sets the number of processors.
    pub(crate) fn cpus(&mut self, cpus: u32) {
        self.boot.cpus = cpus;
    }

    /// Sets the memory, in MiB.
    pub(crate) fn memory(&mut self, memory: u32) {
        self.boot.memory = memory;
    }

    /// Sets the time after which a guest is killed.
    pub(crate) fn timeout(&mut self, timeout: Duration) {
        self.job.timeout = timeout;
    }

    /// Sets the writable directory.
    pub(crate) fn results(&mut self, dir: &Path) {
        self.job.results = dir.to_owned();
    }

    /// Shows a directory, read-only.
    pub(crate) fn ro(&mut self, dir: &Path) {
        self.job.ro.push(dir.to_owned());
    }

    /// Starts guests under a program of the host's that takes a command as its last arguments.
    pub(crate) fn under(&mut self, program: Vec<OsString>) {
        self.under = program;
    }

    /// Whether guests run under KVM.
    pub(crate) fn kvm(&self) -> bool {
        self.boot.kvm
    }

    /// Runs a command in a guest of its own; without one, a shell.
    pub(crate) fn run(&self, argv: Option<Vec<String>>, output: Output) -> Result<Outcome> {
        let job = Job {
            argv,
            ..self.job.clone()
        };
        guest::run(
            self.workshop.root.enter().under(&self.under),
            &self.boot,
            &job,
            &self.control()?,
            output,
        )
    }

    /// A fresh control directory. It is kept after the run, for its console log,
    /// until there are [`KEPT`] younger ones.
    fn control(&self) -> Result<PathBuf> {
        let dir = self.workshop.target("guests")?;
        let mut old: Vec<(SystemTime, PathBuf)> = Vec::new();
        for item in fs::read_dir(&dir)? {
            let path = item?.path();
            // Another xtask may just remove the same one.
            if let Ok(made) = fs::metadata(&path).and_then(|metadata| metadata.modified()) {
                old.push((made, path));
            }
        }
        old.sort();
        old.reverse();
        for (_, path) in old.into_iter().skip(KEPT) {
            if owner_lives(&path) {
                continue;
            }
            match fs::remove_dir_all(&path) {
                // Who runs another guest, of this xtask or another, may just remove the same one.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                result => result.with_context(|| format!("cannot remove {path:?}"))?,
            }
        }
        let prefix = format!("{}-", std::process::id());
        let control = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(&dir)?
            .keep();
        Ok(control)
    }

    /// Whether KVM is good for this kernel on this machine: found out by a boot,
    /// once per boot of the machine.
    fn probe_kvm(&self, workshop: &Workshop) -> Result<bool> {
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let note = workshop.cache.dir().join("kvm");
        let known = fs::read_to_string(&note).unwrap_or_default();
        if let Some(answer) = known.strip_prefix(boot_id.trim()) {
            return Ok(answer.trim() == "works");
        }
        let works = guest::kvm_works(
            workshop.root.enter(),
            &self.boot,
            &self.job,
            &self.control()?,
        )?;
        let answer = if works { "works" } else { "does not work" };
        ui::say(&format!(
            "KVM {answer} here (found out by a probe boot){}",
            if works {
                ""
            } else {
                ": QEMU will emulate, which is slow"
            }
        ));
        fs::write(&note, format!("{} {answer}\n", boot_id.trim()))?;
        Ok(works)
    }
}

/// Whether the process that a control directory is named after ("PID-RANDOM") is
/// alive.
fn owner_lives(control: &Path) -> bool {
    let name = control.file_name().unwrap_or_default().to_string_lossy();
    name.split_once('-')
        .is_some_and(|(pid, _)| Path::new("/proc").join(pid).exists())
}
