// SPDX-License-Identifier: GPL-2.0

//! What the tables of [`netlink`](crate::netlink) are made of. `C` is the type of the operations'
//! numbers there.

/// What a request may have in an attribute of some number.
///
/// A request's table has one for each number from 0 to the last that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributePolicy {
    /// The request has no such attribute.
    Reject,
    /// 32 bits in the byte order of the machine, not below and not above these, if there are any.
    U32 {
        /// The smallest that is taken.
        min: Option<u32>,
        /// The largest that is taken.
        max: Option<u32>,
    },
    /// 32 or 64 bits in the byte order of the machine, within the same kind of bounds.
    Uint {
        /// The smallest that is taken.
        min: Option<u64>,
        /// The largest that is taken.
        max: Option<u64>,
    },
    /// Text with a zero byte at its end, of that many bytes without it at the most, if there is a bound.
    String {
        /// The most bytes that are taken.
        max_len: Option<u16>,
    },
    /// Bytes, of that number at the most, if there is a bound.
    Binary {
        /// The most bytes that are taken.
        max_len: Option<u16>,
    },
    /// Nothing: it is there or not.
    Flag,
    /// Attributes, by a table of their own.
    Nest(&'static [AttributePolicy]),
}

/// A request that user space may send, or a notification that it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation<C> {
    /// Its number.
    pub command: C,
    /// What it is.
    pub mode: Mode<C>,
}

/// What an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode<C> {
    /// User space asks, the kernel answers.
    Request {
        /// Who may ask.
        permission: Permission,
        /// What a request without `NLM_F_DUMP` may have, if there is one.
        one: Option<&'static [AttributePolicy]>,
        /// What a request with `NLM_F_DUMP` may have, if there is one.
        dump: Option<&'static [AttributePolicy]>,
    },
    /// The kernel tells.
    Notification {
        /// The request whose answer looks the same.
        like: C,
        /// The multicast group that it goes to.
        group: &'static str,
    },
}

/// Who may make a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Whoever can open a netlink socket.
    Anyone,
    /// Who has `CAP_NET_ADMIN` in the user namespace that owns the network namespace of the socket
    /// (`uns-admin-perm`, `GENL_UNS_ADMIN_PERM`).
    NamespaceAdmin,
    /// Who has `CAP_NET_ADMIN` in the first user namespace (`admin-perm`, `GENL_ADMIN_PERM`).
    Admin,
}
