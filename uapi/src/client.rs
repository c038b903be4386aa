// SPDX-License-Identifier: GPL-2.0

//! Asking the kernel which programs are in the device.
//!
//! ```no_run
//! use offload_uapi::client::Client;
//! use offload_uapi::netlink::{Policy, Slot, Verdict};
//!
//! # fn main() -> Result<(), offload_uapi::error::Error> {
//! let mut client = Client::connect()?;
//! for device in client.devices()? {
//!     client.set_policy(device.ifindex, Policy::RequireEqual)?;
//!     let slot = client.slot(device.ifindex, Slot::Xdp)?;
//!     if slot.verdict == Verdict::Different {
//!         println!("{}: the device runs something else", device.ifname);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

use crate::decode;
use crate::error::{DecodeError, Error, Refusal};
use crate::events::Events;
use crate::netlink::{self, Command, Policy, Slot, TableAction, TableTarget, VERSION};
use crate::socket::{Connection, Family, Message, Request};
use crate::types::{
    Action, Audit, Counts, Device, DeviceProgram, GroAudit, Image, ParseGraph, Parsed, Parser,
    RulePrograms, SlotReport, Stats, Steered, Table, TableEntry, TableField,
};

/// What the kernel says to a request that makes no sense.
const EINVAL: i32 = 22;

/// How often a dump is asked for that changes while it is told.
const DUMP_TRIES: u32 = 16;

/// A connection to the kernel that waits for each answer.
///
/// It sees the interfaces of the network namespace that its thread was in when it was made.
/// Everyone may ask; for [`Client::set_policy`], [`Client::image`] and others that say so, `CAP_NET_ADMIN` in the user
/// namespace that owns the network namespace is needed.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    family: Family,
}

impl Client {
    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// [`Error::FamilyMissing`] if no driver has made the family known, [`Error::Socket`] where there
    /// is no netlink.
    pub fn connect() -> Result<Self, Error> {
        let mut connection = Connection::open()?;
        let family = connection.family()?;
        Ok(Self { connection, family })
    }

    /// The interfaces whose drivers report programs.
    ///
    /// # Errors
    ///
    /// [`Error`], as for all that follow. An unloaded driver takes the family away: then
    /// [`Error::Refused`] has `ENOENT`, and a new connection is needed.
    pub fn devices(&mut self) -> Result<Vec<Device>, Error> {
        self.dump(Command::DevGet, None, decode::device)
    }

    /// One of them.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `ENODEV` if there is no such interface, with `EOPNOTSUPP` if its driver
    /// reports no programs.
    pub fn device(&mut self, ifindex: u32) -> Result<Device, Error> {
        let request = one(Command::DevGet).u32(netlink::dev::IFINDEX, ifindex);
        self.only(Command::DevGet, &request, decode::device)
    }

    /// Sets what the comparison is for at an interface.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `EPERM` for whoever may not, or with what [`Client::device`] has.
    pub fn set_policy(&mut self, ifindex: u32, policy: Policy) -> Result<(), Error> {
        let request = one(Command::DevSet)
            .u32(netlink::dev::IFINDEX, ifindex)
            .u32(netlink::dev::POLICY, policy.raw());
        self.ask(Command::DevSet, &request).map(drop)
    }

    /// The slots of an interface, or of all, compared as they are at this moment.
    ///
    /// # Errors
    ///
    /// As [`Client::device`].
    pub fn slots(&mut self, ifindex: Option<u32>) -> Result<Vec<SlotReport>, Error> {
        let filter = ifindex.map(|ifindex| (netlink::slot::IFINDEX, ifindex));
        self.dump(Command::SlotGet, filter, decode::slot)
    }

    /// A slot of an interface, compared as it is at this moment.
    ///
    /// # Errors
    ///
    /// As [`Client::device`]; with `EOPNOTSUPP` if the device has no such slot.
    pub fn slot(&mut self, ifindex: u32, slot: Slot) -> Result<SlotReport, Error> {
        let request = one(Command::SlotGet)
            .u32(netlink::slot::IFINDEX, ifindex)
            .u32(netlink::slot::SLOT, slot.raw());
        self.only(Command::SlotGet, &request, decode::slot)
    }

    /// The programs in the device of an interface, or in all devices.
    ///
    /// # Errors
    ///
    /// As [`Client::device`].
    pub fn programs(&mut self, ifindex: Option<u32>) -> Result<Vec<DeviceProgram>, Error> {
        let filter = ifindex.map(|ifindex| (netlink::device_program::IFINDEX, ifindex));
        self.dump(Command::ProgramGet, filter, decode::device_program)
    }

    /// A program in the device of an interface, by its number.
    ///
    /// # Errors
    ///
    /// As [`Client::device`]; with `ENOENT` if the device has no such program.
    pub fn program(&mut self, ifindex: u32, id: u32) -> Result<DeviceProgram, Error> {
        let request = one(Command::ProgramGet)
            .u32(netlink::device_program::IFINDEX, ifindex)
            .u32(netlink::device_program::ID, id);
        self.only(Command::ProgramGet, &request, decode::device_program)
    }

    /// The image that the device of an interface runs of a program.
    ///
    /// # Errors
    ///
    /// As [`Client::program`], and [`Error::Refused`] with `EPERM` for whoever may not.
    pub fn image(&mut self, ifindex: u32, id: u32) -> Result<Image, Error> {
        let request = dump(Command::ImageGet)
            .u32(netlink::image::IFINDEX, ifindex)
            .u32(netlink::image::ID, id);
        let pieces = self.whole(Command::ImageGet, &request, decode::image_piece)?;
        let Some(first) = pieces.first() else {
            return Err(DecodeError::Answers(0).into());
        };
        let (format, size) = (first.format, first.size);
        let pieces = pieces.into_iter().map(|piece| (piece.offset, piece.bytes));
        let bytes = joined(size, pieces)?;
        Ok(Image { format, bytes })
    }

    /// The parsers of all devices, by interface.
    ///
    /// # Errors
    ///
    /// As [`Client::devices`].
    pub fn parsers(&mut self) -> Result<Vec<Parser>, Error> {
        self.dump(Command::ParserGet, None, decode::parser)
    }

    /// The parser of the device of an interface.
    ///
    /// # Errors
    ///
    /// As [`Client::device`].
    pub fn parser(&mut self, ifindex: u32) -> Result<Parser, Error> {
        let request = one(Command::ParserGet).u32(netlink::parser::IFINDEX, ifindex);
        self.only(Command::ParserGet, &request, decode::parser)
    }

    /// The parse graph that the device of an interface runs.
    ///
    /// # Errors
    ///
    /// As [`Client::device`].
    pub fn parse_graph(&mut self, ifindex: u32) -> Result<ParseGraph, Error> {
        let request = dump(Command::GraphGet).u32(netlink::parser::IFINDEX, ifindex);
        let pieces = self.whole(Command::GraphGet, &request, decode::graph_piece)?;
        let Some(first) = pieces.first() else {
            return Err(DecodeError::Answers(0).into());
        };
        let (digest, size) = (first.digest.clone(), first.size);
        let pieces = pieces.into_iter().map(|piece| (piece.offset, piece.bytes));
        let bytes = joined(size, pieces)?;
        Ok(ParseGraph { bytes, digest })
    }

    /// What the device of an interface and the kernel find in a frame that arrived now, asked as `flags`
    /// say (`BPF_FLOW_DISSECTOR_F_*` of `linux/bpf.h`). The frame as for [`Client::steer`].
    ///
    /// # Errors
    ///
    /// As [`Client::steer`].
    pub fn parse(&mut self, ifindex: u32, frame: &[u8], flags: u32) -> Result<Parsed, Error> {
        fits(frame)?;
        let request = one(Command::ParseGet)
            .u32(netlink::parse::IFINDEX, ifindex)
            .bytes(netlink::parse::FRAME, frame)
            .u32(netlink::parse::FLAGS, flags);
        self.only(Command::ParseGet, &request, decode::parsed)
    }

    /// The audits of all interfaces.
    ///
    /// # Errors
    ///
    /// As [`Client::devices`].
    pub fn audits(&mut self) -> Result<Vec<Audit>, Error> {
        self.dump(Command::AuditGet, None, decode::audit)
    }

    /// The audit of an interface.
    ///
    /// # Errors
    ///
    /// As [`Client::device`].
    pub fn audit(&mut self, ifindex: u32) -> Result<Audit, Error> {
        let request = one(Command::AuditGet).u32(netlink::audit::IFINDEX, ifindex);
        self.only(Command::AuditGet, &request, decode::audit)
    }

    /// Begins an interface's audit anew: of `one_in` frames one is looked at, or none for 0; the first
    /// difference ends the permission to tell hashes if `ends_permission`.
    ///
    /// # Errors
    ///
    /// As [`Client::device`], and [`Error::Refused`] with `EPERM` for whoever may not.
    pub fn set_audit(
        &mut self,
        ifindex: u32,
        one_in: u32,
        ends_permission: bool,
    ) -> Result<(), Error> {
        let request = one(Command::AuditSet)
            .u32(netlink::audit::IFINDEX, ifindex)
            .u32(netlink::audit::ONE_IN, one_in)
            .u32(netlink::audit::ENDS_PERMISSION, ends_permission.into());
        self.ask(Command::AuditSet, &request)?;
        Ok(())
    }

    /// The audits of what the devices of all interfaces put together.
    ///
    /// # Errors
    ///
    /// As [`Client::devices`], and [`Error::Refused`] with `EPERM` for whoever may not.
    pub fn gro_audits(&mut self) -> Result<Vec<GroAudit>, Error> {
        self.dump(Command::GroAuditGet, None, decode::gro_audit)
    }

    /// The audit of what the device of an interface puts together.
    ///
    /// # Errors
    ///
    /// As [`Client::device`], and [`Error::Refused`] with `EPERM` for whoever may not.
    pub fn gro_audit(&mut self, ifindex: u32) -> Result<GroAudit, Error> {
        let request = one(Command::GroAuditGet).u32(netlink::gro_audit::IFINDEX, ifindex);
        self.only(Command::GroAuditGet, &request, decode::gro_audit)
    }

    /// Begins the audit of what an interface's device puts together anew: of `one_in` super-frames one is cut
    /// and compared, or none for 0; the first difference ends the permission if `ends_permission`.
    ///
    /// # Errors
    ///
    /// As [`Client::device`], and [`Error::Refused`] with `EPERM` for whoever may not.
    pub fn set_gro_audit(
        &mut self,
        ifindex: u32,
        one_in: u32,
        ends_permission: bool,
    ) -> Result<(), Error> {
        let request = one(Command::GroAuditSet)
            .u32(netlink::gro_audit::IFINDEX, ifindex)
            .u32(netlink::gro_audit::ONE_IN, one_in)
            .u32(netlink::gro_audit::ENDS_PERMISSION, ends_permission.into());
        self.ask(Command::GroAuditSet, &request)?;
        Ok(())
    }

    /// Sets the programs of a slot whose program is asked, in place of those that are there, or has the fixed
    /// rules alone count.
    ///
    /// # Errors
    ///
    /// As [`Client::device`], and [`Error::Refused`] with `EPERM` for whoever may not, or if the policy forbids
    /// it; `ENOENT` if a program is not where it is said to be; `EINVAL` if it is none for this, or the slot is
    /// another one.
    pub fn set_rule_programs(
        &mut self,
        ifindex: u32,
        slot: Slot,
        programs: Option<&RulePrograms>,
    ) -> Result<(), Error> {
        use netlink::rule_program::*;
        let mut request = one(Command::RuleProgramSet)
            .u32(IFINDEX, ifindex)
            .u32(SLOT, slot as u32);
        if let Some(programs) = programs {
            request = request.u32(DEVICE_ID, programs.device_id);
            if let Some(path) = &programs.kernel_path {
                request = request.string(KERNEL_PATH, path);
            }
            request = request.u32(IN_KERNEL, programs.in_kernel.into());
        }
        self.ask(Command::RuleProgramSet, &request)?;
        Ok(())
    }

    /// What was counted of the frames of an interface, as its device's parser went through them; `None` if
    /// nothing is counted. A frame that arrives meanwhile may be in what is told later alone.
    ///
    /// # Errors
    ///
    /// As [`Client::device`], and [`Error::Refused`] with `EPERM` for whoever may not.
    pub fn counts(&mut self, ifindex: u32) -> Result<Option<Counts>, Error> {
        let request = dump(Command::CountsGet).u32(netlink::counts::IFINDEX, ifindex);
        let pieces = self.whole(Command::CountsGet, &request, decode::counts)?;
        let Some(first) = pieces.first() else {
            return Err(DecodeError::Answers(0).into());
        };
        if !first.counting {
            return Ok(None);
        }
        let mut counts = Counts {
            digest: first.digest.clone(),
            frames: first.frames.unwrap_or(0),
            nodes: Vec::new(),
            edges: Vec::new(),
        };
        for piece in pieces {
            counts.nodes.extend(piece.nodes);
            counts.edges.extend(piece.edges);
        }
        Ok(Some(counts))
    }

    /// Begins to count the frames of an interface anew, or ends it: what was counted is gone.
    ///
    /// # Errors
    ///
    /// As [`Client::counts`]; with `EOPNOTSUPP` if the driver does not count, with `ENOMEM` if the device has
    /// no memory left for that.
    pub fn set_counting(&mut self, ifindex: u32, is_on: bool) -> Result<(), Error> {
        let request = one(Command::CountsSet)
            .u32(netlink::counts::IFINDEX, ifindex)
            .u32(netlink::counts::COUNTING, is_on.into());
        self.ask(Command::CountsSet, &request)?;
        Ok(())
    }

    /// What has happened at all interfaces.
    ///
    /// # Errors
    ///
    /// As [`Client::devices`].
    pub fn all_stats(&mut self) -> Result<Vec<Stats>, Error> {
        self.dump(Command::StatsGet, None, decode::stats)
    }

    /// What has happened at an interface.
    ///
    /// # Errors
    ///
    /// As [`Client::device`].
    pub fn stats(&mut self, ifindex: u32) -> Result<Stats, Error> {
        let request = one(Command::StatsGet).u32(netlink::stats::IFINDEX, ifindex);
        self.only(Command::StatsGet, &request, decode::stats)
    }

    /// Where the device of an interface would have a frame go that arrived now. `frame` begins with the
    /// Ethernet header, and has no more than [`MAX_FRAME`](netlink::MAX_FRAME) bytes.
    ///
    /// # Errors
    ///
    /// As [`Client::device`]; [`Error::Refused`] with `EINVAL` for a frame that is shorter than the
    /// header or too long.
    pub fn steer(&mut self, ifindex: u32, frame: &[u8]) -> Result<Steered, Error> {
        fits(frame)?;
        let request = one(Command::SteerGet)
            .u32(netlink::steer::IFINDEX, ifindex)
            .bytes(netlink::steer::FRAME, frame);
        self.only(Command::SteerGet, &request, decode::steered)
    }

    /// The raw tables of an interface, or of all.
    ///
    /// # Errors
    ///
    /// As [`Client::device`].
    pub fn tables(&mut self, ifindex: Option<u32>) -> Result<Vec<Table>, Error> {
        let filter = ifindex.map(|ifindex| (netlink::table::IFINDEX, ifindex));
        self.dump(Command::TableGet, filter, decode::table)
    }

    /// Adds raw table `number` to an interface, with the fields of `key`.
    ///
    /// # Errors
    ///
    /// As [`Client::device`], and [`Error::Refused`] with `EPERM` for whoever may not, with `EEXIST` if there is
    /// one of that number, with `ENOENT` if the parse graph has no such node, with `EINVAL` for a key that is
    /// too long, with `ENOSPC` or `E2BIG` if there are as many as there may be.
    pub fn add_table(
        &mut self,
        ifindex: u32,
        number: u32,
        name: &str,
        target: TableTarget,
        key: &[TableField],
    ) -> Result<(), Error> {
        use netlink::{table, table_field};
        let mut request = one(Command::TableNew)
            .u32(table::IFINDEX, ifindex)
            .u32(table::TABLE, number)
            .string(table::NAME, name)
            .u32(table::TARGET, target.raw());
        for field in key {
            let nest = one(Command::TableNew)
                .string(table_field::NODE, &field.node)
                .u32(table_field::OCCURRENCE, field.occurrence)
                .u32(table_field::OFFSET, field.offset)
                .u32(table_field::BITS, field.bits);
            request = request.nest(table::FIELD, nest);
        }
        self.ask(Command::TableNew, &request)?;
        Ok(())
    }

    /// Deletes raw table `number` of an interface, with its entries.
    ///
    /// # Errors
    ///
    /// As [`Client::add_table`]; with `ENOENT` if there is none.
    pub fn delete_table(&mut self, ifindex: u32, number: u32) -> Result<(), Error> {
        let request = one(Command::TableDel)
            .u32(netlink::table::IFINDEX, ifindex)
            .u32(netlink::table::TABLE, number);
        self.ask(Command::TableDel, &request)?;
        Ok(())
    }

    /// The entries of all raw tables of an interface.
    ///
    /// # Errors
    ///
    /// As [`Client::device`].
    pub fn table_entries(&mut self, ifindex: u32) -> Result<Vec<TableEntry>, Error> {
        let filter = Some((netlink::table_entry::IFINDEX, ifindex));
        self.dump(Command::TableEntryGet, filter, decode::table_entry)
    }

    /// Adds an entry to raw table `table` of an interface: frames that have `value` in its key, as far as `mask`
    /// says, meet `action`. Without a `priority` it gets the lowest one that is free.
    ///
    /// # Errors
    ///
    /// As [`Client::add_table`].
    pub fn add_table_entry(
        &mut self,
        (ifindex, table): (u32, u32),
        priority: Option<u32>,
        value: &[u8],
        mask: Option<&[u8]>,
        action: Action,
    ) -> Result<(), Error> {
        use netlink::table_entry::*;
        let mut request = one(Command::TableEntryNew)
            .u32(IFINDEX, ifindex)
            .u32(TABLE, table)
            .bytes(VALUE, value);
        if let Some(priority) = priority {
            request = request.u32(PRIORITY, priority);
        }
        if let Some(mask) = mask {
            request = request.bytes(MASK, mask);
        }
        let (action, queue, context) = match action {
            Action::Drop => (TableAction::Drop, None, None),
            Action::Queue(queue) => (TableAction::Queue, Some(queue), None),
            Action::Context { id, offset } => (TableAction::Context, Some(offset), Some(id)),
        };
        request = request.u32(ACTION, action.raw());
        for (number, value) in [(QUEUE, queue), (CONTEXT, context)] {
            if let Some(value) = value {
                request = request.u32(number, value);
            }
        }
        self.ask(Command::TableEntryNew, &request)?;
        Ok(())
    }

    /// Deletes the entry with `priority` of raw table `table` of an interface.
    ///
    /// # Errors
    ///
    /// As [`Client::delete_table`].
    pub fn delete_table_entry(
        &mut self,
        (ifindex, table): (u32, u32),
        priority: u32,
    ) -> Result<(), Error> {
        use netlink::table_entry::*;
        let request = one(Command::TableEntryDel)
            .u32(IFINDEX, ifindex)
            .u32(TABLE, table)
            .u32(PRIORITY, priority);
        self.ask(Command::TableEntryDel, &request)?;
        Ok(())
    }

    /// What happens from now on, in the network namespace that the thread is in now.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`].
    pub fn events(&self) -> Result<Events, Error> {
        Events::subscribe()
    }

    /// Asks for all, or for those of an interface.
    fn dump<T>(
        &mut self,
        command: Command,
        filter: Option<(u16, u32)>,
        decode: fn(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, Error> {
        let mut request = dump(command);
        if let Some((number, value)) = filter {
            request = request.u32(number, value);
        }
        self.whole(command, &request, decode)
    }

    /// Asks until nothing changes while the kernel tells.
    fn whole<T>(
        &mut self,
        command: Command,
        request: &Request,
        decode: fn(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, Error> {
        let messages = until_whole(|| self.ask(command, request))?;
        let all = messages.iter().map(|message| decode(&message.attributes));
        Ok(all.collect::<Result<_, _>>()?)
    }

    /// Asks for one thing.
    fn only<T>(
        &mut self,
        command: Command,
        request: &Request,
        decode: fn(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, Error> {
        let messages = self.ask(command, request)?.unwrap_or_default();
        match messages.as_slice() {
            [only] => Ok(decode(&only.attributes)?),
            all => Err(DecodeError::Answers(all.len()).into()),
        }
    }

    /// The messages of an answer, or none if it was torn.
    fn ask(&mut self, command: Command, request: &Request) -> Result<Option<Vec<Message>>, Error> {
        let names = match command {
            Command::DevGet | Command::DevSet => netlink::dev::name,
            Command::SlotGet => netlink::slot::name,
            Command::ProgramGet => netlink::device_program::name,
            Command::ImageGet => netlink::image::name,
            Command::SteerGet => netlink::steer::name,
            Command::ParserGet | Command::GraphGet => netlink::parser::name,
            Command::ParseGet => netlink::parse::name,
            Command::AuditGet | Command::AuditSet => netlink::audit::name,
            Command::GroAuditGet | Command::GroAuditSet => netlink::gro_audit::name,
            Command::RuleProgramSet => netlink::rule_program::name,
            Command::CountsGet | Command::CountsSet => netlink::counts::name,
            Command::TableNew | Command::TableDel | Command::TableGet => netlink::table::name,
            Command::TableEntryNew | Command::TableEntryDel | Command::TableEntryGet => {
                netlink::table_entry::name
            }
            _ => netlink::stats::name,
        };
        let answer = self.connection.ask(self.family.id, request, names)?;
        if answer.interrupted {
            return Ok(None);
        }
        let expected = command.raw();
        match answer
            .messages
            .iter()
            .find(|message| message.command != expected)
        {
            Some(other) => {
                let found = other.command;
                Err(DecodeError::Command { expected, found }.into())
            }
            None => Ok(Some(answer.messages)),
        }
    }
}

/// Refuses a frame that is too long for a question.
fn fits(frame: &[u8]) -> Result<(), Error> {
    if frame.len() <= netlink::MAX_FRAME {
        return Ok(());
    }
    Err(Refusal {
        errno: EINVAL,
        message: Some(format!(
            "a frame of {} bytes: a question has room for {}",
            frame.len(),
            netlink::MAX_FRAME
        )),
        missing: None,
    }
    .into())
}

/// The pieces of something of `size` bytes, each with its offset, as one.
fn joined(size: u32, pieces: impl Iterator<Item = (u32, Vec<u8>)>) -> Result<Vec<u8>, DecodeError> {
    let mut bytes = Vec::new();
    let len = |bytes: &Vec<u8>| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    for (found, piece) in pieces {
        let expected = len(&bytes);
        if found != expected {
            return Err(DecodeError::Image { expected, found });
        }
        bytes.extend(piece);
    }
    let found = len(&bytes);
    if found != size {
        return Err(DecodeError::Image {
            expected: size,
            found,
        });
    }
    Ok(bytes)
}

/// Asks until there is an answer that is not torn, a bounded number of times.
fn until_whole<T>(mut ask: impl FnMut() -> Result<Option<T>, Error>) -> Result<T, Error> {
    for _ in 0..DUMP_TRIES {
        if let Some(whole) = ask()? {
            return Ok(whole);
        }
    }
    Err(Error::Interrupted { tries: DUMP_TRIES })
}

fn one(command: Command) -> Request {
    Request::one(command.raw(), VERSION)
}

fn dump(command: Command) -> Request {
    Request::dump(command.raw(), VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of dumps of which the first ones are torn, and how often there was one.
    fn asked(torn: u32) -> (Result<u32, Error>, u32) {
        let mut times = 0;
        let answer = until_whole(|| {
            times += 1;
            Ok((times > torn).then_some(times))
        });
        (answer, times)
    }

    #[test]
    fn a_torn_dump_is_asked_for_again() {
        assert!(matches!(asked(0), (Ok(1), 1)));
        assert!(matches!(asked(3), (Ok(4), 4)));
        let last = DUMP_TRIES - 1;
        assert!(matches!(asked(last), (Ok(DUMP_TRIES), DUMP_TRIES)));
    }

    #[test]
    fn it_is_not_asked_for_for_ever() {
        let (answer, times) = asked(u32::MAX);
        assert!(matches!(
            answer,
            Err(Error::Interrupted { tries: DUMP_TRIES })
        ));
        assert_eq!(times, DUMP_TRIES);
    }

    #[test]
    fn an_error_ends_it() {
        let answer = until_whole::<u32>(|| Err(Error::EventsLost));
        assert!(matches!(answer, Err(Error::EventsLost)));
    }
}
