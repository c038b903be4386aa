// SPDX-License-Identifier: GPL-2.0

//! Everything that the engine can say in words, made concrete.
//!
//! Compiled by `../panic_free.rs` with the flags of the kernel; never run.

#![no_std]
#![forbid(unsafe_code)]

use core::convert::Infallible;
use core::fmt::{Display, Formatter, Result};
use core::marker::PhantomData;

use engine::fault::Fault;
use engine::forward::EntryError;
use engine::helper::Helper;
use engine::image::{Image, ImageError};
use engine::map::MapError;
use engine::memory::{Lock, LockClass, Memory, OutOfMemory};
use engine::op::Op;
use engine::parser::dissector::Unfit;
use engine::refusal::Refusal;

/// No memory, for a type that an image can have.
pub struct None;

/// No lock either.
pub struct Never<T>(Infallible, PhantomData<fn(T)>);

impl<T: Send + Unpin + 'static> Lock<T> for Never<T> {
    fn with<R>(&self, _critical: impl FnOnce(&mut T) -> R) -> R {
        match self.0 {}
    }
}

impl Memory for None {
    type Buffer<T: Send + Sync + 'static> = &'static mut [T];
    type Lock<T: Send + Unpin + 'static> = Never<T>;

    fn allocate<T: Send + Sync + 'static>(
        &self,
        _len: usize,
        _fill: impl FnMut(usize) -> T,
    ) -> core::result::Result<&'static mut [T], OutOfMemory> {
        Err(OutOfMemory)
    }

    fn locks<T: Send + Unpin + 'static>(
        &self,
        _class: LockClass,
        _len: usize,
        _fill: impl FnMut(usize) -> T,
    ) -> core::result::Result<&'static mut [Never<T>], OutOfMemory> {
        Err(OutOfMemory)
    }
}

pub fn image(image: &Image<None>, f: &mut Formatter<'_>) -> Result {
    image.fmt(f)
}

pub fn op(op: &Op, f: &mut Formatter<'_>) -> Result {
    op.fmt(f)
}

pub fn refusal(refusal: &Refusal, f: &mut Formatter<'_>) -> Result {
    refusal.fmt(f)
}

pub fn fault(fault: &Fault, f: &mut Formatter<'_>) -> Result {
    fault.fmt(f)
}

pub fn map_error(error: &MapError, f: &mut Formatter<'_>) -> Result {
    error.fmt(f)
}

pub fn image_error(error: &ImageError, f: &mut Formatter<'_>) -> Result {
    error.fmt(f)
}

pub fn unfit(unfit: &Unfit, f: &mut Formatter<'_>) -> Result {
    unfit.fmt(f)
}

pub fn graph_refusal(refusal: &parse_graph::Refusal, f: &mut Formatter<'_>) -> Result {
    refusal.fmt(f)
}

pub fn helper(helper: Helper, f: &mut Formatter<'_>) -> Result {
    helper.fmt(f)
}

pub fn entry_error(error: &EntryError, f: &mut Formatter<'_>) -> Result {
    error.fmt(f)
}
