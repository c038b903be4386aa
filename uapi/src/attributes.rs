// SPDX-License-Identifier: GPL-2.0

//! The attributes of a message, by number.
//!
//! What has no meaning here is left alone, so that a newer kernel can say more.

use netlink_packet_core::NlasIterator;

use crate::error::DecodeError;
use crate::types::{Known, Named};

/// Attributes of one set.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    set: &'static str,
    name: fn(u16) -> Option<&'static str>,
    all: Vec<(u16, &'a [u8])>,
}

impl<'a> Attributes<'a> {
    /// Takes `bytes` apart. `name` gives the names of the attributes of the set, for errors.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Attributes`] where lengths make no sense.
    pub fn parse(
        set: &'static str,
        name: fn(u16) -> Option<&'static str>,
        bytes: &'a [u8],
    ) -> Result<Self, DecodeError> {
        let mut all = Vec::new();
        let mut rest = bytes;
        // The iterator gives values that live as long as itself: one attribute is taken at a time.
        while let Some(found) = NlasIterator::new(rest).next() {
            let found = found.map_err(|error| DecodeError::Attributes(error.to_string()))?;
            let length = usize::from(found.length());
            let (kind, end) = (found.kind(), length.next_multiple_of(4).min(rest.len()));
            let value = rest.get(4..length).unwrap_or_default();
            all.push((kind, value));
            rest = rest.get(end..).unwrap_or_default();
        }
        Ok(Self { set, name, all })
    }

    /// The value of the last one with that number, as the kernel's own parser takes it.
    fn last(&self, number: u16) -> Option<&'a [u8]> {
        let mut all = self.all.iter().rev();
        all.find(|(found, _)| *found == number)
            .map(|(_, value)| *value)
    }

    fn attribute(&self, number: u16) -> &'static str {
        (self.name)(number).unwrap_or("unnamed")
    }

    fn malformed(&self, number: u16, expected: &'static str, value: &[u8]) -> DecodeError {
        DecodeError::Malformed {
            set: self.set,
            attribute: self.attribute(number),
            expected,
            length: value.len(),
        }
    }

    /// What `found` has, which must be there.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Missing`] if it is not.
    pub fn need<T>(&self, number: u16, found: Option<T>) -> Result<T, DecodeError> {
        found.ok_or(DecodeError::Missing {
            set: self.set,
            attribute: self.attribute(number),
        })
    }

    /// A number of 16 bits.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Malformed`] if it has another length; so have the next ones.
    pub fn u16(&self, number: u16) -> Result<Option<u16>, DecodeError> {
        let Some(value) = self.last(number) else {
            return Ok(None);
        };
        let bytes = value.try_into();
        let bytes = bytes.map_err(|_| self.malformed(number, "a u16", value))?;
        Ok(Some(u16::from_ne_bytes(bytes)))
    }

    /// A number of 32 bits.
    ///
    /// # Errors
    ///
    /// As [`Attributes::u16`].
    pub fn u32(&self, number: u16) -> Result<Option<u32>, DecodeError> {
        let Some(value) = self.last(number) else {
            return Ok(None);
        };
        let bytes = value.try_into();
        let bytes = bytes.map_err(|_| self.malformed(number, "a u32", value))?;
        Ok(Some(u32::from_ne_bytes(bytes)))
    }

    /// A number of 32 or 64 bits.
    ///
    /// # Errors
    ///
    /// As [`Attributes::u16`].
    pub fn uint(&self, number: u16) -> Result<Option<u64>, DecodeError> {
        let Some(value) = self.last(number) else {
            return Ok(None);
        };
        if let Ok(bytes) = value.try_into() {
            return Ok(Some(u64::from_ne_bytes(bytes)));
        }
        let bytes = value.try_into();
        let bytes = bytes.map_err(|_| self.malformed(number, "a u32 or u64", value))?;
        Ok(Some(u64::from(u32::from_ne_bytes(bytes))))
    }

    /// A number with a name.
    ///
    /// # Errors
    ///
    /// As [`Attributes::u16`].
    pub fn named<T: Named>(&self, number: u16) -> Result<Option<Known<T>>, DecodeError> {
        Ok(self.u32(number)?.map(Known::from_raw))
    }

    /// Text, up to its first zero byte.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Malformed`] if it is not UTF-8.
    pub fn string(&self, number: u16) -> Result<Option<String>, DecodeError> {
        let Some(value) = self.last(number) else {
            return Ok(None);
        };
        let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
        let text = std::str::from_utf8(text);
        let text = text.map_err(|_| self.malformed(number, "text", value))?;
        Ok(Some(text.to_owned()))
    }

    /// Bytes.
    pub fn bytes(&self, number: u16) -> Option<&'a [u8]> {
        self.last(number)
    }

    /// Whether it is there.
    pub fn flag(&self, number: u16) -> bool {
        self.last(number).is_some()
    }

    /// The values of all, whatever their numbers.
    pub fn values(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.all.iter().map(|(_, value)| *value)
    }

    /// The values of all with that number, in their order.
    pub fn each(&self, number: u16) -> impl Iterator<Item = &'a [u8]> + '_ {
        let all = self.all.iter();
        all.filter(move |(found, _)| *found == number)
            .map(|(_, value)| *value)
    }
}
