// SPDX-License-Identifier: GPL-2.0

//! `offloadctl program hash`.

use std::path::{Path, PathBuf};

use anyhow::{ensure, Context, Result};
use offload_uapi::netlink::DigestAlgorithm;
use offload_uapi::object::{LinkedProgram, Object};
use offload_uapi::types::hex;
use serde::Serialize;

use crate::output::{Output, Status};

/// Computes the digests that devices will report, from an object file alone
///
/// Neither a kernel nor a device is needed, so that a build can pin them. One line for each program:
/// the SHA-256, whose first 16 digits are the tag of `bpftool prog show`, and the program's name;
/// --json has SHA-1 too.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    choice: Choice,
    /// Another digest than the SHA-256
    #[arg(long, value_name = "ALGORITHM", default_value = "sha256", value_parser = ["sha256", "sha1"])]
    algorithm: String,
}

/// A program of an object file.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Choice {
    /// The object file (clang -target bpf)
    object: PathBuf,
    /// Only programs of this section
    #[arg(long, value_name = "NAME", conflicts_with = "program")]
    section: Option<String>,
    /// Only the program of this name
    #[arg(long, value_name = "NAME")]
    program: Option<String>,
}

/// What is told of a program.
#[derive(Serialize)]
struct Hashed {
    program: String,
    section: String,
    instructions: usize,
    tag: String,
    sha256: String,
    sha1: String,
}

impl Args {
    pub(super) fn run(self, output: &Output) -> Result<Status> {
        let Choice {
            object,
            section,
            program,
        } = &self.choice;
        let programs = choose(object, section.as_deref(), program.as_deref())?;
        let programs: Vec<_> = programs.iter().map(hashed).collect();
        let algorithm = match self.algorithm.as_str() {
            "sha1" => DigestAlgorithm::Sha1,
            _ => DigestAlgorithm::Sha256,
        };
        output.show_text(&programs, |programs| lines(programs, algorithm))?;
        Ok(Status::Good)
    }
}

/// The programs of an object file that are meant: at least one.
pub(super) fn choose(
    path: &Path,
    section: Option<&str>,
    program: Option<&str>,
) -> Result<Vec<LinkedProgram>> {
    let file = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let object = Object::parse(&file).with_context(|| path.display().to_string())?;
    let mut there = Vec::new();
    let mut chosen = Vec::new();
    for found in object.programs() {
        // One that can't be linked is of no interest if another one is meant.
        let found = match found {
            Ok(found) => found,
            Err(error) if section.is_none() && program.is_none() => {
                return Err(error).with_context(|| path.display().to_string())
            }
            Err(error) => {
                there.push(format!("({error})"));
                continue;
            }
        };
        there.push(format!("{} in section {}", found.name, found.section));
        if section.is_none_or(|section| section == found.section)
            && program.is_none_or(|program| program == found.name)
        {
            chosen.push(found);
        }
    }
    ensure!(
        !chosen.is_empty(),
        "{} has no such program; it has: {}",
        path.display(),
        if there.is_empty() {
            "none at all".to_owned()
        } else {
            there.join(", ")
        }
    );
    Ok(chosen)
}

fn hashed(program: &LinkedProgram) -> Hashed {
    let digests = program.digests();
    Hashed {
        program: program.name.clone(),
        section: program.section.clone(),
        instructions: program.slots.len(),
        tag: hex(digests.tag()),
        sha256: hex(&digests.sha256),
        sha1: hex(&digests.sha1),
    }
}

fn lines(programs: &[Hashed], algorithm: DigestAlgorithm) -> String {
    let digest = |hashed: &Hashed| match algorithm {
        DigestAlgorithm::Sha256 => hashed.sha256.clone(),
        DigestAlgorithm::Sha1 => hashed.sha1.clone(),
    };
    let lines = programs.iter();
    lines
        .map(|hashed| format!("{}  {}\n", digest(hashed), hashed.program))
        .collect()
}

#[cfg(test)]
mod tests {
    use offload_uapi::canonical::ByteOrder;

    use super::*;

    #[test]
    fn a_line_has_digest_and_name() {
        let program = LinkedProgram {
            name: "zero".to_owned(),
            section: "xdp".to_owned(),
            order: ByteOrder::Little,
            slots: vec![[0xb7, 0, 0, 0, 0, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]],
        };
        let all = vec![hashed(&program)];
        let text = lines(&all, DigestAlgorithm::Sha256);
        assert!(text.starts_with("59f4a931744dcdc6"), "{text}");
        assert!(text.ends_with("  zero\n"), "{text}");
        assert!(lines(&all, DigestAlgorithm::Sha1).starts_with("a04f5eef06a7f555"));
        let json = serde_json::to_value(&all).unwrap();
        assert_eq!(json[0]["tag"], "59f4a931744dcdc6");
        assert_eq!(json[0]["instructions"], 2);
    }

    #[test]
    fn a_file_that_is_none_is_told() {
        let error = choose(Path::new("/nowhere/x.o"), None, None).unwrap_err();
        assert!(error.to_string().contains("/nowhere/x.o"));
    }
}
