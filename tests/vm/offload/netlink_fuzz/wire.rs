// SPDX-License-Identifier: GPL-2.0

//! A raw socket of generic netlink, and what comes back over it.

use anyhow::{bail, ensure, Context, Result};
use netlink_packet_core::{NetlinkBuffer, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_MULTIPART};
use netlink_sys::{protocols::NETLINK_GENERIC, Socket, SocketAddr};
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use offload_uapi::attributes::Attributes;
use offload_uapi::decode;
use offload_uapi::netlink::{Command, FAMILY};
use std::os::fd::AsFd;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_MIN_TYPE: u16 = 0x10;
/// The family that knows the families, its request for one, and attributes of that.
const CONTROLLER: u16 = 0x10;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;
/// The text of an error.
const ATTR_MSG: u16 = 1;
/// The largest error number.
const MAX_ERRNO: i32 = 4095;
/// Milliseconds that an answer may take: what asks holds RTNL only shortly.
const PATIENCE: u16 = 60_000;

/// A kind of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Said {
    /// It went well.
    Good,
    /// An error, by its number.
    Refused(i32),
    /// An error with words, by its number.
    RefusedInWords(i32),
    /// What was asked for.
    Message,
}

/// The socket.
pub(crate) struct Wire {
    socket: Socket,
    family: u16,
    sequence: u32,
    /// Whether a dump has begun and not ended.
    dumping: bool,
}

impl Wire {
    /// Opens it and finds the family.
    pub(crate) fn open() -> Result<Self> {
        let mut socket = Socket::new(NETLINK_GENERIC)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        // Otherwise each error has all that was sent, and a dozen of them overflow the socket.
        socket.set_cap_ack(true)?;
        let mut wire = Self {
            socket,
            family: 0,
            sequence: 1,
            dumping: false,
        };
        wire.exchange(&[])?;
        ensure!(wire.family != 0, "there is no family {FAMILY}");
        Ok(wire)
    }

    /// The family's number.
    pub(crate) fn family(&self) -> u16 {
        self.family
    }

    /// Sends a datagram, and reads until all that it leads to has come.
    ///
    /// Nonsense need not be answered, so a proper request to another family follows it: what comes
    /// before its answer, and what is left of a dump, are all that there will be.
    pub(crate) fn exchange(&mut self, datagram: &[u8]) -> Result<Vec<Said>> {
        if !datagram.is_empty() {
            self.socket.send(datagram, 0)?;
        }
        self.sequence = self.sequence.checked_add(1).context("too many requests")?;
        let sentinel = sentinel(self.sequence);
        self.socket.send(&sentinel, 0)?;
        let mut said = Vec::new();
        let mut answered = false;
        while !answered || self.dumping {
            let bytes = self.read()?;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let part = NetlinkBuffer::new_checked(rest)?;
                let length = usize::try_from(part.length())?.next_multiple_of(4);
                rest = rest.get(length..).unwrap_or_default();
                if part.sequence_number() == self.sequence {
                    answered |= self.sentinel_said(&part)?;
                } else {
                    said.push(self.hear(&part)?);
                }
            }
        }
        Ok(said)
    }

    fn read(&self) -> Result<Vec<u8>> {
        let mut ready = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        let count = poll(&mut ready, PollTimeout::from(PATIENCE))?;
        ensure!(count > 0, "no answer within {PATIENCE} ms");
        let mut bytes = Vec::with_capacity(1 << 17);
        self.socket.recv_from(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// What the answer to the sentinel says; whether it is its end.
    fn sentinel_said(&mut self, part: &NetlinkBuffer<&[u8]>) -> Result<bool> {
        if part.message_type() == NLMSG_ERROR {
            let code = code(part.payload())?;
            ensure!(code == 0, "the controller answers with error {code}");
            return Ok(true);
        }
        let attributes = part.payload().get(4..).context("a short answer")?;
        let all = Attributes::parse("ctrl", |_| None, attributes)?;
        self.family = all.u16(FAMILY_ID)?.context("a family without a number")?;
        Ok(false)
    }

    /// What a message says. One that makes no sense is an error.
    fn hear(&mut self, part: &NetlinkBuffer<&[u8]>) -> Result<Said> {
        let payload = part.payload();
        let kind = part.message_type();
        match kind {
            NLMSG_ERROR | NLMSG_DONE => {
                if kind == NLMSG_DONE {
                    self.dumping = false;
                }
                let code = code(payload)?;
                ensure!((-MAX_ERRNO..=0).contains(&code), "error number {code}");
                let words = words(part)?;
                Ok(match (code, words) {
                    (0, _) => Said::Good,
                    (code, None) => Said::Refused(-code),
                    (code, Some(_)) => Said::RefusedInWords(-code),
                })
            }
            _ if kind < NLMSG_MIN_TYPE => bail!("a message of type {kind}"),
            _ => {
                if part.flags() & NLM_F_MULTIPART != 0 {
                    self.dumping = true;
                }
                // A wrong length makes a message of what was meant as attributes, for any family.
                if kind != self.family {
                    return Ok(Said::Message);
                }
                let [command, _, _, _, attributes @ ..] = payload else {
                    bail!("a short message: {payload:02x?}")
                };
                self.understand(*command, attributes)
            }
        }
    }

    fn understand(&self, command: u8, attributes: &[u8]) -> Result<Said> {
        let command = Command::from_raw(command).context("an unknown command")?;
        match command {
            Command::DevGet => decode::device(attributes).map(drop)?,
            Command::SlotGet => decode::slot(attributes).map(drop)?,
            Command::ProgramGet => decode::device_program(attributes).map(drop)?,
            Command::ImageGet => decode::image_piece(attributes).map(drop)?,
            Command::StatsGet => decode::stats(attributes).map(drop)?,
            Command::SteerGet => decode::steered(attributes).map(drop)?,
            Command::ParserGet => decode::parser(attributes).map(drop)?,
            Command::GraphGet => decode::graph_piece(attributes).map(drop)?,
            Command::ParseGet => decode::parsed(attributes).map(drop)?,
            Command::AuditGet => decode::audit(attributes).map(drop)?,
            Command::GroAuditGet => decode::gro_audit(attributes).map(drop)?,
            Command::CountsGet => decode::counts(attributes).map(drop)?,
            Command::TableGet => decode::table(attributes).map(drop)?,
            Command::TableEntryGet => decode::table_entry(attributes).map(drop)?,
            other => bail!("an answer {other:?}, which is none"),
        }
        Ok(Said::Message)
    }
}

/// The number of an error.
fn code(payload: &[u8]) -> Result<i32> {
    let code = payload.first_chunk().context("an error without a number")?;
    Ok(i32::from_ne_bytes(*code))
}

/// The words of an error, if it has any.
fn words(part: &NetlinkBuffer<&[u8]>) -> Result<Option<String>> {
    if part.flags() & NLM_F_ACK_TLVS == 0 {
        return Ok(None);
    }
    let rest = part.payload().get(4..).context("a short error")?;
    let request = if part.message_type() == NLMSG_DONE {
        0
    } else if part.flags() & NLM_F_CAPPED != 0 {
        16
    } else {
        let length = rest.first_chunk().context("an error without its request")?;
        usize::try_from(u32::from_ne_bytes(*length))?.next_multiple_of(4)
    };
    let told = rest.get(request..).context("an error that is cut off")?;
    let words = Attributes::parse("extack", |_| None, told)?.string(ATTR_MSG)?;
    ensure!(words.as_deref() != Some(""), "an error with empty words");
    Ok(words)
}

/// A request for the family's number.
fn sentinel(sequence: u32) -> Vec<u8> {
    let name = [FAMILY.as_bytes(), b"\0"].concat();
    let mut attribute = Vec::new();
    attribute.extend((name.len() as u16 + 4).to_ne_bytes());
    attribute.extend(FAMILY_NAME.to_ne_bytes());
    attribute.extend(&name);
    attribute.resize(attribute.len().next_multiple_of(4), 0);
    let mut bytes = Vec::new();
    bytes.extend((20 + attribute.len() as u32).to_ne_bytes());
    bytes.extend(CONTROLLER.to_ne_bytes());
    // NLM_F_REQUEST | NLM_F_ACK
    bytes.extend(5u16.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0u32.to_ne_bytes());
    bytes.extend([GET_FAMILY, 2, 0, 0]);
    bytes.extend(attribute);
    bytes
}
