// SPDX-License-Identifier: GPL-2.0

//! The smallest NIC on the crate `net`: what it sends, it receives.
//!
//! One interface, one queue, NAPI, counters. It has no BPF offload, no native XDP, no devlink instance,
//! and names none of them. `make KDIR=... SAMPLE=loopback_nic` builds it.

use kernel::{
    faux,
    prelude::*,
    sync::Arc, //
};
use net::{
    napi::PollContext,
    netdev::{
        Config,
        Device,
        Operations,
        Poll,
        Registration,
        Rtnl,
        Table,
        Xmit, //
    },
    netns::NetNamespace,
    ring::FrameRing,
    skbuff::{
        SkBuff,
        Stamps, //
    },
    stats::{
        Counter,
        LinkStats, //
    },
};

module! {
    type: LoopbackNic,
    name: "loopback_nic",
    authors: ["The offload_nic developers"],
    description: "NIC that receives what it sends",
    license: "GPL",
}

struct Port {
    device: Device<Port>,
    ring: Pin<KBox<FrameRing<()>>>,
    tx: Counts,
    rx: Counts,
}

/// Counted by one context at a time: with the lock of the transmit queue held, or in the poll.
#[derive(Default)]
struct Counts {
    packets: Counter,
    bytes: Counter,
    dropped: Counter,
}

impl Counts {
    fn add(&self, len: u64, is_lost: bool) {
        let packets = if is_lost {
            &self.dropped
        } else {
            &self.packets
        };
        packets.add(1);
        self.bytes.add(if is_lost { 0 } else { len });
    }
}

impl Poll for Port {
    fn poll(&self, queue: u16, context: &PollContext<'_>) -> usize {
        let mut polled = 0;
        while let Some(frames) = (polled < context.budget())
            .then(|| self.ring.pop())
            .flatten()
        {
            polled += 1;
            for frame in frames {
                let len = frame.len() as u64;
                // Who listens to what is sent may still hold the frame.
                let frame = frame.into_skb().share_check();
                let is_received = frame.is_ok_and(|frame| frame.receive(queue, None, context));
                self.rx.add(len, !is_received);
            }
        }
        polled
    }
}

impl Operations for Port {
    const DRIVER: &'static CStr = c"loopback_nic";
    const TABLE: Table<Self> = Table::base();

    fn device(&self) -> &Device<Self> {
        &self.device
    }

    fn open(&self, rtnl: &Rtnl<'_>) -> Result {
        self.device.set_carrier(true, rtnl);
        Ok(())
    }

    fn stop(&self, rtnl: &Rtnl<'_>) {
        self.device.set_carrier(false, rtnl);
    }

    fn start_xmit(&self, skb: SkBuff, queue: u16) -> Xmit {
        let len = skb.len() as u64;
        let is_lost = self.ring.send(skb, &(), Stamps::default()).is_err();
        self.tx.add(len, is_lost);
        self.device.schedule(queue);
        Xmit::Taken
    }

    fn link_stats(&self) -> LinkStats {
        LinkStats {
            rx_packets: self.rx.packets.get(),
            rx_bytes: self.rx.bytes.get(),
            rx_dropped: self.rx.dropped.get(),
            tx_packets: self.tx.packets.get(),
            tx_bytes: self.tx.bytes.get(),
            tx_dropped: self.tx.dropped.get(),
            ..LinkStats::default()
        }
    }
}

/// Dropped from top to bottom: what the interface is on goes last.
struct LoopbackNic {
    _interface: Registration<Port>,
    _parent: faux::Registration,
}

impl kernel::Module for LoopbackNic {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let parent = faux::Registration::new(c"loopback_nic", None)?;
        let on = parent.as_ref().as_ref(); // From 7.3 on the first gives the faux device.
        let port = Port {
            device: Device::new(&Config::new(on, c"loopnic%d"))?,
            ring: KBox::pin_init(FrameRing::new(256), GFP_KERNEL)?,
            tx: Counts::default(),
            rx: Counts::default(),
        };
        let port = Arc::new(port, GFP_KERNEL)?;
        Ok(Self {
            _interface: Registration::new(port, &NetNamespace::current())?,
            _parent: parent,
        })
    }
}
