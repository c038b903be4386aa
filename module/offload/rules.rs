// SPDX-License-Identifier: GPL-2.0

//! Programs that are asked where fixed rules leave something open: what user space wants of them.

use kernel::{
    fmt,
    prelude::*,
    str::CString, //
};
use net::{
    extack::Extack,
    genl::Request,
    xdp::NativeProgram, //
};
use offload_uapi::netlink::{
    rule_program::{
        DEVICE_ID,
        IFINDEX,
        IN_KERNEL,
        KERNEL_PATH,
        SLOT, //
    },
    Slot, //
};

/// The attribute with the number of the interface.
pub(crate) const INTERFACE: u16 = IFINDEX;

/// A slot whose program is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleSlot {
    /// Which frames are to be put together.
    Gro,
    /// What the headers of segments are.
    Gso,
}

impl RuleSlot {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Gro, Self::Gso];
}

impl From<RuleSlot> for Slot {
    fn from(slot: RuleSlot) -> Self {
        match slot {
            RuleSlot::Gro => Self::Gro,
            RuleSlot::Gso => Self::Gso,
        }
    }
}

/// What the programs of a slot are to be.
pub struct RulePrograms {
    /// The number of the one in the device.
    pub device: u32,
    /// The one that the kernel has.
    pub kernel: Option<NativeProgram>,
    /// Whether the driver runs that one for frames for which the device does not ask its own.
    pub in_kernel: bool,
}

/// Who has sent a request, and is told what is wrong with it.
pub struct RuleBlame<'a>(&'a Request<'a>);

impl<'a> RuleBlame<'a> {
    /// Who has sent `request`.
    pub(crate) fn new(request: &'a Request<'a>) -> Self {
        Self(request)
    }

    /// The program in the device.
    pub fn device(&self, why: fmt::Arguments<'_>) {
        self.0.blame(DEVICE_ID, why);
    }

    /// The kernel's program is to run.
    pub fn in_kernel(&self, why: fmt::Arguments<'_>) {
        self.0.blame(IN_KERNEL, why);
    }

    /// For what belongs to none of them.
    pub fn extack(&self) -> &Extack<'a> {
        self.0.extack()
    }
}

/// The slot that `request` is about, and what it asks for; `None` for no programs. Process context; may sleep,
/// without RTNL: a path may lead to a file system that takes its time.
pub(crate) fn asked(request: &Request<'_>) -> Result<(RuleSlot, Option<RulePrograms>)> {
    let slot = request.required_u32(SLOT)?;
    let slot = RuleSlot::ALL
        .into_iter()
        .find(|it| Slot::from(*it) as u32 == slot);
    let Some(slot) = slot else {
        request.blame(SLOT, fmt!("no slot whose program is asked: gro or gso"));
        return Err(EINVAL);
    };
    Ok((slot, programs(request)?))
}

fn programs(request: &Request<'_>) -> Result<Option<RulePrograms>> {
    let in_kernel = request.u32(IN_KERNEL).unwrap_or(0);
    if in_kernel > 1 {
        request.blame(IN_KERNEL, fmt!("in-kernel is 0 or 1, not {in_kernel}"));
        return Err(EINVAL);
    }
    let in_kernel = in_kernel != 0;
    let path = request.text(KERNEL_PATH);
    let Some(device) = request.u32(DEVICE_ID) else {
        if path.is_some() || in_kernel {
            request.blame(
                if path.is_some() {
                    KERNEL_PATH
                } else {
                    IN_KERNEL
                },
                fmt!("the kernel's program goes with one in the device: device-id"),
            );
            return Err(EINVAL);
        }
        return Ok(None);
    };
    let kernel = path.map(|path| program_at(request, path)).transpose()?;
    if in_kernel && kernel.is_none() {
        request.blame(IN_KERNEL, fmt!("there is no program to run: kernel-path"));
        return Err(EINVAL);
    }
    Ok(Some(RulePrograms {
        device,
        kernel,
        in_kernel,
    }))
}

fn program_at(request: &Request<'_>, path: &[u8]) -> Result<NativeProgram> {
    let path = core::str::from_utf8(path).map_err(|_| EINVAL)?;
    let path = CString::try_from_fmt(fmt!("{path}"))?;
    NativeProgram::at_path(&path).inspect_err(|error| {
        request.blame(
            KERNEL_PATH,
            fmt!(
                "no XDP program for any interface is pinned there: error {}",
                error.to_errno()
            ),
        );
    })
}
