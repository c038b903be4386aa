// SPDX-License-Identifier: GPL-2.0

//! What can go wrong between user space and the kernel.

use std::fmt;
use std::io;

use crate::netlink::FAMILY;

/// Why a request has no answer, or an event can't be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel has no such family.
    #[error(
        "the kernel has no generic netlink family {FAMILY:?}: no driver that reports programs is \
         loaded (modprobe offload_nic)"
    )]
    FamilyMissing,
    /// The kernel refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Things changed while they were told, each time that they were asked for.
    #[error(
        "what was asked for changed while the kernel told it, {tries} times in a row: ask again"
    )]
    Interrupted {
        /// How often it was asked for.
        tries: u32,
    },
    /// More events came than were read.
    #[error("events were lost, because more came than were read: ask for the state as it is now")]
    EventsLost,
    /// The socket does not do its work.
    #[error("netlink socket: {0}")]
    Socket(#[from] io::Error),
    /// The kernel's answer is not what the specification says.
    #[error("the kernel's answer is not understood: {0}")]
    Decode(#[from] DecodeError),
}

/// A request that the kernel has refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error's number: positive, such as `ENODEV`.
    pub errno: i32,
    /// What the kernel says about it (`NLMSGERR_ATTR_MSG`).
    pub message: Option<String>,
    /// Name of the attribute that was missing (`NLMSGERR_ATTR_MISS_TYPE`), or its number if it has
    /// none.
    pub missing: Option<String>,
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = io::Error::from_raw_os_error(self.errno).to_string();
        // The number says nothing that the words do not.
        let error = error.split(" (os error").next().unwrap_or_default();
        match (&self.message, &self.missing) {
            (Some(message), _) => write!(f, "{message} ({error})"),
            (None, Some(missing)) => write!(f, "attribute {missing} is missing ({error})"),
            (None, None) => f.write_str(error),
        }
    }
}

/// Bytes that are not what the specification says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A message ends before it should.
    #[error("the message is cut off: {0} bytes")]
    Short(usize),
    /// Attributes that overlap their end, or each other.
    #[error("broken attributes: {0}")]
    Attributes(String),
    /// An attribute that must be there is not.
    #[error("no attribute {attribute:?} in {set:?}")]
    Missing {
        /// The attribute set.
        set: &'static str,
        /// The attribute.
        attribute: &'static str,
    },
    /// An attribute does not carry what it should.
    #[error("attribute {attribute:?} in {set:?} with {length} bytes is not {expected}")]
    Malformed {
        /// The attribute set.
        set: &'static str,
        /// The attribute.
        attribute: &'static str,
        /// What it should carry.
        expected: &'static str,
        /// How many bytes it carries.
        length: usize,
    },
    /// The answer is to something else.
    #[error("an answer of kind {found}, not {expected}")]
    Command {
        /// The operation that was asked for.
        expected: u8,
        /// The operation that was answered.
        found: u8,
    },
    /// The pieces of an image do not fit together.
    #[error("the image has a piece at byte {found}, not at byte {expected}")]
    Image {
        /// Where the next piece was to begin.
        expected: u32,
        /// Where it begins.
        found: u32,
    },
    /// There are more answers than one, or none.
    #[error("{0} answers instead of one")]
    Answers(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_kernels_words() {
        let refusal = |message: Option<&str>, missing: Option<&str>| Refusal {
            errno: libc::EPERM,
            message: message.map(str::to_owned),
            missing: missing.map(str::to_owned),
        };
        assert_eq!(refusal(None, None).to_string(), "Operation not permitted");
        assert_eq!(
            refusal(Some("not you"), Some("policy")).to_string(),
            "not you (Operation not permitted)"
        );
        assert_eq!(
            refusal(None, Some("policy")).to_string(),
            "attribute policy is missing (Operation not permitted)"
        );
    }
}
