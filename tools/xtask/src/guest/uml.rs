// SPDX-License-Identifier: GPL-2.0

//! The command line of a User Mode Linux guest.

use super::boot::{console_to_log, Boot, CONTROL};

/// The kernel, which is a program, and its parameters.
pub(super) fn command(boot: &Boot, interactive: bool) -> Vec<String> {
    let mut argv = vec![
        boot.image.display().to_string(),
        format!("mem={}M", boot.memory),
        // More than one processor wants the seccomp way of running user space,
        // which is also the faster one.
        "seccomp=on".to_owned(),
        // The root that xtask entered, as it is.
        "rootfstype=hostfs".to_owned(),
        "rootflags=/".to_owned(),
        "ro".to_owned(),
        format!("init={CONTROL}/init"),
        "con=null".to_owned(),
        "ssl=null".to_owned(),
    ];
    // A kernel without SMP does not know the parameter.
    if boot.cpus > 1 {
        argv.push(format!("ncpus={}", boot.cpus));
    }
    argv.extend(boot.parameters());
    if interactive {
        argv.push("con1=fd:0,fd:1".to_owned());
        argv.push("con0=null,fd:2".to_owned());
        // The terminal is the shell's: the console goes to the log by itself.
        return console_to_log(argv);
    }
    argv.push("con0=null,fd:2".to_owned());
    argv.push("ssl0=null,fd:3".to_owned());
    argv.push("ssl1=null,fd:4".to_owned());
    argv
}
