// SPDX-License-Identifier: GPL-2.0

//! CRC-32C (Castagnoli), reflected, as SCTP and iSCSI use it.

const POLYNOMIAL: u32 = 0x82f6_3b78;

/// Bytes that are taken at once: the table lookups for them do not wait for each other.
const LANES: usize = 8;

/// Entry `[n][byte]` is the checksum of `byte` with `n` zero bytes behind it.
const fn tables() -> [[u32; 256]; LANES] {
    let mut tables = [[0; 256]; LANES];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ POLYNOMIAL
            } else {
                crc >> 1
            };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut lane = 1;
    while lane < LANES {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[lane - 1][byte];
            tables[lane][byte] = tables[0][(before & 0xff) as usize] ^ (before >> 8);
            byte += 1;
        }
        lane += 1;
    }
    tables
}

static TABLES: [[u32; 256]; LANES] = tables();

/// A checksum of bytes that come piece by piece.
pub(crate) struct Crc32c(u32);

impl Crc32c {
    pub(crate) const fn new() -> Self {
        Self(u32::MAX)
    }

    /// The same with `bytes` behind what was there before.
    #[must_use]
    pub(crate) fn and(self, bytes: &[u8]) -> Self {
        let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES;
        let mut crc = self.0;
        let mut rest = bytes;
        while let Some((first, behind)) = rest.split_first_chunk::<LANES>() {
            let [a, b, c, d, e, f, g, h] = *first;
            let [w, x, y, z] = (crc ^ u32::from_le_bytes([a, b, c, d])).to_le_bytes();
            crc = t7[usize::from(w)]
                ^ t6[usize::from(x)]
                ^ t5[usize::from(y)]
                ^ t4[usize::from(z)]
                ^ t3[usize::from(e)]
                ^ t2[usize::from(f)]
                ^ t1[usize::from(g)]
                ^ t0[usize::from(h)];
            rest = behind;
        }
        for byte in rest {
            crc = t0[usize::from(crc as u8 ^ byte)] ^ (crc >> 8);
        }
        Self(crc)
    }

    /// The checksum.
    pub(crate) const fn value(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Crc32c;

    fn crc32c(bytes: &[u8]) -> u32 {
        Crc32c::new().and(bytes).value()
    }

    #[test]
    fn gives_the_values_of_rfc_3720() {
        let ascending: [u8; 32] = std::array::from_fn(|at| at as u8);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(&ascending), 0x46dd_794e);
    }

    #[test]
    fn pieces_add_up() {
        let bytes: [u8; 61] = std::array::from_fn(|at| (at * 37) as u8);
        for cut in 0..bytes.len() {
            let (front, back) = bytes.split_at(cut);
            let pieces = Crc32c::new().and(front).and(back);
            assert_eq!(pieces.value(), crc32c(&bytes), "cut at {cut}");
        }
    }
}
