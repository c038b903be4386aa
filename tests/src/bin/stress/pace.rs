// SPDX-License-Identifier: GPL-2.0

//! Workers that go on until they are stopped for a check, and go on again.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Work,
    Stop,
    End,
}

#[derive(Debug)]
struct State {
    order: Order,
    /// Workers that have stopped, or ended.
    idle: usize,
}

/// The pace of a number of workers.
#[derive(Debug)]
pub(crate) struct Pace {
    workers: usize,
    state: Mutex<State>,
    changed: Condvar,
}

impl Pace {
    /// For so many workers, which begin at once.
    pub(crate) fn new(workers: usize) -> Self {
        let (order, idle) = (Order::Work, 0);
        Self {
            workers,
            state: Mutex::new(State { order, idle }),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker: does `act` again and again, until the end.
    pub(crate) fn work(&self, mut act: impl FnMut()) {
        loop {
            let mut state = self.state();
            if state.order != Order::Work {
                state.idle += 1;
                self.changed.notify_all();
                while state.order == Order::Stop {
                    state = self
                        .changed
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                if state.order == Order::End {
                    return;
                }
                state.idle -= 1;
            }
            drop(state);
            act();
        }
    }

    /// Lets the workers work for a while.
    pub(crate) fn let_run(&self, time: Duration) {
        let state = self.state();
        // Nobody ends the work but the caller, so this waits out the time.
        let ended = |state: &mut State| state.order != Order::End;
        drop(self.changed.wait_timeout_while(state, time, ended));
    }

    /// Stops all workers, each behind what it is doing, does `check`, and lets them go on.
    pub(crate) fn while_stopped<T>(&self, check: impl FnOnce() -> T) -> T {
        let mut state = self.state();
        state.order = Order::Stop;
        while state.idle < self.workers {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        let result = check();
        self.order(Order::Work);
        result
    }

    /// Ends the work.
    pub(crate) fn end(&self) {
        self.order(Order::End);
    }

    fn order(&self, order: Order) {
        self.state().order = order;
        self.changed.notify_all();
    }
}
