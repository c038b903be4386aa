// SPDX-License-Identifier: GPL-2.0

//! The clock of a card, beside one that is computed with whole numbers of any size.

use engine::clock::{OutOfRange, Timebase, MAX_ADJUSTMENT, MAX_TIME};
use proptest::prelude::*;

/// 2^16 parts per million.
const SCALE: i128 = 1_000_000 << 16;
/// The adjustments that the core lets through to a driver with [`MAX_ADJUSTMENT`].
const MOST: i64 = (MAX_ADJUSTMENT as i64 / 1000) << 16;
/// A century in nanoseconds.
const CENTURY: u64 = 100 * 365 * 24 * 3600 * 1_000_000_000;

/// What happens to a clock, after so many nanoseconds of its counter.
#[derive(Clone, Copy, Debug)]
enum Change {
    Adjust(i64),
    Shift(i64),
    Set(u64),
}

/// The clock of the model: its time as a fraction of `SCALE`.
struct Model {
    scaled: i128,
    rate: i64,
}

impl Model {
    fn pass(&mut self, elapsed: u64) {
        self.scaled += i128::from(elapsed) * (SCALE + i128::from(self.rate));
    }

    fn time(&self) -> i128 {
        self.scaled.div_euclid(SCALE)
    }
}

fn changes() -> impl Strategy<Value = Vec<(u64, Change)>> {
    let wait = prop_oneof![
        0_u64..1000,
        0_u64..10_000_000_000,
        Just(0),
        0_u64..CENTURY / 100,
    ];
    let change = prop_oneof![
        (-MOST..=MOST).prop_map(Change::Adjust),
        (-1_000_000_000_i64..1_000_000_000).prop_map(Change::Shift),
        (0..=MAX_TIME / 2).prop_map(Change::Set),
    ];
    prop::collection::vec((wait, change), 1..40)
}

proptest! {
    /// Through all changes the clock is where exact arithmetic has it, to the nanosecond, in which
    /// the rate, a fraction of 2^64 here, is rounded.
    #[test]
    fn time_is_that_of_exact_arithmetic(
        mut counter in 0..u64::MAX / 4,
        begin in MAX_TIME / 4..MAX_TIME / 2,
        changes in changes(),
    ) {
        let mut clock = Timebase::new(counter, begin);
        let mut model = Model { scaled: i128::from(begin) * SCALE, rate: 0 };
        for (wait, change) in changes {
            counter += wait;
            model.pass(wait);
            let apart = i128::from(clock.time_at(counter)) - model.time();
            prop_assert!(apart.abs() <= 1, "{apart} ns apart");
            let before = clock;
            let changed = match change {
                Change::Adjust(ppm) => {
                    model.rate = ppm;
                    clock.adjusted(counter, ppm)
                }
                Change::Shift(delta) => {
                    model.scaled += i128::from(delta) * SCALE;
                    clock.shifted(counter, delta)
                }
                Change::Set(time) => {
                    model.scaled = i128::from(time) * SCALE;
                    clock.set(counter, time)
                }
            };
            clock = changed.expect("within range");
            if matches!(change, Change::Adjust(_)) {
                prop_assert_eq!(clock.time_at(counter), before.time_at(counter));
            }
        }
    }

    /// A clock that is only steered never goes back, and one that is read before its last change
    /// gives what it was then.
    #[test]
    fn steered_time_does_not_go_back(
        steps in prop::collection::vec((0_u64..5, -MOST..=MOST), 1..200),
    ) {
        let (mut counter, mut last) = (1 << 40, 1 << 50);
        let mut clock = Timebase::new(counter, last);
        for (wait, ppm) in steps {
            for _ in 0..wait {
                counter += 1;
                let now = clock.time_at(counter);
                prop_assert!(now >= last);
                last = now;
            }
            clock = clock.adjusted(counter, ppm).expect("within range");
            prop_assert_eq!(clock.time_at(counter), last);
            prop_assert_eq!(clock.time_at(counter - 1), last);
        }
    }

    /// No reading and no change of any clock overflows.
    #[test]
    fn nothing_overflows(
        begin in any::<(u64, u64)>(),
        changes in prop::collection::vec(any::<(u64, u64, i64)>(), 1..20),
    ) {
        let mut clock = Timebase::new(begin.0, begin.1);
        for (counter, time, number) in changes {
            clock.time_at(counter);
            let changed = [
                clock.set(counter, time),
                clock.shifted(counter, number),
                clock.adjusted(counter, number >> 30),
            ];
            clock = changed.into_iter().flatten().last().unwrap_or(clock);
        }
    }
}

/// However often a servo changes the rate, what it has added up to is all there.
#[test]
fn no_fraction_is_lost() {
    let (mut counter, begin) = (0, 1_000_000_000);
    let mut clock = Timebase::new(counter, begin);
    // One part per billion, 65.536 as the core has it: 66 is a little more.
    for _ in 0..1_000_000 {
        counter += 999;
        clock = clock.adjusted(counter, 66).expect("within range");
    }
    // All but the first step.
    let gained = i128::from(counter - 999) * 66 / SCALE;
    assert_eq!(gained, 1);
    assert_eq!(clock.time_at(counter), begin + counter + 1);
}

#[test]
fn limits_are_told() {
    let clock = Timebase::new(5, 1000);
    assert_eq!(clock.set(5, MAX_TIME).map(|it| it.time_at(5)), Ok(MAX_TIME));
    assert_eq!(clock.set(5, MAX_TIME + 1), Err(OutOfRange));
    assert_eq!(clock.shifted(5, -1000).map(|it| it.time_at(5)), Ok(0));
    assert_eq!(clock.shifted(5, -1001), Err(OutOfRange));
    // What counts is the time at that moment.
    assert_eq!(clock.shifted(6, -1001).map(|it| it.time_at(6)), Ok(0));
    assert_eq!(clock.shifted(5, i64::MAX), Err(OutOfRange));
    assert!(clock.adjusted(5, MOST).is_ok());
    assert!(clock.adjusted(5, -MOST).is_ok());
    assert_eq!(clock.adjusted(5, i64::MAX), Err(OutOfRange));
    assert_eq!(clock.adjusted(5, i64::MIN), Err(OutOfRange));
    // A tenth faster, and a tenth slower.
    let second = 1_000_000_000;
    for (ppm, expected) in [(MOST, 1_100_001_000), (-MOST, 900_001_000)] {
        let clock = clock.adjusted(5, ppm).expect("within range");
        assert!(clock.time_at(5 + second).abs_diff(expected) <= 1);
    }
}
