// SPDX-License-Identifier: GPL-2.0

//! How the link of a port is set, and where its cable goes.

use engine::link::Settings;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use net::netdev::Rtnl;

/// How the link of a port is set, and where its cable goes, to a `P` as the port is one.
///
/// Read and written under RTNL: the lock is only there as that is no lock that owns anything. The
/// locks of two ports are never held at once.
pub(crate) struct Link<P>(Pin<KBox<Mutex<State<P>>>>);

struct State<P> {
    settings: Settings,
    /// The port at the other end of the cable, whether or not there is a link.
    cable: Option<Arc<P>>,
    /// Whether what the port sends comes back to it, and nothing from the cable.
    is_looped: bool,
}

impl<P> Link<P> {
    /// No cable, and any mode will do.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new() -> Result<Self> {
        let state = State {
            settings: Settings::ANY,
            cable: None,
            is_looped: false,
        };
        let mutex = new_mutex!(state, "offload_nic_link");
        Ok(Self(KBox::pin_init(mutex, GFP_KERNEL)?))
    }

    /// How this end is set.
    pub(crate) fn settings(&self, _rtnl: &Rtnl<'_>) -> Settings {
        self.0.lock().settings
    }

    /// Sets this end otherwise.
    pub(crate) fn set(&self, settings: Settings, _rtnl: &Rtnl<'_>) {
        self.0.lock().settings = settings;
    }

    /// The port at the other end of the cable.
    pub(crate) fn cable(&self, _rtnl: &Rtnl<'_>) -> Option<Arc<P>> {
        self.0.lock().cable.clone()
    }

    /// Has the cable go to `far`, and gives where it went.
    pub(crate) fn set_cable(&self, far: Option<Arc<P>>, _rtnl: &Rtnl<'_>) -> Option<Arc<P>> {
        core::mem::replace(&mut self.0.lock().cable, far)
    }

    /// Whether the port is looped back.
    pub(crate) fn is_looped(&self, _rtnl: &Rtnl<'_>) -> bool {
        self.0.lock().is_looped
    }

    /// Notes whether it is.
    pub(crate) fn set_looped(&self, is_looped: bool, _rtnl: &Rtnl<'_>) {
        self.0.lock().is_looped = is_looped;
    }
}
