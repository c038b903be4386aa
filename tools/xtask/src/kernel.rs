// SPDX-License-Identifier: GPL-2.0

//! Kernels: configured from the fragments in `qemu/`, built inside the root, kept
//! in the cache with as much of the build directory as modules need.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use crate::cache::{Cache, Key};
use crate::flavour::{Flavour, Machine};
use crate::root::Root;
use crate::source::Source;
use crate::space;
use crate::ui::Step;

pub(crate) mod distro;

/// Goes up when the building changes in a way that its inputs do not show.
const RECIPE: &str = "1";
/// MiB that a build takes before it is pruned.
const SPACE: u64 = 2000;

/// A kernel that can be booted and that modules can be built for.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    pub(crate) flavour: Flavour,
    /// The cache entry.
    entry: PathBuf,
    key: String,
    /// The tree that the build directory refers to.
    pub(crate) source: PathBuf,
    /// Variables for every `make` with it.
    pub(crate) make_variables: Vec<String>,
}

impl Kernel {
    /// Finds the kernel in the cache, or builds it: one of our own configuration.
    pub(crate) fn ensure(
        cache: &Cache,
        repo: &Path,
        root: &Root,
        source: &Source,
        flavour: Flavour,
    ) -> Result<Self> {
        let mut fragments = Vec::new();
        let mut key = Key::new(RECIPE)
            .with("root", root.key().as_bytes())
            .with("source", source.key().as_bytes())
            .with("make", flavour.make_variables().join(" ").as_bytes());
        for name in flavour.fragments() {
            let path = repo.join("qemu").join(name);
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {path:?}"))?;
            key = key.with(name, options(&text).join("\n").as_bytes());
            fragments.push((path, text));
        }
        let key = key.finish();
        let name = format!("kernel-{flavour}");
        let entry = cache.entry(&name, &key, |partial, end| {
            space::require("the kernel build", cache.dir(), SPACE)?;
            let step = Step::start(
                &format!(
                    "Building the kernel {flavour} ({})",
                    flavour.fragments().join(" + ")
                ),
                flavour.hint(),
                &cache.log(&name),
            )?;
            build(&step, root, source, flavour, &fragments, partial, end)?;
            step.done();
            Ok(())
        })?;
        let variables = flavour.make_variables().iter();
        Ok(Self {
            flavour,
            entry,
            key,
            source: source.tree().to_owned(),
            make_variables: variables.map(|&variable| variable.to_owned()).collect(),
        })
    }

    /// The build directory for modules (`KDIR`).
    pub(crate) fn kdir(&self) -> PathBuf {
        self.entry.join("build")
    }

    /// What is booted.
    pub(crate) fn image(&self) -> PathBuf {
        image(&self.kdir(), self.flavour.machine())
    }

    /// The initial RAM disk, for a kernel that can't find the guest's root by itself.
    pub(crate) fn initrd(&self) -> Option<PathBuf> {
        self.flavour
            .is_distribution()
            .then(|| self.entry.join("initrd"))
    }

    /// The kernel's own modules, to be shown as `/lib/modules`.
    pub(crate) fn modules(&self) -> PathBuf {
        self.entry.join("modules/lib/modules")
    }

    /// The cache entry, where facts about this very kernel are kept.
    pub(crate) fn entry(&self) -> &Path {
        &self.entry
    }

    /// The key of the kernel, for what is built for it.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

/// Where the build puts the image.
pub(crate) fn image(kdir: &Path, machine: Machine) -> PathBuf {
    match machine {
        Machine::Qemu => kdir.join("arch/x86/boot/bzImage"),
        Machine::Uml => kdir.join("linux"),
    }
}

/// Builds into `partial`, which the build sees as `end`: the build directory
/// keeps absolute paths, and they must be right after the entry got its name.
fn build(
    step: &Step,
    root: &Root,
    source: &Source,
    flavour: Flavour,
    fragments: &[(PathBuf, String)],
    partial: &Path,
    end: &Path,
) -> Result<()> {
    let out = end.join("build");
    fs::create_dir(partial.join("build"))?;
    let mut enter = root
        .enter()
        .ro(source.tree())
        .rw_at(partial, end)
        .cwd(source.tree());
    for (path, _) in fragments {
        enter = enter.ro(path);
    }
    let make = |args: &[&str]| {
        let mut argv = vec!["make".to_owned(), format!("O={}", out.display())];
        argv.extend(flavour.make_variables().iter().map(|&s| s.to_owned()));
        argv.extend(args.iter().map(|&s| s.to_owned()));
        step.run(enter.command(argv))
    };
    make(&["--silent", "tinyconfig"])?;
    let mut merge = vec![
        source
            .tree()
            .join("scripts/kconfig/merge_config.sh")
            .display()
            .to_string(),
        "-m".to_owned(),
        "-O".to_owned(),
        out.display().to_string(),
        out.join(".config").display().to_string(),
    ];
    merge.extend(fragments.iter().map(|(path, _)| path.display().to_string()));
    // It makes its temporary files where it is started.
    step.run(enter.clone().cwd(&out).command(merge))?;
    make(&["--silent", "olddefconfig"])?;
    let config = fs::read_to_string(partial.join("build/.config"))?;
    for (index, (path, text)) in fragments.iter().enumerate() {
        // What a later fragment says instead counts.
        let later = &fragments[index + 1..];
        let is_last = |line: &&str| {
            let name = line.split('=').next();
            let mut others = later.iter().flat_map(|(_, text)| options(text));
            !others.any(|other| other.split('=').next() == name)
        };
        let unmet: Vec<_> = unmet(&config, text).into_iter().filter(is_last).collect();
        if !unmet.is_empty() {
            bail!(
                "{}: the kernel's configuration does not take: {} (a dependency is missing, or \
                 the option is gone in this version)",
                path.display(),
                unmet.join(", ")
            );
        }
    }
    let jobs = format!(
        "-j{}",
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    make(&["--silent", &jobs])?;
    let modules = format!("INSTALL_MOD_PATH={}", end.join("modules").display());
    if flavour.has_debug_information() {
        // BTF has been made of it: nobody reads the hundreds of megabytes any more.
        make(&[
            "--silent",
            "modules_install",
            &modules,
            "INSTALL_MOD_STRIP=1",
        ])?;
        let vmlinux = out.join("vmlinux").into_os_string();
        step.run(enter.command(["strip".into(), "--strip-debug".into(), vmlinux]))?;
    } else {
        make(&["--silent", "modules_install", &modules])?;
    }
    prune(&partial.join("build"))?;
    if !image(&partial.join("build"), flavour.machine()).exists() {
        bail!("the kernel build made no image");
    }
    Ok(())
}

/// Removes what only the kernel's own link needed: two thirds of a build
/// directory. The tools that a module's build runs, and the linker script of
/// modules, stay.
fn prune(dir: &Path) -> Result<()> {
    for item in fs::read_dir(dir)? {
        let item = item?;
        let name = item.file_name();
        let name = name.to_string_lossy();
        if item.file_type()?.is_dir() {
            if name != "scripts" && name != "tools" {
                prune(&item.path())?;
            }
        } else if name.ends_with(".o")
            || name.ends_with(".a")
            || name.ends_with(".cmd")
            || name.starts_with(".tmp_")
            || name == "vmlinux.unstripped"
        {
            fs::remove_file(item.path())?;
        }
    }
    Ok(())
}

/// The option lines of a fragment.
fn options(fragment: &str) -> Vec<&str> {
    fragment
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("CONFIG_"))
        .collect()
}

/// The options of `fragment` that `config` does not have as asked.
fn unmet<'a>(config: &str, fragment: &'a str) -> Vec<&'a str> {
    let config: std::collections::HashSet<&str> = config.lines().collect();
    options(fragment)
        .into_iter()
        .filter(|line| match line.strip_suffix("=n") {
            // Off is "is not set", or not a word if a dependency is off too.
            Some(name) => ["=y", "=m"]
                .iter()
                .any(|on| config.contains(format!("{name}{on}").as_str())),
            None => !config.contains(line),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_were_not_taken_are_named() {
        let config = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\nCONFIG_E=y\n";
        let fragment = "# why\nCONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\nCONFIG_D=n\nCONFIG_E=n\n";
        assert_eq!(
            unmet(config, fragment),
            ["CONFIG_B=y", "CONFIG_C=y", "CONFIG_E=n"]
        );
    }

    #[test]
    fn pruning_keeps_what_modules_need() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for sub in ["scripts/mod", "rust", "net"] {
            fs::create_dir_all(path(sub)).unwrap();
        }
        let kept = ["scripts/mod/modpost.o", "rust/libkernel.rmeta", "linux"];
        let gone = ["net/a.o", "net/.a.o.cmd", "built-in.a", ".tmp_vmlinux1"];
        for name in kept.iter().chain(&gone) {
            fs::write(path(name), "").unwrap();
        }
        prune(dir.path()).unwrap();
        for name in kept {
            assert!(path(name).exists(), "{name}");
        }
        for name in gone {
            assert!(!path(name).exists(), "{name}");
        }
    }

    #[test]
    fn comments_do_not_change_a_kernel() {
        assert_eq!(options("# a\nCONFIG_A=y\n\n"), options("CONFIG_A=y\n# b\n"));
    }
}
