// SPDX-License-Identifier: GPL-2.0

//! The frame that the device is working on, and its context.

pub(crate) mod tc;

use crate::errno;
use crate::limits::RESERVED_HEADROOM;
pub use tc::{TcContext, VlanTag, VLAN_HLEN};

/// Bytes of an Ethernet header: an XDP program can't make a frame shorter.
pub const ETH_HLEN: usize = 14;
/// Longest metadata in front of a frame, as `skb_shared_info` can carry it.
const MAX_METADATA: i64 = 255;

enum Buffer<'a> {
    Shared(&'a [u8]),
    Exclusive(&'a mut [u8]),
}

/// A frame in a buffer: headroom, metadata, data and tailroom, in this order.
pub struct Frame<'a> {
    buffer: Buffer<'a>,
    /// Buffer offset of the first byte of metadata; equal to `data` if there is none.
    meta: usize,
    /// Buffer offset of the first byte of the frame.
    data: usize,
    /// Buffer offset behind the last byte of the frame.
    end: usize,
}

impl<'a> Frame<'a> {
    /// A frame that may only be read: enough for programs whose image says that they do not write
    /// frames.
    #[inline]
    pub fn read_only(data: &'a [u8]) -> Self {
        Self {
            meta: 0,
            data: 0,
            end: data.len(),
            buffer: Buffer::Shared(data),
        }
    }

    /// The frame `buffer[data..end]`, with headroom before it and tailroom behind it that a program
    /// may claim ([`XDP_PACKET_HEADROOM`](crate::limits::XDP_PACKET_HEADROOM) bytes of headroom
    /// give what native XDP gives; the first [`RESERVED_HEADROOM`] of the buffer are never handed
    /// out).
    ///
    /// `None` if `data..end` is not a range of the buffer.
    #[inline]
    pub fn writable(buffer: &'a mut [u8], data: usize, end: usize) -> Option<Self> {
        buffer.get(data..end)?;
        Some(Self {
            buffer: Buffer::Exclusive(buffer),
            meta: data,
            data,
            end,
        })
    }

    /// The bytes of the frame, as the program left them.
    #[inline]
    pub fn data(&self) -> &[u8] {
        self.buffer().get(self.data..self.end).unwrap_or(&[])
    }

    /// The bytes of the metadata in front of the frame.
    #[inline]
    pub fn metadata(&self) -> &[u8] {
        self.buffer().get(self.meta..self.data).unwrap_or(&[])
    }

    /// Length of the frame in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.end.saturating_sub(self.data)
    }

    /// Whether the frame has no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the frame may only be read.
    pub fn is_read_only(&self) -> bool {
        matches!(self.buffer, Buffer::Shared(_))
    }

    /// Offset of the frame in its buffer.
    #[inline]
    pub fn data_offset(&self) -> usize {
        self.data
    }

    /// Offset of the end of the frame in its buffer.
    #[inline]
    pub fn end_offset(&self) -> usize {
        self.end
    }

    /// Offset of the metadata in the buffer.
    pub(crate) fn meta_offset(&self) -> usize {
        self.meta
    }

    #[inline]
    fn buffer(&self) -> &[u8] {
        match &self.buffer {
            Buffer::Shared(bytes) => bytes,
            Buffer::Exclusive(bytes) => bytes,
        }
    }

    /// The bytes from buffer offset `offset` to the end of the frame, if it lies in metadata or
    /// data.
    #[inline]
    pub(crate) fn tail(&self, offset: u64) -> Option<&[u8]> {
        let offset = offset as usize;
        if offset < self.meta {
            return None;
        }
        self.buffer().get(offset..self.end)
    }

    /// The `N` bytes at buffer offset `offset`, if all of them lie in metadata or data.
    #[inline(always)]
    pub(crate) fn chunk<const N: usize>(&self, offset: u64) -> Option<&[u8; N]> {
        let start = offset as usize;
        let end = start.checked_add(N)?;
        if start < self.meta || end > self.end {
            return None;
        }
        self.buffer().get(start..end)?.first_chunk()
    }

    /// As [`Frame::chunk`], for writing: `None` also if the frame may only be read.
    #[inline(always)]
    pub(crate) fn chunk_mut<const N: usize>(&mut self, offset: u64) -> Option<&mut [u8; N]> {
        let start = offset as usize;
        let end = start.checked_add(N)?;
        if start < self.meta || end > self.end {
            return None;
        }
        match &mut self.buffer {
            Buffer::Shared(_) => None,
            Buffer::Exclusive(bytes) => bytes.get_mut(start..end)?.first_chunk_mut(),
        }
    }

    /// As [`Frame::tail`], for writing: `Err` if the frame may only be read.
    #[inline]
    pub(crate) fn tail_mut(&mut self, offset: u64) -> Result<Option<&mut [u8]>, ReadOnly> {
        let offset = offset as usize;
        let (meta, end) = (self.meta, self.end);
        match &mut self.buffer {
            Buffer::Shared(_) => Err(ReadOnly),
            Buffer::Exclusive(_) if offset < meta => Ok(None),
            Buffer::Exclusive(bytes) => Ok(bytes.get_mut(offset..end)),
        }
    }

    /// Moves the start of the frame by `delta` bytes, metadata with it: `bpf_xdp_adjust_head`.
    ///
    /// # Errors
    ///
    /// An error number, as the kernel's helper.
    pub(crate) fn adjust_head(&mut self, delta: i32) -> Result<(), i32> {
        let Buffer::Exclusive(bytes) = &mut self.buffer else {
            return Err(errno::EINVAL);
        };
        let metadata = self.data.saturating_sub(self.meta);
        let data = moved(self.data, delta);
        let first = (RESERVED_HEADROOM as i64).saturating_add(metadata as i64);
        if data < first || data > (self.end as i64).saturating_sub(ETH_HLEN as i64) {
            return Err(errno::EINVAL);
        }
        let meta = moved(self.meta, delta) as usize;
        if metadata > 0 {
            move_bytes(bytes, self.meta, meta, metadata);
        }
        self.meta = meta;
        self.data = data as usize;
        Ok(())
    }

    /// Moves the end of the frame by `delta` bytes, new bytes zero: `bpf_xdp_adjust_tail`.
    ///
    /// # Errors
    ///
    /// An error number, as the kernel's helper.
    pub(crate) fn adjust_tail(&mut self, delta: i32) -> Result<(), i32> {
        let Buffer::Exclusive(bytes) = &mut self.buffer else {
            return Err(errno::EINVAL);
        };
        let end = moved(self.end, delta);
        if end > bytes.len() as i64 || end < (self.data as i64).saturating_add(ETH_HLEN as i64) {
            return Err(errno::EINVAL);
        }
        let end = end as usize;
        if let Some(new) = bytes.get_mut(self.end..end) {
            new.fill(0);
        }
        self.end = end;
        Ok(())
    }

    /// Moves the start of the metadata by `delta` bytes: `bpf_xdp_adjust_meta`.
    ///
    /// # Errors
    ///
    /// An error number, as the kernel's helper.
    pub(crate) fn adjust_meta(&mut self, delta: i32) -> Result<(), i32> {
        let Buffer::Exclusive(_) = &self.buffer else {
            return Err(errno::EINVAL);
        };
        let meta = moved(self.meta, delta);
        let length = (self.data as i64).saturating_sub(meta);
        if meta < RESERVED_HEADROOM as i64 || length < 0 {
            return Err(errno::EINVAL);
        }
        if length % 4 != 0 || length > MAX_METADATA {
            return Err(errno::EACCES);
        }
        self.meta = meta as usize;
        Ok(())
    }
}

/// What a classifier's helpers do to a frame. Software moves a frame to a larger buffer when it has
/// to; here the buffer is what there is, but room may be at either end of it.
impl Frame<'_> {
    /// Has the frame know `len` bytes in front of it as its metadata, if there are so many.
    pub(crate) fn claim_metadata(&mut self, len: u8) {
        self.meta = self.data.checked_sub(len.into()).unwrap_or(self.data);
    }

    /// Takes `count` bytes out of the frame behind its first `at` ones, which move, metadata with
    /// them.
    ///
    /// # Errors
    ///
    /// A (positive) error number if the frame is too short or may only be read; it then is as it
    /// was.
    pub(crate) fn remove(&mut self, at: usize, count: usize) -> Result<(), i32> {
        let gone = at.checked_add(count).filter(|end| *end <= self.len());
        gone.ok_or(errno::ENOMEM)?;
        self.move_front(at, self.meta.wrapping_add(count))
    }

    /// Makes room for `count` bytes in the frame behind its first `at` ones, which move, metadata
    /// with them. The new bytes are zero.
    ///
    /// # Errors
    ///
    /// A (positive) error number if the frame is too short, the buffer too small, or it may only be
    /// read; the frame's bytes are then as they were.
    pub(crate) fn insert(&mut self, at: usize, count: usize) -> Result<(), i32> {
        if at > self.len() {
            return Err(errno::ENOMEM);
        }
        self.make_room(count, 0)?;
        self.move_front(at, self.meta.saturating_sub(count))?;
        self.clear(at, count);
        Ok(())
    }

    /// Makes the frame `len` bytes long by cutting its end off, or adding zeros to it.
    ///
    /// # Errors
    ///
    /// A (positive) error number if the buffer is too small or may only be read; the frame's bytes
    /// are then as they were.
    pub(crate) fn resize(&mut self, len: usize) -> Result<(), i32> {
        let old = self.len();
        let more = len.saturating_sub(old);
        self.make_room(0, more)?;
        self.end = self.data.saturating_add(len);
        self.clear(old, more);
        Ok(())
    }

    /// Copies `bytes` to the frame from its byte `at` on, if it has that many and may be written.
    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        let first = self.data.saturating_add(at);
        let end = first.saturating_add(bytes.len());
        if let Buffer::Exclusive(buffer) = &mut self.buffer {
            let place = buffer.get_mut(first..end).filter(|_| end <= self.end);
            for (to, from) in place.unwrap_or_default().iter_mut().zip(bytes) {
                *to = *from;
            }
        }
    }

    /// Zeroes `count` bytes of the frame from byte `at` on.
    fn clear(&mut self, at: usize, count: usize) {
        let first = self.data.saturating_add(at);
        if let Buffer::Exclusive(bytes) = &mut self.buffer {
            let range = first..first.saturating_add(count);
            if let Some(bytes) = bytes.get_mut(range) {
                bytes.fill(0);
            }
        }
    }

    /// Moves metadata and the first `count` bytes of the frame to buffer offset `to`.
    fn move_front(&mut self, count: usize, to: usize) -> Result<(), i32> {
        let Buffer::Exclusive(bytes) = &mut self.buffer else {
            return Err(errno::ENOMEM);
        };
        let metadata = self.data.saturating_sub(self.meta);
        move_bytes(bytes, self.meta, to, metadata.saturating_add(count));
        self.meta = to;
        self.data = to.saturating_add(metadata);
        Ok(())
    }

    /// Has `front` bytes free before the metadata and `back` bytes behind the frame, if need be by
    /// moving all of it.
    fn make_room(&mut self, front: usize, back: usize) -> Result<(), i32> {
        let Buffer::Exclusive(bytes) = &mut self.buffer else {
            return Err(errno::ENOMEM);
        };
        let room = bytes.len().saturating_sub(self.end);
        if self.meta >= front && room >= back {
            return Ok(());
        }
        let (used, metadata) = (
            self.end.saturating_sub(self.meta),
            self.data.saturating_sub(self.meta),
        );
        let needed = front
            .checked_add(used)
            .and_then(|sum| sum.checked_add(back));
        let spare = needed.and_then(|needed| bytes.len().checked_sub(needed));
        // What is left over goes to the front, where tags and headers are pushed.
        let to = front.saturating_add(spare.ok_or(errno::ENOMEM)?);
        move_bytes(bytes, self.meta, to, used);
        self.meta = to;
        self.data = to.saturating_add(metadata);
        self.end = to.saturating_add(used);
        Ok(())
    }
}

/// The frame may only be read.
pub(crate) struct ReadOnly;

/// `offset + delta`. Buffer offsets are far below 2^63, so this can't overflow.
fn moved(offset: usize, delta: i32) -> i64 {
    (offset as i64).saturating_add(i64::from(delta))
}

/// Moves `len` bytes of `bytes` from offset `from` to offset `to`; the ranges may overlap.
fn move_bytes(bytes: &mut [u8], from: usize, to: usize, len: usize) {
    // `copy_within` can panic, and what is moved is short: headers and metadata, but for a frame that
    // has no room left where it lies.
    for step in 0..len {
        let index = if to < from {
            step
        } else {
            len.wrapping_sub(step).wrapping_sub(1)
        };
        let Some(byte) = bytes.get(from.wrapping_add(index)).copied() else {
            return;
        };
        if let Some(target) = bytes.get_mut(to.wrapping_add(index)) {
            *target = byte;
        }
    }
}

/// What a program can learn about a frame beside its bytes, the rest of `struct xdp_md`, and what it
/// decides beside its verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct XdpContext {
    /// Interface index of the port that received the frame.
    pub ingress_ifindex: u32,
    /// Receive queue that the frame has come by.
    pub rx_queue_index: u32,
    /// The one that the program has written in its place; `None` before it does.
    pub chosen_queue: Option<u32>,
    /// Interface index of the port that will send the frame; 0 on receive.
    pub egress_ifindex: u32,
    /// Interface index that the program gave to `bpf_redirect()` last; `None` before it does.
    pub redirect: Option<u32>,
}
