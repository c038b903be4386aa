// SPDX-License-Identifier: GPL-2.0

//! Programs and maps in the device: how they come, what they say and keep, what is refused.

mod attach;
mod bind_map;
mod maps;
mod refusals;
mod rules;
mod samples;
mod selftests;
mod swap;
