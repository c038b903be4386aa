// SPDX-License-Identifier: GPL-2.0

//! `offloadctl`: which programs are in the device, and whether they are those of the kernel.
//!
//! `offloadctl --help` tells the commands, `offloadctl man` writes the manual.

mod bpftool;
mod cmd;
mod interface;
mod output;
#[cfg(test)]
mod samples;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::output::{Output, Status};

/// Tells which programs are in the devices of network interfaces, and compares them with what the
/// kernel runs
///
/// Everyone may look. What changes something, and the image of a program, take CAP_NET_ADMIN.
#[derive(Parser)]
#[command(name = "offloadctl", version, after_help = STATUS_HELP)]
struct Cli {
    /// Print JSON instead of tables; `events` prints one object per line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

/// What the exit status means.
const STATUS_HELP: &str = "Exit status:
  0  it went well
  1  it did not: the reason is on standard error
  2  the command line makes no sense
  3  `program verify`: something is different, or the device has nothing there;
     `parser run`, `parser audit`, `gro audit`: something is different

Colours are used on a terminal only, and never if NO_COLOR is set.";

#[derive(Subcommand)]
enum Command {
    Device(cmd::device::Args),
    Program(cmd::program::Args),
    Policy(cmd::policy::Args),
    Stats(cmd::stats::Args),
    Events(cmd::events::Args),
    Resource(cmd::resource::Args),
    Steer(cmd::steer::Args),
    Table(cmd::table::Args),
    Parser(cmd::parser::Args),
    Gro(cmd::gro::Args),
    Completions(cmd::completions::Args),
    Man(cmd::man::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.json);
    let status = match cli.command {
        Command::Device(args) => args.run(&output),
        Command::Program(args) => args.run(&output),
        Command::Policy(args) => args.run(&output),
        Command::Stats(args) => args.run(&output),
        Command::Events(args) => args.run(&output),
        Command::Resource(args) => args.run(&output),
        Command::Steer(args) => args.run(&output),
        Command::Table(args) => args.run(&output),
        Command::Parser(args) => args.run(&output),
        Command::Gro(args) => args.run(&output),
        Command::Completions(args) => args.run(Cli::command(), &output),
        Command::Man(args) => args.run(Cli::command(), &output),
    };
    match status {
        Ok(status) => status.into(),
        Err(error) => output::failure(&error),
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(match status {
            Status::Good => 0,
            Status::Different => 3,
        })
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn command_lines_are_understood() {
        for line in [
            "device",
            "device list --json",
            "device show onic0",
            "program list",
            "program list onic0 --json",
            "program show 3",
            "program show onic0 17",
            "program verify onic0",
            "program verify onic0 --slot tc-ingress --object a.o --section tc",
            "program disasm onic0 17 --output image",
            "program hash a.o --program firewall",
            "policy show",
            "policy set onic0 require-equal",
            "stats onic0",
            "--json events --count 3",
            "resource",
            "steer explain onic0 --frame 00:11:22",
            "steer explain onic0 --pcap a.pcap --json",
            "table",
            "table show onic0 --json",
            "table add onic0 1 ipv4#2:96:32 udp.ports --name inner --target flower",
            "table del onic0 1",
            "table rule show onic0 1",
            "table rule add onic0 1 10.0.0.1/24 * --priority 3 --drop",
            "table rule add onic0 1 7 --context 2 --queue 1",
            "table rule del onic0 1 3",
            "parser build a.json --output a.fw --object a.o",
            "parser show",
            "parser dump onic0 --output a.fw",
            "parser attach onic0",
            "parser attach --file a.json --replace",
            "parser detach",
            "parser graph a.json",
            "parser graph a.json --svg -o a.svg",
            "parser import --from cpl a.json --keys little-endian --masks network -o b.json",
            "parser import --from xdp2 a.json --field v4/src=ipv4_src --field @4=ports --leave-out handler",
            "parser import --from xdp2 a.json --max-headers 15",
            "parser run onic0 --pcap a.pcap --flags 3 --json",
            "gro audit",
            "gro audit onic0 --json",
            "gro audit onic0 --one-in 100 --ends-permission no",
            "completions bash",
            "man",
            "man pages",
        ] {
            let argv = std::iter::once("offloadctl").chain(line.split(' '));
            Cli::try_parse_from(argv).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for (line, told) in [
            ("", "Usage"),
            ("device show", "<INTERFACE>"),
            ("policy set onic0 perhaps", "require-equal"),
            ("program verify onic0 --slot warp", "tc-ingress"),
            ("program verify onic0 --section tc", "--object"),
            ("program hash a.o --section x --program y", "--program"),
            ("events --count 0", "0 is not in 1.."),
            ("steer explain onic0", "--frame"),
            ("parser run onic0 --frame 00 --flags 16", "16"),
            ("gro", "audit"),
            ("gro audit --one-in 3", "<INTERFACE>"),
            ("gro audit onic0 --one-in -1", "-1"),
            ("gro audit onic0 --one-in 4294967296", "4294967296"),
            ("gro audit onic0 --ends-permission no", "--one-in"),
            (
                "gro audit onic0 --one-in 1 --ends-permission perhaps",
                "perhaps",
            ),
            ("table add onic0 0 a:0:8", "0 is not in 1..=32767"),
            ("table add onic0 1", "<FIELD>"),
            ("table rule add onic0 1 7", "--drop"),
            (
                "table rule add onic0 1 7 --drop --queue 1",
                "cannot be used with",
            ),
            ("parser attach --replace", "<INTERFACE>"),
            ("parser attach onic0 --file a.json", "cannot be used with"),
            ("parser import a.json", "--from"),
            (
                "parser import --from cpl a.json --field a=b",
                "no field has this name: b",
            ),
            (
                "parser import --from cpl a.json --max-headers 65",
                "65 is not in 0..=64",
            ),
            (
                "steer explain onic0 --frame 00 --pcap a",
                "cannot be used with",
            ),
        ] {
            let argv = std::iter::once("offloadctl").chain(line.split_whitespace());
            let error = match Cli::try_parse_from(argv) {
                Ok(_) => panic!("{line} is understood"),
                Err(error) => error,
            };
            assert!(error.to_string().contains(told), "{line}: {error}");
        }
    }
}
