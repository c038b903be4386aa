// SPDX-License-Identifier: GPL-2.0

//! A kernel build directory of the user's (`--kdir`): whether a module can be
//! built for it, and with which compiler. All that can be wrong with it is said
//! before `make` runs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use duct::cmd;

use crate::cache::Key;
use crate::flavour::Machine;
use crate::kernel;
use crate::release::Release;
use crate::root::Root;

/// A build directory that has passed the checks.
#[derive(Clone, Debug)]
pub(crate) struct Kdir {
    dir: PathBuf,
    key: String,
    config: String,
    /// The program that compiled the kernel, if it is on the host rather than in
    /// the root.
    host_rustc: Option<String>,
    source: Option<PathBuf>,
}

impl Kdir {
    /// Checks `dir`.
    ///
    /// # Errors
    ///
    /// If it is no kernel build directory, not configured or not built, has no
    /// Rust, is too old, or was built by a rustc that is not to be found: a
    /// module's Rust code must come from the very same compiler.
    pub(crate) fn check(dir: &Path, root: &Root) -> Result<Self> {
        let given = format!("KDIR {}", dir.display());
        let dir = dir
            .canonicalize()
            .with_context(|| format!("{given}: no such directory"))?;
        let config = fs::read_to_string(dir.join(".config")).with_context(|| {
            format!("{given}: has no .config, so no kernel was configured there")
        })?;
        let release = fs::read_to_string(dir.join("include/config/kernel.release"))
            .ok()
            .and_then(|text| Release::parse(&text));
        let rustc = precheck(&given, &config, release)?;
        for (file, what) in [
            ("Module.symvers", "the kernel was not built to its end"),
            (
                "rust/libkernel.rmeta",
                "the metadata of the kernel's Rust crates is missing (some distributions' header \
                 packages leave it out); a complete build directory has it",
            ),
        ] {
            if !dir.join(file).exists() {
                bail!("{given}: has no {file}: {what}");
            }
        }
        let version = |program: &str| cmd!(program, "--version").stderr_null().read().ok();
        let in_root = root
            .enter()
            .command(["rustc", "--version"])
            .read()
            .context("cannot run rustc in the build-and-guest root")?;
        let host_rustc = if in_root.starts_with(&rustc) {
            None
        } else {
            let candidates = [
                std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()),
                "/usr/bin/rustc".to_owned(),
            ];
            let found = candidates
                .iter()
                .find(|program| version(program).is_some_and(|text| rustc.starts_with(&text)));
            match found {
                Some(program) => Some(program.clone()),
                None => bail!(
                    "{given}: the kernel was built by {rustc:?}, and a module must come from the \
                     same compiler. The build-and-guest root has {in_root:?}, this machine's \
                     {} says {:?}. Name the right one with RUSTC=.",
                    candidates[0],
                    version(&candidates[0]).unwrap_or_default()
                ),
            }
        };
        let key = Key::new("1")
            .with("dir", dir.as_os_str().as_encoded_bytes())
            .with("config", config.as_bytes())
            .with("symvers", &fs::read(dir.join("Module.symvers"))?)
            .finish();
        let source = dir.join("source").canonicalize().ok();
        Ok(Self {
            dir,
            key,
            config,
            host_rustc,
            source,
        })
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Names this kernel's build.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// What the kernel runs on.
    pub(crate) fn machine(&self) -> Machine {
        if self.config.lines().any(|line| line == "CONFIG_UML=y") {
            Machine::Uml
        } else {
            Machine::Qemu
        }
    }

    /// Whether the module is built with the host's tools.
    pub(crate) fn on_host(&self) -> bool {
        self.host_rustc.is_some()
    }

    /// Directories that a build needs to see.
    pub(crate) fn binds(&self) -> impl Iterator<Item = &Path> {
        [Some(self.dir.as_path()), self.source.as_deref()]
            .into_iter()
            .flatten()
    }

    /// Variables for `make`.
    pub(crate) fn make_variables(&self) -> Vec<String> {
        let mut variables = Vec::new();
        if self.machine() == Machine::Uml {
            variables.push("ARCH=um".to_owned());
        }
        if self
            .config
            .lines()
            .any(|line| line == "CONFIG_CC_IS_CLANG=y")
            && !self.on_host()
        {
            variables.push("CC=clang-19".to_owned());
            variables.push("HOSTCC=gcc".to_owned());
        }
        if let Some(rustc) = &self.host_rustc {
            variables.push(format!("RUSTC={rustc}"));
        }
        variables
    }

    /// The image, if a guest with this kernel can be what xtask's guests are.
    ///
    /// # Errors
    ///
    /// Names the options that are missing.
    pub(crate) fn bootable(&self) -> Result<PathBuf> {
        let image = kernel::image(&self.dir, self.machine());
        if !image.exists() {
            bail!("KDIR {}: has no {}", self.dir.display(), image.display());
        }
        let needed: &[&str] = match self.machine() {
            Machine::Uml => &["CONFIG_HOSTFS=y", "CONFIG_SSL=y", "CONFIG_DEVTMPFS=y"],
            Machine::Qemu => &[
                "CONFIG_9P_FS=y",
                "CONFIG_NET_9P_VIRTIO=y",
                "CONFIG_VIRTIO_PCI=y",
                "CONFIG_VIRTIO_CONSOLE=y",
                "CONFIG_SERIAL_8250_CONSOLE=y",
                "CONFIG_DEVTMPFS=y",
            ],
        };
        let missing: Vec<&str> = needed
            .iter()
            .copied()
            .filter(|option| !self.config.lines().any(|line| line == *option))
            .collect();
        if !missing.is_empty() {
            bail!(
                "KDIR {}: this kernel cannot be booted as a guest, it lacks {} (qemu/*.config \
                 have all that is needed)",
                self.dir.display(),
                missing.join(", ")
            );
        }
        Ok(image)
    }
}

/// The checks on what the files say; the version text of the kernel's rustc.
fn precheck(given: &str, config: &str, release: Option<Release>) -> Result<String> {
    let Some(release) = release else {
        bail!(
            "{given}: has no include/config/kernel.release: the kernel was configured but never \
             built (`make` there first)"
        );
    };
    release.require(given)?;
    if !config.lines().any(|line| line == "CONFIG_RUST=y") {
        bail!(
            "{given}: the kernel is built without CONFIG_RUST=y, which offload_nic needs (\
             `make rustavailable` in the kernel tree says what that takes)"
        );
    }
    let text = config
        .lines()
        .find_map(|line| line.strip_prefix("CONFIG_RUSTC_VERSION_TEXT="))
        .map(|text| text.trim_matches('"').to_owned());
    match text {
        Some(text) if !text.is_empty() => Ok(text),
        _ => bail!("{given}: its .config does not say which rustc built it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "CONFIG_RUST=y\nCONFIG_RUSTC_VERSION_TEXT=\"rustc 1.85.1 (x)\"\n";

    fn refusal(config: &str, release: Option<&str>) -> String {
        precheck("KDIR /k", config, release.and_then(Release::parse))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn good_kernel_names_its_compiler() {
        let rustc = precheck("KDIR /k", CONFIG, Release::parse("7.2.1")).unwrap();
        assert_eq!(rustc, "rustc 1.85.1 (x)");
    }

    #[test]
    fn refusals_name_the_cause() {
        assert!(refusal(CONFIG, Some("6.12.9")).contains("6.12, and offload_nic needs 7.2"));
        assert!(refusal(CONFIG, None).contains("never built"));
        assert!(refusal("CONFIG_NET=y\n", Some("7.2.0")).contains("CONFIG_RUST=y"));
        assert!(refusal("CONFIG_RUST=y\n", Some("7.2.0")).contains("which rustc"));
    }
}
