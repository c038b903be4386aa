// SPDX-License-Identifier: GPL-2.0

//! What Rust knows of the generic netlink family, made from its YNL specification.
//!
//! The file is checked in, so that a kernel build needs no generator. [`generated`] says what it has
//! to be, and `cargo xtask lint` compares.

mod rust;
mod spec;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use self::spec::Spec;

/// The specification, from the top of the repo.
pub(crate) const SPEC: &str = "uapi/netlink/specs/offload.yaml";
/// The file made from it.
pub(crate) const FILE: &str = "uapi/src/netlink.rs";

/// The text that [`FILE`] has to have. Needs rustfmt.
pub(crate) fn generated(repo: &Path) -> Result<String> {
    let text = fs::read_to_string(repo.join(SPEC)).with_context(|| format!("read {SPEC}"))?;
    let spec = Spec::parse(&text).with_context(|| format!("make sense of {SPEC}"))?;
    let code = rust::file(&spec, SPEC).with_context(|| format!("make Rust of {SPEC}"))?;
    let output = duct::cmd("rustfmt", ["--edition=2021", "--emit=stdout"])
        .dir(repo)
        .stdin_bytes(code)
        .stdout_capture()
        .run()
        .context("run rustfmt (`rustup component add rustfmt`, or the distribution's package)")?;
    String::from_utf8(output.stdout).context("rustfmt's answer is not UTF-8")
}

/// Why [`FILE`] is not what it has to be, if it isn't.
pub(crate) fn outdated(repo: &Path) -> Result<Option<String>> {
    let expected = generated(repo)?;
    let found = fs::read_to_string(repo.join(FILE)).unwrap_or_default();
    Ok(difference(&expected, &found).map(|line| {
        format!("{FILE}: line {line} is not what {SPEC} gives: run `cargo xtask uapi`")
    }))
}

/// What of [`SPEC`] the kernel's own schema for such specifications, in the tree `source`, does not
/// allow.
pub(crate) fn invalid(repo: &Path, source: &Path) -> Result<Vec<String>> {
    let yaml = |path: &Path| -> Result<serde_json::Value> {
        let text = fs::read_to_string(path).with_context(|| format!("read {path:?}"))?;
        serde_norway::from_str(&text).with_context(|| format!("{path:?} is not YAML"))
    };
    let spec = yaml(&repo.join(SPEC))?;
    let protocol = spec["protocol"].as_str().unwrap_or("genetlink");
    let mut schema = yaml(&source.join(format!("Documentation/netlink/{protocol}.yaml")))?;
    // Draft 7, by an address that is to be asked for over the network.
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("$schema");
    }
    let validator = jsonschema::draft7::new(&schema).context("the kernel's schema")?;
    Ok(validator
        .iter_errors(&spec)
        .map(|error| format!("{SPEC}: {}: {error}", error.instance_path))
        .collect())
}

/// The number of the first line that differs.
fn difference(expected: &str, found: &str) -> Option<usize> {
    if expected == found {
        return None;
    }
    let same = expected.lines().zip(found.lines());
    Some(
        1 + same
            .take_while(|(expected, found)| expected == found)
            .count(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_told() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(difference("a\nb\n", "a\n"), Some(2));
        assert_eq!(difference("a\n", ""), Some(1));
    }

    #[test]
    fn the_specification_of_this_repo_is_understood() {
        let repo = crate::workshop::repo().unwrap();
        let spec = Spec::parse(&fs::read_to_string(repo.join(SPEC)).unwrap()).unwrap();
        let code = rust::file(&spec, SPEC).unwrap();
        assert!(
            code.contains("pub const FAMILY: &str = \"offload\";"),
            "{code}"
        );
    }
}
