// SPDX-License-Identifier: GPL-2.0

//! A generic netlink socket: requests, and the messages that come back.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_core::{
    DefaultNla, Emitable, NetlinkBuffer, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST,
};
use netlink_sys::{protocols::NETLINK_GENERIC, Socket, SocketAddr};

use crate::attributes::Attributes;
use crate::error::{DecodeError, Error};
use crate::netlink::{FAMILY, GROUP_EVENTS};

mod answer;
mod message;

use message::{HEADER, NLMSG_DONE, NLMSG_ERROR, NLMSG_MIN_TYPE};

/// Bytes that one read may bring: twice what the kernel puts into a message of a dump at the most.
const BUFFER: usize = 64 << 10;
/// Bytes of a header of generic netlink: the command, the version, two that are kept free.
const GENL_HEADER: usize = 4;

/// The family that knows the families (`include/uapi/linux/genetlink.h`).
mod controller {
    /// Its number.
    pub(super) const ID: u16 = 0x10;
    pub(super) const VERSION: u8 = 2;
    pub(super) const GET_FAMILY: u8 = 3;
    pub(super) const FAMILY_ID: u16 = 1;
    pub(super) const FAMILY_NAME: u16 = 2;
    pub(super) const MCAST_GROUPS: u16 = 7;
    pub(super) const GROUP_NAME: u16 = 1;
    pub(super) const GROUP_ID: u16 = 2;
}

/// A message of a family.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) family: u16,
    pub(crate) command: u8,
    pub(crate) attributes: Vec<u8>,
}

/// The messages of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) messages: Vec<Message>,
    /// Whether things changed in between (`NLM_F_DUMP_INTR`).
    pub(crate) interrupted: bool,
}

/// The numbers that the kernel has given to the family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    pub(crate) id: u16,
    pub(crate) events: Option<u32>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    command: u8,
    version: u8,
    dump: bool,
    attributes: Vec<DefaultNla>,
}

impl Request {
    /// For one thing.
    pub(crate) fn one(command: u8, version: u8) -> Self {
        Self {
            command,
            version,
            dump: false,
            attributes: Vec::new(),
        }
    }

    /// For all.
    pub(crate) fn dump(command: u8, version: u8) -> Self {
        let dump = true;
        Self {
            dump,
            ..Self::one(command, version)
        }
    }

    /// With a number.
    #[must_use]
    pub(crate) fn u32(mut self, number: u16, value: u32) -> Self {
        let value = value.to_ne_bytes().to_vec();
        self.attributes.push(DefaultNla::new(number, value));
        self
    }

    /// With bytes, no more than an attribute has room for.
    #[must_use]
    pub(crate) fn bytes(mut self, number: u16, value: &[u8]) -> Self {
        self.attributes
            .push(DefaultNla::new(number, value.to_vec()));
        self
    }

    /// With attributes in an attribute.
    #[must_use]
    pub(crate) fn nest(mut self, number: u16, inner: Self) -> Self {
        const NLA_F_NESTED: u16 = 1 << 15;
        let inner = inner.attributes.as_slice();
        let mut value = vec![0; inner.buffer_len()];
        inner.emit(&mut value);
        let nest = DefaultNla::new(number | NLA_F_NESTED, value);
        self.attributes.push(nest);
        self
    }

    /// With text.
    #[must_use]
    pub(crate) fn string(mut self, number: u16, value: &str) -> Self {
        let value = value.bytes().chain([0]).collect();
        self.attributes.push(DefaultNla::new(number, value));
        self
    }

    /// The bytes for the socket.
    fn encoded(&self, family: u16, sequence: u32) -> Vec<u8> {
        let attributes = self.attributes.as_slice();
        let mut body = vec![self.command, self.version, 0, 0];
        body.resize(GENL_HEADER + attributes.buffer_len(), 0);
        attributes.emit(&mut body[GENL_HEADER..]);

        let mut bytes = vec![0; HEADER];
        bytes.extend(body);
        // What is asked is a few numbers: far below 4 GiB.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mode = if self.dump { NLM_F_DUMP } else { NLM_F_ACK };
        let mut header = NetlinkBuffer::new(bytes.as_mut_slice());
        header.set_length(length);
        header.set_message_type(family);
        header.set_flags(NLM_F_REQUEST | mode);
        header.set_sequence_number(sequence);
        header.set_port_number(0);
        bytes
    }
}

/// The socket.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Socket,
    sequence: u32,
}

impl Connection {
    /// Opens one, in the network namespace of the thread.
    pub(crate) fn open() -> Result<Self, Error> {
        let mut socket = Socket::new(NETLINK_GENERIC)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        // Not every kernel has it for every family; what it finds would be a mistake of ours.
        let _ = socket.set_netlink_get_strict_chk(true);
        Ok(Self {
            socket,
            sequence: 0,
        })
    }

    /// The family's numbers.
    pub(crate) fn family(&mut self) -> Result<Family, Error> {
        let request = Request::one(controller::GET_FAMILY, controller::VERSION)
            .string(controller::FAMILY_NAME, FAMILY);
        let answer = match self.ask(controller::ID, &request, |_| None) {
            Err(Error::Refused(refusal)) if refusal.errno == libc::ENOENT => {
                return Err(Error::FamilyMissing)
            }
            other => other?,
        };
        match answer.messages.as_slice() {
            [only] => Ok(family(&only.attributes)?),
            all => Err(DecodeError::Answers(all.len()).into()),
        }
    }

    /// Takes part in a multicast group.
    pub(crate) fn join(&self, group: u32) -> Result<(), Error> {
        Ok(self.socket.add_membership(group)?)
    }

    /// Asks, and waits for the whole answer. `names` are those of the attributes.
    pub(crate) fn ask(
        &mut self,
        family: u16,
        request: &Request,
        names: fn(u16) -> Option<&'static str>,
    ) -> Result<Answer, Error> {
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = request.encoded(family, self.sequence);
        self.socket.send(&bytes, 0)?;
        self.answer(self.sequence, names)
    }

    /// The answer to the request with that number.
    fn answer(
        &self,
        sequence: u32,
        names: fn(u16) -> Option<&'static str>,
    ) -> Result<Answer, Error> {
        let mut answer = Answer {
            messages: Vec::new(),
            interrupted: false,
        };
        loop {
            let bytes = self.read(0)?;
            for part in Parts(&bytes) {
                let part = part?;
                // What is left of a request that was given up is of no interest.
                if part.sequence_number() != sequence {
                    continue;
                }
                answer.interrupted |= part.flags() & NLM_F_DUMP_INTR != 0;
                match part.message_type() {
                    NLMSG_ERROR | NLMSG_DONE => {
                        return match answer::refusal(&part, names)? {
                            Some(refusal) => Err(Error::Refused(refusal)),
                            None => Ok(answer),
                        }
                    }
                    kind if kind < NLMSG_MIN_TYPE => {}
                    _ => answer.messages.push(message(&part)?),
                }
            }
        }
    }

    /// The messages of the next read that are not netlink's own; none if there is nothing to read and
    /// `flags` say not to wait.
    pub(crate) fn next(&self, flags: i32) -> Result<Vec<Message>, Error> {
        let bytes = match self.read(flags) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Vec::new()),
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                return Err(Error::EventsLost)
            }
            other => other?,
        };
        Parts(&bytes)
            .filter(|part| {
                !matches!(part, Ok(part) if part.message_type() < NLMSG_MIN_TYPE
                    || part.message_type() == controller::ID)
            })
            .map(|part| Ok(message(&part?)?))
            .collect()
    }

    /// What the next read brings, from the kernel.
    fn read(&self, flags: i32) -> io::Result<Vec<u8>> {
        loop {
            let mut bytes = Vec::with_capacity(BUFFER);
            match self.socket.recv_from(&mut bytes, flags | libc::MSG_TRUNC) {
                // Other processes can send, too.
                Ok((_, sender)) if sender.port_number() != 0 => {}
                Ok((length, _)) if length > bytes.len() => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("a message of {length} bytes is too long"),
                    ))
                }
                Ok(_) => return Ok(bytes),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The messages in what one read has brought.
struct Parts<'a>(&'a [u8]);

impl<'a> Iterator for Parts<'a> {
    type Item = Result<NetlinkBuffer<&'a [u8]>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.0);
        let Ok(part) = NetlinkBuffer::new_checked(rest) else {
            return Some(Err(DecodeError::Short(rest.len())));
        };
        let length = usize::try_from(part.length()).unwrap_or(usize::MAX);
        let end = length.checked_next_multiple_of(4).unwrap_or(usize::MAX);
        self.0 = rest.get(end..).unwrap_or_default();
        Some(Ok(part))
    }
}

/// A message of a family.
fn message(part: &NetlinkBuffer<&[u8]>) -> Result<Message, DecodeError> {
    let payload = part.payload();
    match payload {
        [command, _, _, _, attributes @ ..] => Ok(Message {
            family: part.message_type(),
            command: *command,
            attributes: attributes.to_vec(),
        }),
        _ => Err(DecodeError::Short(payload.len())),
    }
}

/// The numbers in the controller's answer.
fn family(attributes: &[u8]) -> Result<Family, DecodeError> {
    let all = Attributes::parse("ctrl", |_| None, attributes)?;
    let id = all.u16(controller::FAMILY_ID)?;
    let mut family = Family {
        id: all.need(controller::FAMILY_ID, id)?,
        events: None,
    };
    if let Some(groups) = all.bytes(controller::MCAST_GROUPS) {
        let groups = Attributes::parse("ctrl-groups", |_| None, groups)?;
        for group in groups.values() {
            let group = Attributes::parse("ctrl-group", |_| None, group)?;
            if group.string(controller::GROUP_NAME)?.as_deref() == Some(GROUP_EVENTS) {
                family.events = group.u32(controller::GROUP_ID)?;
            }
        }
    }
    Ok(family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_bytes_of_the_protocol() {
        let request = Request::one(2, 1).u32(1, 7).string(2, "ab");
        let bytes = request.encoded(0x1234, 9);
        let mut expected = Vec::new();
        expected.extend(36u32.to_ne_bytes());
        expected.extend(0x1234u16.to_ne_bytes());
        expected.extend(5u16.to_ne_bytes());
        expected.extend(9u32.to_ne_bytes());
        expected.extend(0u32.to_ne_bytes());
        expected.extend([2, 1, 0, 0]);
        expected.extend([8u16.to_ne_bytes(), 1u16.to_ne_bytes()].concat());
        expected.extend(7u32.to_ne_bytes());
        expected.extend([7u16.to_ne_bytes(), 2u16.to_ne_bytes()].concat());
        expected.extend(b"ab\0\0");
        assert_eq!(bytes, expected);
        let dump = Request::dump(2, 1).encoded(0x1234, 9);
        assert_eq!(dump[6..8], 0x301u16.to_ne_bytes());
    }

    #[test]
    fn a_read_has_several_messages() {
        let mut bytes = Request::one(1, 1).string(2, "a").encoded(0x20, 1);
        bytes.extend(Request::one(2, 1).encoded(0x21, 2));
        let parts: Vec<_> = Parts(&bytes)
            .map(|part| message(&part.unwrap()).unwrap())
            .collect();
        let found: Vec<_> = parts
            .iter()
            .map(|part| (part.family, part.command))
            .collect();
        assert_eq!(found, [(0x20, 1), (0x21, 2)]);
        bytes.pop();
        assert!(matches!(
            Parts(&bytes).last(),
            Some(Err(DecodeError::Short(_)))
        ));
        assert!(matches!(
            Parts(&[0; 16]).last(),
            Some(Err(DecodeError::Short(16)))
        ));
    }

    #[test]
    fn the_controller_tells_the_numbers() {
        let nest = |number: u16, value: &[u8]| {
            let nla = DefaultNla::new(number, value.to_vec());
            let mut bytes = vec![0; nla.buffer_len()];
            nla.emit(&mut bytes);
            bytes
        };
        let group = [nest(1, b"events\0"), nest(2, &5u32.to_ne_bytes())].concat();
        let other = [nest(1, b"others\0"), nest(2, &6u32.to_ne_bytes())].concat();
        let groups = [nest(1, &other), nest(2, &group)].concat();
        let bytes = [
            nest(1, &0x42u16.to_ne_bytes()),
            nest(7, &groups),
            nest(99, &[1]),
        ]
        .concat();
        let found = family(&bytes).unwrap();
        assert_eq!((found.id, found.events), (0x42, Some(5)));
        assert!(family(&nest(7, &groups)).is_err());
    }
}
