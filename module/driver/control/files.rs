// SPDX-License-Identifier: GPL-2.0

//! The NICs in debugfs: `/sys/kernel/debug/offload_nic/NIC/`.
//!
//! Names and formats are those that users of `netdevsim` know, for what both have.

use super::store::{
    BoundPrograms,
    Store, //
};
use crate::port::{
    Port,
    StoredProgram,
    NAME, //
};
use core::sync::atomic::{
    AtomicBool,
    AtomicU32,
    Ordering, //
};
use device::runs::Runs;
use engine::store;
use kernel::{
    debugfs::{
        Dir,
        File,
        Scope, //
    },
    fmt,
    prelude::*,
    str::{
        kstrtobool_bytes,
        CString, //
    },
    sync::{
        Arc,
        SetOnce, //
    },
    uaccess::UserSliceReader, //
};
use net::{
    bpf::{
        ProgramKind,
        ProgramNumber, //
    },
    netdev::try_with_rtnl, //
};

fn write_bool(value: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}", if value { 'Y' } else { 'N' })
}

/// Reads what was written to a file, which must be short, into `buffer`.
fn read_text<'a>(reader: &mut UserSliceReader, buffer: &'a mut [u8; 16]) -> Result<&'a [u8]> {
    let text = buffer.get_mut(..reader.len()).ok_or(EINVAL)?;
    reader.read_slice(text)?;
    Ok(text)
}

fn read_bool(reader: &mut UserSliceReader) -> Result<bool> {
    kstrtobool_bytes(read_text(reader, &mut [0; 16])?)
}

fn read_number(reader: &mut UserSliceReader) -> Result<u32> {
    let mut buffer = [0; 16];
    let text = core::str::from_utf8(read_text(reader, &mut buffer)?).map_err(|_| EINVAL)?;
    text.trim().parse().map_err(|_| EINVAL)
}

/// Shows a switch of anything that has `switches`.
macro_rules! show_switch {
    ($type:ty, $name:ident) => {
        &|this: &$type, f: &mut fmt::Formatter<'_>| {
            write_bool(this.switches.$name.load(Ordering::Relaxed), f)
        }
    };
}

/// Throws a switch of anything that has `switches`.
macro_rules! throw_switch {
    ($type:ty, $name:ident) => {
        &|this: &$type, reader: &mut UserSliceReader| {
            let switch: &AtomicBool = &this.switches.$name;
            switch.store(read_bool(reader)?, Ordering::Relaxed);
            Ok(())
        }
    };
}

/// The files of a NIC, but for those of its ports and programs. They go when it is dropped.
pub(crate) struct NicFiles {
    _files: [Pin<KBox<File<Arc<Store>>>>; 3],
    /// Last: the files are in it.
    _dir: Dir,
}

impl NicFiles {
    /// Puts the files of the NIC with `store` into its directory. Where the kernel has no debugfs there
    /// are none.
    pub(crate) fn new(dir: &Dir, store: &Arc<Store>) -> Result<Self> {
        type This = Arc<Store>;

        let accept = dir.read_write_callback_file(
            c"bpf_bind_accept",
            store.clone(),
            show_switch!(This, bpf_bind_accept),
            throw_switch!(This, bpf_bind_accept),
        );
        let verifier_accept = dir.read_write_callback_file(
            c"bpf_bind_verifier_accept",
            store.clone(),
            show_switch!(This, bpf_bind_verifier_accept),
            throw_switch!(This, bpf_bind_verifier_accept),
        );
        let delay = dir.read_write_callback_file(
            c"bpf_bind_verifier_delay",
            store.clone(),
            &|store: &This, f: &mut fmt::Formatter<'_>| {
                let delay = store
                    .switches
                    .bpf_bind_verifier_delay
                    .load(Ordering::Relaxed);
                writeln!(f, "{delay}")
            },
            &|store: &This, reader: &mut UserSliceReader| {
                let switch: &AtomicU32 = &store.switches.bpf_bind_verifier_delay;
                switch.store(read_number(reader)?, Ordering::Relaxed);
                Ok(())
            },
        );
        Ok(Self {
            _files: [
                KBox::pin_init(accept, GFP_KERNEL)?,
                KBox::pin_init(verifier_accept, GFP_KERNEL)?,
                KBox::pin_init(delay, GFP_KERNEL)?,
            ],
            _dir: dir.clone(),
        })
    }
}

impl BoundPrograms {
    /// Makes the files of a program of the NIC with `store`.
    pub(crate) fn add(
        &self,
        number: Arc<ProgramNumber>,
        kind: ProgramKind,
        store: &Arc<Store>,
    ) -> Result<Pin<KBox<ProgramFiles>>> {
        let name = self.next.fetch_add(1, Ordering::Relaxed);
        let name = CString::try_from_fmt(fmt!("{name}"))?;
        let status = ProgramStatus {
            number,
            kind,
            store: store.clone(),
            stored: SetOnce::new(),
        };
        let files = self.dir.scope(status, &name, |status, dir| {
            dir.read_callback_file(c"id", status, &ProgramStatus::write_id);
            dir.read_callback_file(c"state", status, &ProgramStatus::write_state);
            dir.read_callback_file(c"loaded", status, &ProgramStatus::write_loaded);
            dir.read_callback_file(c"runs", status, &ProgramStatus::write_runs);
            dir.write_only_callback_file(c"flip_bit", status, &ProgramStatus::flip_bit);
            dir.write_only_callback_file(c"flip_image_bit", status, &ProgramStatus::flip_image_bit);
        });
        KBox::pin_init(files, GFP_KERNEL)
    }
}

/// The files of a program. They go when it is dropped.
pub(crate) type ProgramFiles = Scope<ProgramStatus>;

/// What the files of a program tell.
pub(crate) struct ProgramStatus {
    number: Arc<ProgramNumber>,
    kind: ProgramKind,
    /// It, as soon as the device has it in its own form.
    pub(crate) stored: SetOnce<Arc<StoredProgram>>,
    store: Arc<Store>,
}

impl ProgramStatus {
    fn write_id(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.number.get())
    }

    fn write_state(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_translated = self.stored.as_ref().is_some();
        writeln!(f, "{}", if is_translated { "xlated" } else { "verify" })
    }

    fn write_runs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ProgramKind::Xdp => store::ProgramKind::Xdp,
            ProgramKind::SchedCls | ProgramKind::Other(_) => store::ProgramKind::SchedCls,
        };
        match self.stored.as_ref() {
            Some(stored) => stored.runs().write(kind, f),
            None => Runs::default().write(kind, f),
        }
    }

    /// Inverts the bit of the program store whose number was written: an instruction has 64.
    fn flip_bit(&self, reader: &mut UserSliceReader) -> Result {
        let bit = read_number(reader)?;
        let stored = self.stored.as_ref().ok_or(EINVAL)?;
        if stored.flip_bit(bit.into()) {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Inverts the bit of the image whose number was written, if the device can execute what comes
    /// out.
    fn flip_image_bit(&self, reader: &mut UserSliceReader) -> Result {
        let bit = read_number(reader)?;
        let stored = self.stored.as_ref().ok_or(EINVAL)?;
        // The file goes with RTNL held, and waits for who writes to it.
        try_with_rtnl(|_| {
            // CAST: `usize` has at least 32 bits.
            self.store.asic.card.damage(stored, bit as usize)
        })?
    }

    fn write_loaded(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stored = self.stored.as_ref();
        write_bool(stored.is_some_and(|stored| stored.is_running()), f)
    }
}

/// The files of a port. They go when it is dropped.
pub(crate) struct PortFiles(#[allow(dead_code)] Pin<KBox<Scope<Arc<Port>>>>);

impl PortFiles {
    /// Makes the files of `port` of NIC number `nic` in the directory `ports` of that NIC. Where the
    /// kernel has no debugfs there are none.
    pub(crate) fn new(ports: &Dir, nic: u32, port: Arc<Port>) -> Result<Self> {
        type This = Arc<Port>;

        let name = CString::try_from_fmt(fmt!("{}", port.index()))?;
        let files = ports.scope(port, &name, |port: &This, dir| {
            dir.read_callback_file(
                c"faults",
                port,
                &|port: &This, f: &mut fmt::Formatter<'_>| write_faults(port, f),
            );
            dir.read_callback_file(
                c"bpf_offloaded_id",
                port,
                &|port: &This, f: &mut fmt::Formatter<'_>| {
                    writeln!(f, "{}", offloaded_number(port))
                },
            );
            macro_rules! switch {
                ($file:literal, $name:ident) => {
                    dir.read_write_callback_file(
                        $file,
                        port,
                        show_switch!(This, $name),
                        throw_switch!(This, $name),
                    )
                };
            }
            dir.write_only_callback_file(
                c"flip_coalesced_bit",
                port,
                &|port: &This, reader: &mut UserSliceReader| {
                    port.hardware.damaged_super_frame.set(read_number(reader)?)
                },
            );
            switch!(c"bpf_tc_accept", bpf_tc_accept);
            switch!(c"bpf_tc_non_bound_accept", bpf_tc_non_bound_accept);
            switch!(c"bpf_xdpdrv_accept", bpf_xdpdrv_accept);
            switch!(c"bpf_xdpoffload_accept", bpf_xdpoffload_accept);
            switch!(c"bpf_map_accept", bpf_map_accept);
        });
        let files = KBox::pin_init(files, GFP_KERNEL)?;
        let nic = CString::try_from_fmt(fmt!("offload_nic{nic}"))?;
        let target = CString::try_from_fmt(fmt!("../../../{}", &*nic))?;
        net::debugfs::symlink(&[NAME, &nic, c"ports", &name], c"dev", &target);
        Ok(Self(files))
    }
}

/// Writes the last fault of each receive queue of `port`, if it has one.
fn write_faults(port: &Port, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut queues = port.hardware.rx().iter().enumerate();
    queues.try_for_each(|(queue, rx)| rx.faults.write(queue, f))
}

/// The number of the program that the device runs for each received frame of `port`, as user space
/// knows it; 0 if there is none.
fn offloaded_number(port: &Port) -> u32 {
    let slots = &port.hardware.slots;
    let running = slots.xdp().or_else(|| slots.classifier());
    running.map_or(0, |(program, _)| program.label().number())
}
