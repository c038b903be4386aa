// SPDX-License-Identifier: GPL-2.0

//! Numbers in JSON: a number, or a string in hexadecimal.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Defines a number and how it is written.
macro_rules! number {
    ($(#[$meta:meta])* $name:ident, $writes:expr) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $name(pub u32);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any(Reader).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let writes: fn(u32, S) -> Result<S::Ok, S::Error> = $writes;
                writes(self.0, to)
            }
        }

        #[cfg(test)]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                "Number".into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "description": "A number of 32 bits, or such a number in hexadecimal",
                    "anyOf": [
                        { "type": "integer", "minimum": 0, "maximum": u32::MAX },
                        { "type": "string", "pattern": "^0[xX]0*[0-9a-fA-F]{1,8}$" }
                    ]
                })
            }
        }
    };
}

number! {
    /// A number that is written in decimal: an offset, a length.
    Number, |number, to| to.serialize_u32(number)
}

number! {
    /// A number that is written in hexadecimal: a key, a mask.
    Hex, |number, to| to.collect_str(&format_args!("{number:#x}"))
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number from 0 to 4294967295, or a string like \"0x86dd\"")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<u32, E> {
        u32::try_from(number)
            .map_err(|_| E::custom(format_args!("the limit is {}: {number}", u32::MAX)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<u32, E> {
        // All that is not negative comes as a `u64`.
        Err(E::custom(format_args!("no number is below 0: {number}")))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u32, E> {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(digits) = digits.filter(|digits| !digits.is_empty()) else {
            return Err(E::invalid_value(de::Unexpected::Str(text), &self));
        };
        u32::from_str_radix(digits, 16)
            .map_err(|_| E::custom(format_args!("the limit is {:#x}: {text}", u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_decimal_or_a_string_of_hexadecimal() {
        let read = |text| serde_json::from_str::<Number>(text).map(|number| number.0);
        assert_eq!(read("14").unwrap(), 14);
        assert_eq!(read("\"0x86DD\"").unwrap(), 0x86dd);
        assert_eq!(read("\"0X0000000000ff\"").unwrap(), 0xff);
        assert_eq!(read("4294967295").unwrap(), u32::MAX);
        let refused = |text, why: &str| {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        };
        refused("4294967296", "the limit is 4294967295: 4294967296");
        refused("\"0x100000000\"", "the limit is 0xffffffff: 0x100000000");
        refused("-1", "no number is below 0: -1");
        for text in [
            "1.5", "\"14\"", "\"0x\"", "\"0x+1\"", "\"0xg\"", "true", "null",
        ] {
            refused(text, "a number from 0 to 4294967295");
        }
    }

    #[test]
    fn a_number_is_written_as_it_is_meant() {
        assert_eq!(serde_json::to_string(&Number(14)).unwrap(), "14");
        assert_eq!(serde_json::to_string(&Hex(0x86dd)).unwrap(), "\"0x86dd\"");
    }
}
