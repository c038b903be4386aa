// SPDX-License-Identifier: GPL-2.0

//! What a rule wants in the fields of a key, as it is written on a command line.

use std::net::{Ipv4Addr, Ipv6Addr};

use anyhow::{ensure, Context, Result};
use offload_uapi::types::TableField;

/// The bits of a field, the highest one first.
type Bits = Vec<bool>;

/// The bytes of value and mask that `texts` want of the fields of `key`.
pub(super) fn words(key: &[TableField], texts: &[String]) -> Result<(Vec<u8>, Vec<u8>)> {
    ensure!(
        key.len() == texts.len(),
        "the key has {} fields, and there are {} values",
        key.len(),
        texts.len()
    );
    let (mut value, mut mask) = (Bits::new(), Bits::new());
    for (field, text) in key.iter().zip(texts) {
        let wanted = wanted(field, text).with_context(|| format!("{text:?} for {field}"))?;
        value.extend(wanted.0);
        mask.extend(wanted.1);
    }
    Ok((bytes(&value), bytes(&mask)))
}

/// Bits in bytes, with zeroes at their end.
fn bytes(bits: &[bool]) -> Vec<u8> {
    let byte = |bits: &[bool]| {
        let bits = (0..8).map(|at| bits.get(at).copied().unwrap_or(false));
        bits.fold(0, |byte, bit| byte << 1 | u8::from(bit))
    };
    bits.chunks(8).map(byte).collect()
}

/// The bits of bytes.
fn bits(bytes: &[u8]) -> impl Iterator<Item = bool> + '_ {
    let bits = |byte: &u8| {
        let byte = *byte;
        (0..8).map(move |at| byte >> (7 - at) & 1 == 1)
    };
    bytes.iter().flat_map(bits)
}

/// What `text` wants of a field: its bits, and which of them count.
fn wanted(field: &TableField, text: &str) -> Result<(Bits, Bits)> {
    let len = usize::try_from(field.bits)?;
    if text == "*" {
        return Ok((vec![false; len], vec![false; len]));
    }
    let (value, mask) = match text.split_once('/') {
        None => (text, vec![true; len]),
        Some((value, mask)) => {
            let mask = match mask.strip_prefix("0x") {
                Some(digits) => hexadecimal(digits, len)?,
                None => {
                    let count: usize = mask.parse().context("no number of bits, and no 0xMASK")?;
                    ensure!(count <= len, "the field has {len} bits");
                    (0..len).map(|at| at < count).collect()
                }
            };
            (value, mask)
        }
    };
    let value = number(value, len)?;
    let masked = value.iter().zip(&mask).map(|(bit, counts)| bit & counts);
    Ok((masked.collect(), mask))
}

/// The last `len` bits of `bytes`, if all before them are zero.
fn narrowed(bytes: &[u8], len: usize) -> Result<Bits> {
    let all: Bits = bits(bytes).collect();
    let unused = all.len().saturating_sub(len);
    let (before, used) = all.split_at(unused);
    ensure!(!before.contains(&true), "it is longer than {len} bits");
    let mut bits = vec![false; len - used.len()];
    bits.extend(used);
    Ok(bits)
}

fn hexadecimal(digits: &str, len: usize) -> Result<Bits> {
    ensure!(!digits.is_empty(), "no digit");
    let digit = |digit: char| {
        let value = digit.to_digit(16);
        let value = value.with_context(|| format!("{digit:?} is no hexadecimal digit"))?;
        anyhow::Ok(u8::try_from(value)?)
    };
    let mut digits: Vec<_> = digits.chars().map(digit).collect::<Result<_>>()?;
    if digits.len() % 2 == 1 {
        digits.insert(0, 0);
    }
    let bytes: Vec<_> = digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect();
    narrowed(&bytes, len)
}

/// A number, or an address, which has as many bits as the field.
fn number(text: &str, len: usize) -> Result<Bits> {
    let exact = |bytes: &[u8]| {
        let has = bytes.len() * 8;
        ensure!(has == len, "an address of {has} bits for {len}");
        Ok(bits(bytes).collect())
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return hexadecimal(digits, len);
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return exact(&address.octets());
    }
    let parts: Option<Vec<_>> = text
        .split(':')
        .map(|part| {
            u8::from_str_radix(part, 16)
                .ok()
                .filter(|_| part.len() == 2)
        })
        .collect();
    if let Some(address) = parts.filter(|parts| parts.len() == 6) {
        return exact(&address);
    }
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return exact(&address.octets());
    }
    let number: u128 = text.parse().context("neither a number nor an address")?;
    narrowed(&number.to_be_bytes(), len)
}

/// What is wanted of each field of `key`, but for those of which nothing is; `None` if the bytes are not those
/// of such a key.
pub(super) fn told(key: &[TableField], value: &[u8], mask: &[u8]) -> Option<String> {
    let (mut value, mut mask) = (bits(value), bits(mask));
    let mut all = Vec::new();
    for field in key {
        let len = usize::try_from(field.bits).ok()?;
        let next = |from: &mut dyn Iterator<Item = bool>| {
            let bits: Bits = from.take(len).collect();
            (bits.len() == len).then_some(bits)
        };
        let wanted = next(&mut value)?;
        let counts = next(&mut mask)?;
        if counts.contains(&false) {
            if counts.contains(&true) {
                all.push(format!("{field}={}/{}", hex(&wanted), hex(&counts)));
            }
        } else {
            all.push(format!("{field}={}", hex(&wanted)));
        }
    }
    Some(if all.is_empty() {
        "any".to_owned()
    } else {
        all.join(" ")
    })
}

/// Bits as a hexadecimal number.
fn hex(bits: &[bool]) -> String {
    let mut whole = vec![false; bits.len().next_multiple_of(8) - bits.len()];
    whole.extend(bits);
    let bytes = bytes(&whole);
    format!("0x{}", offload_uapi::types::hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(lengths: &[u32]) -> Vec<TableField> {
        let field = |bits: &u32| TableField {
            node: "n".to_owned(),
            occurrence: 1,
            offset: 0,
            bits: *bits,
        };
        lengths.iter().map(field).collect()
    }

    #[test]
    fn values_lie_one_behind_the_other() {
        for (lengths, texts, value, mask, told) in [
            (
                &[32][..],
                "10.0.0.5",
                "0a000005",
                "ffffffff",
                "n:0:32=0x0a000005",
            ),
            (
                &[32],
                "10.0.0.5/24",
                "0a000000",
                "ffffff00",
                "n:0:32=0x0a000000/0xffffff00",
            ),
            (
                &[4, 12],
                "5 0xabc",
                "5abc",
                "ffff",
                "n:0:4=0x05 n:0:12=0x0abc",
            ),
            (&[4, 12], "* 7/0xf", "0007", "000f", "n:0:12=0x0007/0x000f"),
            (&[1, 3], "1 2", "a0", "f0", "n:0:1=0x01 n:0:3=0x02"),
            (&[9], "*", "0000", "0000", "any"),
            (
                &[48],
                "02:00:00:00:00:0a",
                "02000000000a",
                "ffffffffffff",
                "n:0:48=0x02000000000a",
            ),
        ] {
            let key = key(lengths);
            let texts: Vec<_> = texts.split(' ').map(str::to_owned).collect();
            let words = words(&key, &texts).unwrap();
            let hex = offload_uapi::types::hex;
            assert_eq!(
                (hex(&words.0).as_str(), hex(&words.1).as_str()),
                (value, mask)
            );
            assert_eq!(super::told(&key, &words.0, &words.1).as_deref(), Some(told));
        }
        let (value, _) = words(&key(&[128]), &["fd00::1".to_owned()]).unwrap();
        assert_eq!((value[0], value[15]), (0xfd, 1));
        assert_eq!(told(&key(&[16]), &[1], &[1]), None);
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for (bits, text) in [
            (8, "256"),
            (8, "0x100"),
            (8, "x"),
            (8, "0x"),
            (8, "0xg"),
            (16, "10.0.0.1"),
            (32, "fd00::1"),
            (8, "1/9"),
            (8, "1/0x100"),
            (8, "1/x"),
            (8, ""),
        ] {
            assert!(words(&key(&[bits]), &[text.to_owned()]).is_err(), "{text}");
        }
        assert!(words(&key(&[8, 8]), &["1".to_owned()]).is_err());
    }
}
