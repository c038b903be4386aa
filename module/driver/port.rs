// SPDX-License-Identifier: GPL-2.0

//! A port: one net device, its queues, and its end of the cable.

use crate::{
    asic::Asic,
    loaded::LoadedProgram,
    profile::Profile,
    program::Program,
    redirect::Siblings,
    rx::{
        RxCore,
        RxQueue, //
    },
    switches::TestSwitches,
    tc::TcSlot,
    tx::TxQueue,
    xdp::XdpSlot, //
};
use core::sync::atomic::{
    AtomicBool,
    AtomicU32,
    Ordering, //
};
use kernel::{
    device,
    prelude::*,
    sync::Arc, //
};
use net::{
    bpf::{
        AttachedProgram,
        OffloadDevice, //
    },
    error::not_supported,
    extack::Extack,
    netdev::{
        Config,
        Device,
        FeatureCell,
        Features,
        Operations,
        PollContext,
        Rtnl,
        Xmit, //
    },
    rcu,
    skbuff::SkBuff,
    stats::{
        LinkStats,
        RxQueueStats,
        TxQueueStats, //
    },
    tc::FilterChange,
    xdp::{
        NativeProgram,
        XdpFrames, //
    },
};
use offload::{
    Interface,
    Slot, //
};
use offload_uapi::limits::{
    DEFAULT_RING,
    MAX_MTU,
    MIN_MTU, //
};

/// A port of a NIC.
pub(crate) struct Port {
    /// Number of the port on its NIC.
    pub(crate) index: u16,
    pub(crate) device: Device<Port>,
    asic: Asic,
    pub(crate) rx: KVec<RxQueue>,
    pub(crate) tx: KVec<TxQueue>,
    /// What each ring of a receive queue holds. Written under RTNL.
    pub(crate) rx_ring_size: AtomicU32,
    /// How many frames of a transmit queue may be under way. Written under RTNL.
    pub(crate) tx_ring_size: AtomicU32,
    /// Whether the port takes frames from the cable. Written under RTNL.
    pub(crate) is_up: AtomicBool,
    /// The port at the other end of the cable.
    pub(crate) peer: rcu::Slot<Port>,
    /// All ports of the NIC, this one too.
    pub(crate) siblings: Arc<Siblings>,
    /// The XDP program that the device runs for each received frame.
    pub(crate) xdp_hw: XdpSlot,
    /// The program of the host that sees each frame first that the device hands up.
    pub(crate) xdp_native: rcu::Slot<NativeProgram>,
    /// The classifier that it runs instead. One of the two is empty.
    pub(crate) tc_hw: TcSlot,
    /// What the offload infrastructure keeps of it.
    pub(crate) interface: Interface,
    /// The features that the user wants and the policy of the interface has refused.
    pub(crate) refused_features: FeatureCell,
    /// What tests have the port refuse or take.
    pub(crate) switches: TestSwitches,
}

impl Port {
    /// Makes port number `index` of the device `parent`, without a cable.
    pub(crate) fn new(
        parent: &device::Device,
        offload: Arc<OffloadDevice<Program>>,
        index: u16,
        queues: u16,
    ) -> Result<Self> {
        let mut rx = KVec::with_capacity(usize::from(queues), GFP_KERNEL)?;
        let mut tx = KVec::with_capacity(usize::from(queues), GFP_KERNEL)?;
        for _ in 0..queues {
            rx.push(RxQueue::new(DEFAULT_RING)?, GFP_KERNEL)?;
            tx.push(TxQueue::new(), GFP_KERNEL)?;
        }
        let config = Config {
            parent,
            name: c"onic%d",
            port: index,
            queues,
            min_mtu: MIN_MTU,
            max_mtu: MAX_MTU,
        };
        let asic = offload.device().clone();
        Ok(Self {
            index,
            device: Device::new(&config, offload, |_| RxCore::new(&asic.memory))?,
            rx,
            tx,
            rx_ring_size: AtomicU32::new(DEFAULT_RING),
            tx_ring_size: AtomicU32::new(DEFAULT_RING),
            is_up: AtomicBool::new(false),
            peer: rcu::Slot::empty(),
            siblings: asic.ports.clone(),
            interface: Interface::new(asic.offload.clone(), asic.device_name()?),
            refused_features: FeatureCell::new(),
            asic,
            xdp_hw: XdpSlot::empty(),
            xdp_native: rcu::Slot::empty(),
            tc_hw: TcSlot::new()?,
            switches: TestSwitches::new(),
        })
    }

    /// Puts a cable between two ports that have none.
    pub(crate) fn plug(left: &Arc<Self>, right: &Arc<Self>, rtnl: &Rtnl<'_>) {
        left.peer.replace(Some(right.clone()));
        right.peer.replace(Some(left.clone()));
        let is_lit = left.device.is_running(rtnl) && right.device.is_running(rtnl);
        left.device.set_carrier(is_lit, rtnl);
        right.device.set_carrier(is_lit, rtnl);
    }

    /// Pulls the cable out, at both ends. The frames on it are lost.
    pub(crate) fn unplug(&self, rtnl: &Rtnl<'_>) {
        let Some(peer) = self.peer.replace(None) else {
            return;
        };
        peer.peer.replace(None);
        for port in [self, &*peer] {
            port.device.set_carrier(false, rtnl);
            port.flush();
        }
        for port in [self, &*peer] {
            port.forget_in_flight();
        }
    }

    /// Uses the first `count` queue pairs and no others. What is on the cable to one of those others
    /// is lost.
    pub(crate) fn use_queues(&self, count: u16, rtnl: &Rtnl<'_>) -> Result {
        // Who saw the old number has put its frame into the ring by then.
        self.device.set_queues(count, rtnl)?;
        self.flush_unused();
        let guard = rcu::Guard::new();
        if let Some(peer) = self.peer.load(&guard) {
            // Its transmit queues have other receive queues now.
            peer.release_all();
        }
        // A queue that was stopped when it went out of use is to be found ready next time.
        self.release_all();
        Ok(())
    }

    /// Whether there is a cable.
    pub(crate) fn has_cable(&self, _rtnl: &Rtnl<'_>) -> bool {
        self.peer.load(&rcu::Guard::new()).is_some()
    }

    /// The number of the program that the device runs for each received frame, as user space knows
    /// it; 0 if there is none. Any context but softirq.
    pub(crate) fn offloaded_number(&self) -> u32 {
        let guard = rcu::Guard::new();
        let classifier = self.tc_hw.load(&guard).map(|filter| &**filter.program());
        let xdp = self.xdp_hw.load(&guard).map(|active| active.program());
        xdp.or(classifier).map_or(0, LoadedProgram::number)
    }

    /// The device behind the port.
    pub(crate) fn asic(&self) -> &Asic {
        &self.asic
    }

    /// What kind of device the port's NIC is now.
    #[inline]
    pub(crate) fn profile(&self) -> Profile {
        self.asic.profile.get()
    }

    /// Whether the port takes frames.
    #[inline]
    pub(crate) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Acquire)
    }

    /// The port at the other end of the cable, if it takes frames.
    #[inline]
    pub(crate) fn listening_peer<'a>(&'a self, guard: &'a rcu::Guard) -> Option<&'a Self> {
        self.peer.load(guard).filter(|peer| peer.is_up())
    }
}

impl Operations for Port {
    type RxQueue = RxCore;
    type Program = Program;

    fn device(&self) -> &Device<Self> {
        &self.device
    }

    fn open(&self, rtnl: &Rtnl<'_>) -> Result {
        self.is_up.store(true, Ordering::Release);
        // Nobody looked for completions while the port was down.
        self.complete_all();
        let guard = rcu::Guard::new();
        if let Some(peer) = self.peer.load(&guard) {
            let is_lit = peer.device.is_running(rtnl);
            self.device.set_carrier(is_lit, rtnl);
            peer.device.set_carrier(is_lit, rtnl);
        }
        Ok(())
    }

    fn stop(&self, rtnl: &Rtnl<'_>) {
        {
            let guard = rcu::Guard::new();
            self.device.set_carrier(false, rtnl);
            if let Some(peer) = self.peer.load(&guard) {
                peer.device.set_carrier(false, rtnl);
            }
        }
        self.is_up.store(false, Ordering::Release);
        // Who saw the port up has put its frame into the ring by then.
        rcu::synchronize_net();
        self.flush();
        let guard = rcu::Guard::new();
        if let Some(peer) = self.peer.load(&guard) {
            // The frames that it would send back after a pause find no carrier now. Later there
            // may be one again, and they would go on bouncing.
            peer.device.end_rests(rtnl);
        }
    }

    fn start_xmit(&self, skb: SkBuff, queue: u16) -> Xmit {
        self.transmit(skb, queue)
    }

    fn poll(&self, queue: u16, core: &mut RxCore, context: &PollContext<'_>) -> usize {
        self.receive(queue, core, context)
    }

    fn complete_tx(&self, queue: u16) -> usize {
        self.complete(queue) as usize
    }

    fn link_stats(&self) -> LinkStats {
        let mut total = LinkStats::default();
        for rx in self.rx.iter() {
            total.add(&rx.link_stats());
        }
        for tx in self.tx.iter() {
            total.add(&tx.link_stats());
        }
        total
    }

    fn rx_queue_stats(&self, queue: u16) -> RxQueueStats {
        self.rx
            .get(usize::from(queue))
            .map(RxQueue::stats)
            .unwrap_or_default()
    }

    fn tx_queue_stats(&self, queue: u16) -> TxQueueStats {
        let mut stats = self
            .tx
            .get(usize::from(queue))
            .map(TxQueue::stats)
            .unwrap_or_default();
        // What the device sends back goes out by the queue of the number that it came in by.
        if let Some(rx) = self.rx.get(usize::from(queue)) {
            rx.add_bounced_to(&mut stats);
        }
        stats
    }

    fn check_mtu(&self, mtu: u32, rtnl: &Rtnl<'_>) -> Result {
        self.check_native_mtu(mtu, rtnl)
    }

    fn xdp_xmit(&self, frames: &mut XdpFrames<'_>) {
        self.transmit_redirected(frames);
    }

    fn xdp_setup(
        &self,
        program: Option<NativeProgram>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let is_accepted = self.switches.bpf_xdpdrv_accept.load(Ordering::Relaxed);
        if program.is_some() && !is_accepted {
            extack.msg(c"offload_nic: driver XDP disabled in DebugFS");
            return Err(not_supported());
        }
        self.attach_native(program, extack, rtnl)
    }

    fn may_make_map(&self) -> Result {
        if self.switches.bpf_map_accept.load(Ordering::Relaxed) {
            return Ok(());
        }
        // BPF_MAP_CREATE has no log for a driver.
        if net::log::ratelimit() {
            pr_info!(
                "a map of port {} refused: bpf_map_accept in debugfs is N: write Y to it\n",
                self.index
            );
        }
        Err(not_supported())
    }

    fn xdp_setup_hw(
        &self,
        program: Option<&AttachedProgram<'_, Program>>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let is_accepted = self.switches.bpf_xdpoffload_accept.load(Ordering::Relaxed);
        if program.is_some() && !is_accepted {
            extack.msg(c"offload_nic: XDP offload disabled in DebugFS");
            return Err(not_supported());
        }
        if program.is_some() && self.tc_hw.is_taken() {
            extack.msg(c"offload_nic: TC program is already loaded");
            return Err(EBUSY);
        }
        let (reporter, slot) = (self.reporter(), Slot::Xdp);
        let Some(program) = program else {
            if self.xdp_hw.clear(rtnl) {
                reporter.removed(slot, rtnl);
            }
            return Ok(());
        };
        self.asic.residents().tell_of_new(rtnl);
        let (program, found) = LoadedProgram::checked(program, (self, slot), extack, rtnl)?;
        let kernel = reporter.kernel_program(slot, rtnl);
        let replaces = reporter.permit(slot, &found, kernel, extack, rtnl)?;
        let was_one = self.xdp_hw.set(program, replaces, rtnl)?;
        reporter.activated(slot, was_one, rtnl);
        Ok(())
    }

    fn tc_filter_changed(
        &self,
        change: &FilterChange<'_, Program>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        self.change_filter(change, extack, rtnl)
    }

    fn tc_offload_off(&self, _rtnl: &Rtnl<'_>) -> Result {
        self.end_tc_offload()
    }

    fn refused_features(&self, wanted: Features, rtnl: &Rtnl<'_>) -> Features {
        self.check_features(wanted, rtnl)
    }

    fn going(&self, rtnl: &Rtnl<'_>) {
        self.asic.offload.remove(&self.device, rtnl);
    }
}
