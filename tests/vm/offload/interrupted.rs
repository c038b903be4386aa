// SPDX-License-Identifier: GPL-2.0

//! A dump during which the world changes says so: what no client sees that asks again by itself.

use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::{ensure, Context, Result};
use nix::sys::socket::{recv, send, socket, AddressFamily, MsgFlags, SockProtocol};
use nix::sys::socket::{SockFlag, SockType};
use offload_tests::bpf::{detach, Attached, Mode};
use offload_tests::module::Module;
use offload_tests::nic::Nic;
use offload_uapi::netlink::{Command, FAMILY};

/// `GENL_ID_CTRL`, `CTRL_CMD_GETFAMILY`, `CTRL_ATTR_FAMILY_ID` and `CTRL_ATTR_FAMILY_NAME`.
const CONTROLLER: u16 = 16;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;
/// `NLM_F_REQUEST`, `NLM_F_DUMP`, `NLM_F_DUMP_INTR` and `NLMSG_DONE`.
const REQUEST: u16 = 0x1;
const DUMP: u16 = 0x300;
const INTERRUPTED: u16 = 0x10;
const DONE: u16 = 3;
/// Bytes of the headers of netlink and of generic netlink.
const HEADERS: usize = 20;

/// A message of the family `family`.
fn message(family: u16, flags: u16, command: u8, attributes: &[u8]) -> Vec<u8> {
    let len = HEADERS + attributes.len();
    let mut bytes = (len as u32).to_ne_bytes().to_vec();
    bytes.extend(family.to_ne_bytes());
    bytes.extend((REQUEST | flags).to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([command, 1, 0, 0]);
    bytes.extend(attributes);
    bytes
}

/// The type, the flags and the rest of each message in `bytes`.
fn messages(mut bytes: &[u8]) -> Result<Vec<(u16, u16, Vec<u8>)>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let len = u32::from_ne_bytes(bytes[..4].try_into()?) as usize;
        let number = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        found.push((number(4), number(6), bytes[16..len].to_vec()));
        bytes = &bytes[len.next_multiple_of(4).min(bytes.len())..];
    }
    Ok(found)
}

fn receive(socket: &OwnedFd) -> Result<Vec<(u16, u16, Vec<u8>)>> {
    // Small, so that the kernel makes small parts.
    let mut buffer = [0; 4096];
    let len = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
    messages(&buffer[..len])
}

/// The number of the family.
fn family(socket: &OwnedFd) -> Result<u16> {
    let mut name = ((FAMILY.len() + 5) as u16).to_ne_bytes().to_vec();
    name.extend(FAMILY_NAME.to_ne_bytes());
    name.extend(FAMILY.as_bytes());
    name.push(0);
    let request = message(CONTROLLER, 0, GET_FAMILY, &name);
    send(socket.as_raw_fd(), &request, MsgFlags::empty())?;
    let (_, _, answer) = receive(socket)?.pop().context("no answer")?;
    let mut attributes = &answer[4..];
    while attributes.len() >= 4 {
        let number = |at: usize| u16::from_ne_bytes([attributes[at], attributes[at + 1]]);
        if number(2) == FAMILY_ID {
            return Ok(number(4));
        }
        let next = usize::from(number(0)).next_multiple_of(4);
        attributes = &attributes[next.min(attributes.len())..];
    }
    anyhow::bail!("the family has no number: {answer:?}")
}

/// Whether a dump of all slots is marked, if `change` is done between its parts.
fn is_marked(change: impl Fn() -> Result<()>) -> Result<bool> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkGeneric,
    )?;
    let request = message(family(&socket)?, DUMP, Command::SlotGet.raw(), &[]);
    send(socket.as_raw_fd(), &request, MsgFlags::empty())?;
    let first = receive(&socket)?;
    let is_done = |part: &[(u16, u16, Vec<u8>)]| part.iter().any(|(kind, ..)| *kind == DONE);
    ensure!(
        !is_done(&first),
        "one part is all: {} messages",
        first.len()
    );
    change()?;
    let mut all = first;
    while !is_done(&all) {
        all.extend(receive(&socket)?);
    }
    Ok(all.iter().any(|(_, flags, _)| flags & INTERRUPTED != 0))
}

#[test]
fn a_change_between_two_parts_of_a_dump_is_told() -> Result<()> {
    // The kernel makes one part more than was read: there must be several.
    let _module = Module::insert("nics=1 ports=60 queues=1")?;
    let nic = Nic { id: 0 };
    let ports = nic.ports()?;
    ensure!(!is_marked(|| Ok(()))?, "nothing has changed");
    ensure!(
        is_marked(|| Attached::new(&ports[0], Mode::Offload, "pass").map(drop))?,
        "a program has come"
    );
    ensure!(
        is_marked(|| detach(&ports[0], Mode::Offload))?,
        "a program has gone"
    );
    ensure!(
        is_marked(|| Ok(nic.ask("del_port", "3")?))?,
        "a port has gone"
    );
    ensure!(
        is_marked(|| Ok(nic.ask("new_port", "3")?))?,
        "a port has come"
    );
    ensure!(!is_marked(|| Ok(()))?, "nothing has changed");
    Ok(())
}
