// SPDX-License-Identifier: GPL-2.0

//! A port: one net device, the card's port behind it, and what the driver keeps of both; and what the
//! ports of a NIC share. Data alone: what is done with it is [`path`](crate::path) and [`control`](crate::control).

mod filters;
mod label;
mod link;
mod offloads;
mod parsed;
mod permission;
mod queues;
mod ration;
mod raw;
mod rules;
mod splits;
mod statistics;
mod steering;
mod switches;

use core::{
    ops::Deref,
    sync::atomic::{
        AtomicBool,
        AtomicI32,
        Ordering, //
    }, //
};
use device::{
    card::Card,
    host::Host,
    parser::Parser,
    port::Plugged, //
};
use engine::{
    frame::{
        ETH_HLEN,
        VLAN_HLEN, //
    },
    pipeline::LengthLimit,
    vlan::TagKinds, //
};
pub(crate) use filters::{
    Filters,
    HostFilter, //
};
use kernel::{
    device::Device as ParentDevice,
    new_mutex,
    prelude::*,
    str::CString,
    sync::{
        Arc,
        Mutex, //
    }, //
};
pub(crate) use label::{
    Label,
    LoadedProgram,
    StoredProgram, //
};
pub(crate) use link::Link;
use net::{
    bpf::{
        BpfOffload,
        OffloadDevice, //
    },
    flow_dissector,
    netdev::{
        Config,
        Device,
        FeatureCell,
        Features, //
    },
    rcu,
    work::Worker,
    xdp::NativeProgram, //
};
use offload::{
    permits,
    DeviceName,
    Evidence,
    Interface,
    Offload,
    ParserLevel, //
};
use offload_uapi::limits::{
    DEFAULT_RING,
    MAX_MTU,
    MIN_MTU, //
};
pub(crate) use offloads::{
    DeviceWork,
    TxOffloads, //
};
pub(crate) use parsed::see_parsed;
pub(crate) use permission::{
    tested_release,
    Permission, //
};
pub(crate) use queues::{
    RxQueue,
    TxQueue, //
};
pub(crate) use raw::{
    bytes as key_bytes,
    told as told_action,
    words as key_words,
    RawField,
    RawTable, //
};
pub(crate) use rules::{
    KernelRules,
    Rules, //
};
pub(crate) use splits::Splits;
pub(crate) use statistics::Rx;
pub(crate) use steering::{
    Chosen,
    Configuration, //
};
pub(crate) use switches::{
    DeviceSwitches,
    TestSwitches, //
};

/// What people call the bus, the driver and the directories of the NICs.
pub(crate) const NAME: &CStr = c"offload_nic";

/// The card behind the ports of a NIC, and who is told of what is in it.
#[derive(Clone)]
pub(crate) struct Asic(Arc<Parts>);

/// What ports share.
pub(crate) struct Parts {
    /// Number of the NIC.
    pub(crate) nic: u32,
    /// The card.
    pub(crate) card: Card<Port>,
    /// Who is told of its programs.
    pub(crate) offload: Offload,
    /// The N of the `/dev/ptpN` that its clock is, or -1.
    pub(crate) clock_index: AtomicI32,
    /// Tells of its programs.
    residents: Pin<KBox<Worker<Residents>>>,
    /// Forgets flows that the stack has no use for any more.
    expiry: Pin<KBox<Worker<Expiry>>>,
    /// Tells of what becomes of its ports' permissions.
    permissions: Pin<KBox<Worker<Permissions>>>,
}

/// The flows of a card's ports that the stack steers by itself, as they end.
pub(crate) struct Expiry(pub(crate) Card<Port>);

/// The ports of a card, of whose permissions is told.
pub(crate) struct Permissions(pub(crate) Card<Port>);

/// The programs in a card's memory, and who is told when they come and go.
pub(crate) struct Residents {
    pub(crate) card: Card<Port>,
    pub(crate) offload: Offload,
}

impl Asic {
    /// A card for NIC number `nic`. Who asks `offload` is told of its programs.
    pub(crate) fn new(nic: u32, offload: Offload) -> Result<Self> {
        let card = Card::new()?;
        let residents = Worker::new(Residents {
            card: card.clone(),
            offload: offload.clone(),
        });
        let expiry = Worker::new(Expiry(card.clone()));
        let permissions = Worker::new(Permissions(card.clone()));
        let parts = Parts {
            nic,
            card,
            offload,
            clock_index: AtomicI32::new(-1),
            residents: KBox::pin_init(residents, GFP_KERNEL)?,
            expiry: KBox::pin_init(expiry, GFP_KERNEL)?,
            permissions: KBox::pin_init(permissions, GFP_KERNEL)?,
        };
        Ok(Self(Arc::new(parts, GFP_KERNEL)?))
    }

    /// The programs in its memory.
    pub(crate) fn residents(&self) -> &Residents {
        self.residents.context()
    }

    /// Has programs that were loaded told of when they have got their numbers. Any context.
    pub(crate) fn tell_soon(&self) {
        self.residents.ask();
    }

    /// Has flows forgotten that the stack has no use for, soon and as long as there are any. Any context.
    pub(crate) fn expire_flows_soon(&self) {
        self.expiry.ask();
    }

    /// Has it told soon of which ports' permissions are not what they were. Any context.
    pub(crate) fn tell_of_permissions_soon(&self) {
        self.permissions.ask();
    }

    /// Has nothing more told soon, and no flow forgotten. Process context, RTNL not held.
    pub(crate) fn stop_working(&self) {
        self.residents.stop();
        self.expiry.stop();
        self.permissions.stop();
    }

    /// Which device it is.
    pub(crate) fn device_name(&self) -> Result<DeviceName> {
        Ok(DeviceName {
            driver: NAME,
            bus: NAME,
            name: CString::try_from_fmt(fmt!("offload_nic{}", self.nic))?,
        })
    }
}

impl Deref for Asic {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What a frame has before the bytes that the MTU counts: an Ethernet header, and two VLAN tags at most.
const HEADERS: usize = ETH_HLEN + 2 * VLAN_HLEN;

/// The most segments of a super-frame that the stack leaves to the driver.
pub(crate) const MAX_SEGMENTS: u16 = 1024;

/// The driver takes whatever the stack can leave open, and decides by itself for each frame. FCoE
/// alone is not among it, as software has nothing to cut its frames with.
const FEATURES: Features = Features::CHECKSUMS
    .with(Features::RX_CHECKSUMS)
    .with(Features::RX_HASH)
    .with(Features::NTUPLE)
    .with(Features::SCATTERED)
    .with(Features::VLAN_INSERTION)
    .with(Features::SEGMENTATION)
    .without(Features::FCOE_SEGMENTATION);

/// The offload device of a NIC's ports, as the core has it.
type Offloading = OffloadDevice<<Port as BpfOffload>::Program>;

/// A port of a NIC.
pub(crate) struct Port {
    /// What the stack knows.
    pub(crate) device: Device<Port>,
    /// What the core knows of programs and maps on the card.
    pub(crate) offload_device: Arc<Offloading>,
    /// What is on the card.
    pub(crate) hardware: device::port::Port<Port>,
    /// What the ports of the NIC share.
    pub(crate) asic: Asic,
    pub(crate) rx: KVec<RxQueue>,
    pub(crate) tx: KVec<TxQueue>,
    /// The program of the host that sees each frame first that the device hands up.
    pub(crate) xdp_native: rcu::Slot<NativeProgram>,
    /// The XDP program that the device ran until it was found to be faulted, and that the kernel
    /// still believes to be there. Written under RTNL.
    pub(crate) xdp_faulted: rcu::Slot<LoadedProgram>,
    /// What there is beside the program in the device that is asked which frames are to be put together.
    pub(crate) gro: Rules,
    /// The same of what the headers of segments are.
    pub(crate) gso: Rules,
    /// The classifiers at the port's ingress, as far as the port knows.
    pub(crate) filters: Filters,
    /// What the offload infrastructure keeps of it.
    pub(crate) interface: Interface,
    /// What the user has chosen of receive steering. Written under RTNL: the lock is only there as that
    /// is no lock that owns anything.
    pub(crate) chosen: Pin<KBox<Mutex<Chosen>>>,
    /// How the link is set, and where the cable goes.
    pub(crate) link: Link<Self>,
    /// Which frames have what they carry in pages of its own.
    pub(crate) splits: Splits,
    /// Whether the stack may be told what the device's parser finds.
    pub(crate) permission: Permission,
    /// Whether the device may put frames together that the user wants to be.
    pub(crate) gro_permission: Permission,
    /// The features that the user wants and the policy of the interface has refused.
    pub(crate) refused_features: FeatureCell,
    /// What tests have the port refuse or take.
    pub(crate) switches: TestSwitches,
    /// Whether the port takes frames of any length. Written under RTNL.
    pub(crate) takes_over_mtu: AtomicBool,
    /// Whether the stack is told the hashes of flows that it would make itself. Written under RTNL.
    pub(crate) hashes_as_stack: AtomicBool,
}

impl Port {
    /// Makes port number `index` of `asic`, on the device `parent`, without a cable.
    // Not inlined: what a port is made of lies on the stack, and what the caller does with the port, as
    // to register it, goes deep.
    #[inline(never)]
    pub(crate) fn new(
        parent: &ParentDevice,
        asic: Asic,
        offload_device: Arc<Offloading>,
        index: u16,
        queues: u16,
    ) -> Result<Arc<Self>> {
        let (rx, tx) = Self::make_queues(queues)?;
        let config = Config {
            parent,
            name: c"onic%d",
            port: index,
            queues,
            min_mtu: MIN_MTU,
            max_mtu: MAX_MTU,
            features: FEATURES,
            // The user decides whether the device puts frames together, whether native XDP
            // programs find a VLAN tag beside the frame, where those of the device find it in it,
            // whether the device's see frames that the host does not, and whether frames get on the
            // cable at all.
            optional_features: Features::COALESCING
                .with(Features::VLAN_STRIPPING)
                .with(Features::VLAN_FILTERS)
                .with(Features::LOOPBACK),
            max_segments: MAX_SEGMENTS,
        };
        let hardware = device::port::Port::new(asic.card.clone(), index, queues, DEFAULT_RING)?;
        // In place: it is too long for a stack.
        let port = try_init!(Self {
            device: Device::new(&config)?,
            offload_device,
            hardware <- hardware,
            rx,
            tx,
            xdp_native: rcu::Slot::empty(),
            xdp_faulted: rcu::Slot::empty(),
            gro: Rules::new(),
            gso: Rules::new(),
            filters: Filters::new()?,
            interface: Interface::new(asic.device_name()?),
            chosen: KBox::pin_init(
                new_mutex!(Chosen::new(queues)?, "offload_nic_steering"),
                GFP_KERNEL,
            )?,
            link: Link::new()?,
            asic,
            splits: Splits::new(),
            permission: Permission::new(),
            gro_permission: Permission::new(),
            refused_features: FeatureCell::new(),
            switches: TestSwitches::new(),
            takes_over_mtu: AtomicBool::new(false),
            hashes_as_stack: AtomicBool::new(false),
        });
        Arc::init(port, GFP_KERNEL)
    }

    /// Makes its queues.
    // Not inlined: a queue that is made lies on the stack.
    #[inline(never)]
    fn make_queues(queues: u16) -> Result<(KVec<RxQueue>, KVec<TxQueue>)> {
        let mut rx = KVec::with_capacity(usize::from(queues), GFP_KERNEL)?;
        let mut tx = KVec::with_capacity(usize::from(queues), GFP_KERNEL)?;
        for _ in 0..queues {
            rx.push(RxQueue::default(), GFP_KERNEL)?;
            tx.push(TxQueue::new(), GFP_KERNEL)?;
        }
        Ok((rx, tx))
    }

    /// What speaks for `parser` now, in the namespace of the port. Any context.
    #[inline]
    pub(crate) fn level(&self, parser: &Parser, guard: &rcu::Guard) -> ParserLevel {
        let evidence = Evidence {
            reproduced: parser.reproduced(),
            attested: parser.attested(),
            is_tested: parser.is_built_in() && tested_release().is_some(),
        };
        evidence.level(flow_dissector::attached(&self.device, guard).as_ref())
    }

    /// Whether `level` is enough for the port's policy, and its audit has found nothing against it. Any
    /// context.
    #[inline]
    pub(crate) fn permits(&self, level: ParserLevel) -> bool {
        permits(self.interface.current_policy(), level) && !self.interface.audit.has_ended()
    }

    /// Whether what speaks for `parser` now is enough. Any context.
    #[inline]
    pub(crate) fn is_believed(&self, parser: &Parser, guard: &rcu::Guard) -> bool {
        self.permits(self.level(parser, guard))
    }

    /// Number of the port on its NIC.
    pub(crate) fn index(&self) -> u16 {
        self.hardware.index
    }
}

impl Host for Port {
    type Label = Label;

    #[inline]
    fn raise(&self, queue: u16) {
        self.device.schedule(queue);
    }

    fn poll(&self, queue: u16) {
        self.device.poll_now(queue);
    }

    #[inline]
    fn address(&self) -> [u8; 6] {
        self.device.address()
    }

    #[inline]
    fn ifindex(&self) -> u32 {
        self.device.ifindex()
    }

    #[inline]
    fn wants_rules(&self) -> bool {
        self.device.features_now().has_ntuple()
    }

    #[inline]
    fn believes(&self, parser: &Parser, guard: &rcu::Guard) -> bool {
        let is_believed = self.is_believed(parser, guard);
        if !self.permission.is_told(is_believed) {
            self.asic.tell_of_permissions_soon();
        }
        is_believed
    }

    fn is_called(&self, ifindex: u32, other: &Self, guard: &rcu::Guard) -> bool {
        // Indexes mean nothing beyond a namespace.
        ifindex != 0
            && self.device.ifindex() == ifindex
            && self.device.shares_namespace_with(&other.device, guard)
    }

    #[cold]
    fn doubts_gso(&self) {
        self.gso.set_faulted();
        self.asic.tell_of_permissions_soon();
    }

    #[inline]
    fn length_limit(&self) -> LengthLimit {
        if self.takes_over_mtu.load(Ordering::Relaxed) {
            return LengthLimit::NONE;
        }
        // CAST: A `usize` has at least 32 bits in the kernel.
        LengthLimit::of((self.device.mtu() as usize).saturating_add(HEADERS))
    }

    #[inline]
    fn filtered_tags(&self) -> TagKinds {
        let (customer, service) = self.device.filtered_tags();
        TagKinds { customer, service }
    }

    fn longest_forwarded(&self) -> usize {
        self.device.longest_forwarded()
    }
}

impl Plugged for Port {
    #[inline]
    fn port(&self) -> &device::port::Port<Self> {
        &self.hardware
    }
}
