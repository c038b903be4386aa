// SPDX-License-Identifier: GPL-2.0

//! Who is told when programs come to a card and go.

use super::report::{
    describe,
    state_of, //
};
use crate::port::{
    LoadedProgram,
    Port,
    Residents,
    StoredProgram, //
};
use kernel::{
    sync::Arc, //
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
    ProgramEvent,
    ReportPrograms,
    State, //
};

impl Residents {
    /// The kernel has given up the program in `stored`: takes it from the card, and tells of that.
    pub(super) fn remove(&self, stored: &Arc<StoredProgram>, rtnl: &Rtnl<'_>) {
        let asks = |port: &Port| port.has_rules(stored);
        while let Some(port) = self.card.ports.find(asks) {
            port.forget_rules(stored, rtnl);
        }
        let Some(program) = self.card.programs.remove(stored) else {
            return;
        };
        let told = program.label().told();
        if told != 0 {
            let program = DeviceProgram {
                id: told,
                ..describe(&program, State::Loaded)
            };
            self.tell(ProgramEvent::Unload, &program, rtnl);
        }
    }

    /// Of the programs that have a number, the one with the smallest that is not smaller than `id`,
    /// behind that number: the kernel may forget it at any moment, whatever is held.
    pub(super) fn from(&self, id: u32, _rtnl: &Rtnl<'_>) -> Option<(u32, Arc<LoadedProgram>)> {
        self.card.programs.see(|programs| {
            let numbered = programs.iter().map(|it| (it.label().number(), it));
            numbered
                .filter(|(number, _)| *number != 0 && *number >= id)
                .min_by_key(|(number, _)| *number)
                .map(|(number, program)| (number, program.clone()))
        })
    }

    /// Tells of programs that have got their numbers, and gives whether there are some without.
    pub(super) fn tell_of_new(&self, rtnl: &Rtnl<'_>) -> bool {
        loop {
            let mut is_complete = true;
            let next = self.card.programs.see(|programs| {
                let mut untold = programs.iter().filter(|it| it.label().told() == 0);
                untold.find_map(|program| {
                    let number = program.label().number();
                    is_complete &= number != 0;
                    (number != 0).then(|| (number, program.clone()))
                })
            });
            let Some((id, program)) = next else {
                return !is_complete;
            };
            program.label().set_told(id);
            // The kernel may have forgotten the number since.
            let program = DeviceProgram {
                id,
                ..describe(&program, state_of(&program))
            };
            self.tell(ProgramEvent::Load, &program, rtnl);
        }
    }

    fn tell(&self, event: ProgramEvent, program: &DeviceProgram, rtnl: &Rtnl<'_>) {
        let is_of_card = |interface: &dyn ReportPrograms| {
            let guard = rcu::Guard::new();
            let mut ports = self.card.ports.iter(&guard);
            ports.any(|port| core::ptr::eq(&*port.device, interface.net_device()))
        };
        self.offload
            .tell_of_program(event, program, is_of_card, rtnl);
    }
}

impl Work for Residents {
    fn work(&self) -> bool {
        with_rtnl(|rtnl| self.tell_of_new(rtnl))
    }
}
