// SPDX-License-Identifier: GPL-2.0

//! What user space asks, and the answers to it.

use super::message::{
    append,
    build,
    Full,
    Message, //
};
use crate::{
    bindings,
    extack::Extack,
    netdev::{
        NetDevice,
        Rtnl, //
    }, //
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    fmt,
    prelude::*, //
};

/// A request, whose attributes have been checked against the rules of its operation.
///
/// # Invariants
///
/// `info` is valid for `'a`; each of `attributes` is null or valid as long, with as many bytes as it
/// says.
pub struct Request<'a> {
    info: NonNull<bindings::genl_info>,
    attributes: &'a [*mut bindings::nlattr],
    extack: Extack<'a>,
}

impl<'a> Request<'a> {
    /// # Safety
    ///
    /// `info` must be one that the core passed for a request, valid for `'a`, whose table of
    /// attributes has `places` places if there is one.
    pub(super) unsafe fn from_raw(info: NonNull<bindings::genl_info>, places: usize) -> Self {
        // SAFETY: By the function's contract.
        let (attributes, extack) = unsafe { ((*info.as_ptr()).attrs, (*info.as_ptr()).extack) };
        let attributes = if attributes.is_null() || places == 0 {
            &[]
        } else {
            // SAFETY: By the function's contract.
            unsafe { core::slice::from_raw_parts(attributes, places) }
        };
        // INVARIANT: The core has parsed the request, which stays as long as the call.
        Self {
            info,
            attributes,
            // SAFETY: As above; the acknowledgement is that of the request.
            extack: unsafe { Extack::from_raw(extack) },
        }
    }

    fn info(&self) -> &bindings::genl_info {
        // SAFETY: Valid by the type invariant; the core does not write to it meanwhile.
        unsafe { self.info.as_ref() }
    }

    /// The number of the operation.
    pub fn command(&self) -> u8 {
        // SAFETY: The request has a header.
        unsafe { (*self.info().genlhdr).cmd }
    }

    /// Where the sender learns why a request was refused.
    pub fn extack(&self) -> &Extack<'a> {
        &self.extack
    }

    fn attribute(&self, number: u16) -> Option<NonNull<bindings::nlattr>> {
        NonNull::new(self.attributes.get(usize::from(number)).copied()?)
    }

    /// Attribute `number`, one of 32 bits, if the request has it.
    pub fn u32(&self, number: u16) -> Option<u32> {
        const LEN: usize = size_of::<bindings::nlattr>() + size_of::<u32>();
        let attribute = self.attribute(number)?.as_ptr();
        // SAFETY: Not null, so valid by the type invariants.
        if usize::from(unsafe { (*attribute).nla_len }) < LEN {
            return None;
        }
        // SAFETY: By the type invariants there are as many bytes as that, and the value's stand
        // behind the header.
        Some(unsafe { attribute.add(1).cast::<u32>().read_unaligned() })
    }

    /// As [`Self::u32`], for an attribute without which the request makes no sense.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is none: the sender is told which one is missing.
    pub fn required_u32(&self, number: u16) -> Result<u32> {
        self.u32(number).ok_or_else(|| {
            self.extack.missing(number);
            EINVAL
        })
    }

    /// The bytes of attribute `number`, if the request has it.
    pub fn bytes(&self, number: u16) -> Option<&'a [u8]> {
        const HEADER: usize = size_of::<bindings::nlattr>();
        let attribute = self.attribute(number)?.as_ptr();
        // SAFETY: Not null, so valid by the type invariants.
        let len = usize::from(unsafe { (*attribute).nla_len }).checked_sub(HEADER)?;
        // SAFETY: By the type invariants there are as many bytes behind the header for `'a`, in a
        // request that the core has copied from user space, and that nobody changes.
        Some(unsafe { core::slice::from_raw_parts(attribute.add(1).cast::<u8>(), len) })
    }

    /// As [`Self::bytes`], for an attribute without which the request makes no sense.
    ///
    /// # Errors
    ///
    /// As of [`Self::required_u32`].
    pub fn required_bytes(&self, number: u16) -> Result<&'a [u8]> {
        self.bytes(number).ok_or_else(|| {
            self.extack.missing(number);
            EINVAL
        })
    }

    /// The text of attribute `number`, if the request has it.
    pub fn text(&self, number: u16) -> Option<&'a [u8]> {
        self.bytes(number).map(text)
    }

    /// The attributes in each attribute `number`, of which a request may have several: those of a nest, whose
    /// lengths have been checked by a [`Rule`](super::Rule).
    pub fn nests(&self, number: u16) -> impl Iterator<Item = Nest<'a>> {
        let header = self.info().nlhdr;
        const START: usize = size_of::<bindings::nlmsghdr>() + size_of::<bindings::genlmsghdr>();
        // SAFETY: A request has a header, and as many bytes behind its beginning as that says. The core has
        // copied it from user space, and nobody changes it.
        let bytes = unsafe {
            // CAST: A `usize` has at least 32 bits.
            let len = (*header).nlmsg_len as usize;
            core::slice::from_raw_parts(header.cast::<u8>(), len)
        };
        let all = Nest(bytes.get(START..).unwrap_or_default());
        all.filter_map(move |(found, value)| (found == number).then_some(Nest(value)))
    }

    /// Tells the sender that attribute `number` is what is wrong, and why.
    pub fn blame(&self, number: u16, why: fmt::Arguments<'_>) {
        if let Some(attribute) = self.attribute(number) {
            self.extack.bad_attribute(attribute);
        }
        self.extack.fmt(why);
    }

    /// Whether `device` is in the network namespace of the socket that the request came by.
    pub fn sees(&self, device: &NetDevice, _rtnl: &Rtnl<'_>) -> bool {
        // SAFETY: The device is valid, and RTNL keeps it from being moved.
        unsafe { bindings::offload_nic_dev_net(device.as_ptr()) == self.net() }
    }

    /// Whether that namespace has an interface of this index, of any driver.
    pub fn sees_interface(&self, ifindex: u32, _rtnl: &Rtnl<'_>) -> bool {
        let Ok(ifindex) = i32::try_from(ifindex) else {
            return false;
        };
        // SAFETY: The namespace is valid, and RTNL is held.
        !unsafe { bindings::__dev_get_by_index(self.net(), ifindex) }.is_null()
    }

    fn net(&self) -> *mut bindings::net {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::offload_nic_genl_info_net(self.info.as_ptr()) }
    }

    /// Sends the one answer that the request is to get, which `fill` writes. It may be asked more
    /// than once.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EMSGSIZE` if it would have more than 64 KiB, or what sending it gives.
    pub fn reply(&self, fill: impl Fn(&mut Message<'_>) -> Result<(), Full>) -> Result {
        let info = self.info();
        let (portid, sequence) = (info.snd_portid, info.snd_seq);
        let skb = build(info.family, portid, sequence, self.command(), fill)?;
        // SAFETY: The message is ours, and is given away.
        to_result(unsafe { bindings::offload_nic_genlmsg_reply(skb.as_ptr(), self.info.as_ptr()) })
    }
}

/// The text that is in an attribute, up to its zero byte.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Attributes, one behind the other, each with its number.
#[derive(Clone)]
pub struct Nest<'a>(&'a [u8]);

impl<'a> Iterator for Nest<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        const HEADER: usize = size_of::<bindings::nlattr>();
        const FLAGS: u16 = 0xc000;
        let [l0, l1, n0, n1] = *self.0.first_chunk::<HEADER>()?;
        let len = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = self.0.get(HEADER..len)?;
        self.0 = self.0.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([n0, n1]) & !FLAGS, value))
    }
}

impl<'a> Nest<'a> {
    /// The value of attribute `number`: of the last one, as the core takes it.
    fn value(&self, number: u16) -> Option<&'a [u8]> {
        let all = self.clone().filter(|(found, _)| *found == number);
        all.last().map(|(_, value)| value)
    }

    /// Attribute `number`, one of 32 bits, if it is there.
    pub fn u32(&self, number: u16) -> Option<u32> {
        let bytes = self.value(number)?.first_chunk()?;
        Some(u32::from_ne_bytes(*bytes))
    }

    /// The text of attribute `number`, if it is there.
    pub fn text(&self, number: u16) -> Option<&'a [u8]> {
        self.value(number).map(text)
    }
}

/// A part of the answer to a dump.
///
/// # Invariants
///
/// All are those that the core passed for a dump, whose call lasts for `'a`.
pub struct DumpAnswer<'a> {
    skb: NonNull<bindings::sk_buff>,
    callback: NonNull<bindings::netlink_callback>,
    request: &'a Request<'a>,
}

impl<'a> DumpAnswer<'a> {
    /// # Safety
    ///
    /// To be called for the dump that `request` asks for, with what the core passed.
    pub(super) unsafe fn from_raw(
        skb: NonNull<bindings::sk_buff>,
        callback: NonNull<bindings::netlink_callback>,
        request: &'a Request<'a>,
    ) -> Self {
        // INVARIANT: Promised by the caller.
        Self {
            skb,
            callback,
            request,
        }
    }

    /// Says which state of the world the messages that follow show: `generation` is another one
    /// after each change but for those by which an interface comes to or leaves the namespace. A
    /// dump that shows more than one state is marked so (`NLM_F_DUMP_INTR`).
    pub fn set_generation(&mut self, generation: u32, _rtnl: &Rtnl<'_>) {
        // SAFETY: The namespace is valid, and RTNL held.
        let interfaces = unsafe { bindings::offload_nic_dev_base_seq(self.request.net()) };
        // Both grow only, and 0 would mean that there is no generation.
        let generation = generation.wrapping_add(interfaces).max(1);
        // SAFETY: By the type invariants.
        unsafe { (*self.callback.as_ptr()).seq = generation };
    }

    /// Appends a message, which `fill` writes.
    ///
    /// # Errors
    ///
    /// [`Full`]: there is no room, and the message is to be the first one of the next part.
    pub fn message(
        &mut self,
        fill: impl FnOnce(&mut Message<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let info = self.request.info();
        let callback = self.callback.as_ptr();
        // SAFETY: By the type invariants; a family whose operation runs was registered.
        unsafe {
            append(
                self.skb,
                info.family,
                (info.snd_portid, info.snd_seq),
                (bindings::NLM_F_MULTI, self.request.command()),
                fill,
                |header| bindings::offload_nic_nl_dump_check_consistent(callback, header),
            )
        }
    }
}
