// SPDX-License-Identifier: GPL-2.0

//! Questions to a family of generic netlink, for what no tool shows as it is.

use anyhow::{bail, ensure, Context, Result};
use netlink_packet_core::{DefaultNla, Emitable, NetlinkBuffer, NLM_F_ACK, NLM_F_REQUEST};
use netlink_sys::protocols::NETLINK_GENERIC;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use offload_uapi::attributes::Attributes;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// Bytes of a netlink header.
const HEADER: usize = 16;
/// Bytes of an error before the attributes that explain it: its number, and the header that it answers.
const ERROR_HEADER: usize = 4 + HEADER;
/// The attribute that has its text (`NLMSGERR_ATTR_MSG`).
const ERROR_TEXT: u16 = 1;
/// Bytes of a header of generic netlink: the command, the version, two that are kept free.
const GENL_HEADER: usize = 4;

/// The family that knows the families, its request for one, and attributes of that.
mod controller {
    pub(super) const ID: u16 = 0x10;
    pub(super) const GET_FAMILY: u8 = 3;
    pub(super) const FAMILY_ID: u16 = 1;
    pub(super) const FAMILY_NAME: u16 = 2;
}

/// A socket for one family.
pub(crate) struct Family {
    socket: Socket,
    id: u16,
}

impl Family {
    /// For the family called `name`, in the namespace of the thread.
    ///
    /// # Errors
    ///
    /// Where the kernel has none.
    pub(crate) fn open(name: &str) -> Result<Self> {
        let mut socket = Socket::new(NETLINK_GENERIC)?;
        socket.bind_auto()?;
        // Errors come with a text, and without what they answer.
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        socket.connect(&SocketAddr::new(0, 0))?;
        let controller = Self {
            socket,
            id: controller::ID,
        };
        let name_attribute = (controller::FAMILY_NAME, [name.as_bytes(), b"\0"].concat());
        let answer = controller.ask(controller::GET_FAMILY, [name_attribute], NLM_F_ACK)?;
        let family = answer.first().context("no answer")?;
        let id = attributes(family)?.u16(controller::FAMILY_ID)?;
        Ok(Self {
            id: id.with_context(|| format!("the kernel has no family {name}"))?,
            ..controller
        })
    }

    /// Asks, and gives the attributes of each message of the answer. `flags` say where that ends: NLM_F_DUMP, or
    /// NLM_F_ACK, or none if the family says so itself.
    ///
    /// # Errors
    ///
    /// What the family answers.
    pub(crate) fn ask(
        &self,
        command: u8,
        attributes: impl IntoIterator<Item = (u16, Vec<u8>)>,
        flags: u16,
    ) -> Result<Vec<Vec<u8>>> {
        let attributes: Vec<_> = attributes
            .into_iter()
            .map(|(kind, value)| DefaultNla::new(kind, value))
            .collect();
        let attributes = attributes.as_slice();
        let body = HEADER + GENL_HEADER;
        let mut bytes = vec![0; body + attributes.buffer_len()];
        attributes.emit(&mut bytes[body..]);
        bytes[HEADER..][..2].copy_from_slice(&[command, 1]);
        let length = u32::try_from(bytes.len())?;
        let mut header = NetlinkBuffer::new(bytes.as_mut_slice());
        header.set_length(length);
        header.set_message_type(self.id);
        header.set_flags(NLM_F_REQUEST | flags);
        self.socket
            .send(&bytes, 0)
            .context("ask by generic netlink")?;
        self.answer()
    }

    fn answer(&self) -> Result<Vec<Vec<u8>>> {
        let mut answer = Vec::new();
        loop {
            let (bytes, _) = self.socket.recv_from_full().context("an answer")?;
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let part = NetlinkBuffer::new_checked(rest)?;
                let payload = part.payload();
                match part.message_type() {
                    // Where there is no number, all is well.
                    NLMSG_DONE | NLMSG_ERROR => {
                        let code = payload.first_chunk().copied().unwrap_or_default();
                        let errno = Errno::from_raw(-i32::from_ne_bytes(code));
                        ensure!(
                            code == [0; 4],
                            "generic netlink says {errno}: {}",
                            text(payload)
                        );
                        return Ok(answer);
                    }
                    kind if kind == self.id => {
                        let attributes = payload.get(GENL_HEADER..);
                        answer.push(attributes.context("a short message")?.to_vec());
                    }
                    kind => bail!("generic netlink sends a message of type {kind}"),
                }
                let length = usize::try_from(part.length())?.next_multiple_of(4);
                rest = rest.get(length..).unwrap_or_default();
            }
        }
    }
}

/// What an error is explained with, if it is.
fn text(error: &[u8]) -> String {
    let explained = error.get(ERROR_HEADER..).unwrap_or_default();
    let text = attributes(explained).and_then(|all| Ok(all.string(ERROR_TEXT)?));
    text.ok().flatten().unwrap_or_default()
}

/// Takes the attributes of a message, or those in one of them, apart.
///
/// # Errors
///
/// Where they make no sense.
pub(crate) fn attributes(bytes: &[u8]) -> Result<Attributes<'_>> {
    Ok(Attributes::parse("answer", |_| None, bytes)?)
}
