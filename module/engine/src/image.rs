// SPDX-License-Identifier: GPL-2.0

//! The device image: a translated program.
//!
//! Serialised, all numbers little endian:
//!
//! | bytes | content |
//! |---|---|
//! | 0..4 | `ONIC` |
//! | 4..6 | format version, [`FORMAT`] |
//! | 6..8 | length of this header, 64 |
//! | 8..12 | engine version: major, minor, patch, 0 |
//! | 12..16 | number of operations |
//! | 16..18 | number of entries of the program's map table |
//! | 18..20 | flags: bit 0, the program may change frames; bit 1, it is a classifier (else XDP); bit 2, it may make frames longer than the room around them; bit 3, it matters which processor runs it |
//! | 20..24 | stack that the program needs, in bytes |
//! | 24..56 | SHA-256 of the program that it was made from |
//! | 56..60 | number of instruction slots of the program that it was made from |
//! | 60..64 | CRC-32C of everything else |
//! | 64.. | operations, 16 bytes each |
//! | then | for each operation the number of its first instruction, 4 bytes |

use core::{fmt, iter};

use crate::crc32c::Crc32c;
use crate::helper::Helper;
use crate::memory::{Memory, OutOfMemory};
use crate::op::{Code, Op};
use crate::program::ProgramKind;
pub use crate::translate::Fusion;

/// Version of the serialised form.
pub const FORMAT: u16 = 2;

const MAGIC: u32 = u32::from_le_bytes(*b"ONIC");
const HEADER_BYTES: usize = 64;
const ORIGIN_BYTES: usize = 4;
const CRC_AT: usize = 60;
const FLAG_WRITES_FRAME: u16 = 1;
const FLAG_CLASSIFIER: u16 = 2;
const FLAG_GROWS_FRAME: u16 = 4;
const FLAG_LOCATES: u16 = 8;

/// Bytes that are no image of this engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ImageError {
    /// Not as long as its header says, or too short for one.
    Length {
        /// Bytes given.
        len: usize,
    },
    /// Does not begin as an image.
    Magic,
    /// Another version of the format.
    Format {
        /// The image's version.
        version: u16,
    },
    /// Damaged.
    Checksum,
    /// An operation that can't be executed.
    Operation {
        /// Its index.
        index: usize,
    },
    /// No memory for it.
    OutOfMemory,
}

impl fmt::Display for ImageError {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { len } => write!(
                f,
                "{len} bytes are not the length that the image's header demands"
            ),
            Self::Magic => f.write_str("not a device image"),
            Self::Format { version } => {
                write!(f, "image format {version}, this engine reads {FORMAT}")
            }
            Self::Checksum => f.write_str("the image is damaged: wrong checksum"),
            Self::Operation { index } => {
                write!(f, "operation {index} of the image can't be executed")
            }
            Self::OutOfMemory => OutOfMemory.fmt(f),
        }
    }
}

impl From<OutOfMemory> for ImageError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

/// Operations with the instructions that they were made from.
pub(crate) struct Parts<M: Memory> {
    pub(crate) ops: M::Buffer<Op>,
    /// For each operation the slot of its first instruction in the program as it was loaded.
    pub(crate) origins: M::Buffer<u32>,
}

/// What an image says about its program as a whole.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) digest: [u8; 32],
    pub(crate) maps: u16,
    pub(crate) kind: ProgramKind,
    pub(crate) writes_frame: bool,
    pub(crate) grows_frame: bool,
    pub(crate) locates: bool,
    pub(crate) stack_bytes: u32,
    pub(crate) slots: u32,
}

impl Header {
    fn encode(&self, ops: usize, crc: u32) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let flag = |is_set: bool, flag: u16| if is_set { flag } else { 0 };
        let flags = flag(self.writes_frame, FLAG_WRITES_FRAME)
            | flag(self.kind == ProgramKind::SchedCls, FLAG_CLASSIFIER)
            | flag(self.grows_frame, FLAG_GROWS_FRAME)
            | flag(self.locates, FLAG_LOCATES);
        let fields = MAGIC
            .to_le_bytes()
            .into_iter()
            .chain(FORMAT.to_le_bytes())
            .chain((HEADER_BYTES as u16).to_le_bytes())
            .chain(crate::VERSION)
            .chain((ops as u32).to_le_bytes())
            .chain(self.maps.to_le_bytes())
            .chain(flags.to_le_bytes())
            .chain(self.stack_bytes.to_le_bytes())
            .chain(self.digest)
            .chain(self.slots.to_le_bytes())
            .chain(crc.to_le_bytes());
        for (byte, field) in bytes.iter_mut().zip(fields) {
            *byte = field;
        }
        bytes
    }
}

/// A translated program.
pub struct Image<M: Memory> {
    header: Header,
    parts: Parts<M>,
    bytes: M::Buffer<u8>,
}

impl<M: Memory> Image<M> {
    /// Serialises `parts`.
    pub(crate) fn from_parts(
        memory: &M,
        header: Header,
        parts: Parts<M>,
    ) -> Result<Self, OutOfMemory> {
        let count = parts.ops.len();
        let mut bytes = memory.allocate(image_bytes(count), |_| 0)?;
        let mut rest = put(&mut bytes, header.encode(count, 0));
        for op in parts.ops.iter() {
            rest = put(rest, op.to_le_bytes());
        }
        for origin in parts.origins.iter() {
            rest = put(rest, origin.to_le_bytes());
        }
        let crc = Crc32c::new().and(&bytes).value();
        put(&mut bytes, header.encode(count, crc));
        Ok(Self {
            header,
            parts,
            bytes,
        })
    }

    /// Reads a serialised image. Whatever `bytes` hold, the result is a safe program or an error.
    ///
    /// # Errors
    ///
    /// [`ImageError`].
    pub fn decode(memory: &M, bytes: &[u8]) -> Result<Self, ImageError> {
        let head: &[u8; HEADER_BYTES] = header_of(bytes)?;
        let (before, _) = head.split_at(CRC_AT);
        let body = bytes.get(HEADER_BYTES..).unwrap_or(&[]);
        let crc = Crc32c::new()
            .and(before)
            .and(&[0; HEADER_BYTES - CRC_AT])
            .and(body);
        if crc.value() != u32::from_le_bytes(field(head, CRC_AT)) {
            return Err(ImageError::Checksum);
        }
        Self::decode_damaged(memory, bytes)
    }

    /// As [`Self::decode`], whatever the checksum is.
    fn decode_damaged(memory: &M, bytes: &[u8]) -> Result<Self, ImageError> {
        let length = ImageError::Length { len: bytes.len() };
        let head = header_of(bytes)?;
        let count = u32::from_le_bytes(field(head, 12)) as usize;
        let body = bytes.get(HEADER_BYTES..).unwrap_or(&[]);
        let flags = u16::from_le_bytes(field(head, 18));
        let header = Header {
            digest: field(head, 24),
            maps: u16::from_le_bytes(field(head, 16)),
            kind: if flags & FLAG_CLASSIFIER != 0 {
                ProgramKind::SchedCls
            } else {
                ProgramKind::Xdp
            },
            writes_frame: flags & FLAG_WRITES_FRAME != 0,
            grows_frame: flags & FLAG_GROWS_FRAME != 0,
            locates: flags & FLAG_LOCATES != 0,
            stack_bytes: u32::from_le_bytes(field(head, 20)),
            slots: u32::from_le_bytes(field(head, 56)),
        };
        let (ops, origins) = body
            .split_at_checked(count.wrapping_mul(Op::BYTES))
            .ok_or(length)?;
        for (index, bytes) in (0..count).zip(chunks(ops)) {
            let op = Op::from_le_bytes(*bytes);
            op.filter(|op| executable(op, index, count, &header))
                .ok_or(ImageError::Operation { index })?;
        }
        let filler = Op::new(Code::Exit, 0, 0, 0, 0);
        let mut ops = chunks(ops).map(|bytes| Op::from_le_bytes(*bytes).unwrap_or(filler));
        let mut origins = chunks(origins).map(|bytes| u32::from_le_bytes(*bytes));
        let parts = Parts {
            ops: memory.allocate(count, |_| ops.next().unwrap_or(filler))?,
            origins: memory.allocate(count, |_| origins.next().unwrap_or(0))?,
        };
        Ok(Self::from_parts(memory, header, parts)?)
    }

    /// Whether the operations that the device executes, and the serialised image, are still those
    /// that translation has made, as far as the checksum can tell: it knows each change of up to
    /// three bits.
    pub fn is_intact(&self) -> bool {
        let count = self.parts.ops.len();
        let head = self.header.encode(count, 0);
        let executed = Crc32c::new().and(&head);
        let executed = self
            .parts
            .ops
            .iter()
            .fold(executed, |crc, op| crc.and(&op.to_le_bytes()));
        let executed = self
            .parts
            .origins
            .iter()
            .fold(executed, |crc, origin| crc.and(&origin.to_le_bytes()));
        let executed = executed.value();
        let serialised = self.bytes.get(HEADER_BYTES..).unwrap_or(&[]);
        self.bytes.starts_with(&self.header.encode(count, executed))
            && Crc32c::new().and(&head).and(serialised).value() == executed
    }

    /// Has the memory of the image fail: what the device would execute if bit `bit` of the
    /// serialised image were inverted, least significant first in each byte.
    ///
    /// # Errors
    ///
    /// [`ImageError`]: there is no such bit, or the device could not execute that at all.
    pub fn with_flipped_bit(&self, memory: &M, bit: usize) -> Result<Self, ImageError> {
        let no_bit = ImageError::Length {
            len: self.bytes.len(),
        };
        let at = bit / 8;
        let flipped = |index: usize| {
            let byte = self.bytes.get(index).copied().unwrap_or(0);
            let mask = u8::from(index == at).rotate_left((bit % 8) as u32);
            byte ^ mask
        };
        if at >= self.bytes.len() {
            return Err(no_bit);
        }
        let bytes = memory.allocate(self.bytes.len(), flipped)?;
        let damaged = Self::decode_damaged(memory, &bytes)?;
        Ok(Self { bytes, ..damaged })
    }

    /// The serialised image, for `bpftool prog dump jited`.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of device memory that it takes, as the device executes it and serialised.
    pub fn memory(&self) -> usize {
        size_of_val(&*self.parts.ops)
            .saturating_add(size_of_val(&*self.parts.origins))
            .saturating_add(size_of_val(&*self.bytes))
    }

    /// The program's type.
    pub fn kind(&self) -> ProgramKind {
        self.header.kind
    }

    /// Whether the program may make the frame longer than the room around it allows: for what it
    /// then needs see [`MAX_SKB_LEN`](crate::limits::MAX_SKB_LEN).
    pub fn grows_frame(&self) -> bool {
        self.header.grows_frame
    }

    /// Whether the program may change the bytes or the bounds of the frame; if not, it runs on a
    /// read-only frame.
    pub fn writes_frame(&self) -> bool {
        self.header.writes_frame
    }

    /// Whether the program may name a place to send the frame to.
    pub fn redirects(&self) -> bool {
        let redirects = |op: &Op| op.code == Code::CallHelper && op.imm == Helper::Redirect as u64;
        self.parts.ops.iter().any(redirects)
    }

    /// Whether the program only looks: it neither changes the frame nor names a place to send it to.
    pub fn only_looks(&self) -> bool {
        !self.writes_frame() && !self.redirects()
    }

    /// A number that changes with each bit of what the device executes. It is found much faster than
    /// [whether the image is intact](Self::is_intact), by whoever knows what it was then.
    pub fn fingerprint(&self) -> u64 {
        let head = self.header.encode(self.parts.ops.len(), 0);
        let head = chunks(&head).map(|bytes| u64::from_le_bytes(*bytes));
        let ops = self.parts.ops.iter().flat_map(|op| {
            let operands = [op.code as u8, op.dst as u8, op.a as u8, op.b as u8];
            let operands = u64::from(u32::from_le_bytes(operands));
            [operands.rotate_left(32) | u64::from(op.extra), op.imm]
        });
        let origins = self.parts.origins.iter().map(|origin| u64::from(*origin));
        fingerprint(head.chain(ops).chain(origins))
    }

    /// Whether it matters to the program which processor runs it: the one that polls the queue.
    pub fn locates(&self) -> bool {
        self.header.locates
    }

    /// SHA-256 of the program that the image was made from.
    pub fn digest(&self) -> &[u8; 32] {
        &self.header.digest
    }

    /// Stack that the program needs, in bytes.
    pub fn stack_bytes(&self) -> u32 {
        self.header.stack_bytes
    }

    /// Number of entries of the program's map table.
    pub fn map_count(&self) -> usize {
        self.header.maps.into()
    }

    /// The operations.
    pub fn ops(&self) -> &[Op] {
        &self.parts.ops
    }

    /// Instruction slots of the program as it was loaded.
    pub(crate) fn slots(&self) -> u32 {
        self.header.slots
    }

    /// For each operation what [`origin`](Self::origin) gives.
    pub(crate) fn origins(&self) -> &[u32] {
        &self.parts.origins
    }

    /// The slot of the first instruction of operation `op`, in the program as it was loaded.
    pub fn origin(&self, op: usize) -> Option<u32> {
        self.parts.origins.get(op).copied()
    }
}

/// A number that changes with each bit of `words`.
pub(crate) fn fingerprint(words: impl Iterator<Item = u64>) -> u64 {
    words.fold(0, |print, word| print.rotate_left(7) ^ word)
}

/// The header of a serialised image, if the image is as long as it says.
fn header_of(bytes: &[u8]) -> Result<&[u8; HEADER_BYTES], ImageError> {
    let length = ImageError::Length { len: bytes.len() };
    let head: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(length)?;
    if u32::from_le_bytes(field(head, 0)) != MAGIC {
        return Err(ImageError::Magic);
    }
    let version = u16::from_le_bytes(field(head, 4));
    if version != FORMAT {
        return Err(ImageError::Format { version });
    }
    let count = u32::from_le_bytes(field(head, 12)) as usize;
    if bytes.len() != image_bytes(count) {
        return Err(length);
    }
    Ok(head)
}

fn image_bytes(ops: usize) -> usize {
    ops.saturating_mul(Op::BYTES.wrapping_add(ORIGIN_BYTES))
        .saturating_add(HEADER_BYTES)
}

/// Puts `value` at the beginning of `bytes`, if it fits; gives the bytes behind it.
fn put<const N: usize>(bytes: &mut [u8], value: [u8; N]) -> &mut [u8] {
    match bytes.split_first_chunk_mut() {
        Some((first, rest)) => {
            *first = value;
            rest
        }
        None => &mut [],
    }
}

/// The pieces of `bytes` that are `N` bytes long.
fn chunks<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = &[u8; N]> {
    let mut rest = bytes;
    iter::from_fn(move || {
        let (first, behind) = rest.split_first_chunk()?;
        rest = behind;
        Some(first)
    })
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes
        .get(at..)
        .and_then(|bytes| bytes.first_chunk().copied())
        .unwrap_or([0; N])
}

/// Whether the fields of `op`, operation `index`, name things that exist.
fn executable(op: &Op, index: usize, count: usize, header: &Header) -> bool {
    let target = !op.code.has_target() || (op.extra as usize) < count;
    // Going back is for jumps that are charged for it.
    let goes_back = op.extra as usize <= index;
    let target = target && !(op.code.is_jumping_shortcut() && goes_back);
    let what = match op.code {
        Code::CallHelper => i32::try_from(op.imm)
            .ok()
            .and_then(|id| Helper::for_kind(id, header.kind))
            .is_some(),
        Code::MapAddress => op.imm < header.maps.into(),
        code if code.is_packet_load() => header.kind == ProgramKind::SchedCls,
        _ => true,
    };
    target && what
}
