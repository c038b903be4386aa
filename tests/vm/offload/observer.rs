// SPDX-License-Identifier: GPL-2.0

//! One who asks about an interface, in the interface's namespace.

use anyhow::{ensure, Context, Result};
use offload_tests::link::{await_that, Link};
use offload_tests::netns;
use offload_uapi::client::Client;
use offload_uapi::error::Error;
use offload_uapi::events::Events;
use offload_uapi::netlink::{Policy, Slot, Verdict};
use offload_uapi::types::{DeviceProgram, Event, Image, Known, SlotReport, Stats};

/// A client in the namespace of an interface.
pub(crate) struct Observer {
    pub(crate) client: Client,
    pub(crate) events: Events,
    pub(crate) ifindex: u32,
}

impl Observer {
    pub(crate) fn new(link: &Link) -> Result<Self> {
        let (client, events) = netns::enter(link.ns.as_deref(), || {
            let client = Client::connect()?;
            let events = client.events()?;
            Ok((client, events))
        })?;
        Ok(Self {
            client,
            events,
            ifindex: link.index()?,
        })
    }

    /// The slot, which must compare as `verdict`.
    pub(crate) fn expect(&mut self, slot: Slot, verdict: Verdict) -> Result<SlotReport> {
        let found = self.client.slot(self.ifindex, slot)?;
        ensure!(
            found.verdict == Known::Is(verdict),
            "{verdict:?}: {found:?}"
        );
        let all = self.client.slots(Some(self.ifindex))?;
        ensure!(all.len() == Slot::ALL.len(), "{} slots", all.len());
        ensure!(all.contains(&found), "{found:?} is not among {all:?}");
        Ok(found)
    }

    pub(crate) fn program(&mut self, id: u64) -> Result<DeviceProgram> {
        let found = self.client.program(self.ifindex, u32::try_from(id)?)?;
        let all = self.client.programs(None)?;
        ensure!(all.contains(&found), "{found:?} is not among {all:?}");
        Ok(found)
    }

    pub(crate) fn image(&mut self, id: u64) -> Result<Image> {
        Ok(self.client.image(self.ifindex, u32::try_from(id)?)?)
    }

    pub(crate) fn stats(&mut self) -> Result<Stats> {
        Ok(self.client.stats(self.ifindex)?)
    }

    pub(crate) fn set(&mut self, policy: Policy) -> Result<(), Error> {
        self.client.set_policy(self.ifindex, policy)
    }

    /// Waits for the next event, and hands it to `is_it`, which must be pleased.
    pub(crate) fn next_event(
        &mut self,
        what: &str,
        is_it: impl Fn(&Event) -> bool,
    ) -> Result<Event> {
        let mut next = None;
        await_that(what, || {
            next = self.events.try_next()?;
            Ok(next.is_some())
        })?;
        let event = next.context("no event")?;
        ensure!(is_it(&event), "{what}, and not {event:?}");
        Ok(event)
    }

    /// There is no event that nobody has waited for.
    pub(crate) fn no_event(&mut self) -> Result<()> {
        let next = self.events.try_next()?;
        ensure!(next.is_none(), "{next:?}");
        Ok(())
    }
}
