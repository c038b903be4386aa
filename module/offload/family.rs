// SPDX-License-Identifier: GPL-2.0

//! The generic netlink family `offload`: what user space asks, and what it is told.

use crate::{
    answer,
    counts::ParserCounts,
    enforce::Enforcer,
    parser::{
        Parsed,
        Parser, //
    },
    registry::Registry,
    report::ReportPrograms,
    rules::{
        self,
        RuleBlame, //
    },
    tables,
    Policy,
    Slot,
    State, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    error::not_supported,
    flow_dissector,
    genl::{
        Commands,
        DumpAnswer,
        Family,
        Full,
        Message,
        Operations,
        Permission,
        Request,
        Rule, //
    },
    netdev::{
        with_rtnl,
        Rtnl, //
    },
    rcu, //
};
use offload_uapi::{
    netlink::{
        audit,
        counts,
        dev,
        device_program,
        gro_audit,
        image,
        parse,
        parser,
        slot,
        stats,
        steer,
        Command,
        FAMILY,
        GROUP_EVENTS,
        OPERATIONS,
        VERSION, //
    },
    operation::{
        self,
        AttributePolicy,
        Mode, //
    }, //
};

/// Bytes of an Ethernet header.
const ETH_HLEN: usize = 14;

/// Where a dump stands.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cursor {
    /// The interface that comes next, or one that has gone before it.
    ifindex: u32,
    /// What of it comes next: by what that is numbered.
    item: u32,
    /// The same, where each item has several.
    part: u32,
}

impl Operations for Registry {
    const NAME: &'static str = FAMILY;
    const VERSION: u8 = VERSION;
    const GROUPS: &'static [&'static str] = &[GROUP_EVENTS];
    type Cursor = Cursor;

    fn describe(commands: &mut Commands) -> Result {
        for operation in OPERATIONS {
            if let Mode::Request {
                permission,
                one,
                dump,
            } = operation.mode
            {
                let permission = match permission {
                    operation::Permission::Anyone => Permission::Anyone,
                    operation::Permission::NamespaceAdmin => Permission::NamespaceAdmin,
                    operation::Permission::Admin => Permission::Admin,
                };
                let number = operation.command.raw();
                let (one, dump) = (one.map(rules).transpose()?, dump.map(rules).transpose()?);
                commands.add(number, permission, one, dump)?;
            }
        }
        Ok(())
    }

    fn execute(family: &Family<Self>, request: &Request<'_>) -> Result {
        let registry = family.context();
        match Command::from_raw(request.command()) {
            Some(Command::DevGet) => registry.with(request, dev::IFINDEX, |interface, rtnl| {
                request.reply(|message| answer::dev(message, interface, rtnl))
            }),
            Some(Command::DevSet) => registry.with(request, dev::IFINDEX, |interface, rtnl| {
                let policy = Policy::from_raw(request.required_u32(dev::POLICY)?);
                let enforcer = Enforcer::new(family, interface);
                enforcer.set_policy(policy.ok_or(EINVAL)?, request.extack(), rtnl)
            }),
            Some(Command::SlotGet) => registry.with(request, slot::IFINDEX, |interface, rtnl| {
                let slot = Slot::from_raw(request.required_u32(slot::SLOT)?).ok_or(EINVAL)?;
                let comparison = Enforcer::new(family, interface).examine(slot, rtnl);
                let ifindex = interface.net_device().ifindex();
                request.reply(|message| answer::slot(message, ifindex, slot, &comparison))
            }),
            Some(Command::ProgramGet) => {
                registry.with(request, device_program::IFINDEX, |interface, rtnl| {
                    let id = request.required_u32(device_program::ID)?;
                    let program = interface.program_from(id, rtnl);
                    let Some(program) = program.filter(|program| program.id == id) else {
                        request.blame(
                            device_program::ID,
                            fmt!("program {id} is not in the device of the interface"),
                        );
                        return Err(ENOENT);
                    };
                    if program.state == State::Faulted {
                        Enforcer::new(family, interface).take_out_faulted(rtnl);
                    }
                    let ifindex = interface.net_device().ifindex();
                    request.reply(|message| answer::device_program(message, ifindex, &program))
                })
            }
            Some(Command::StatsGet) => registry.with(request, stats::IFINDEX, |interface, _| {
                request.reply(|message| answer::stats(message, interface))
            }),
            Some(Command::SteerGet) => registry.with(request, steer::IFINDEX, |interface, rtnl| {
                let frame = frame_in(request, steer::FRAME)?;
                let ifindex = interface.net_device().ifindex();
                let Some(steered) = interface.steer(frame, rtnl) else {
                    request.blame(
                        steer::IFINDEX,
                        fmt!("the driver of interface {ifindex} does not tell how it steers"),
                    );
                    return Err(not_supported());
                };
                request.reply(|message| answer::steer(message, ifindex, &steered))
            }),
            Some(Command::ParserGet) => {
                registry.with(request, parser::IFINDEX, |interface, rtnl| {
                    let ifindex = interface.net_device().ifindex();
                    shown_parser(request, interface, rtnl, |shown| {
                        request.reply(|message| answer::parser(message, ifindex, shown))
                    })
                })
            }
            Some(Command::AuditGet) => registry.with(request, audit::IFINDEX, |interface, rtnl| {
                request.reply(|message| answer::audit(message, interface, rtnl))
            }),
            Some(Command::AuditSet) => registry.with(request, audit::IFINDEX, |interface, rtnl| {
                let one_in = request.required_u32(audit::ONE_IN)?;
                let ends = request.u32(audit::ENDS_PERMISSION).unwrap_or(0) != 0;
                interface.interface().audit.set(one_in, ends, rtnl);
                Ok(())
            }),
            Some(Command::GroAuditGet) => {
                registry.with(request, gro_audit::IFINDEX, |interface, rtnl| {
                    request.reply(|message| answer::gro_audit(message, interface, rtnl))
                })
            }
            Some(Command::GroAuditSet) => {
                registry.with(request, gro_audit::IFINDEX, |interface, rtnl| {
                    let one_in = request.required_u32(gro_audit::ONE_IN)?;
                    let ends = request.u32(gro_audit::ENDS_PERMISSION).unwrap_or(1);
                    if ends > 1 {
                        request.blame(
                            gro_audit::ENDS_PERMISSION,
                            fmt!("ends-permission is 0 or 1, not {ends}"),
                        );
                        return Err(EINVAL);
                    }
                    interface.interface().gro_audit.set(one_in, ends != 0, rtnl);
                    Ok(())
                })
            }
            Some(Command::RuleProgramSet) => {
                let (slot, asked) = rules::asked(request)?;
                registry.with(request, rules::INTERFACE, |interface, rtnl| {
                    interface.set_rules(slot, asked, &RuleBlame::new(request), rtnl)
                })
            }
            Some(Command::CountsSet) => {
                registry.with(request, counts::IFINDEX, |interface, rtnl| {
                    let is_on = request.required_u32(counts::COUNTING)? != 0;
                    interface.set_counting(is_on, request.extack(), rtnl)?;
                    registry.touch();
                    Ok(())
                })
            }
            Some(Command::ParseGet) => registry.with(request, parse::IFINDEX, |interface, rtnl| {
                parsed(request, interface, rtnl)
            }),
            Some(
                command @ (Command::TableNew
                | Command::TableDel
                | Command::TableEntryNew
                | Command::TableEntryDel),
            ) => registry.with(request, tables::IFINDEX, |interface, rtnl| {
                tables::change(command, request, interface, rtnl)?;
                registry.touch();
                Ok(())
            }),
            _ => Err(not_supported()),
        }
    }

    fn dump(
        family: &Family<Self>,
        request: &Request<'_>,
        cursor: &mut Cursor,
        answer: &mut DumpAnswer<'_>,
    ) -> Result {
        let registry = family.context();
        with_rtnl(|rtnl| {
            answer.set_generation(registry.generation(), rtnl);
            match Command::from_raw(request.command()) {
                Some(Command::DevGet) => registry.each(request, None, cursor, rtnl, |it, _| {
                    answer.message(|message| answer::dev(message, it, rtnl))
                }),
                Some(Command::SlotGet) => {
                    let only = request.u32(slot::IFINDEX);
                    registry.each(request, only, cursor, rtnl, |it, next| {
                        let ifindex = it.net_device().ifindex();
                        dump_slots(Enforcer::new(family, it), ifindex, next, answer, rtnl)
                    })
                }
                Some(Command::ProgramGet) => {
                    let only = request.u32(device_program::IFINDEX);
                    registry.each(request, only, cursor, rtnl, |it, next| {
                        if only.is_none() && !registry.is_first_of_device(it, rtnl) {
                            return Ok(());
                        }
                        dump_programs(family, it, next, answer, rtnl)
                    })
                }
                Some(Command::StatsGet) => registry.each(request, None, cursor, rtnl, |it, _| {
                    answer.message(|message| answer::stats(message, it))
                }),
                Some(Command::ParserGet) => registry.each(request, None, cursor, rtnl, |it, _| {
                    dump_parser(it, answer, rtnl)
                }),
                Some(Command::AuditGet) => registry.each(request, None, cursor, rtnl, |it, _| {
                    answer.message(|message| answer::audit(message, it, rtnl))
                }),
                Some(Command::GroAuditGet) => {
                    registry.each(request, None, cursor, rtnl, |it, _| {
                        answer.message(|message| answer::gro_audit(message, it, rtnl))
                    })
                }
                Some(Command::TableGet) => {
                    let only = request.u32(tables::IFINDEX);
                    registry.each(request, only, cursor, rtnl, |it, next| {
                        tables::dump(it, next, answer, rtnl)
                    })
                }
                Some(Command::TableEntryGet) => {
                    registry.dump_entries(request, cursor, answer, rtnl)
                }
                Some(Command::GraphGet) => registry.dump_graph(request, cursor, answer, rtnl),
                Some(Command::CountsGet) => registry.dump_counts(request, cursor, answer, rtnl),
                Some(Command::ImageGet) => registry.dump_image(request, cursor, answer, rtnl),
                _ => Err(not_supported()),
            }
        })
    }
}

/// The rules of `table`.
fn rules(table: &[AttributePolicy]) -> Result<KVec<Rule>> {
    let mut all = KVec::with_capacity(table.len(), GFP_KERNEL)?;
    for policy in table {
        let rule = match *policy {
            AttributePolicy::Reject => Rule::Reject,
            AttributePolicy::U32 { min, max } => Rule::U32 {
                min: min.unwrap_or(0),
                max: max.unwrap_or(u32::MAX),
            },
            AttributePolicy::Binary { max_len } => Rule::Binary {
                max_len: max_len.unwrap_or(u16::MAX),
            },
            AttributePolicy::String { max_len } => Rule::Text {
                max_len: max_len.unwrap_or(u16::MAX),
            },
            AttributePolicy::Nest(table) => Rule::Nest(rules(table)?),
            // No request of the family has one.
            AttributePolicy::Uint { .. } | AttributePolicy::Flag => return Err(EINVAL),
        };
        all.push(rule, GFP_KERNEL)?;
    }
    Ok(all)
}

/// The frame in attribute `number` of `request`.
fn frame_in<'a>(request: &Request<'a>, number: u16) -> Result<&'a [u8]> {
    let frame = request.required_bytes(number)?;
    if frame.len() < ETH_HLEN {
        let len = frame.len();
        request.blame(
            number,
            fmt!("a frame of {len} bytes: an Ethernet header has {ETH_HLEN}"),
        );
        return Err(EINVAL);
    }
    Ok(frame)
}

/// Answers what the device and the kernel make of a frame.
fn parsed(request: &Request<'_>, interface: &dyn ReportPrograms, rtnl: &Rtnl<'_>) -> Result {
    let frame = frame_in(request, parse::FRAME)?;
    let flags = request.u32(parse::FLAGS).unwrap_or(0);
    let net_device = interface.net_device();
    let ifindex = net_device.ifindex();
    let kernel = flow_dissector::dissect(net_device, frame, flags, &rcu::Guard::new())?;
    let mut result = Ok(());
    let mut see = |device: &Parsed<'_>| {
        result = request.reply(|message| answer::parsed(message, ifindex, device, &kernel));
    };
    if !interface.parse(frame, flags, &mut see, rtnl) {
        return Err(tells_no_parser(request, parse::IFINDEX, ifindex));
    }
    result
}

/// Calls `f` with the parser of the device of `interface`.
fn shown_parser(
    request: &Request<'_>,
    interface: &dyn ReportPrograms,
    rtnl: &Rtnl<'_>,
    mut f: impl FnMut(&Parser<'_>) -> Result,
) -> Result {
    let mut result = Ok(());
    if !interface.show_parser(&mut |shown| result = f(shown), rtnl) {
        let ifindex = interface.net_device().ifindex();
        return Err(tells_no_parser(request, parser::IFINDEX, ifindex));
    }
    result
}

fn tells_no_parser(request: &Request<'_>, number: u16, ifindex: u32) -> Error {
    request.blame(
        number,
        fmt!("the driver of interface {ifindex} does not tell how it parses"),
    );
    not_supported()
}

/// Writes the parser of the device of `interface`, if its driver tells of it.
fn dump_parser(
    interface: &dyn ReportPrograms,
    answer: &mut DumpAnswer<'_>,
    rtnl: &Rtnl<'_>,
) -> Result<(), Full> {
    let ifindex = interface.net_device().ifindex();
    let mut result = Ok(());
    let mut see = |shown: &Parser<'_>| {
        result = answer.message(|message| answer::parser(message, ifindex, shown));
    };
    interface.show_parser(&mut see, rtnl);
    result
}

/// Writes something of `len` bytes from the byte on that `cursor` stands at. `piece` writes as much of it,
/// from an offset on, as finds room in a message, and gives how much that is.
fn dump_pieces(
    len: usize,
    cursor: &mut Cursor,
    answer: &mut DumpAnswer<'_>,
    mut piece: impl FnMut(&mut Message<'_>, u32) -> Result<u32, Full>,
) -> Result<(), Full> {
    // CAST: `usize` has at least 32 bits.
    while (cursor.item as usize) < len {
        answer.message(|message| {
            let written = piece(message, cursor.item)?;
            cursor.item = cursor.item.saturating_add(written);
            Ok(())
        })?;
    }
    Ok(())
}

fn dump_slots(
    enforcer: Enforcer<'_>,
    ifindex: u32,
    next: &mut u32,
    answer: &mut DumpAnswer<'_>,
    rtnl: &Rtnl<'_>,
) -> Result<(), Full> {
    while let Some(slot) = Slot::from_raw(*next) {
        let comparison = enforcer.examine(slot, rtnl);
        answer.message(|message| answer::slot(message, ifindex, slot, &comparison))?;
        *next = next.saturating_add(1);
    }
    Ok(())
}

fn dump_programs(
    family: &Family<Registry>,
    interface: &dyn ReportPrograms,
    next: &mut u32,
    answer: &mut DumpAnswer<'_>,
    rtnl: &Rtnl<'_>,
) -> Result<(), Full> {
    let ifindex = interface.net_device().ifindex();
    while let Some(program) = interface.program_from((*next).max(1), rtnl) {
        if program.state == State::Faulted {
            Enforcer::new(family, interface).take_out_faulted(rtnl);
        }
        answer.message(|message| answer::device_program(message, ifindex, &program))?;
        *next = program.id.saturating_add(1);
    }
    Ok(())
}

impl Registry {
    /// Calls `f` with the interface whose number is in attribute `number` of `request`, and RTNL held.
    fn with(
        &self,
        request: &Request<'_>,
        number: u16,
        f: impl FnOnce(&dyn ReportPrograms, &Rtnl<'_>) -> Result,
    ) -> Result {
        with_rtnl(|rtnl| {
            let interface = self.named(request, number, rtnl)?;
            f(&*interface, rtnl)
        })
    }

    /// The interface whose number is in attribute `number` of `request`.
    ///
    /// # Errors
    ///
    /// `ENODEV` if there is none in the namespace, `EOPNOTSUPP` if its driver reports no programs.
    fn named(
        &self,
        request: &Request<'_>,
        number: u16,
        rtnl: &Rtnl<'_>,
    ) -> Result<Arc<dyn ReportPrograms>> {
        let ifindex = request.required_u32(number)?;
        self.find(ifindex, request, rtnl).ok_or_else(|| {
            if request.sees_interface(ifindex, rtnl) {
                request.blame(
                    number,
                    fmt!("the driver of interface {ifindex} reports no programs"),
                );
                return not_supported();
            }
            request.blame(number, fmt!("there is no interface {ifindex}"));
            ENODEV
        })
    }

    /// Calls `write` for each interface that `request` sees, in the order of their numbers, from where
    /// `cursor` stands; or for the one number `only`. What `write` gets beside it says what of the
    /// interface comes next, beginning with 0.
    fn each(
        &self,
        request: &Request<'_>,
        only: Option<u32>,
        cursor: &mut Cursor,
        rtnl: &Rtnl<'_>,
        mut write: impl FnMut(&dyn ReportPrograms, &mut u32) -> Result<(), Full>,
    ) -> Result {
        if let Some(ifindex) = only {
            if cursor.ifindex == 0 {
                // The attribute has the same number in all requests.
                self.named(request, slot::IFINDEX, rtnl)?;
                cursor.ifindex = ifindex;
            }
        }
        while let Some(interface) = self.from(cursor.ifindex, request, rtnl) {
            let ifindex = interface.net_device().ifindex();
            if only.is_some_and(|only| only != ifindex) {
                break;
            }
            if ifindex != cursor.ifindex {
                *cursor = Cursor {
                    ifindex,
                    ..Cursor::default()
                };
            }
            write(&*interface, &mut cursor.item)?;
            *cursor = Cursor {
                ifindex: ifindex.saturating_add(1),
                ..Cursor::default()
            };
        }
        Ok(())
    }

    /// Writes the entries of the raw tables of an interface, from where `cursor` stands.
    fn dump_entries(
        &self,
        request: &Request<'_>,
        cursor: &mut Cursor,
        answer: &mut DumpAnswer<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let interface = self.named(request, tables::IFINDEX, rtnl)?;
        let next = (&mut cursor.item, &mut cursor.part);
        Ok(tables::dump_entries(&*interface, next, answer, rtnl)?)
    }

    /// Writes the file of a device's parse graph, from the byte on that `cursor` stands at.
    fn dump_graph(
        &self,
        request: &Request<'_>,
        cursor: &mut Cursor,
        answer: &mut DumpAnswer<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let interface = self.named(request, parser::IFINDEX, rtnl)?;
        let ifindex = interface.net_device().ifindex();
        shown_parser(request, &*interface, rtnl, |shown| {
            let piece =
                |message: &mut Message<'_>, offset| answer::graph(message, ifindex, shown, offset);
            Ok(dump_pieces(shown.blob.len(), cursor, answer, piece)?)
        })
    }

    /// Writes what was counted of the frames of an interface, from where `cursor` stands.
    fn dump_counts(
        &self,
        request: &Request<'_>,
        cursor: &mut Cursor,
        answer: &mut DumpAnswer<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let interface = self.named(request, counts::IFINDEX, rtnl)?;
        let ifindex = interface.net_device().ifindex();
        let mut result = Ok(());
        let mut see = |counted: Option<&dyn ParserCounts>| {
            // The number of the interface says that all is written.
            while cursor.ifindex == 0 && result.is_ok() {
                result = answer.message(|message| {
                    match answer::counts(message, ifindex, counted, cursor.item)? {
                        Some(next) => cursor.item = next,
                        None => cursor.ifindex = ifindex,
                    }
                    Ok(())
                });
            }
        };
        interface.show_counts(&mut see, rtnl);
        Ok(result?)
    }

    /// Writes the image that `request` asks for, from the byte on that `cursor` stands at.
    fn dump_image(
        &self,
        request: &Request<'_>,
        cursor: &mut Cursor,
        answer: &mut DumpAnswer<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let interface = self.named(request, image::IFINDEX, rtnl)?;
        let ifindex = interface.net_device().ifindex();
        let id = request.required_u32(image::ID)?;
        let mut result = Ok(());
        let is_there = interface.show_image(
            id,
            &mut |format, bytes| {
                let piece = |message: &mut Message<'_>, offset| {
                    answer::image(message, (ifindex, id), format, bytes, offset)
                };
                result = dump_pieces(bytes.len(), cursor, answer, piece);
            },
            rtnl,
        );
        if !is_there {
            request.blame(
                image::ID,
                fmt!("program {id} is not in the device of the interface"),
            );
            return Err(ENOENT);
        }
        result.map_err(|full: Full| full.into())
    }
}
