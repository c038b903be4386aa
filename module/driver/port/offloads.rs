// SPDX-License-Identifier: GPL-2.0

//! Who did what for the frames of a transmit queue.

use net::stats::Counter;
use offload::transmit::{
    Reason,
    Work, //
};

/// What the device does of a frame of the stack.
#[derive(Default)]
pub(crate) struct DeviceWork {
    /// Frames that it fills a checksum in.
    pub(crate) checksums: u64,
    /// Super-frames that it cuts.
    pub(crate) gso_packets: u64,
    /// Their bytes.
    pub(crate) gso_bytes: u64,
    /// What it makes of them.
    pub(crate) gso_wire_packets: u64,
    /// And the bytes of that.
    pub(crate) gso_wire_bytes: u64,
}

const REASONS: usize = Reason::ALL.len();

/// Counters of a transmit queue, which belong to whoever holds its lock.
pub(crate) struct TxOffloads {
    /// Frames that the device has filled a checksum in, but for those that it has made itself.
    pub(crate) checksums: Counter,
    /// Super-frames that the device has cut.
    pub(crate) gso_packets: Counter,
    pub(crate) gso_bytes: Counter,
    /// The frames that it has made of them.
    pub(crate) gso_wire_packets: Counter,
    pub(crate) gso_wire_bytes: Counter,
    /// Frames and super-frames of the stack into which the device has put a VLAN tag.
    pub(crate) vlan_tags: Counter,
    software_checksums: [Counter; REASONS],
    software_segmentations: [Counter; REASONS],
    /// Lost: software could not fill in the checksum.
    pub(crate) checksum_drops: Counter,
    /// Lost: software could not cut the super-frame.
    pub(crate) segmentation_drops: Counter,
    /// Lost: there was no memory for the VLAN tag.
    pub(crate) vlan_drops: Counter,
    /// Lost: super-frames that software has cut when the far ring had no room any more.
    pub(crate) segments_ring_full_drops: Counter,
}

impl TxOffloads {
    pub(super) const fn new() -> Self {
        Self {
            checksums: Counter::new(),
            gso_packets: Counter::new(),
            gso_bytes: Counter::new(),
            gso_wire_packets: Counter::new(),
            gso_wire_bytes: Counter::new(),
            vlan_tags: Counter::new(),
            software_checksums: [const { Counter::new() }; REASONS],
            software_segmentations: [const { Counter::new() }; REASONS],
            checksum_drops: Counter::new(),
            segmentation_drops: Counter::new(),
            vlan_drops: Counter::new(),
            segments_ring_full_drops: Counter::new(),
        }
    }

    fn by_reason(&self, work: Work) -> &[Counter; REASONS] {
        match work {
            Work::Checksum => &self.software_checksums,
            Work::Segmentation => &self.software_segmentations,
        }
    }

    /// How often software did `work` because of `reason`.
    pub(crate) fn software(&self, work: Work, reason: Reason) -> u64 {
        let counter = self.by_reason(work).get(reason as usize);
        counter.map_or(0, Counter::get)
    }

    pub(crate) fn count_software(&self, work: Work, reason: Reason) {
        if let Some(counter) = self.by_reason(work).get(reason as usize) {
            counter.add(1);
        }
    }

    pub(crate) fn count_device(&self, done: &DeviceWork) {
        if done.checksums != 0 {
            self.checksums.add(done.checksums);
        }
        if done.gso_packets != 0 {
            self.gso_packets.add(done.gso_packets);
            self.gso_bytes.add(done.gso_bytes);
            self.gso_wire_packets.add(done.gso_wire_packets);
            self.gso_wire_bytes.add(done.gso_wire_bytes);
        }
    }

    pub(crate) fn count_lost(&self, work: Work) {
        match work {
            Work::Checksum => self.checksum_drops.add(1),
            Work::Segmentation => self.segmentation_drops.add(1),
        }
    }

    /// Frames of the stack that were lost.
    pub(crate) fn drops(&self) -> u64 {
        net::stats::sum([
            self.checksum_drops.get(),
            self.segmentation_drops.get(),
            self.vlan_drops.get(),
            self.segments_ring_full_drops.get(),
        ])
    }
}
