// SPDX-License-Identifier: GPL-2.0

//! NICs and ports that are made by the files of their bus, with memory that runs out.

use std::path::Path;

use anyhow::{ensure, Result};
use nix::errno::Errno;
use offload_tests::module::Module;
use offload_tests::nic::Nic;

use crate::injection::{Attempt, Case, Faults};

/// Allocations that are made to fail, of those that an operation makes: some stand for all, most are
/// the kernel's own.
const ATTEMPTS: u32 = 25;
/// More allocations than anything makes.
const FAR: u32 = 1_000_000;

/// The kernel has other words than ENOMEM: ENODEV where a device could not be bound to its driver;
/// ENOBUFS for the sysctl tables that IP makes for an interface; EINVAL for a device that could not
/// be given its name.
fn says_otherwise(attempt: &Attempt) -> bool {
    [Errno::ENODEV, Errno::ENOBUFS, Errno::EINVAL].contains(&Errno::from_raw(attempt.errno))
}

type Check<'a> = &'a dyn Fn() -> Result<()>;

#[test]
fn nics_and_ports_without_memory() -> Result<()> {
    let Some(faults) = Faults::new("nics_and_ports_without_memory")? else {
        return Ok(());
    };
    let _module = Module::insert("nics=1")?;
    let (home, made) = (Nic { id: 0 }, Nic { id: 9 });
    let gone = || {
        for dir in [
            "/sys/bus/offload_nic/devices",
            "/sys/kernel/debug/offload_nic",
        ] {
            let path = Path::new(dir).join("offload_nic9");
            ensure!(!path.exists(), "{path:?} was left behind");
        }
        Ok(())
    };
    let two_ports = || {
        let ports = home.ports()?;
        ensure!(ports.len() == 2, "ports: {ports:?}");
        ensure!(
            !home.debug_file("ports/5").exists(),
            "files were left behind"
        );
        Ok(())
    };
    let remove_nic = || {
        made.remove()?;
        gone()
    };
    let remove_port = || {
        home.ask("del_port", "5")?;
        two_ports()
    };
    let cases: [(&str, Check<'_>, Check<'_>); 2] = [
        (
            "write /sys/bus/offload_nic/new_device 9",
            &gone,
            &remove_nic,
        ),
        (
            "write /sys/bus/offload_nic/devices/offload_nic0/new_port 5",
            &two_ports,
            &remove_port,
        ),
    ];
    for (operation, is_undone, undo) in cases {
        let all = FAR - faults.attempt(None, FAR, operation)?.left;
        undo()?;
        let tally = faults.each(&Case {
            operation: operation.to_owned(),
            port: None,
            nths: (1, (all / ATTEMPTS).max(1) as usize),
            says_otherwise,
            is_undone,
            undo,
        })?;
        ensure!(tally.failed > 0, "{operation}: never failed");
    }
    Ok(())
}
