// SPDX-License-Identifier: GPL-2.0

//! The link of a port as `ethtool` shows and sets it.

use crate::port::Port;
use engine::link::{
    resolve,
    Mode,
    Modes,
    NoLink,
    Settings, //
};
use kernel::{
    fmt,
    prelude::*,
    sync::Arc, //
};
use net::{
    ethtool::{
        Duplex,
        Link,
        LinkDown,
        LinkMode,
        LinkModes,
        LinkRequest,
        LinkSettings, //
    },
    log,
    netdev::Rtnl,
    rcu, //
};

/// The device's modes in the words of the kernel.
const MODES: [(Mode, LinkMode); Mode::ALL.len()] = [
    (Mode::Base10T, LinkMode::BASE10T),
    (Mode::Base100T, LinkMode::BASE100T),
    (Mode::Base1000T, LinkMode::BASE1000T),
    (Mode::Base2500T, LinkMode::BASE2500T),
    (Mode::Base5000T, LinkMode::BASE5000T),
    (Mode::Base10000T, LinkMode::BASE10000T),
    (Mode::Base25000Cr, LinkMode::BASE25000CR),
    (Mode::Base40000Cr4, LinkMode::BASE40000CR4),
    (Mode::Base50000Cr2, LinkMode::BASE50000CR2),
    (Mode::Base100000Cr4, LinkMode::BASE100000CR4),
];

/// `modes` for the stack, and whether they are to be negotiated.
fn told(modes: Modes, negotiates: bool) -> LinkModes {
    let mut told = LinkModes::NONE;
    for (mode, number) in MODES {
        if modes.has(mode) {
            told.insert(number);
        }
    }
    if negotiates {
        told.insert(LinkMode::AUTONEG);
    }
    told
}

/// The modes among `told`.
fn modes(told: &LinkModes) -> Modes {
    let named = MODES.iter().filter(|(_, number)| told.contains(*number));
    named.fold(Modes::NONE, |modes, (mode, _)| modes.with(*mode))
}

impl Port {
    /// Whether frames go to and fro.
    fn has_link(&self) -> bool {
        self.hardware.is_up() && self.hardware.has_carrier(&rcu::Guard::new())
    }

    /// The port at the other end of the cable, if that can be heard.
    fn partner(&self, rtnl: &Rtnl<'_>) -> Option<Arc<Self>> {
        let far = self.link.cable(rtnl)?;
        let ends = [self, &*far];
        let are_heard = |end: &&Self| end.hardware.is_up() && !end.link.is_looped(rtnl);
        ends.iter().all(are_heard).then_some(far)
    }

    /// The mode of the link.
    fn mode(&self, rtnl: &Rtnl<'_>) -> Option<Mode> {
        if !self.has_link() {
            return None;
        }
        let settings = self.link.settings(rtnl);
        if self.link.is_looped(rtnl) {
            return settings.taken().best();
        }
        let far = self.link.cable(rtnl)?;
        resolve(settings, far.link.settings(rtnl)).ok()
    }

    /// What the other end is seen to advertise.
    fn partner_modes(&self, rtnl: &Rtnl<'_>) -> LinkModes {
        let Some(far) = self.partner(rtnl) else {
            return LinkModes::NONE;
        };
        let settings = far.link.settings(rtnl);
        if settings.negotiates() {
            return told(settings.advertised, true);
        }
        let detected = self.mode(rtnl).map_or(Modes::NONE, Modes::only);
        told(detected, false)
    }

    /// What `request` comes to.
    ///
    /// # Errors
    ///
    /// Gives `refused` the reason.
    fn wanted(
        request: &LinkRequest,
        now: Settings,
        refused: impl FnOnce(fmt::Arguments<'_>) -> Error,
    ) -> Result<Settings> {
        if request.is_rewired {
            return Err(refused(fmt!(
                "there is no connector, transceiver or crossover to choose"
            )));
        }
        if request.autoneg {
            let supported = told(Modes::ALL, true);
            if let Some(number) = request.advertised.first_without(&supported) {
                return Err(refused(fmt!(
                    "mode number {number} can't be advertised: it is not a supported one"
                )));
            }
            let advertised = modes(&request.advertised);
            if advertised.is_empty() {
                return Err(refused(fmt!(
                    "autonegotiation needs a mode to advertise, and no supported one is wanted"
                )));
            }
            return Ok(Settings {
                advertised,
                forced: None,
            });
        }
        let Some(speed) = request.speed else {
            return Err(refused(fmt!(
                "without autonegotiation a speed is needed, as there is no link that has one"
            )));
        };
        let Some(mode) = Mode::of_speed(speed) else {
            return Err(refused(fmt!(
                "speed {speed} Mb/s is not one of the supported modes"
            )));
        };
        if request.duplex == Some(Duplex::Half) {
            return Err(refused(fmt!(
                "half duplex is not supported: a cable is full duplex"
            )));
        }
        Ok(Settings {
            forced: Some(mode),
            ..now
        })
    }
}

impl Link for Port {
    fn link_settings(&self, rtnl: &Rtnl<'_>) -> LinkSettings {
        let settings = self.link.settings(rtnl);
        let mode = self.mode(rtnl).or(settings.forced);
        LinkSettings {
            autoneg: settings.negotiates(),
            speed: mode.map(Mode::speed),
            duplex: mode.map(|_| Duplex::Full),
            supported: told(Modes::ALL, true),
            advertised: told(settings.advertised, settings.negotiates()),
            partner: self.partner_modes(rtnl),
        }
    }

    fn set_link(&self, request: &LinkRequest, rtnl: &Rtnl<'_>) -> Result {
        let refused = |why: fmt::Arguments<'_>| {
            if log::ratelimit() {
                pr_info!("{}: link refused: {why}\n", self.device.name(rtnl));
            }
            EINVAL
        };
        let settings = Self::wanted(request, self.link.settings(rtnl), refused)?;
        self.link.set(settings, rtnl);
        self.reconnect(rtnl);
        Ok(())
    }

    fn renegotiate(&self, rtnl: &Rtnl<'_>) -> Result {
        if !self.link.settings(rtnl).negotiates() {
            if log::ratelimit() {
                pr_info!(
                    "{}: nothing to negotiate: autonegotiation is off\n",
                    self.device.name(rtnl)
                );
            }
            return Err(EINVAL);
        }
        self.reconnect(rtnl);
        Ok(())
    }

    fn link_down(&self, rtnl: &Rtnl<'_>) -> Option<LinkDown> {
        if self.has_link() {
            return None;
        }
        if self.link.cable(rtnl).is_none() {
            return Some(LinkDown::NoCable);
        }
        let settings = self.link.settings(rtnl);
        let unheard = if settings.negotiates() {
            LinkDown::NoPartner
        } else {
            LinkDown::NoPartnerForced
        };
        let Some(far) = self.partner(rtnl) else {
            return Some(unheard);
        };
        match resolve(settings, far.link.settings(rtnl)) {
            // Not for long.
            Ok(_) => None,
            Err(NoLink::NothingInCommon) => Some(LinkDown::NoCommonMode),
            Err(NoLink::Forced) => Some(unheard),
        }
    }
}
