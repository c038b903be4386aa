// SPDX-License-Identifier: GPL-2.0

//! The way of frames between the stack and the card. Context: softirq, or bottom halves off.

mod audit;
mod completion;
mod flows;
mod hash;
mod native;
mod outgoing;
mod receive;
mod segments;
mod transmit;

pub(crate) use native::SINGLE_BUFFER_MTU;
