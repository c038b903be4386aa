// SPDX-License-Identifier: GPL-2.0

//! The build-and-guest root: a small Debian trixie that holds every compiler and
//! tool, so that the machine itself needs no more than Cargo, a linker and
//! mmdebstrap, and so that everybody builds with the same versions.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use duct::cmd;

use crate::cache::{Cache, Key};
use crate::enter::{self, Enter};
use crate::space;
use crate::ui::Step;

/// Goes up when the making of the root changes in a way that its inputs do not show.
const RECIPE: &str = "1";
/// The Debian release.
const SUITE: &str = "trixie";
/// MiB that the root takes, with the packages that are downloaded on the way.
const SPACE: u64 = 3500;

/// The root, made or found.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    cache: Cache,
    entry: PathBuf,
    key: String,
}

impl Root {
    /// Finds the root with the packages of `lists`, files in `qemu/`, in the cache, or makes it.
    ///
    /// # Errors
    ///
    /// If the caller is not root, the machine is not x86_64, or mmdebstrap is
    /// missing and cannot be installed.
    pub(crate) fn ensure(cache: &Cache, repo: &Path, lists: &[&str]) -> Result<Self> {
        enter::require_root()?;
        if std::env::consts::ARCH != "x86_64" {
            bail!(
                "xtask's kernels and guests are x86_64 ones; this machine is {}",
                std::env::consts::ARCH
            );
        }
        ensure_tools(cache, TO_ENTER)?;
        let mut list = String::new();
        for name in lists {
            let path = repo.join("qemu").join(name);
            let text =
                std::fs::read_to_string(&path).with_context(|| format!("cannot read {path:?}"))?;
            list.push_str(&text);
        }
        let packages = packages(&list);
        let key = Key::new(RECIPE)
            .with("suite", SUITE.as_bytes())
            .with("packages", packages.join(" ").as_bytes())
            .finish();
        let entry = cache.entry("root", &key, |partial, _| {
            space::require("the build-and-guest root", cache.dir(), SPACE)?;
            make(cache, partial, &packages)
        })?;
        std::fs::create_dir_all(cache.dir().join("stage"))?;
        Ok(Self {
            cache: cache.clone(),
            entry,
            key,
        })
    }

    /// The key of the root, for the keys of what is built in it.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// A way into the root.
    pub(crate) fn enter(&self) -> Enter {
        Enter::new(&self.entry.join("root"), &self.cache.dir().join("stage"))
    }
}

/// The package names in a list with comments.
fn packages(list: &str) -> Vec<&str> {
    list.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// Makes the root in `partial`.
fn make(cache: &Cache, partial: &Path, packages: &[&str]) -> Result<()> {
    ensure_tools(cache, TO_MAKE)?;
    let step = Step::start(
        &format!(
            "Making the build-and-guest root: Debian {SUITE}, {} packages and what they need",
            packages.len()
        ),
        "about 2 min",
        &cache.log("root"),
    )?;
    let root = partial.join("root");
    let mut args: Vec<String> = [
        "--mode=root",
        "--variant=apt",
        "--format=directory",
        "--aptopt=Acquire::Languages \"none\"",
        "--aptopt=APT::Install-Recommends \"false\"",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
    ]
    .map(str::to_owned)
    .to_vec();
    // Backports come from the mirror that the release itself comes from.
    args.push(format!(
        "--setup-hook=sed -n 's/ {SUITE} main/ {SUITE}-backports main/p' \
         \"$1\"/etc/apt/sources.list > \"$1\"/etc/apt/sources.list.d/backports.list"
    ));
    args.push(format!("--include={}", packages.join(",")));
    args.push(SUITE.to_owned());
    args.push(root.display().to_string());
    args.extend(mirror());
    step.run(cmd("mmdebstrap", args))?;
    let versions = cmd!(
        "dpkg-query",
        format!("--admindir={}/var/lib/dpkg", root.display()),
        "--show"
    )
    .read()
    .context("cannot list what the root holds")?;
    std::fs::write(partial.join("versions"), versions)?;
    step.done();
    Ok(())
}

/// The Debian mirror that this machine's package manager uses, if it does:
/// otherwise mmdebstrap's own default is good.
fn mirror() -> Option<String> {
    let targets = cmd!(
        "apt-get",
        "indextargets",
        "--format",
        "$(ORIGIN) $(LABEL) $(COMPONENT) $(SITE)",
        "Created-By: Packages"
    )
    .stderr_null()
    .read()
    .ok()?;
    debian_site(&targets).map(str::to_owned)
}

/// The address of the first line `Debian Debian main ADDRESS`.
fn debian_site(targets: &str) -> Option<&str> {
    targets
        .lines()
        .find_map(|line| line.strip_prefix("Debian Debian main "))
}

/// A tool beside the essential packages of Debian: how to see that it is there, and the
/// Debian package that has it.
type Tool = (Needed, &'static str);

/// What it takes to enter the root.
const TO_ENTER: &[Tool] = &[(Needed::Program("mount"), "mount")];

/// What it takes to make the root.
const TO_MAKE: &[Tool] = &[
    (Needed::Program("mmdebstrap"), "mmdebstrap"),
    (
        Needed::File("/usr/share/keyrings/debian-archive-keyring.gpg"),
        "debian-archive-keyring",
    ),
];

/// How to see that something is there.
enum Needed {
    Program(&'static str),
    File(&'static str),
}

impl Needed {
    fn is_there(&self) -> bool {
        match self {
            Needed::Program(name) => is_program(name),
            Needed::File(path) => Path::new(path).exists(),
        }
    }
}

fn is_program(name: &str) -> bool {
    cmd!("sh", "-c", format!("command -v {name}"))
        .stdout_null()
        .unchecked()
        .run()
        .is_ok_and(|output| output.status.success())
}

/// Installs what is missing of `tools`.
fn ensure_tools(cache: &Cache, tools: &[Tool]) -> Result<()> {
    let missing: Vec<&str> = tools
        .iter()
        .filter(|(needed, _)| !needed.is_there())
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(" ");
    if !is_program("apt-get") {
        bail!(
            "this machine lacks {missing} (so the packages are called on Debian; the keyring is \
             debian-keyring on Fedora, mount is in util-linux elsewhere), and has no apt-get to \
             install them with: install them by hand"
        );
    }
    let step = Step::start(
        &format!("This machine lacks {missing}: installing with apt-get"),
        "",
        &cache.log("apt"),
    )?;
    step.run(cmd!("apt-get", "update"))?;
    let argv = ["install", "--yes", "--no-install-recommends"];
    step.run(
        cmd("apt-get", argv.into_iter().chain(missing.split(' ')))
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )?;
    step.done();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_list_has_comments() {
        assert_eq!(packages("# why\ngcc\n\n make \n"), ["gcc", "make"]);
    }

    #[test]
    fn mirror_is_the_debian_archive_itself() {
        let targets = "\
            Google Google main https://other.example/apt\n\
            Debian Debian-Security main http://security.example/debian-security\n\
            Debian Debian contrib http://wrong.example/debian\n\
            Debian Debian main http://mirror.example/debian\n";
        assert_eq!(debian_site(targets), Some("http://mirror.example/debian"));
        assert_eq!(debian_site("Ubuntu Ubuntu main http://u.example\n"), None);
    }
}
