// SPDX-License-Identifier: GPL-2.0

//! Whether a device and the kernel have found the same in a frame.

use crate::{Carrier, Field};

/// The fields that only devices have of which the kernel's own code tells.
const KNOWN: [Field; 3] = [Field::VlanTpid, Field::VlanTci, Field::GreKey];
/// The drop eligible indicator of a VLAN tag, in its first byte: the kernel does not tell it.
const INDICATOR: u8 = 0x10;
/// `ETH_P_IPV6`, as the fields have it.
const ETH_P_IPV6: [u8; 2] = 0x86dd_u16.to_ne_bytes();

/// What was found in a frame.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    /// `struct bpf_flow_keys`.
    pub flow_keys: &'a [u8],
    /// The fields that only a device has.
    pub device: &'a [u8],
}

impl<'a> Keys<'a> {
    /// The bytes of a field.
    pub fn bytes(&self, field: Field) -> &'a [u8] {
        let (all, at) = match field.carrier() {
            Carrier::FlowKeys(at) => (self.flow_keys, at),
            Carrier::Device(at) => (self.device, at),
        };
        let found = all.get(at.into()..);
        let found = found.and_then(|rest| rest.get(..field.size().into()));
        found.unwrap_or_default()
    }

    /// Whether a field is one of what was found: the addresses of IPv4 and IPv6 lie in one place.
    pub fn has(&self, field: Field) -> bool {
        let is_six = self.bytes(Field::AddrProto) == ETH_P_IPV6;
        match field {
            Field::Ipv4Src | Field::Ipv4Dst => !is_six,
            Field::Ipv6Src | Field::Ipv6Dst => is_six,
            _ => true,
        }
    }
}

/// What a device, which has found what is `there`, and the kernel, with what is `here`, do not agree on in a
/// frame, of what both can tell. `is_program`: the kernel has a program look, which has no place for tags and
/// keys of GRE.
pub fn different<'a>(
    there: Keys<'a>,
    here: Keys<'a>,
    is_program: bool,
) -> impl Iterator<Item = Field> + 'a {
    let fields = Field::ALL.into_iter().filter(move |field| {
        let is_told = !field.is_device_only() || !is_program && KNOWN.contains(field);
        is_told && *field != Field::Nhoff && there.has(*field)
    });
    fields.filter(move |field| {
        let (there, here) = (there.bytes(*field), here.bytes(*field));
        match (field, there, here) {
            (Field::VlanTci, [one, rest @ ..], [other, others @ ..]) => {
                (one | INDICATOR, rest) != (other | INDICATOR, others)
            }
            _ => there != here,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What differs if `byte` is another one.
    fn differs(at: usize, value: u8, six: bool, is_program: bool) -> Option<Field> {
        let mut flow_keys = [0; Field::FLOW_KEYS_BYTES];
        let device = [0; Field::DEVICE_BYTES];
        if six {
            let Carrier::FlowKeys(at) = Field::AddrProto.carrier() else {
                panic!("it is the kernel's");
            };
            flow_keys[usize::from(at)..][..2].copy_from_slice(&ETH_P_IPV6);
        }
        let one = Keys {
            flow_keys: &flow_keys,
            device: &device,
        };
        let (mut other_keys, mut other_device) = (flow_keys, device);
        if let Some(of_device) = at.checked_sub(Field::FLOW_KEYS_BYTES) {
            other_device[of_device] ^= value;
        } else {
            other_keys[at] ^= value;
        }
        let other = Keys {
            flow_keys: &other_keys,
            device: &other_device,
        };
        let mut all = different(one, other, is_program);
        let first = all.next();
        assert_eq!(all.next(), None, "one byte is of one field");
        first
    }

    #[test]
    fn each_field_that_both_can_tell_counts() {
        for field in Field::ALL {
            let at = match field.carrier() {
                Carrier::FlowKeys(at) => usize::from(at),
                Carrier::Device(at) => Field::FLOW_KEYS_BYTES + usize::from(at),
            };
            let six = matches!(field, Field::Ipv6Src | Field::Ipv6Dst);
            let counts = |is_program| differs(at, 1, six, is_program) == Some(field);
            let is_known = KNOWN.contains(&field);
            let is_told = field != Field::Nhoff && (!field.is_device_only() || is_known);
            assert_eq!(counts(false), is_told, "{field:?}");
            assert_eq!(counts(true), is_told && !is_known, "{field:?}");
            if field == Field::VlanTci {
                assert_eq!(differs(at, INDICATOR, six, false), None);
            }
        }
    }
}
