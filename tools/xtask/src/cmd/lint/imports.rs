// SPDX-License-Identifier: GPL-2.0

//! Which file of a crate uses what of which other.
//!
//! An arrow goes from the file in which a name is used to the file that defines it, whoever passes
//! it on: a module that only re-exports what its children have neither uses them nor is used. What
//! counts as use are `use` declarations without a visibility and paths anywhere in the code, in the
//! arguments of macros as well. Methods are not seen: they are found by types. Tests inside a file
//! (`cfg(test)`) may use anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprLit, Item, Lit, Meta, MetaNameValue, UseTree, Visibility};

/// From one file to another: the names that are used.
pub(crate) type Arrows = BTreeMap<(PathBuf, PathBuf), BTreeSet<String>>;

/// How many names that stand for other names are followed.
const DEPTH: usize = 32;

/// A crate's modules.
#[derive(Default)]
pub(crate) struct Crate {
    /// The root is the first.
    modules: Vec<Module>,
    /// Those of `macro_rules`, which have a scope of their own, and their files.
    macros: BTreeMap<String, PathBuf>,
    /// The files of tests that are modules.
    tests: Vec<PathBuf>,
}

/// A module: a file, or part of one.
struct Module {
    file: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// The names of its items.
    items: BTreeSet<String>,
    /// Names that stand for paths.
    names: Vec<(String, Vec<String>)>,
    /// Paths that all names are taken from.
    globs: Vec<Vec<String>>,
    /// Paths that its code uses.
    used: Vec<Vec<String>>,
}

/// What a path leads to.
#[derive(Debug)]
enum Target {
    Module(usize),
    /// What another crate defines.
    Outside,
    /// An item of this file.
    Item(PathBuf, String),
}

impl Crate {
    /// Reads a crate by its root file.
    ///
    /// # Errors
    ///
    /// Where a file can't be read, or is no Rust.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut this = Self::default();
        let dir = root.parent().unwrap_or(Path::new(""));
        this.file(root, dir, None)?;
        Ok(this)
    }

    /// Its files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let modules = self.modules.iter().map(|module| &*module.file);
        modules.chain(self.tests.iter().map(PathBuf::as_path))
    }

    /// Who uses what of whom.
    pub(crate) fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for (index, module) in self.modules.iter().enumerate() {
            for path in &module.used {
                if let Some(Target::Item(file, name)) = self.resolve(index, path, DEPTH) {
                    if file != module.file {
                        let names = arrows.entry((module.file.clone(), file)).or_default();
                        names.insert(name);
                    }
                }
            }
        }
        arrows
    }

    /// What of crate `name` is used, or passed on: each file with the first name behind that of the
    /// crate, or with none where the whole crate is meant.
    pub(crate) fn uses_of(&self, name: &str) -> BTreeSet<(&Path, Option<&str>)> {
        let mut found = BTreeSet::new();
        for (index, module) in self.modules.iter().enumerate() {
            let passed_on = module.names.iter().map(|(_, path)| path);
            for path in module.used.iter().chain(&module.globs).chain(passed_on) {
                let Some((first, rest)) = path.split_first() else {
                    continue;
                };
                let is_own = matches!(
                    self.resolve(index, std::slice::from_ref(first), DEPTH),
                    Some(Target::Module(_) | Target::Item(..))
                );
                if first == name && !is_own {
                    found.insert((&*module.file, rest.first().map(String::as_str)));
                }
            }
        }
        found
    }

    /// Reads a module's file, and those of its children, which lie in `dir`; its index.
    fn file(&mut self, path: &Path, dir: &Path, parent: Option<usize>) -> Result<usize> {
        let text = std::fs::read_to_string(path).with_context(|| format!("read {path:?}"))?;
        let file = syn::parse_file(&text).with_context(|| format!("parse {path:?}"))?;
        self.module(path, dir, parent, &file.items)
    }

    /// Takes in the items of a module.
    fn module(
        &mut self,
        file: &Path,
        dir: &Path,
        parent: Option<usize>,
        items: &[Item],
    ) -> Result<usize> {
        let index = self.modules.len();
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            children: BTreeMap::new(),
            items: BTreeSet::new(),
            names: Vec::new(),
            globs: Vec::new(),
            used: Vec::new(),
        });
        for item in items {
            if attributes(item).iter().any(is_for_tests) {
                if let Item::Mod(child) = item {
                    if child.content.is_none() {
                        let name = child.ident.to_string();
                        self.tests
                            .push(child_file(file, dir, &name, &child.attrs)?.0);
                    }
                }
                continue;
            }
            if let Item::Mod(child) = item {
                let name = child.ident.to_string();
                let child = match &child.content {
                    Some((_, items)) => self.module(file, &dir.join(&name), Some(index), items)?,
                    None => {
                        let (path, dir) = child_file(file, dir, &name, &child.attrs)?;
                        self.file(&path, &dir, Some(index))?
                    }
                };
                self.modules[index].children.insert(name, child);
                continue;
            }
            if let Item::Macro(item) = item {
                if let Some(name) = &item.ident {
                    self.macros.insert(name.to_string(), file.to_owned());
                }
            }
            let module = &mut self.modules[index];
            module.items.extend(defined(item));
            Reader { module }.visit_item(item);
        }
        Ok(index)
    }

    /// Follows a path that stands in `module`; None if it begins with no name of this crate.
    fn resolve(&self, module: usize, path: &[String], depth: usize) -> Option<Target> {
        self.follow(module, path, depth, &mut Vec::new())
    }

    /// As [`Self::resolve`]. What the modules in `busy` take from others is not looked at: that is being
    /// found out.
    fn follow(
        &self,
        module: usize,
        path: &[String],
        depth: usize,
        busy: &mut Vec<usize>,
    ) -> Option<Target> {
        let (mut start, mut rest) = (module, path);
        let mut is_anchored = false;
        while let Some((first, others)) = rest.split_first() {
            start = match first.as_str() {
                "crate" => 0,
                "self" => start,
                "super" => self.modules[start].parent?,
                _ => break,
            };
            (rest, is_anchored) = (others, true);
        }
        match self.lookup(start, rest, depth, busy) {
            // What a macro has made there, presumably.
            None if is_anchored => Some(self.unknown(start, rest)),
            found => found,
        }
    }

    /// Follows a path from its first name, which `module` is to have.
    fn lookup(
        &self,
        module: usize,
        path: &[String],
        depth: usize,
        busy: &mut Vec<usize>,
    ) -> Option<Target> {
        let Some((name, rest)) = path.split_first() else {
            return Some(Target::Module(module));
        };
        let depth = depth.checked_sub(1)?;
        let here = &self.modules[module];
        let child = here.children.get(name).copied();
        // A module and a function may have the same name.
        if let (Some(child), false) = (child, rest.is_empty()) {
            let found = self.lookup(child, rest, depth, busy);
            return Some(found.unwrap_or_else(|| self.unknown(child, rest)));
        }
        if here.items.contains(name) {
            return Some(Target::Item(here.file.clone(), name.clone()));
        }
        for (_, path) in here.names.iter().filter(|(other, _)| other == name) {
            match self.follow(module, path, depth, busy) {
                Some(Target::Module(module)) => {
                    let found = self.lookup(module, rest, depth, busy);
                    return Some(found.unwrap_or_else(|| self.unknown(module, rest)));
                }
                Some(found) => return Some(found),
                None if self.macros.contains_key(name) => {}
                None => return Some(Target::Outside),
            }
        }
        if let Some(child) = child {
            return Some(Target::Module(child));
        }
        if !busy.contains(&module) {
            busy.push(module);
            let mut globs = here.globs.iter();
            let found = globs.find_map(|path| self.taken(module, path, name, depth, busy));
            busy.pop();
            match found {
                Some(Target::Module(module)) => return self.lookup(module, rest, depth, busy),
                Some(found) => return Some(found),
                None => {}
            }
        }
        let file = self.macros.get(name).filter(|_| rest.is_empty())?;
        Some(Target::Item(file.clone(), name.clone()))
    }

    /// What `module` has under `name` because it takes all names from `glob`.
    fn taken(
        &self,
        module: usize,
        glob: &[String],
        name: &String,
        depth: usize,
        busy: &mut Vec<usize>,
    ) -> Option<Target> {
        match self.follow(module, glob, depth, busy)? {
            Target::Module(other) if other != module => {
                self.lookup(other, std::slice::from_ref(name), depth, busy)
            }
            _ => None,
        }
    }

    /// What `module` must have under a name that is not to be seen in it.
    fn unknown(&self, module: usize, path: &[String]) -> Target {
        match path.first() {
            Some(name) => Target::Item(self.modules[module].file.clone(), name.clone()),
            None => Target::Module(module),
        }
    }
}

/// Collects what the items of a module use.
struct Reader<'a> {
    module: &'a mut Module,
}

impl Reader<'_> {
    /// Takes in a `use`. What has a visibility is passed on, which is no use of it.
    fn import(&mut self, tree: &UseTree, path: &mut Vec<String>, is_used: bool) {
        match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                self.import(&tree.tree, path, is_used);
                path.pop();
            }
            UseTree::Group(tree) => {
                for tree in &tree.items {
                    self.import(tree, path, is_used);
                }
            }
            UseTree::Glob(_) => {
                self.module.globs.push(path.clone());
                if is_used {
                    self.module.used.push(path.clone());
                }
            }
            UseTree::Name(tree) => {
                let mut path = path.clone();
                let mut name = tree.ident.to_string();
                if name == "self" {
                    name = path.last().cloned().unwrap_or_default();
                } else {
                    path.push(name.clone());
                }
                self.name(name, path, is_used);
            }
            UseTree::Rename(tree) => {
                let mut path = path.clone();
                if tree.ident != "self" {
                    path.push(tree.ident.to_string());
                }
                self.name(tree.rename.to_string(), path, is_used);
            }
        }
    }

    fn name(&mut self, name: String, path: Vec<String>, is_used: bool) {
        if is_used {
            self.module.used.push(path.clone());
        }
        self.module.names.push((name, path));
    }

    /// Takes in what looks like paths among the arguments of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        let mut end = |path: &mut Vec<String>| {
            if !path.is_empty() {
                self.module.used.push(std::mem::take(path));
            }
        };
        let mut groups = Vec::new();
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        end(&mut path);
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && colons < 2 => colons += 1,
                other => {
                    end(&mut path);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        groups.push(group.stream());
                    }
                }
            }
        }
        end(&mut path);
        for group in groups {
            self.tokens(group);
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|part| part.ident.to_string());
        self.module.used.push(names.collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        visit::visit_macro(self, call);
        self.tokens(call.tokens.clone());
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_used = matches!(item.vis, Visibility::Inherited);
        self.import(&item.tree, &mut Vec::new(), is_used);
    }

    // Their paths are no uses.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

/// Where the file of a child module of `file` is, and where those of its own children are. Its place
/// is in `dir`, unless an attribute says otherwise.
fn child_file(
    file: &Path,
    dir: &Path,
    name: &str,
    attributes: &[Attribute],
) -> Result<(PathBuf, PathBuf)> {
    if let Some(attribute) = attributes.iter().find(|it| it.path().is_ident("path")) {
        let Meta::NameValue(MetaNameValue {
            value:
                Expr::Lit(ExprLit {
                    lit: Lit::Str(place),
                    ..
                }),
            ..
        }) = &attribute.meta
        else {
            bail!("{file:?}: module {name}: `#[path]` has no text");
        };
        let path = file.with_file_name(place.value());
        let path = path
            .canonicalize()
            .with_context(|| format!("module {name}: {path:?}"))?;
        let dir = path.parent().unwrap_or(Path::new("")).to_owned();
        return Ok((path, dir));
    }
    let places = [
        dir.join(format!("{name}.rs")),
        dir.join(name).join("mod.rs"),
    ];
    match places.iter().find(|path| path.exists()) {
        Some(path) => Ok((path.clone(), dir.join(name))),
        None => bail!("module {name}: there is none of {places:?}"),
    }
}

/// Whether an attribute leaves an item to tests.
fn is_for_tests(attribute: &Attribute) -> bool {
    let is_test = |path: &syn::Path| path.is_ident("test");
    attribute.path().is_ident("cfg")
        && attribute
            .parse_args::<syn::Path>()
            .is_ok_and(|path| is_test(&path))
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name that an item defines.
fn defined(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arrows of a crate of these files, each "FROM -> TO: NAMES".
    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let read = Crate::read(&dir.path().join("lib.rs")).unwrap();
        let inside = |path: &Path| path.strip_prefix(dir.path()).unwrap().display().to_string();
        let arrows = read.arrows();
        let arrows = arrows.iter().map(|((from, to), names)| {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            format!("{} -> {}: {}", inside(from), inside(to), names.join(", "))
        });
        arrows.collect()
    }

    #[test]
    fn what_a_parent_passes_on_is_the_childs() {
        let found = arrows(&[
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "mod inner; pub(crate) use inner::{Inner, other as Other}; pub struct A;",
            ),
            (
                "a/inner.rs",
                "use super::A; pub struct Inner(A); pub fn other() {}",
            ),
            (
                "b.rs",
                "use crate::a::{self, Inner}; fn f(_: Inner) { a::Other() }",
            ),
        ]);
        assert_eq!(
            found,
            ["a/inner.rs -> a.rs: A", "b.rs -> a/inner.rs: Inner, other",]
        );
    }

    #[test]
    fn code_uses_what_its_paths_name() {
        let found = arrows(&[
            (
                "lib.rs",
                "mod a; mod b; mod c; mod d; pub use core::fmt::Error;",
            ),
            (
                "a.rs",
                "pub struct A; pub const N: u32 = 1; pub trait T {} \
                 macro_rules! m { () => {} } pub(crate) use m;",
            ),
            ("b/mod.rs", "fn f() { println!(\"{}\", crate::a::N); }"),
            (
                "c.rs",
                "use super::a::*; impl T for C {} pub struct C; use crate::Error;",
            ),
            (
                "d.rs",
                "mod inline { use super::super::a::m; fn f() { m!() } } \
                 #[cfg(test)] mod tests { use crate::c::C; } pub(in crate::b) struct D;",
            ),
        ]);
        assert_eq!(
            found,
            ["b/mod.rs -> a.rs: N", "c.rs -> a.rs: T", "d.rs -> a.rs: m"]
        );
    }

    #[test]
    fn uses_of_another_crate_are_found_however_they_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let files = [
            (
                "lib.rs",
                "mod a; mod b; mod c; use net::ring::Ring; pub use net::rcu;",
            ),
            (
                "a.rs",
                "fn f(_: net::log::Line) { println!(\"{}\", net::work::N) }",
            ),
            (
                "b.rs",
                "mod net { pub struct Own; } use net::Own; fn f() { network::g() }",
            ),
            (
                "c.rs",
                "use net as stack; use ::net::tc::*; fn f() { ::net::xdp::g() }",
            ),
        ];
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let read = Crate::read(&dir.path().join("lib.rs")).unwrap();
        let found = read.uses_of("net").into_iter().map(|(file, name)| {
            let file = file.file_stem().unwrap().to_str().unwrap();
            format!("{file} {}", name.unwrap_or("as a whole"))
        });
        assert_eq!(
            found.collect::<Vec<_>>(),
            [
                "a log",
                "a work",
                "c as a whole",
                "c tc",
                "c xdp",
                "lib rcu",
                "lib ring"
            ]
        );
    }

    #[test]
    fn module_may_lie_elsewhere() {
        let found = arrows(&[
            ("lib.rs", "#[path = \"far/a.rs\"] mod a; mod b;"),
            ("far/a.rs", "mod c; pub use c::C;"),
            ("far/c.rs", "pub struct C;"),
            ("b.rs", "use crate::a::C;"),
        ]);
        assert_eq!(found, ["b.rs -> far/c.rs: C"]);
    }

    #[test]
    fn a_module_and_a_function_share_a_name() {
        let found = arrows(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "mod go; pub use go::go;"),
            ("a/go.rs", "pub fn go() {} pub struct Gone;"),
            ("b.rs", "use crate::a::go; use crate::a::go::Gone;"),
        ]);
        assert_eq!(found, ["b.rs -> a/go.rs: Gone, go"]);
    }
}
