// SPDX-License-Identifier: GPL-2.0

//! Being told what happens to programs in devices.
//!
//! ```no_run
//! use offload_uapi::events::Events;
//! use offload_uapi::types::Event;
//!
//! # fn main() -> Result<(), offload_uapi::error::Error> {
//! for event in Events::subscribe()? {
//!     match event? {
//!         Event::SlotFault(slot) => eprintln!("interface {}: {} faulted", slot.ifindex, slot.slot),
//!         other => println!("{other:?}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! With an asynchronous runtime, wait until the file descriptor ([`AsFd`]) is readable and call
//! [`Events::try_next`] until it has nothing more. With tokio:
//!
//! ```text
//! let mut events = AsyncFd::with_interest(Events::subscribe()?, Interest::READABLE)?;
//! loop {
//!     let mut ready = events.readable_mut().await?;
//!     while let Some(event) = ready.get_inner_mut().try_next()? { .. }
//!     ready.clear_ready();
//! }
//! ```

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use crate::decode;
use crate::error::Error;
use crate::socket::Connection;
use crate::types::Event;

/// What happens, in its order.
///
/// As an iterator it waits for the next event and has no end. [`Error::EventsLost`] is no end either:
/// the events after the lost ones follow.
#[derive(Debug)]
pub struct Events {
    connection: Connection,
    family: u16,
    waiting: VecDeque<Result<Event, Error>>,
}

impl Events {
    /// Is told from now on, in the network namespace that the thread is in.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`](crate::client::Client::connect).
    pub fn subscribe() -> Result<Self, Error> {
        let mut connection = Connection::open()?;
        let family = connection.family()?;
        connection.join(family.events.ok_or(Error::FamilyMissing)?)?;
        Ok(Self {
            connection,
            family: family.id,
            waiting: VecDeque::new(),
        })
    }

    /// The next event, if there is one already.
    ///
    /// # Errors
    ///
    /// [`Error::EventsLost`], or what is wrong with the socket or the event.
    pub fn try_next(&mut self) -> Result<Option<Event>, Error> {
        if self.waiting.is_empty() {
            self.read(libc::MSG_DONTWAIT)?;
        }
        self.waiting.pop_front().transpose()
    }

    /// Takes in what one read brings.
    fn read(&mut self, flags: i32) -> Result<(), Error> {
        for message in self.connection.next(flags)? {
            if message.family == self.family {
                let event = decode::event(message.command, &message.attributes);
                self.waiting.push_back(event.map_err(Error::from));
            }
        }
        Ok(())
    }
}

impl Iterator for Events {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if let Err(error) = self.read(0) {
                return Some(Err(error));
            }
        }
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

impl AsRawFd for Events {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}
