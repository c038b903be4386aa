// SPDX-License-Identifier: GPL-2.0

//! Traffic control: BPF classifiers that are offloaded to a port.
//!
//! C header: [`include/net/pkt_cls.h`](srctree/include/net/pkt_cls.h), core:
//! [`net/sched/cls_bpf.c`](srctree/net/sched/cls_bpf.c)

use crate::{
    bindings,
    bpf::{
        AttachedProgram,
        BpfOffload,
        KernelProgram,
        ProgramOffload, //
    },
    error::not_supported,
    extack::Extack,
    netdev::{
        port,
        Features,
        NetDevice,
        Rtnl,
        Table, //
    },
};
use core::{
    num::NonZero,
    ptr::null_mut, //
};
use kernel::{
    error::{
        from_result,
        to_result, //
    },
    prelude::*, //
};

/// Tells the programs of the kernel apart, for as long as they are in a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramId(NonZero<usize>);

impl ProgramId {
    fn of(program: *mut bindings::bpf_prog) -> Option<Self> {
        NonZero::new(program.addr()).map(Self)
    }

    /// A number that no other program has meanwhile.
    pub fn number(self) -> usize {
        self.0.get()
    }
}

/// The program of a filter.
pub struct FilterProgram<'a, P: ProgramOffload> {
    /// Which program it is.
    pub id: ProgramId,
    /// The program in the device; `None` if it was loaded for the host.
    pub bound: Option<AttachedProgram<'a, P>>,
    /// What names it, as the kernel has it.
    pub facts: KernelProgram,
    /// The filter's priority: of two, the host asks the one with the smaller number first.
    pub priority: u32,
    /// Whether what it returns is the verdict (`da`), not a class.
    pub direct_action: bool,
    /// Whether the host does not run it (`skip_sw`).
    pub skip_sw: bool,
    /// Whether the filter has actions beside its program.
    pub has_actions: bool,
    /// EtherType of the frames that the filter is for, in host byte order.
    pub protocol: u16,
}

/// The first of the programs that are attached to the ingress of `device` itself (tcx), which the
/// host runs before all filters.
pub fn first_at_ingress(device: &NetDevice, _rtnl: &Rtnl<'_>) -> Option<KernelProgram> {
    // SAFETY: The device is valid, and RTNL is held, under which such programs come and go.
    unsafe {
        let program = bindings::offload_nic_first_at_ingress(device.as_ptr());
        (!program.is_null()).then(|| KernelProgram::of(program))
    }
}

/// A filter (`tc filter ... bpf`) at the ingress of a port is new, goes, or is replaced.
pub struct FilterChange<'a, P: ProgramOffload> {
    /// The program of the filter that goes.
    pub old: Option<ProgramId>,
    /// What comes.
    pub new: Option<FilterProgram<'a, P>>,
}

/// `ETH_P_ALL`: a filter for frames of any protocol.
pub const ANY_PROTOCOL: u16 = bindings::ETH_P_ALL as u16;

/// A port to whose device classifiers can be offloaded, while [`Features::TC`] is on.
pub trait FilterOffload: BpfOffload {
    /// A BPF classifier at the port's ingress is new, goes, or is replaced; the port's features
    /// and the filter's chain allow the offload. RTNL is held.
    ///
    /// On an error all is as before.
    fn filter_changed(
        &self,
        change: &FilterChange<'_, Self::Program>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result;
}

impl<T: FilterOffload> Table<T> {
    /// The port has [`FilterOffload`].
    pub const fn filter_offload(mut self) -> Self {
        self.netdev.ndo_setup_tc = Some(setup_tc::<T>);
        self.hw_features |= Features::TC.raw();
        self
    }
}

/// # Safety
///
/// To be called by the stack, as the operation of that name of a registered port of type `T`.
unsafe extern "C" fn setup_tc<T: FilterOffload>(
    dev: *mut bindings::net_device,
    kind: bindings::tc_setup_type,
    data: *mut c_void,
) -> i32 {
    // SAFETY: By the function's contract.
    from_result(|| unsafe { setup::<T>(dev, kind, data) }.map(|()| 0))
}

/// Serves `ndo_setup_tc`.
///
/// # Errors
///
/// `EOPNOTSUPP` for all but filters at the ingress, else what the core gives.
///
/// # Safety
///
/// To be called from `ndo_setup_tc` of `dev`, which must be that of a registered port of type `T`,
/// with what the core passed.
unsafe fn setup<T: FilterOffload>(
    dev: *mut bindings::net_device,
    kind: bindings::tc_setup_type,
    data: *mut c_void,
) -> Result {
    if kind != bindings::tc_setup_type_TC_SETUP_BLOCK {
        return Err(not_supported());
    }
    // SAFETY: This type comes with this structure, and RTNL is held. The core calls the callback
    // only while the block is bound, which ends before the device is unregistered.
    to_result(unsafe {
        bindings::offload_nic_block_setup(dev, data.cast(), Some(filter_changed::<T>))
    })
}

/// Called for each filter of a block that is bound to a port.
///
/// # Safety
///
/// To be called by the core under RTNL, with `private` the net device of a registered port of type
/// `T` and with the structure in `data` that belongs to `kind`.
unsafe extern "C" fn filter_changed<T: FilterOffload>(
    kind: bindings::tc_setup_type,
    data: *mut c_void,
    private: *mut c_void,
) -> c_int {
    let dev = private.cast::<bindings::net_device>();
    // SAFETY: By the function's contract.
    let (port, rtnl) = unsafe { (port::<T>(dev), Rtnl::held()) };
    from_result(|| {
        if kind != bindings::tc_setup_type_TC_SETUP_CLSBPF {
            // SAFETY: By the function's contract.
            unsafe { refuse_classifier(T::DRIVER, kind, data) };
            return Err(not_supported());
        }
        let request = data.cast::<bindings::tc_cls_bpf_offload>();
        // SAFETY: This type comes with this structure, and its acknowledgement is ours for as long
        // as the call lasts.
        let extack = unsafe { Extack::from_raw((*request).common.extack) };
        // SAFETY: Both are valid.
        let can = unsafe { bindings::offload_nic_tc_can_offload(dev, &raw mut (*request).common) };
        // The core has told why not. What `TC_CLSBPF_STATS` asks for are the counters of the
        // filter's actions, and a filter with actions is none for a device.
        // SAFETY: As above.
        if !can || unsafe { (*request).command } != bindings::tc_clsbpf_command_TC_CLSBPF_OFFLOAD {
            return Err(not_supported());
        }
        // SAFETY: As above, with a filter to be changed.
        let change = unsafe { change_of::<T>(dev, request) };
        port.filter_changed(&change, &extack, &rtnl)?;
        Ok(0)
    })
}

/// Tells the user that a classifier is not of the one kind that devices run.
///
/// # Safety
///
/// `data` must point to the structure that belongs to `kind`.
unsafe fn refuse_classifier(driver: &CStr, kind: bindings::tc_setup_type, data: *mut c_void) {
    let extack = match kind {
        bindings::tc_setup_type_TC_SETUP_CLSFLOWER
        | bindings::tc_setup_type_TC_SETUP_CLSMATCHALL
        | bindings::tc_setup_type_TC_SETUP_CLSU32 => {
            // SAFETY: The structures for these types begin with the part that they share.
            unsafe { (*data.cast::<bindings::flow_cls_common_offload>()).extack }
        }
        _ => null_mut(),
    };
    // SAFETY: Null or valid, and ours for as long as the call lasts.
    let extack = unsafe { Extack::from_raw(extack) };
    extack.fmt(fmt!("{driver}: only offload of BPF classifiers supported"));
}

/// What `request` asks for.
///
/// # Safety
///
/// `dev` must be the net device of a registered port of type `T`, `request` valid for `'a` with the
/// command `TC_CLSBPF_OFFLOAD`, and RTNL held as long.
unsafe fn change_of<'a, T: FilterOffload>(
    dev: *mut bindings::net_device,
    request: *mut bindings::tc_cls_bpf_offload,
) -> FilterChange<'a, T::Program> {
    // SAFETY: By the function's contract.
    let raw = unsafe { &*request };
    let program = |id| {
        // SAFETY: The core holds a reference to the program of a filter, and its flags are set
        // before it is loaded.
        let is_bound = unsafe {
            (*(*raw.prog).aux).offload_requested && bindings::bpf_offload_dev_match(raw.prog, dev)
        };
        let bound = || {
            // SAFETY: The program was loaded for the offload device of the port, as just asked, an
            // `OffloadDevice<T::Program>`, and RTNL keeps it so. A program that has a descriptor,
            // as one in a filter had, has been translated.
            unsafe { AttachedProgram::from_raw(raw.prog) }
        };
        FilterProgram {
            id,
            bound: is_bound.then(bound),
            // SAFETY: As above; a program in a filter has been verified.
            facts: unsafe { KernelProgram::of(raw.prog) },
            priority: raw.common.prio,
            direct_action: raw.exts_integrated,
            skip_sw: raw.common.skip_sw,
            // SAFETY: The core passes the filter's actions.
            has_actions: unsafe { bindings::offload_nic_tcf_exts_has_actions(raw.exts) },
            protocol: u16::from_be(raw.common.protocol),
        }
    };
    FilterChange {
        old: ProgramId::of(raw.oldprog),
        new: ProgramId::of(raw.prog).map(program),
    }
}
