// SPDX-License-Identifier: GPL-2.0

//! What running programs need of the embedder.

use super::sample::Sample;

/// What the device asks its surroundings for while a program runs. Called for each use: must be
/// cheap and must not sleep.
pub trait Services {
    /// Nanoseconds of the monotonic clock (`bpf_ktime_get_ns`).
    fn ktime_get_ns(&self) -> u64;
    /// A pseudo-random number (`bpf_get_prandom_u32`).
    fn prandom_u32(&self) -> u32;
    /// The number of the processor that runs the program (`bpf_get_smp_processor_id`).
    fn processor_id(&self) -> u32;
    /// Sends `sample` to user space by entry `map` of the program's map table, which is an
    /// [event array](crate::map::Map::event_array), and gives 0 or a negative error number
    /// (`bpf_perf_event_output`). Bits 0 to 31 of `flags` are the place in the array, all ones for
    /// that of the processor.
    fn event_output(&self, map: u16, flags: u64, sample: &Sample<'_>) -> i64;
}
