// SPDX-License-Identifier: GPL-2.0

//! `offloadctl man`: the manual.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Command;

use crate::output::{Output, Status};

mod dialect;
mod roff;

/// Prints the manual page, or writes a page for each command
///
/// `offloadctl man | man -l -` shows it. The directory is made if it is not there.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write offloadctl.1, offloadctl-device.1, ... into this directory, and parse-graph.7: how parse
    /// graphs are written
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Args {
    /// `command` is the whole of offloadctl's command line.
    pub(crate) fn run(self, command: Command, output: &Output) -> Result<Status> {
        match self.directory {
            Some(directory) => {
                let context = || format!("write manual pages into {}", directory.display());
                fs::create_dir_all(&directory).with_context(context)?;
                clap_mangen::generate_to(command, &directory).with_context(context)?;
                let page = directory.join(dialect::FILE);
                fs::write(page, dialect::page()).with_context(context)?;
            }
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(command).render(&mut page)?;
                output.write(&String::from_utf8(page)?)?;
            }
        }
        Ok(Status::Good)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::Cli;

    /// The pages of `command` and all that is below it.
    fn pages(command: &Command, prefix: &str, all: &mut Vec<String>) {
        let name = format!("{prefix}{}", command.get_name());
        all.push(format!("{name}.1"));
        for each in command.get_subcommands() {
            pages(each, &format!("{name}-"), all);
        }
    }

    #[test]
    fn each_command_has_its_page() {
        let directory = std::env::temp_dir().join(format!("offloadctl-man-{}", std::process::id()));
        let args = Args {
            directory: Some(directory.join("man")),
        };
        args.run(Cli::command(), &Output::new(false)).unwrap();
        let written = fs::read_dir(directory.join("man")).unwrap();
        let written = written.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut written: Vec<_> = written.collect();
        written.sort();
        let mut wanted = vec![dialect::FILE.to_owned()];
        pages(&Cli::command(), "", &mut wanted);
        wanted.sort();
        assert!(wanted.contains(&"offloadctl-parser-import.1".to_owned()));
        assert_eq!(written, wanted);
        let page = fs::read_to_string(directory.join("man/offloadctl-parser-import.1")).unwrap();
        assert!(page.contains("\\-\\-leave\\-out"), "{page}");
        fs::remove_dir_all(directory).unwrap();
    }
}
