// SPDX-License-Identifier: GPL-2.0

//! What a driver tells of the programs in its device.

use crate::{
    counts::ParserCounts,
    interface::Interface,
    parser::{
        Parsed,
        Parser, //
    },
    program::{
        DeviceProgram,
        KernelProgram, //
    },
    rules::{
        RuleBlame,
        RulePrograms,
        RuleSlot, //
    },
    steer::Steered,
    table::{
        Blame,
        Entry,
        NewEntry,
        Table, //
    },
    Slot,
    Unit, //
};
use kernel::prelude::*;
use net::{
    error::not_supported,
    extack::Extack,
    netdev::{
        NetDevice,
        Rtnl, //
    }, //
};

/// Something that a device has a limited amount of.
#[derive(Clone, Copy)]
pub struct Resource<'a> {
    /// Its name, as `devlink resource show` has it.
    pub name: &'a CStr,
    /// What it is counted in.
    pub unit: Unit,
    /// How much there is.
    pub limit: u64,
    /// How much of it is taken.
    pub used: u64,
}

/// What a driver tells of an interface and of the device behind it, for each interface that it has
/// registered ([`Offload::add`](crate::Offload::add)).
///
/// This is the function that the kernel lacks: which programs has the device? All of it is called in
/// process context with RTNL held.
pub trait ReportPrograms: Send + Sync {
    /// The interface.
    fn net_device(&self) -> &NetDevice;

    /// What is kept of the interface here.
    fn interface(&self) -> &Interface;

    /// The program in `slot`, with digests that are made for this call: what the slot runs, or what it
    /// ran before that was found to be faulted.
    fn in_slot(&self, slot: Slot, rtnl: &Rtnl<'_>) -> Option<DeviceProgram>;

    /// Whether `slot` runs what is in it.
    fn is_running(&self, slot: Slot, rtnl: &Rtnl<'_>) -> bool;

    /// Whether the kernel does not run its program for frames that the one in `slot` has seen.
    fn replaces_kernel(&self, slot: Slot, rtnl: &Rtnl<'_>) -> bool;

    /// Whether the driver runs the kernel's program for `slot` where the device does not run its own.
    fn runs_in_kernel(&self, _slot: Slot, _rtnl: &Rtnl<'_>) -> bool {
        false
    }

    /// What the kernel runs for the function of `slot`, if the device does not.
    fn kernel_program(&self, slot: Slot, rtnl: &Rtnl<'_>) -> Option<KernelProgram>;

    /// Of the programs that lie in the device, in slots or not, and that have a number, the one with
    /// the smallest that is not smaller than `id`.
    fn program_from(&self, id: u32, rtnl: &Rtnl<'_>) -> Option<DeviceProgram>;

    /// Shows `see` the format and the bytes of the image that the device runs of program number `id`,
    /// and gives whether there is one.
    fn show_image(&self, id: u32, see: &mut dyn FnMut(u32, &[u8]), rtnl: &Rtnl<'_>) -> bool;

    /// Where the device would have a frame go that arrived now, which begins with `frame`: by the very
    /// tables that it steers by. Nothing is counted. `None` if this can't be asked for.
    fn steer(&self, frame: &[u8], rtnl: &Rtnl<'_>) -> Option<Steered> {
        let _ = (frame, rtnl);
        None
    }

    /// Shows `see` the parser that the device runs, and gives whether it has one that can be shown.
    fn show_parser(&self, see: &mut dyn FnMut(&Parser<'_>), rtnl: &Rtnl<'_>) -> bool {
        let _ = (see, rtnl);
        false
    }

    /// Shows `see` what the device's parser would find in `frame` if it arrived now, asked as `flags` say
    /// (`BPF_FLOW_DISSECTOR_F_*`), and gives whether that can be asked. Nothing is counted.
    fn parse(
        &self,
        frame: &[u8],
        flags: u32,
        see: &mut dyn FnMut(&Parsed<'_>),
        rtnl: &Rtnl<'_>,
    ) -> bool {
        let _ = (frame, flags, see, rtnl);
        false
    }

    /// Has the device begin to count anew what its parser does for the frames of the interface, or end it.
    /// `extack` is told why it does not.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` if it can't, `ENOMEM`; then all goes on as before.
    fn set_counting(&self, is_on: bool, extack: &Extack<'_>, rtnl: &Rtnl<'_>) -> Result {
        let _ = (is_on, rtnl);
        extack.msg(c"the driver does not count what its parser does");
        Err(not_supported())
    }

    /// Shows `see` what was counted, or nothing if nothing is.
    fn show_counts(&self, see: &mut dyn FnMut(Option<&dyn ParserCounts>), rtnl: &Rtnl<'_>) {
        let _ = rtnl;
        see(None);
    }

    /// Has the device, and the kernel, go by these programs in `slot`, or by none.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` if the driver knows no such programs; others are told to `blame`.
    fn set_rules(
        &self,
        _slot: RuleSlot,
        _programs: Option<RulePrograms>,
        _blame: &RuleBlame<'_>,
        _rtnl: &Rtnl<'_>,
    ) -> Result {
        Err(not_supported())
    }

    /// Adds a raw table to the interface, whose number is another one than those of the others. `blame` is
    /// told what is wrong with it.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` if there are none, `EINVAL`, `EEXIST`, `ENOSPC`, `ENOMEM`; then all is as before.
    fn add_table(&self, table: &Table<'_>, blame: &Blame<'_>, rtnl: &Rtnl<'_>) -> Result {
        let _ = (table, rtnl);
        Err(blame.has_no_tables())
    }

    /// Deletes raw table `number` with its entries.
    ///
    /// # Errors
    ///
    /// As [`Self::add_table`]; `ENOENT`.
    fn delete_table(&self, number: u16, blame: &Blame<'_>, rtnl: &Rtnl<'_>) -> Result {
        let _ = (number, rtnl);
        Err(blame.has_no_tables())
    }

    /// Shows `see` the raw tables from number `first` on, in the order of their numbers, until it gives false.
    fn show_tables(&self, first: u32, see: &mut dyn FnMut(&Table<'_>) -> bool, rtnl: &Rtnl<'_>) {
        let _ = (first, see, rtnl);
    }

    /// Adds an entry to raw table `table`.
    ///
    /// # Errors
    ///
    /// As [`Self::add_table`]; `ENOENT`.
    fn add_entry(
        &self,
        table: u16,
        entry: &NewEntry<'_>,
        blame: &Blame<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let _ = (table, entry, rtnl);
        Err(blame.has_no_tables())
    }

    /// Deletes the entry with `priority` of raw table `table`.
    ///
    /// # Errors
    ///
    /// As [`Self::add_entry`].
    fn delete_entry(
        &self,
        table: u16,
        priority: u32,
        blame: &Blame<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let _ = (table, priority, rtnl);
        Err(blame.has_no_tables())
    }

    /// Shows `see` the entries of raw table `table` from `priority` on, in their order, until it gives false.
    fn show_entries(
        &self,
        table: u16,
        priority: u32,
        see: &mut dyn FnMut(&Entry<'_>) -> bool,
        rtnl: &Rtnl<'_>,
    ) {
        let _ = (table, priority, see, rtnl);
    }

    /// Tells `see` of each resource of the device.
    fn resources(&self, see: &mut dyn FnMut(&Resource<'_>));

    /// Takes the program that `slot` runs out of it, as it is faulted. On return the device runs it
    /// for no frame any more, and the kernel runs its own again. [`Self::in_slot`] tells of the program
    /// until the slot is set anew.
    fn take_out(&self, slot: Slot, rtnl: &Rtnl<'_>);

    /// Has the program that `slot` runs replace the kernel's from now on, or not any more. Each frame
    /// meets the one, or both, and never neither.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then all is as before.
    fn set_replaces_kernel(&self, slot: Slot, replaces: bool, rtnl: &Rtnl<'_>) -> Result;
}
