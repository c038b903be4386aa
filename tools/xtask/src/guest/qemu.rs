// SPDX-License-Identifier: GPL-2.0

//! The command line of a QEMU guest, and whether KVM may be good for it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::boot::{console_to_log, Boot, Job, BOOTED, CONTROL};
use crate::enter::Enter;

/// What a probe boot may take under KVM, where it takes two seconds.
pub(super) const PROBE: Duration = Duration::from_secs(20);

/// QEMU and its options. The root that xtask entered is the guest's, over 9p.
pub(super) fn command(boot: &Boot, job: &Job, interactive: bool) -> Vec<String> {
    let mut append = vec![
        "root=root".to_owned(),
        "rootfstype=9p".to_owned(),
        "rootflags=trans=virtio,version=9p2000.L,msize=262144,cache=loose".to_owned(),
        "ro".to_owned(),
        format!("init={CONTROL}/init"),
        "console=ttyS0".to_owned(),
        // Five-level page tables make KASAN report early code of the kernel.
        "no5lvl".to_owned(),
        // The kernel waits for ticks of the timer when it boots, which a busy host does not give in
        // time, and panics without them.
        "no_timer_check".to_owned(),
    ];
    append.extend(boot.parameters());
    let share = |id: &str, path: &Path, readonly: bool| {
        // multidevs: what is mounted inside the root has inode numbers of its own.
        let mut fsdev = format!(
            "local,id={id},path={},security_model=none,multidevs=remap",
            path.display().to_string().replace(',', ",,")
        );
        if readonly {
            fsdev.push_str(",readonly=on");
        }
        [
            "-fsdev".to_owned(),
            fsdev,
            "-device".to_owned(),
            format!("virtio-9p-pci,fsdev={id},mount_tag={id}"),
        ]
    };
    let mut argv: Vec<String> = [
        "qemu-system-x86_64",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
        "-machine",
        if boot.kvm {
            "q35,accel=kvm"
        } else {
            "q35,accel=tcg"
        },
        "-cpu",
        if boot.kvm { "host" } else { "max" },
        "-device",
        "virtio-rng-pci",
        "-device",
        "virtio-serial-pci",
    ]
    .map(str::to_owned)
    .to_vec();
    argv.extend(["-m".to_owned(), format!("{}M", boot.memory)]);
    argv.extend(["-smp".to_owned(), boot.cpus.to_string()]);
    argv.extend(["-kernel".to_owned(), boot.image.display().to_string()]);
    if let Some(initrd) = &boot.initrd {
        argv.extend(["-initrd".to_owned(), initrd.display().to_string()]);
    }
    argv.extend(share("root", Path::new("/"), true));
    argv.extend(share("control", Path::new(CONTROL), false));
    argv.extend(share("results", &job.results, false));
    argv.extend([
        "-chardev".to_owned(),
        format!("file,id=console,path={CONTROL}/console.log,append=on"),
        "-serial".to_owned(),
        "chardev:console".to_owned(),
    ]);
    if interactive {
        argv.extend(
            [
                "-chardev",
                "stdio,id=tty,signal=off",
                "-device",
                "virtconsole,chardev=tty",
            ]
            .map(str::to_owned),
        );
    } else {
        for (id, descriptor) in [("out", 3), ("err", 4)] {
            argv.extend([
                "-add-fd".to_owned(),
                format!("fd={descriptor},set={descriptor}"),
                "-chardev".to_owned(),
                format!("file,id={id},path=/dev/fdset/{descriptor},append=on"),
                "-device".to_owned(),
                format!("virtserialport,chardev={id},name={id}"),
            ]);
        }
    }
    argv.extend(["-append".to_owned(), append.join(" ")]);
    if interactive {
        return console_to_log(argv);
    }
    argv
}

/// The assertion of QEMU's own that has ended a guest whose kernel had not booted yet. An emulated
/// machine with several processors has a race there: one of them finds its way to a device while
/// another gives the devices their addresses (`iotlb_to_section`). That says nothing about what was
/// to be run.
pub(super) fn crash_at_boot(console: &str) -> Option<&str> {
    if console.contains(BOOTED) {
        return None;
    }
    let mut lines = console.lines();
    lines.find(|line| line.starts_with("qemu-system-") && line.contains(": Assertion `"))
}

/// Whether it is worth while to make a kernel for a probe boot: the firmware, which
/// needs no kernel, runs to its end under KVM, and no slower than emulated. Inside
/// another virtual machine KVM often dies right there, or takes ten times as long.
pub(crate) fn kvm_plausible(enter: &Enter) -> Result<bool> {
    if !Path::new("/dev/kvm").exists() {
        return Ok(false);
    }
    let emulated = firmware(enter, "tcg", PROBE)?;
    Ok(match emulated {
        Some(limit) => firmware(enter, "kvm", limit)?.is_some(),
        None => false,
    })
}

/// How long the firmware takes to find that there is nothing to boot, if it gets there
/// within `limit`.
fn firmware(enter: &Enter, accel: &str, limit: Duration) -> Result<Option<Duration>> {
    let machine = format!("q35,accel={accel}");
    let argv = "qemu-system-x86_64 -nodefaults -no-user-config -display none -cpu max \
                -boot reboot-timeout=1 -no-reboot -machine";
    let handle = enter
        .command(argv.split_whitespace().chain([machine.as_str()]))
        .stdin_null()
        .stdout_null()
        .stderr_null()
        .unchecked()
        .start()?;
    let started = Instant::now();
    let done = handle
        .wait_timeout(limit)?
        .map(|output| output.status.success());
    let took = started.elapsed();
    handle.kill()?;
    Ok((done == Some(true)).then_some(took))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRASH: &str =
        "qemu-system-x86_64: system/physmem.c:2671: iotlb_to_section: Assertion `a < b' failed.";

    #[test]
    fn only_a_crash_of_qemu_before_the_command_is_one_of_the_boot() {
        let early = format!("[    1.479415] pci 0000:00:01.0: [1af4:1005]\n{CRASH}\n");
        assert_eq!(crash_at_boot(&early), Some(CRASH));
        let late = format!("[    2.0] {BOOTED}\n{CRASH}\n");
        assert_eq!(crash_at_boot(&late), None);
        let panic = "[    1.0] Kernel panic - not syncing: Assertion `a' failed\n";
        assert_eq!(crash_at_boot(panic), None);
        assert_eq!(
            crash_at_boot("qemu-system-x86_64: -smp 2x: invalid\n"),
            None
        );
    }
}
