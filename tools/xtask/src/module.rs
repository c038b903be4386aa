// SPDX-License-Identifier: GPL-2.0

//! Building offload_nic.ko, and the BPF objects of the tests.
//!
//! The module is built from a copy of its sources in `target/module/NAME/`, one
//! per kernel, so that the products of one kernel never meet those of another
//! and the repo itself stays clean. The kernel's build system decides what to
//! rebuild; a stamp of all inputs spares even asking it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use crate::cache::Key;
use crate::lock::Lock;
use crate::target::Target;
use crate::ui::Step;
use crate::workshop::Workshop;

/// What the module is made of.
const SOURCES: &[&str] = &["Kbuild", "Makefile", "module", "samples", "uapi"];

/// What has been built. No other xtask builds it anew while this lives.
pub(crate) struct Built {
    path: PathBuf,
    _lock: Lock,
}

impl Built {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps it for this xtask, as others may now build it anew; where.
    pub(crate) fn keep(self, workshop: &Workshop) -> Result<PathBuf> {
        workshop.own.keep(&self.path)
    }
}

/// Builds the module, offload_nic.ko. `extra` are further words for
/// `make`, such as `CLIPPY=1`; with them everything is built anew.
pub(crate) fn build(workshop: &Workshop, target: &Target, extra: &[&str]) -> Result<Built> {
    build_one(workshop, target, None, extra)
}

/// Builds the module of `samples/NAME`, NAME.ko.
pub(crate) fn build_sample(workshop: &Workshop, target: &Target, name: &str) -> Result<Built> {
    build_one(workshop, target, Some(name), &[])
}

/// Builds the module, or that of a sample.
fn build_one(
    workshop: &Workshop,
    target: &Target,
    sample: Option<&str>,
    extra: &[&str],
) -> Result<Built> {
    let product = sample.unwrap_or("offload_nic");
    let repo = &workshop.repo;
    if !repo.join("Kbuild").exists() {
        bail!(
            "{} has no Kbuild: there is no module to build",
            repo.display()
        );
    }
    let name = match (sample, extra) {
        (Some(sample), _) => format!("{}-{sample}", target.name()),
        (None, []) => target.name(),
        (None, _) => format!("{}-checked", target.name()),
    };
    let dir = workshop.target(&format!("module/{name}"))?;
    let module = dir.join(format!("{product}.ko"));
    let stamp = dir.join("xtask.stamp");
    let lock = Lock::take(
        &dir.with_extension("lock"),
        &format!("the module for {name}"),
    )?;
    let built = Built {
        path: module.clone(),
        _lock: lock,
    };
    let mut key = Key::new("1")
        .with("kernel", target.key().as_bytes())
        .with("make", target.make_variables().join(" ").as_bytes())
        .with("extra", extra.join(" ").as_bytes());
    for source in SOURCES {
        key = hash_tree(key, &repo.join(source), source)?;
    }
    let key = key.finish();
    if extra.is_empty() && module.exists() && fs::read_to_string(&stamp).is_ok_and(|s| s == key) {
        return Ok(built);
    }

    let step = Step::start(
        &format!("Building {product}.ko for the kernel {}", target.name()),
        "",
        &workshop.target("logs")?.join(format!("module-{name}.log")),
    )?;
    // A half-built module must not look like a built one.
    for stale in [&stamp, &module] {
        if stale.exists() {
            fs::remove_file(stale)?;
        }
    }
    let mut enter = workshop.root.enter().ro(repo).rw(&dir).cwd(&dir);
    match target {
        Target::Ours(kernel) => enter = enter.ro(kernel.entry()).ro(&kernel.source),
        Target::Theirs(kdir) => {
            for path in kdir.binds() {
                enter = enter.ro(path);
            }
        }
    }
    let mut sync: Vec<String> = ["rsync", "--recursive", "--links", "--times", "--delete"]
        .map(str::to_owned)
        .to_vec();
    // What Kbuild makes beside the sources is not in the repo and must stay.
    for product in [
        "*.o",
        "*.ko",
        "*.mod",
        "*.mod.c",
        "*.rmeta",
        ".*.cmd",
        ".*.d",
        ".tmp_*",
        ".module-common.o",
        "Module.symvers",
        "modules.order",
        "bindings_generated.rs",
        "target",
    ] {
        sync.push(format!("--exclude={product}"));
    }
    sync.extend(
        SOURCES
            .iter()
            .map(|source| repo.join(source))
            .filter(|path| path.exists())
            .map(|path| path.display().to_string()),
    );
    sync.push(format!("{}/", dir.display()));
    step.run(enter.command(sync))?;

    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let mut make = vec![
        "make".to_owned(),
        format!("-j{jobs}"),
        format!("KDIR={}", target.kdir().display()),
    ];
    make.extend(target.make_variables());
    make.extend(sample.map(|sample| format!("SAMPLE={sample}")));
    make.extend(extra.iter().map(|&word| word.to_owned()));
    if let Target::Theirs(kdir) = target {
        if kdir.on_host() {
            step.run(duct::cmd("make", &make[1..]).dir(&dir))?;
        } else {
            step.run(enter.command(make))?;
        }
    } else {
        step.run(enter.command(make))?;
    }
    if !module.exists() {
        bail!("make made no {}", module.display());
    }
    fs::write(&stamp, key)?;
    step.done();
    Ok(built)
}

/// Compiles `tests/bpf/*.bpf.c`; the directory of the objects. In directories below it are those
/// that were compiled otherwise, for tests that every program is to pass however it was made.
pub(crate) fn build_bpf(workshop: &Workshop) -> Result<Built> {
    /// Runs in the root, in the directory of the sources.
    const SCRIPT: &str = r#"
        status=0
        for level in O2 O1 Os; do
            directory=$1
            [ $level = O2 ] || directory=$1/$level
            mkdir -p "$directory"
            for source in *.bpf.c; do
                clang -$level -g -Wall -Werror -target bpf -mcpu=v3 \
                    -I/usr/include/x86_64-linux-gnu \
                    -c "$source" -o "$directory/${source%.c}.o" || status=1
            done
        done
        exit $status"#;
    let sources = workshop.repo.join("tests/bpf");
    let key = hash_tree(
        Key::new("1").with("script", SCRIPT.as_bytes()),
        &sources,
        "bpf",
    )?;
    Objects {
        name: "bpf",
        what: "the BPF programs of the tests",
        sources: &sources,
        tree: None,
        script: SCRIPT,
    }
    .ensure(workshop, key)
}

/// BPF objects, compiled in the root.
pub(crate) struct Objects<'a> {
    /// The directory below `target/`, and the log.
    pub(crate) name: &'a str,
    /// What they are, for people.
    pub(crate) what: &'a str,
    /// Where the script runs.
    pub(crate) sources: &'a Path,
    /// A kernel tree that the script reads.
    pub(crate) tree: Option<&'a Path>,
    /// Gets the directory of the objects and the tree as its arguments.
    pub(crate) script: &'a str,
}

impl Objects<'_> {
    /// Compiles them unless they are of `key`, to which the root is added; their directory.
    pub(crate) fn ensure(&self, workshop: &Workshop, key: Key) -> Result<Built> {
        let out = workshop.target(self.name)?;
        let built = Built {
            path: out.clone(),
            _lock: Lock::take(&out.with_extension("lock"), self.what)?,
        };
        let key = key.with("root", workshop.root.key().as_bytes()).finish();
        let stamp = out.join("xtask.stamp");
        if fs::read_to_string(&stamp).is_ok_and(|old| old == key) {
            return Ok(built);
        }
        let step = Step::start(
            &format!("Compiling {}", self.what),
            "",
            &workshop
                .target("logs")?
                .join(self.name)
                .with_extension("log"),
        )?;
        // Objects of sources that are gone must not be found by a test.
        for item in fs::read_dir(&out)? {
            let path = item?.path();
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            } else {
                fs::remove_file(path)?;
            }
        }
        let mut enter = workshop.root.enter().ro(&workshop.repo).rw(&out);
        let mut argv = ["sh", "-c", self.script, self.name]
            .map(str::to_owned)
            .to_vec();
        argv.push(out.display().to_string());
        if let Some(tree) = self.tree {
            enter = enter.ro(tree);
            argv.push(tree.display().to_string());
        }
        step.run(enter.cwd(self.sources).command(argv))?;
        fs::write(&stamp, key)?;
        step.done();
        Ok(built)
    }
}

/// Adds the names and contents of all files under `path` to a key.
pub(crate) fn hash_tree(mut key: Key, path: &Path, name: &str) -> Result<Key> {
    if path.is_dir() {
        let mut items = fs::read_dir(path)?
            .map(|item| Ok(item?.file_name()))
            .collect::<Result<Vec<_>>>()?;
        items.sort();
        for item in items {
            let name = format!("{name}/{}", item.to_string_lossy());
            key = hash_tree(key, &path.join(&item), &name)?;
        }
    } else if path.exists() {
        let bytes = fs::read(path).with_context(|| format!("cannot read {path:?}"))?;
        key = key.with(name, &bytes);
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_key_sees_contents_and_names() {
        let dir = tempfile::tempdir().unwrap();
        let key = || hash_tree(Key::new("1"), dir.path(), "t").unwrap().finish();
        let empty = key();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/a"), "1").unwrap();
        let one = key();
        fs::write(dir.path().join("sub/a"), "2").unwrap();
        let two = key();
        fs::rename(dir.path().join("sub/a"), dir.path().join("sub/b")).unwrap();
        let renamed = key();
        assert_ne!(empty, one);
        assert_ne!(one, two);
        assert_ne!(two, renamed);
    }
}
