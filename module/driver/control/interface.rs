// SPDX-License-Identifier: GPL-2.0

//! What the stack and the core ask of a port.

use super::program::OffloadedProgram;
use crate::port::{
    Port,
    NAME, //
};
use core::sync::atomic::Ordering;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    bpf::{
        AttachedProgram,
        BpfOffload,
        OffloadDevice, //
    },
    error::not_supported,
    extack::Extack,
    napi::PollContext,
    netdev::{
        Device,
        Features,
        FlowSteering,
        Operations,
        Poll,
        QueueStats,
        Rtnl,
        SteeredFlow,
        Table,
        Xmit, //
    },
    skbuff::SkBuff,
    stats::{
        LinkStats,
        RxQueueStats,
        TxQueueStats, //
    },
    tc::{
        FilterChange,
        FilterOffload, //
    },
    xdp::{
        NativeProgram,
        NativeXdp,
        XdpFrames, //
    },
};

impl Poll for Port {
    fn poll(&self, queue: u16, context: &PollContext<'_>) -> usize {
        self.receive(queue, context)
    }

    fn complete_tx(&self, queue: u16) -> usize {
        self.complete(queue) as usize
    }
}

impl Operations for Port {
    const DRIVER: &'static CStr = NAME;
    const TABLE: Table<Self> = Table::base()
        .queue_stats()
        .bpf_offload()
        .socket_checksums()
        .filter_offload()
        .rings()
        .channels()
        .moderation()
        .rss()
        .rss_contexts()
        .flow_rules()
        .flow_steering()
        .link()
        .mac_statistics()
        .pause()
        .error_correction()
        .time_stamps()
        .private_flags()
        .receive_filter()
        .vlan_filter()
        .statistics();

    fn device(&self) -> &Device<Self> {
        &self.device
    }

    fn open(&self, rtnl: &Rtnl<'_>) -> Result {
        self.light(rtnl);
        Ok(())
    }

    fn stop(&self, rtnl: &Rtnl<'_>) {
        self.darken(rtnl);
    }

    fn start_xmit(&self, skb: SkBuff, queue: u16) -> Xmit {
        self.transmit(skb, queue)
    }

    fn link_stats(&self) -> LinkStats {
        self.total()
    }

    fn check_mtu(&self, mtu: u32, rtnl: &Rtnl<'_>) -> Result {
        self.check_native_mtu(mtu, rtnl)
    }

    fn refused_features(&self, wanted: Features, rtnl: &Rtnl<'_>) -> Features {
        self.check_features(wanted, rtnl)
    }

    fn switch_features(&self, on: Features, off: Features, rtnl: &Rtnl<'_>) -> Result {
        if !(off & Features::TC).is_empty() {
            self.end_tc_offload()?;
        }
        if !(on & Features::COALESCING).is_empty() {
            self.hardware.prepare_coalescing(self)?;
        }
        if !((on | off) & Features::LOOPBACK).is_empty() {
            self.set_loopback(!(on & Features::LOOPBACK).is_empty(), rtnl);
        }
        Ok(())
    }

    fn going(&self, rtnl: &Rtnl<'_>) {
        self.asic.offload.remove(&self.device, rtnl);
    }
}

impl FlowSteering for Port {
    fn steer_flow(&self, flow: SteeredFlow) -> Result<u16> {
        Self::steer_flow(self, flow)
    }
}

impl QueueStats for Port {
    fn rx_queue_stats(&self, queue: u16) -> RxQueueStats {
        self.rx_stats(queue)
    }

    fn tx_queue_stats(&self, queue: u16) -> TxQueueStats {
        self.tx_stats(queue)
    }
}

impl NativeXdp for Port {
    fn xdp_xmit(&self, frames: &mut XdpFrames<'_>) {
        self.transmit_redirected(frames);
    }

    fn xdp_setup(
        &self,
        program: Option<NativeProgram>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        self.attach_native(program, extack, rtnl)
    }
}

impl BpfOffload for Port {
    type Program = OffloadedProgram;

    fn offload_device(&self) -> &Arc<OffloadDevice<OffloadedProgram>> {
        &self.offload_device
    }

    fn may_make_map(&self) -> Result {
        if self.switches.bpf_map_accept.load(Ordering::Relaxed) {
            return Ok(());
        }
        // BPF_MAP_CREATE has no log for a driver.
        if net::log::ratelimit() {
            pr_info!(
                "a map of port {} refused: bpf_map_accept in debugfs is N: write Y to it\n",
                self.index()
            );
        }
        Err(not_supported())
    }

    fn xdp_setup_hw(
        &self,
        program: Option<&AttachedProgram<'_, OffloadedProgram>>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        self.attach_to_device(program, extack, rtnl)
    }
}

impl FilterOffload for Port {
    fn filter_changed(
        &self,
        change: &FilterChange<'_, OffloadedProgram>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        self.change_filter(change, extack, rtnl)
    }
}
