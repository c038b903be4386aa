// SPDX-License-Identifier: GPL-2.0

//! How routes come and go.
//!
//! What is new is written first, where nobody sees it, from the node with the route up to the topmost one
//! that is another one than before. Then one store shows it. What was there instead has left, and so have
//! nodes with nothing in them: a table that is as it was takes as much as it did.

use super::arena::Block;
use super::entry::Stamp;
use super::log::{Family, Left, Log};
use super::lpm::{reference_to, Lpm, Root, MAX_BYTES};
use super::node::{self, child};
use super::path::{place, Path};
use super::plan::Plan;
use super::prefix::Prefix;
use crate::memory::Memory;

/// What there is no room for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoRoom {
    /// One more route.
    Routes,
    /// One more table.
    Tables,
    /// A node.
    Nodes,
}

impl<M: Memory> Lpm<M> {
    /// Takes a route for `prefix` in, for which `table` has none. What is done with frames is `action`.
    ///
    /// # Errors
    ///
    /// [`NoRoom`]; nothing has changed then.
    pub(super) fn insert(
        &self,
        table: u32,
        prefix: &Prefix,
        action: u32,
        stamp: Stamp,
        log: &mut Log<M>,
    ) -> Result<(), NoRoom> {
        let (number, entry) = self.routes().take(stamp).ok_or(NoRoom::Routes)?;
        entry.set_link(action);
        let path = self.path(table, prefix.address.bytes());
        let result = match place(prefix.bits) {
            Some((level, bits)) => {
                let bit = node::route(path.byte(level), bits);
                let reference = reference_to(number);
                self.grow(table, &path, (level, bit, reference), stamp, log)
            }
            None => {
                let root = Root {
                    default: Some(number),
                    ..path.root
                };
                self.begin(table, path.table, root, stamp)
            }
        };
        if result.is_err() {
            self.routes().leave();
            self.routes().give(number);
        }
        result
    }

    /// Sets `bit` with `reference` in the node on `level` of `path`, and makes those nodes that lack.
    fn grow(
        &self,
        table: u32,
        path: &Path<'_>,
        (mut level, mut bit, mut reference): (usize, u32, u32),
        stamp: Stamp,
        log: &mut Log<M>,
    ) -> Result<(), NoRoom> {
        let mut made = [None; MAX_BYTES];
        let result = loop {
            let old = path.at(level);
            let plan = match old {
                Some(old) => Plan::with(self.node(old), bit, reference),
                None => Plan::one(bit, reference),
            };
            let Some(new) = self.make(&plan) else {
                break Err(NoRoom::Nodes);
            };
            if let Some(to) = made.get_mut(level) {
                *to = Some(new);
            }
            if level == 0 {
                let root = Root {
                    node: Some(new),
                    ..path.root
                };
                break self.begin(table, path.table, root, stamp).map(|()| old);
            }
            if old.is_some() {
                self.show(path, level, Some(new));
                break Ok(old);
            }
            level = level.wrapping_sub(1);
            bit = child(path.byte(level));
            reference = new.bits();
        };
        match result {
            Ok(old) => {
                if let Some(old) = old {
                    log.push(Left::Node(path.family(), old));
                }
                Ok(())
            }
            Err(no_room) => {
                for block in made.iter().flatten() {
                    self.nodes().give(*block);
                }
                Err(no_room)
            }
        }
    }

    /// A node by `plan`, if there is room.
    fn make(&self, plan: &Plan<'_>) -> Option<Block> {
        let block = self.nodes().take(plan.words())?;
        plan.write(self.nodes().words(block));
        Some(block)
    }

    /// Has `new` be the node on `level` of `path`, whose table has an entry: the one store.
    fn show(&self, path: &Path<'_>, level: usize, new: Option<Block>) {
        match (level.checked_sub(1), new) {
            (None, node) => {
                let root = Root { node, ..path.root };
                self.set_root(path.table, root);
            }
            (Some(above), Some(new)) => {
                if let Some(parent) = path.at(above) {
                    self.note_change();
                    self.node(parent).set(child(path.byte(above)), new.bits());
                }
            }
            // Below the topmost node none is left out alone.
            (Some(_), None) => {}
        }
    }

    /// Has the table with entry `index` begin with `root`.
    fn set_root(&self, index: Option<u32>, root: Root) {
        if let Some(index) = index {
            self.note_change();
            self.roots().set_value(index, root.pack());
        }
    }

    /// Has `table`, which may not have an entry yet, begin with `root`.
    fn begin(
        &self,
        table: u32,
        index: Option<u32>,
        root: Root,
        stamp: Stamp,
    ) -> Result<(), NoRoom> {
        if index.is_some() {
            self.set_root(index, root);
            return Ok(());
        }
        self.note_change();
        let entry = self.roots().insert(&[table.into()], root.pack(), stamp);
        entry.map(|_| ()).ok_or(NoRoom::Tables)
    }

    /// Takes the route for `prefix` out of `table`, if there is one.
    ///
    /// If there is no room for the node without it, `wait` is called, which is [`Readers::wait`]: twice.
    ///
    /// [`Readers::wait`]: super::log::Readers::wait
    ///
    /// # Errors
    ///
    /// [`NoRoom`] in that case, if there is no `wait`; nothing has changed then.
    pub(super) fn remove(
        &self,
        table: u32,
        prefix: &Prefix,
        log: &mut Log<M>,
        wait: Option<&dyn Fn()>,
    ) -> Result<(), NoRoom> {
        let path = self.path(table, prefix.address.bytes());
        let Some(number) = self.exact(table, prefix) else {
            return Ok(());
        };
        match place(prefix.bits) {
            Some((level, bits)) => {
                let bit = node::route(path.byte(level), bits);
                self.shrink(&path, (level, bit), log, wait)?;
            }
            None => {
                let root = Root {
                    default: None,
                    ..path.root
                };
                self.set_root(path.table, root);
            }
        }
        self.routes().leave();
        log.push(Left::Route(path.family(), number));
        self.uproot(table, path.family(), log);
        Ok(())
    }

    /// Clears `bit` in the node on `level` of `path`, and takes out those nodes that have nothing else.
    fn shrink(
        &self,
        path: &Path<'_>,
        (lowest, mut bit): (usize, u32),
        log: &mut Log<M>,
        wait: Option<&dyn Fn()>,
    ) -> Result<(), NoRoom> {
        let mut level = lowest;
        let kept = loop {
            let Some(block) = path.at(level) else {
                return Ok(());
            };
            let node = self.node(block);
            if node.len() > 1 {
                break Some((block, Plan::without(node, bit)));
            }
            let Some(above) = level.checked_sub(1) else {
                break None;
            };
            level = above;
            bit = child(path.byte(level));
        };
        let mut leaves = level;
        match kept {
            None => self.show(path, level, None),
            Some((old, plan)) => match (self.make(&plan), wait) {
                (Some(new), _) => self.show(path, level, Some(new)),
                (None, None) => return Err(NoRoom::Nodes),
                (None, Some(wait)) => {
                    let words = plan.words();
                    plan.write(self.nodes().words(self.spare()));
                    self.show(path, level, Some(self.spare()));
                    wait();
                    // Now there is room: what is new is not longer.
                    self.nodes().give(old);
                    if let Some(new) = self.nodes().take(words) {
                        self.copy(self.spare(), new, words);
                        self.show(path, level, Some(new));
                        wait();
                    }
                    leaves = level.wrapping_add(1);
                }
            },
        }
        while leaves <= lowest {
            if let Some(block) = path.at(leaves) {
                log.push(Left::Node(path.family(), block));
            }
            leaves = leaves.wrapping_add(1);
        }
        Ok(())
    }

    fn copy(&self, from: Block, to: Block, words: usize) {
        use core::sync::atomic::Ordering;
        let pairs = self.nodes().words(to).iter().zip(self.nodes().words(from));
        for (to, from) in pairs.take(words) {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// Has nothing be looked up in `table`, or again.
    ///
    /// # Errors
    ///
    /// [`NoRoom`], if the table has no entry yet.
    pub(super) fn hold(
        &self,
        table: u32,
        family: Family,
        is_held: bool,
        stamp: Stamp,
        log: &mut Log<M>,
    ) -> Result<(), NoRoom> {
        let (index, root) = self.root(table).unzip();
        if index.is_none() && !is_held {
            return Ok(());
        }
        let root = Root {
            is_held,
            ..root.unwrap_or_default()
        };
        self.begin(table, index, root, stamp)?;
        self.uproot(table, family, log);
        Ok(())
    }

    /// Takes the entry of `table` out, if it has nothing.
    fn uproot(&self, table: u32, family: Family, log: &mut Log<M>) {
        if self
            .root(table)
            .is_some_and(|(_, root)| root == Root::default())
        {
            if let Some(index) = self.roots().remove(&[table.into()]) {
                log.push(Left::Root(family, index));
            }
        }
    }
}
