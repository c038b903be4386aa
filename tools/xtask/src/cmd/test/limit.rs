// SPDX-License-Identifier: GPL-2.0

//! How long a run may take.

use std::time::{Duration, Instant};

/// Until when guests are begun, and how many minutes of a run that is; nothing if there is no limit.
#[derive(Clone, Copy)]
pub(super) struct Limit(Option<(Instant, u64)>);

impl Limit {
    /// `minutes` from `start` on, or no limit.
    pub(super) fn new(start: Instant, minutes: Option<u64>) -> Self {
        Self(minutes.and_then(|minutes| {
            let all = Duration::from_secs(minutes.saturating_mul(60));
            Some((start.checked_add(all)?, minutes))
        }))
    }

    /// Why nothing is begun any more, if so.
    pub(super) fn passed(&self) -> Option<String> {
        let (end, minutes) = self.0?;
        let is_over = Instant::now() >= end;
        is_over.then(|| format!("no time was left of the {minutes} minutes of `--within`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_when_it_says() {
        let now = Instant::now();
        assert_eq!(Limit::new(now, None).passed(), None);
        assert_eq!(Limit::new(now, Some(u64::MAX)).passed(), None);
        assert_eq!(Limit::new(now, Some(60)).passed(), None);
        let reason = Limit::new(now, Some(0)).passed().expect("a reason");
        assert!(reason.contains("of the 0 minutes"), "{reason}");
    }
}
