// SPDX-License-Identifier: GPL-2.0

//! The kernel tree's own tests of NICs: the scripts as they are, with the programs
//! that they run and load built beside them, kept in the cache.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{bail, Result};

use crate::cache::{Cache, Key};
use crate::root::Root;
use crate::source::Source;
use crate::space;
use crate::ui::Step;

/// Goes up when the building changes in a way that the script does not show.
const RECIPE: &str = "1";
/// Runs in the root.
const SCRIPT: &str = include_str!("build-suite.sh");
/// Where a tree has its tests.
const SELFTESTS: &str = "tools/testing/selftests";
/// The directories whose scripts are about a NIC, or run on the ports of one.
const FOLDERS: [&str; 3] = ["drivers/net", "drivers/net/hw", "net/forwarding"];
/// The one script beside them that is: of BPF offload.
pub(crate) const BPF_OFFLOAD: &str = "net/bpf_offload.py";
/// MiB: a copy of the tests, and what is built.
const SPACE: u64 = 200;

/// A copy of the tests, ready to be run.
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    entry: PathBuf,
}

impl Suite {
    /// Finds the tests of `source` in the cache, or builds them.
    ///
    /// # Errors
    ///
    /// If there is no space, or the tree's own makefiles fail.
    pub(crate) fn ensure(cache: &Cache, root: &Root, source: &Source) -> Result<Self> {
        let key = Key::new(RECIPE)
            .with("root", root.key().as_bytes())
            .with("source", source.key().as_bytes())
            .with("script", SCRIPT.as_bytes())
            .finish();
        let entry = cache.entry("selftests", &key, |partial, end| {
            space::require("the kernel's own tests", cache.dir(), SPACE)?;
            let step = Step::start(
                "Building what the kernel's own tests run and load",
                "about 1 min",
                &cache.log("selftests"),
            )?;
            let tree = source.tree();
            let mut argv = ["sh", "-c", SCRIPT, "build-suite"].map(Into::into).to_vec();
            argv.extend([tree.as_os_str().to_owned(), end.as_os_str().to_owned()]);
            step.run(root.enter().ro(tree).rw_at(partial, end).command(argv))?;
            step.done();
            Ok(())
        })?;
        Ok(Self { entry })
    }

    /// What guests must see.
    pub(crate) fn entry(&self) -> &Path {
        &self.entry
    }

    /// Where the scripts are.
    pub(crate) fn selftests(&self) -> PathBuf {
        self.entry.join(SELFTESTS)
    }

    /// The directory with the ethtool that the scripts want.
    pub(crate) fn ethtool(&self) -> PathBuf {
        self.entry.join("ethtool/usr/sbin")
    }

    /// The script that is called `name`: its path below [`Suite::selftests`], or the end of
    /// that, with or without what follows the dot.
    ///
    /// # Errors
    ///
    /// If there is none, or none that is about a NIC, with those that are.
    pub(crate) fn find(&self, name: &str) -> Result<String> {
        let scripts = self.scripts()?;
        match scripts.iter().find(|script| is_called(script, name)) {
            Some(script) => Ok(script.clone()),
            None => bail!(
                "the kernel's tests have no script {name:?} for a NIC. There are:\n{}",
                scripts.join("\n")
            ),
        }
    }

    /// All scripts that are about a NIC.
    fn scripts(&self) -> Result<Vec<String>> {
        let mut scripts = vec![BPF_OFFLOAD.to_owned()];
        for folder in FOLDERS {
            let mut names = Vec::new();
            for item in std::fs::read_dir(self.selftests().join(folder))? {
                let item = item?;
                let name = item.file_name().to_string_lossy().into_owned();
                if is_script(&name, item.metadata()?.permissions().mode()) {
                    names.push(format!("{folder}/{name}"));
                }
            }
            names.sort();
            scripts.extend(names);
        }
        Ok(scripts)
    }
}

/// Whether a file is a test of its own, not what others include: that is called so in
/// Python, and is not executable in shell.
fn is_script(name: &str, mode: u32) -> bool {
    match name.rsplit_once('.') {
        Some((stem, "py")) => !stem.ends_with("_lib"),
        Some((_, "sh")) => mode & 0o111 != 0,
        _ => false,
    }
}

/// Whether `script`, a path, is what a user means by `name`.
fn is_called(script: &str, name: &str) -> bool {
    let stem = script.rsplit_once('.').map_or(script, |(stem, _)| stem);
    [script, stem].into_iter().any(|path| {
        path.strip_suffix(name)
            .is_some_and(|before| before.is_empty() || before.ends_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_include_is_no_script() {
        for (name, mode) in [
            ("ping.py", 0o100755),
            ("xdp_metadata.py", 0o100644),
            ("loopback.sh", 0o100755),
        ] {
            assert!(is_script(name, mode), "{name}");
        }
        for (name, mode) in [
            ("devmem_lib.py", 0o100644),
            ("lib.sh", 0o100644),
            ("sch_ets_core.sh", 0o100644),
            ("Makefile", 0o100644),
            ("hw", 0o40755),
            ("toeplitz", 0o100755),
        ] {
            assert!(!is_script(name, mode), "{name}");
        }
    }

    #[test]
    fn scripts_have_short_names() {
        let script = "drivers/net/ping.py";
        for name in [
            "ping",
            "ping.py",
            "net/ping",
            "drivers/net/ping.py",
            "drivers/net/ping",
        ] {
            assert!(is_called(script, name), "{name}");
        }
        for name in ["ing", "ping.sh", "py", "et/ping", "x/drivers/net/ping"] {
            assert!(!is_called(script, name), "{name}");
        }
    }
}
