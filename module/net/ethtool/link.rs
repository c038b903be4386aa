// SPDX-License-Identifier: GPL-2.0

//! How a port's link is set: speed, duplex, autonegotiation.
//!
//! C header: [`include/uapi/linux/ethtool.h`](srctree/include/uapi/linux/ethtool.h)

use crate::{
    bindings,
    netdev::{
        port,
        Operations,
        Rtnl,
        Table, //
    }, //
};
use kernel::{
    error::from_result,
    prelude::*, //
};

/// A link mode of the kernel's, or another property of a link that stands among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkMode(u32);

macro_rules! link_modes {
    ($($(#[$doc:meta])* $name:ident: $bit:ident;)*) => {
        impl LinkMode {
            $(
                $(#[$doc])*
                pub const $name: Self = Self(bindings::$bit);
            )*
        }
    };
}

link_modes! {
    /// Autonegotiation, which is no mode.
    AUTONEG: ethtool_link_mode_bit_indices_ETHTOOL_LINK_MODE_Autoneg_BIT;
    /// 10baseT/Full.
    BASE10T: ethtool_link_mode_bit_indices_ETHTOOL_LINK_MODE_10baseT_Full_BIT;
    /// 100baseT/Full.
    BASE100T: ethtool_link_mode_bit_indices_ETHTOOL_LINK_MODE_100baseT_Full_BIT;
    /// 1000baseT/Full.
    BASE1000T: ethtool_link_mode_bit_indices_ETHTOOL_LINK_MODE_1000baseT_Full_BIT;
    /// 2500baseT/Full.
    BASE2500T: ethtool_link_mode_bit_indices_ETHTOOL_LINK_MODE_2500baseT_Full_BIT;
    /// 5000baseT/Full.
    BASE5000T: ethtool_link_mode_bit_indices_ETHTOOL_LINK_MODE_5000baseT_Full_BIT;
    /// 10000baseT/Full.
    BASE10000T: ethtool_link_mode_bit_indices_ETHTOOL_LINK_MODE_10000baseT_Full_BIT;
    /// 25000baseCR/Full.
    BASE25000CR: ethtool_link_mode_bit_indices_ETHTOOL_LINK_MODE_25000baseCR_Full_BIT;
    /// 40000baseCR4/Full.
    BASE40000CR4: ethtool_link_mode_bit_indices_ETHTOOL_LINK_MODE_40000baseCR4_Full_BIT;
    /// 50000baseCR2/Full.
    BASE50000CR2: ethtool_link_mode_bit_indices_ETHTOOL_LINK_MODE_50000baseCR2_Full_BIT;
    /// 100000baseCR4/Full.
    BASE100000CR4: ethtool_link_mode_bit_indices_ETHTOOL_LINK_MODE_100000baseCR4_Full_BIT;
}

const WORDS: usize = (bindings::ethtool_link_mode_bit_indices___ETHTOOL_LINK_MODE_MASK_NBITS
    as usize)
    .div_ceil(usize::BITS as usize);

/// A set of link modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkModes([usize; WORDS]);

impl LinkModes {
    /// None.
    pub const NONE: Self = Self([0; WORDS]);

    /// Adds `mode`.
    pub fn insert(&mut self, mode: LinkMode) {
        if let Some(word) = self.0.get_mut((mode.0 / usize::BITS) as usize) {
            *word |= 1 << (mode.0 % usize::BITS);
        }
    }

    /// Whether `mode` is among them.
    pub fn contains(&self, mode: LinkMode) -> bool {
        let word = self.0.get((mode.0 / usize::BITS) as usize);
        word.is_some_and(|word| word & (1 << (mode.0 % usize::BITS)) != 0)
    }

    /// The number of the first one that `other` does not have.
    pub fn first_without(&self, other: &Self) -> Option<u32> {
        let missing = |mode: &u32| {
            let mode = LinkMode(*mode);
            self.contains(mode) && !other.contains(mode)
        };
        let mut all = 0..bindings::ethtool_link_mode_bit_indices___ETHTOOL_LINK_MODE_MASK_NBITS;
        all.find(missing)
    }
}

/// Whether both ends of a link may send at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplex {
    /// One at a time.
    Half,
    /// They may.
    Full,
}

/// How a link is set, and what it has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSettings {
    /// Whether the port negotiates.
    pub autoneg: bool,
    /// The speed in Mb/s; `None` if there is none, as there is no link.
    pub speed: Option<u32>,
    /// `None` if there is no link.
    pub duplex: Option<Duplex>,
    /// What the port can do.
    pub supported: LinkModes,
    /// What it advertises.
    pub advertised: LinkModes,
    /// What the other end advertises.
    pub partner: LinkModes,
}

/// How the user wants a link. What he has not named is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkRequest {
    /// Whether the port is to negotiate.
    pub autoneg: bool,
    /// The speed in Mb/s, which means nothing if the port negotiates.
    pub speed: Option<u32>,
    /// As the speed.
    pub duplex: Option<Duplex>,
    /// What the port is to advertise, which means nothing if it does not negotiate.
    pub advertised: LinkModes,
    /// Whether another connector, transceiver or crossover is wanted.
    pub is_rewired: bool,
}

/// Why there is no link though the interface is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkDown {
    /// No cable.
    NoCable,
    /// The port negotiates, and nobody answers.
    NoPartner,
    /// The port does not negotiate, and finds nobody who speaks as it does.
    NoPartnerForced,
    /// The two ends have no mode in common.
    NoCommonMode,
}

/// A port whose link users see and set.
pub trait Link: Operations {
    /// How the link is set (`ethtool X`).
    fn link_settings(&self, rtnl: &Rtnl<'_>) -> LinkSettings;

    /// Sets the link otherwise (`ethtool -s X`).
    ///
    /// # Errors
    ///
    /// `EINVAL`, and the kernel log says why: there is no other way to tell. Then nothing has changed.
    fn set_link(&self, request: &LinkRequest, rtnl: &Rtnl<'_>) -> Result;

    /// Negotiates anew (`ethtool -r X`).
    ///
    /// # Errors
    ///
    /// `EINVAL` if the port does not negotiate.
    fn renegotiate(&self, rtnl: &Rtnl<'_>) -> Result;

    /// Why there is no link, if the interface is up and the reason is known.
    fn link_down(&self, rtnl: &Rtnl<'_>) -> Option<LinkDown>;
}

// `ETHTOOL_OP_NEEDS_RTNL_LINKSETTINGS` and other macros that bindgen does not see.
const NEEDS_RTNL_LINKSETTINGS: u32 = 1 << 0;
const PORT_OTHER: u8 = 0xff;
const DUPLEX_HALF: u8 = 0x00;
const DUPLEX_FULL: u8 = 0x01;
const DUPLEX_UNKNOWN: u8 = 0xff;
const SPEED_UNKNOWN: u32 = u32::MAX;

impl<T: Link> Table<T> {
    /// The port has [`Link`].
    pub const fn link(mut self) -> Self {
        self.ethtool.op_needs_rtnl |= NEEDS_RTNL_LINKSETTINGS;
        self.ethtool.get_link_ksettings = Some(get_link_ksettings::<T>);
        self.ethtool.set_link_ksettings = Some(set_link_ksettings::<T>);
        self.ethtool.nway_reset = Some(nway_reset::<T>);
        self.ethtool.get_link_ext_state = Some(get_link_ext_state::<T>);
        self
    }
}

/// # Safety
///
/// To be called by the stack, as `get_link_ksettings` of a registered port of type `T`, with RTNL held.
unsafe extern "C" fn get_link_ksettings<T: Link>(
    dev: *mut bindings::net_device,
    settings: *mut bindings::ethtool_link_ksettings,
) -> i32 {
    // SAFETY: The stack asks registered devices only, gives memory for the answer, which it has
    // zeroed, and holds RTNL.
    let (port, settings, rtnl) = unsafe { (port::<T>(dev), &mut *settings, Rtnl::held()) };
    let found = port.link_settings(&rtnl);
    settings.base.port = PORT_OTHER;
    settings.base.autoneg = found.autoneg.into();
    settings.base.speed = found.speed.unwrap_or(SPEED_UNKNOWN);
    settings.base.duplex = match found.duplex {
        Some(Duplex::Half) => DUPLEX_HALF,
        Some(Duplex::Full) => DUPLEX_FULL,
        None => DUPLEX_UNKNOWN,
    };
    let modes = &mut settings.link_modes;
    modes.supported = found.supported.0;
    modes.advertising = found.advertised.0;
    modes.lp_advertising = found.partner.0;
    0
}

/// # Safety
///
/// To be called by the stack, as `set_link_ksettings` of a registered port of type `T`, with RTNL held.
unsafe extern "C" fn set_link_ksettings<T: Link>(
    dev: *mut bindings::net_device,
    settings: *const bindings::ethtool_link_ksettings,
) -> i32 {
    // SAFETY: The stack asks registered devices only, gives valid settings, and holds RTNL.
    let (port, settings, rtnl) = unsafe { (port::<T>(dev), &*settings, Rtnl::held()) };
    let base = &settings.base;
    let request = LinkRequest {
        autoneg: base.autoneg != 0,
        speed: (base.speed != SPEED_UNKNOWN).then_some(base.speed),
        duplex: match base.duplex {
            DUPLEX_HALF => Some(Duplex::Half),
            DUPLEX_FULL => Some(Duplex::Full),
            _ => None,
        },
        advertised: LinkModes(settings.link_modes.advertising),
        is_rewired: base.port != PORT_OTHER || base.phy_address != 0 || base.eth_tp_mdix_ctrl != 0,
    };
    from_result(|| port.set_link(&request, &rtnl).map(|()| 0))
}

/// # Safety
///
/// To be called by the stack, as `nway_reset` of a registered port of type `T`, with RTNL held.
unsafe extern "C" fn nway_reset<T: Link>(dev: *mut bindings::net_device) -> i32 {
    // SAFETY: The stack asks registered devices only, and holds RTNL.
    let (port, rtnl) = unsafe { (port::<T>(dev), Rtnl::held()) };
    from_result(|| port.renegotiate(&rtnl).map(|()| 0))
}

/// # Safety
///
/// To be called by the stack, as `get_link_ext_state` of a registered port of type `T`, with RTNL held.
unsafe extern "C" fn get_link_ext_state<T: Link>(
    dev: *mut bindings::net_device,
    info: *mut bindings::ethtool_link_ext_state_info,
) -> i32 {
    use bindings::{
        ethtool_link_ext_state_ETHTOOL_LINK_EXT_STATE_AUTONEG as AUTONEG,
        ethtool_link_ext_state_ETHTOOL_LINK_EXT_STATE_NO_CABLE as NO_CABLE,
        ethtool_link_ext_substate_autoneg_ETHTOOL_LINK_EXT_SUBSTATE_AN_NO_HCD as NO_HCD,
        ethtool_link_ext_substate_autoneg_ETHTOOL_LINK_EXT_SUBSTATE_AN_NO_PARTNER_DETECTED as NO_PARTNER,
        ethtool_link_ext_substate_autoneg_ETHTOOL_LINK_EXT_SUBSTATE_AN_NO_PARTNER_DETECTED_FORCE_MODE as NO_PARTNER_FORCED,
    };
    // SAFETY: The stack asks registered devices only, gives memory for the answer, which it has
    // zeroed, and holds RTNL.
    let (port, info, rtnl) = unsafe { (port::<T>(dev), &mut *info, Rtnl::held()) };
    let (state, substate) = match port.link_down(&rtnl) {
        // CAST: A small number.
        None => return -(bindings::ENODATA as i32),
        Some(LinkDown::NoCable) => (NO_CABLE, 0),
        Some(LinkDown::NoPartner) => (AUTONEG, NO_PARTNER),
        Some(LinkDown::NoPartnerForced) => (AUTONEG, NO_PARTNER_FORCED),
        Some(LinkDown::NoCommonMode) => (AUTONEG, NO_HCD),
    };
    info.link_ext_state = state;
    info.__bindgen_anon_1.__link_ext_substate = substate;
    0
}
