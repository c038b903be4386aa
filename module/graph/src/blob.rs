// SPDX-License-Identifier: GPL-2.0

//! A file that holds a parse graph: what is flashed, and what a device gives back.
//!
//! Its numbers are little endian. In this order: [`MAGIC`]; the lengths of the canonical form and of the names,
//! of four bytes each; four bytes of zeroes; the SHA-256 of the canonical form; the SHA-256 of the flow
//! dissector that was made of it, or zeroes if there is none; the canonical form; the names, which mean
//! nothing to a device and are for who reads them; the SHA-256 of all that. [`parse`] checks all of it.

use core::fmt;

use crate::graph::Graph;
use crate::limits;
use crate::record::Record;
use crate::refusal::Refusal;

/// What a blob of this version begins with.
pub const MAGIC: u32 = u32::from_le_bytes(*b"OPF\x01");
/// A SHA-256.
pub type Digest = [u8; DIGEST];

/// Bytes of a digest.
const DIGEST: usize = 32;
/// Bytes of what is before the canonical form.
pub const HEADER: usize = 16 + 2 * DIGEST;

/// A blob that was checked.
#[derive(Clone, Copy, Debug)]
pub struct Blob<'a> {
    /// The graph.
    pub graph: Graph<'a>,
    /// SHA-256 of its canonical form.
    pub digest: Digest,
    /// SHA-256 of the instructions of the flow dissector that whoever made the blob vouches for; `None` if
    /// he names none.
    pub dissector: Option<Digest>,
    /// The names of its nodes and tables.
    pub names: &'a [u8],
}

/// Why something is no blob.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unfit {
    /// It begins with something else.
    Magic(u32),
    /// It has more bytes than the limit.
    Long(usize),
    /// It has another number of bytes than it says.
    Size {
        /// What it should have.
        expected: usize,
        /// What it has.
        found: usize,
    },
    /// There is something where nothing may be.
    Reserved(u32),
    /// Its digest is not that of its bytes: it is damaged.
    Damaged,
    /// The digest of the graph is not that of the canonical form.
    Digest,
    /// Its graph is none.
    Graph(Refusal),
}

impl fmt::Display for Unfit {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic(found) => {
                write!(
                    f,
                    "it begins with {found:#010x}, a parse graph with {MAGIC:#010x}"
                )
            }
            Self::Long(found) => {
                write!(f, "it has {found} bytes, the limit is {}", limits::BYTES)
            }
            Self::Size { expected, found } => {
                write!(f, "it has {found} bytes, and says that it has {expected}")
            }
            Self::Reserved(found) => write!(f, "it has {found:#x} where zero should be"),
            Self::Damaged => f.write_str("it is damaged: its SHA-256 is not that of its bytes"),
            Self::Digest => {
                f.write_str("the SHA-256 of its graph is not that of the graph's bytes")
            }
            Self::Graph(refusal) => write!(f, "{refusal}"),
        }
    }
}

impl core::error::Error for Unfit {}

/// What is before the canonical form of a blob.
pub fn header(graph: u32, names: u32, digest: &Digest, dissector: Option<&Digest>) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let parts = [
        &MAGIC.to_le_bytes()[..],
        &graph.to_le_bytes(),
        &names.to_le_bytes(),
        &[0; 4],
        digest,
        dissector.unwrap_or(&[0; DIGEST]),
    ];
    let bytes = parts.into_iter().flatten();
    for (place, byte) in header.iter_mut().zip(bytes) {
        *place = *byte;
    }
    header
}

/// The blob that `bytes` are. `sha256` works out digests. Any context in which that may be called; time grows
/// with the length alone.
///
/// # Errors
///
/// [`Unfit`].
pub fn parse(bytes: &[u8], sha256: impl Fn(&[u8]) -> Digest) -> Result<Blob<'_>, Unfit> {
    let found = bytes.len();
    if found > limits::BYTES {
        return Err(Unfit::Long(found));
    }
    let number = |at: usize| bytes.get(at..).and_then(u32::read);
    match number(0) {
        Some(MAGIC) => {}
        magic => return Err(Unfit::Magic(magic.unwrap_or(0))),
    }
    let least = HEADER.saturating_add(DIGEST);
    // CAST: A `usize` has at least 32 bits.
    let [graph, names] = [4, 8].map(|at| number(at).unwrap_or(0) as usize);
    let expected = least.saturating_add(graph).saturating_add(names);
    if found != expected {
        return Err(Unfit::Size { expected, found });
    }
    match number(12) {
        Some(0) => {}
        reserved => return Err(Unfit::Reserved(reserved.unwrap_or(0))),
    }
    let short = Unfit::Size { expected, found };
    let (whole, sum) = bytes.split_last_chunk::<DIGEST>().ok_or(short)?;
    if sha256(whole) != *sum {
        return Err(Unfit::Damaged);
    }
    let (header, parts) = whole.split_at_checked(HEADER).ok_or(short)?;
    let (_, digests) = header.split_at_checked(16).ok_or(short)?;
    let (digest, dissector) = digests.split_first_chunk::<DIGEST>().ok_or(short)?;
    let dissector: Digest = *dissector.first_chunk().ok_or(short)?;
    let (graph, names) = parts.split_at_checked(graph).ok_or(short)?;
    if sha256(graph) != *digest {
        return Err(Unfit::Digest);
    }
    Ok(Blob {
        graph: Graph::new(graph).map_err(Unfit::Graph)?,
        digest: *digest,
        dissector: Some(dissector).filter(|digest| *digest != [0; DIGEST]),
        names,
    })
}
