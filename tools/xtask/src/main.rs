// SPDX-License-Identifier: GPL-2.0

//! Builds, boots and tests offload_nic: `cargo xtask --help`.
//!
//! Everything is built and run inside one Debian root file system ([`root`]) that
//! holds the compilers and the guests' tools. It, the kernel source ([`source`])
//! and the kernels ([`kernel`]) are kept in a cache by their content
//! ([`cache`]); what is built of the repo goes to `target/`.

mod cache;
mod cargo;
mod cmd;
mod enter;
mod flavour;
mod fuzz;
mod guest;
mod kdir;
mod kernel;
mod ktap;
mod lock;
mod module;
mod own;
mod profile;
mod release;
mod root;
mod selfcheck;
mod selftests;
mod session;
mod source;
mod space;
mod splat;
mod suite;
mod summary;
mod target;
mod uapi;
mod ui;
mod workshop;

use clap::{Parser, Subcommand};

/// Builds, boots and tests offload_nic. Whatever a command needs and the machine
/// lacks is made on the way and kept for the next time.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Build(cmd::build::Args),
    Kernel(cmd::kernel::Args),
    Vm(cmd::vm::Args),
    Demo(cmd::demo::Args),
    Test(cmd::test::Args),
    Lint(cmd::lint::Args),
    Bench(cmd::bench::Args),
    Selftests(cmd::selftests::Args),
    Stress(cmd::stress::Args),
    Hunt(cmd::hunt::Args),
    Uapi(cmd::uapi::Args),
    Clean(cmd::clean::Args),
}

fn main() {
    let cli = Cli::parse();
    let status = match cli.command {
        Command::Build(args) => args.run(),
        Command::Kernel(args) => args.run(),
        Command::Vm(args) => args.run(),
        Command::Demo(args) => args.run(),
        Command::Test(args) => args.run(),
        Command::Lint(args) => args.run(),
        Command::Bench(args) => args.run(),
        Command::Selftests(args) => args.run(),
        Command::Stress(args) => args.run(),
        Command::Hunt(args) => args.run(),
        Command::Uapi(args) => args.run(),
        Command::Clean(args) => args.run(),
    };
    match status {
        Ok(code) => std::process::exit(code),
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::exit(1);
        }
    }
}
