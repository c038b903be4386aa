// SPDX-License-Identifier: GPL-2.0

//! What is sent, and how it arrives: checksums, super-frames, completion.

mod between;
mod completion;
mod features;
mod gro;
mod gro_audit;
mod gro_datagrams;
mod gro_program;
mod gso_program;
mod kept;
mod lent;
mod sctp;
mod segments;
mod sharing;
mod socket;
mod transfer;
mod tunnels;
mod twins;
mod whole;
mod wire;
