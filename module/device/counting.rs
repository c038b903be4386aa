// SPDX-License-Identifier: GPL-2.0

//! Ports that count what their card's parser does, and how another parser comes to run meanwhile.
//!
//! Counts are of one parser. A poll has a parser in hand and asks for the counts of just that, so that no
//! frame is ever counted at the nodes of another graph.

use crate::{
    card::Card,
    counts::Counting,
    host::{
        Host,
        MAX_PORTS, //
    },
    parser::{
        Parser,
        Refusal, //
    },
    port::{
        Plugged,
        Port, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    rcu,
    skbuff::SkBuff, //
};

impl<H: Host> Port<H> {
    /// Begins to count anew. Process context; who calls has the host's locks for changes of a port, and for
    /// those of the card's parser.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: it would take too much memory, or there is none. Then all goes on as before.
    pub fn begin_counting(&self) -> Result<(), Refusal> {
        let parser = self.card.parsers.running().ok_or(Refusal::Memory)?;
        let counting = Counting::new(&self.card.memory, parser)?;
        self.counting.publish(Some(counting));
        Ok(())
    }

    /// Counts no more, and forgets what was counted. Context: as [`Self::begin_counting`].
    pub fn end_counting(&self) {
        self.counting.replace(None);
    }

    /// What was counted, if the port counts.
    pub fn counting(&self) -> Option<Arc<Counting>> {
        self.counting.load_arc(&rcu::Guard::new())
    }

    /// Counts a frame that comes to no poll of the queue, if the port counts. Context: bottom halves off.
    #[inline]
    pub(crate) fn count_ahead(&self, frame: &SkBuff, guard: &rcu::Guard) {
        let parser = self.card.parsers.load(guard);
        let counting = parser.and_then(|parser| self.counting_of(parser, guard));
        if let Some(counting) = counting {
            counting.count(frame);
        }
    }

    /// What counts the frames of the port that `parser` parses, if something does.
    #[inline]
    pub(crate) fn counting_of<'a>(
        &'a self,
        parser: &Parser,
        guard: &'a rcu::Guard,
    ) -> Option<&'a Counting> {
        let counting = self.counting.load(guard)?;
        counting.is_of(parser).then_some(counting)
    }
}

impl<H: Plugged> Card<H> {
    /// Has the parser run that was flashed last: on return no frame is parsed by the one before. Ports that
    /// count begin anew, with the nodes of its graph. Process context, with the host's locks for changes of
    /// ports and for those of parsers.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: there is no memory to count in, or it would take too much. Then nothing has changed.
    pub fn activate_parser(&self) -> Result<(), Refusal> {
        let Some(stored) = self.parsers.stored() else {
            return Ok(());
        };
        let mut begun = KVec::with_capacity(MAX_PORTS.into(), GFP_KERNEL)?;
        for host in (0..MAX_PORTS).filter_map(|index| self.ports.get(index)) {
            let counting = host.port().counting();
            // It may be the one that runs.
            if counting.is_some_and(|counting| !counting.is_of(&stored)) {
                let counting = Counting::new(&self.memory, stored.clone())?;
                begun.push((host, counting), GFP_KERNEL)?;
            }
        }
        self.parsers.activate(&self.memory);
        for (host, counting) in begun {
            host.port().counting.replace(Some(counting));
        }
        Ok(())
    }
}
