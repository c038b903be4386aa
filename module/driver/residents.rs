// SPDX-License-Identifier: GPL-2.0

//! The programs that lie in a device, and who is told when they come and go.

use crate::{
    loaded::{
        LoadedProgram,
        StoredProgram, //
    },
    memory::KernelMemory,
    redirect::Siblings, //
};
use core::ops::ControlFlow;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use net::{
    netdev::{
        with_rtnl,
        Rtnl, //
    },
    rcu,
    work::Work, //
};
use offload::{
    DeviceProgram,
    Offload,
    ProgramEvent,
    ReportPrograms,
    State, //
};

/// A program in a device's memory.
struct Resident {
    program: Arc<LoadedProgram>,
    /// The number that was told of it; 0 before that.
    told: u32,
}

/// The programs in the memory of a device.
pub(crate) struct Residents {
    /// Behind the core's lock of offloaded programs, under which they come and go, and behind RTNL,
    /// under which they go. Held for a look at the list and no longer.
    list: Pin<KBox<Mutex<KVec<Resident>>>>,
    ports: Arc<Siblings>,
    offload: Offload,
}

impl Residents {
    /// None yet, in the device behind `ports`.
    pub(crate) fn new(ports: Arc<Siblings>, offload: Offload) -> Result<Self> {
        Ok(Self {
            list: KBox::pin_init(new_mutex!(KVec::new(), "offload_nic_residents"), GFP_KERNEL)?,
            ports,
            offload,
        })
    }

    /// A program was loaded. It has no number yet, and can be told of when it has.
    pub(crate) fn add(&self, program: Arc<LoadedProgram>) -> Result {
        let resident = Resident { program, told: 0 };
        self.list.lock().push(resident, GFP_KERNEL)?;
        Ok(())
    }

    /// The kernel has given up the program in `stored`: tells of that.
    pub(crate) fn remove(&self, stored: &Arc<StoredProgram>, rtnl: &Rtnl<'_>) {
        let removed = {
            let mut list = self.list.lock();
            let mut programs = list.iter().map(|it| it.program.stored());
            let position = programs.position(|it| Arc::ptr_eq(it, stored));
            position.and_then(|position| list.remove(position).ok())
        };
        if let Some(resident) = removed {
            if resident.told != 0 {
                let program = DeviceProgram {
                    id: resident.told,
                    ..resident.program.report(State::Loaded)
                };
                self.tell(ProgramEvent::Unload, &program, rtnl);
            }
        }
    }

    /// What the device runs of `stored`.
    pub(crate) fn of(&self, stored: &Arc<StoredProgram>) -> Option<Arc<LoadedProgram>> {
        let list = self.list.lock();
        let mut programs = list.iter().map(|it| &it.program);
        programs
            .find(|it| Arc::ptr_eq(it.stored(), stored))
            .cloned()
    }

    /// Of the programs that have a number, the one with the smallest that is not smaller than `id`,
    /// behind that number: the kernel may forget it at any moment, whatever is held.
    pub(crate) fn from(&self, id: u32, _rtnl: &Rtnl<'_>) -> Option<(u32, Arc<LoadedProgram>)> {
        let list = self.list.lock();
        let numbered = list.iter().map(|it| (it.program.number(), &it.program));
        numbered
            .filter(|(number, _)| *number != 0 && *number >= id)
            .min_by_key(|(number, _)| *number)
            .map(|(number, program)| (number, program.clone()))
    }

    /// What `program` is at this moment.
    pub(crate) fn report(&self, program: &LoadedProgram) -> DeviceProgram {
        let is_active = {
            let guard = rcu::Guard::new();
            let mut running = self.ports.iter(&guard);
            running.any(|port| port.runs(program.stored(), &guard))
        };
        program.report(if is_active {
            State::Active
        } else {
            State::Loaded
        })
    }

    /// Has the memory of the image of `stored` fail in bit `bit`, under the frames that it is run for.
    ///
    /// # Errors
    ///
    /// As [`LoadedProgram::damaged`]; `ENOENT` if it is not in the device any more.
    pub(crate) fn damage(
        &self,
        stored: &Arc<StoredProgram>,
        memory: &KernelMemory,
        bit: usize,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let damaged = self.of(stored).ok_or(ENOENT)?.damaged(memory, bit)?;
        {
            let mut list = self.list.lock();
            let mut residents = list.iter_mut();
            let resident = residents.find(|it| Arc::ptr_eq(it.program.stored(), stored));
            resident.ok_or(ENOENT)?.program = damaged.clone();
        }
        let mut result = Ok(());
        while let Some(port) = self.ports.find(|port| port.runs_other(&damaged)) {
            result = port.swap_image(&damaged, rtnl);
            if result.is_err() {
                break;
            }
        }
        result
    }

    /// Tells of programs that have got their numbers, and gives whether there are some without.
    pub(crate) fn tell_of_new(&self, rtnl: &Rtnl<'_>) -> bool {
        loop {
            let next = {
                let mut list = self.list.lock();
                let mut is_complete = true;
                let found = list.iter_mut().try_for_each(|resident| {
                    if resident.told != 0 {
                        return ControlFlow::Continue(());
                    }
                    resident.told = resident.program.number();
                    if resident.told == 0 {
                        is_complete = false;
                        return ControlFlow::Continue(());
                    }
                    ControlFlow::Break((resident.told, resident.program.clone()))
                });
                match found {
                    ControlFlow::Break(told) => told,
                    ControlFlow::Continue(()) => return !is_complete,
                }
            };
            let (id, program) = next;
            // The kernel may have forgotten the number since.
            let program = DeviceProgram {
                id,
                ..self.report(&program)
            };
            self.tell(ProgramEvent::Load, &program, rtnl);
        }
    }

    fn tell(&self, event: ProgramEvent, program: &DeviceProgram, rtnl: &Rtnl<'_>) {
        let is_of_device = |interface: &dyn ReportPrograms| {
            let guard = rcu::Guard::new();
            let mut ports = self.ports.iter(&guard);
            ports.any(|port| core::ptr::eq(&*port.device, interface.net_device()))
        };
        self.offload
            .tell_of_program(event, program, is_of_device, rtnl);
    }
}

impl Work for Residents {
    fn work(&self) -> bool {
        with_rtnl(|rtnl| self.tell_of_new(rtnl))
    }
}
