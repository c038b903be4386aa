// SPDX-License-Identifier: GPL-2.0

//! Bytes as people write them.

use anyhow::{bail, Result};

/// The bytes that `text` has as pairs of hexadecimal digits.
///
/// # Errors
///
/// What is none, and at which character, counted from 1.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut first = None;
    for (place, character) in (1..).zip(text.chars()) {
        match (character.to_digit(16), first) {
            (Some(digit), None) => first = Some((place, digit)),
            (Some(digit), Some((_, upper))) => {
                bytes.push(u8::try_from(upper << 4 | digit)?);
                first = None;
            }
            (None, None) if character.is_whitespace() || ":-.".contains(character) => {}
            (None, None) => bail!("character {place}, {character:?}, is no hexadecimal digit"),
            (None, Some((begin, _))) => bail!(
                "character {place}, {character:?}: the byte that begins at character {begin} has one \
                 digit"
            ),
        }
    }
    match first {
        Some((begin, _)) => bail!("the last byte, at character {begin}, has one digit"),
        None => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_people_write_them() {
        for text in ["0011eeFF", "00 11 ee ff", "00:11:ee:ff", " 0011\n.ee-ff "] {
            assert_eq!(bytes(text).unwrap(), [0, 0x11, 0xee, 0xff], "{text:?}");
        }
        assert!(bytes("").unwrap().is_empty());
    }

    #[test]
    fn what_is_none_is_told_with_its_place() {
        for (text, told) in [
            ("00g1", "character 3, 'g', is no"),
            (
                "0x00",
                "character 2, 'x': the byte that begins at character 1 has one",
            ),
            (
                "00 1 2",
                "character 5, ' ': the byte that begins at character 4",
            ),
            ("00 1", "the last byte, at character 4,"),
            ("\u{e4}", "character 1, '\u{e4}'"),
        ] {
            let error = bytes(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text:?}: {error}");
        }
    }
}
