// SPDX-License-Identifier: GPL-2.0

//! Debian's own kernels, as users have them: nothing of the kernel is built but what modules are
//! compiled against.

use std::fs;
use std::path::Path;

use anyhow::{bail, Context, Result};

use super::{prune, Kernel};
use crate::cache::{Cache, Key};
use crate::flavour::Flavour;
use crate::root::Root;
use crate::source::Source;
use crate::space;
use crate::ui::Step;

/// Goes up when the making changes in a way that its inputs do not show.
const RECIPE: &str = "1";
/// They run in the root.
const FETCH: &str = include_str!("../fetch-distro.sh");
const PREPARE: &str = include_str!("../prepare-distro.sh");
/// The first process.
const INIT: &str = "qemu/initrd-init.sh";
/// MiB: the packages, what is unpacked of them, the build directory; and a source.
const SPACE: u64 = 3000;
/// What stands for the version of the newest kernel. It is the newest for as long as the cache has
/// it.
const NEWEST: &str = "newest";

/// Finds one of Debian's kernels in the cache, or fetches it: that of `source`, or the newest.
///
/// # Errors
///
/// If `source` is not Debian's, or its kernel is not to be had.
pub(crate) fn ensure(
    cache: &Cache,
    repo: &Path,
    root: &Root,
    source: &Source,
    flavour: Flavour,
) -> Result<Kernel> {
    let init = repo.join(INIT);
    let version = match (flavour, source.version()?) {
        (Flavour::DistroNext, _) => NEWEST.to_owned(),
        (_, Some(version)) => version,
        (_, None) => bail!(
            "the kernel {flavour} is Debian's, which is not built from a source tree of yours: \
             take another with --kernel-source"
        ),
    };
    let key = Key::new(RECIPE)
        .with("root", root.key().as_bytes())
        .with("version", version.as_bytes())
        .with("fetch", FETCH.as_bytes())
        .with("prepare", PREPARE.as_bytes())
        .with(
            "init",
            &fs::read(&init).with_context(|| format!("read {init:?}"))?,
        )
        .with("make", flavour.make_variables().join(" ").as_bytes())
        .finish();
    let name = format!("kernel-{flavour}");
    let tree = |entry: &Path| match flavour {
        Flavour::DistroNext => entry.join("tree"),
        _ => source.tree().to_owned(),
    };
    let entry = cache.entry(&name, &key, |partial, end| {
        space::require("Debian's kernel", cache.dir(), SPACE)?;
        let step = Step::start(
            &format!("Fetching Debian's kernel with apt, version {version}"),
            flavour.hint(),
            &cache.log(&format!("{name}-packages")),
        )?;
        let enter = root.enter().rw_at(partial, end);
        let mut argv = ["sh", "-c", FETCH, "fetch-distro"]
            .map(str::to_owned)
            .to_vec();
        argv.extend([version.clone(), end.display().to_string()]);
        step.run(enter.clone().command(argv))?;
        step.done();

        let step = Step::start(
            "Preparing the build of modules for it",
            "about 2 min",
            &cache.log(&name),
        )?;
        let mut argv = ["sh", "-c", PREPARE, "prepare-distro"]
            .map(str::to_owned)
            .to_vec();
        let tree = tree(end);
        argv.extend([&tree, end, &init].map(|path| path.display().to_string()));
        argv.extend(variables(flavour, end));
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        argv.push(format!("-j{jobs}"));
        let enter = if tree.starts_with(end) {
            enter
        } else {
            enter.ro(&tree)
        };
        step.run(enter.ro(&init).command(argv))?;
        prune(&partial.join("build"))?;
        step.done();
        Ok(())
    })?;
    Ok(Kernel {
        source: tree(&entry),
        make_variables: variables(flavour, &entry),
        flavour,
        entry,
        key,
    })
}

/// Variables for every `make` with the kernel in the cache entry `entry`.
fn variables(flavour: Flavour, entry: &Path) -> Vec<String> {
    let pahole = format!("PAHOLE={}", entry.join("pahole.sh").display());
    let own = flavour.make_variables().iter().map(|&s| s.to_owned());
    own.chain([pahole]).collect()
}
