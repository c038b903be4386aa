// SPDX-License-Identifier: GPL-2.0

//! Link modes, and what the two ends of a cable agree on (IEEE 802.3, clauses 28 and 73).
//!
//! An end negotiates, and advertises modes, or is forced to one. Two that negotiate take the best mode
//! that both advertise. One that negotiates finds out the mode of one that is forced (parallel
//! detection), and takes it if it advertises that. Two that are forced must be forced to the same.
//!
//! There is no medium: a cable carries any mode. It is full duplex in each, as its two directions have
//! nothing to do with each other.

use core::ops::BitAnd;

/// A link mode. The higher ones are better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Mode {
    /// 10BASE-T.
    Base10T,
    /// 100BASE-TX.
    Base100T,
    /// 1000BASE-T.
    Base1000T,
    /// 2.5GBASE-T.
    Base2500T,
    /// 5GBASE-T.
    Base5000T,
    /// 10GBASE-T.
    Base10000T,
    /// 25GBASE-CR.
    Base25000Cr,
    /// 40GBASE-CR4.
    Base40000Cr4,
    /// 50GBASE-CR2.
    Base50000Cr2,
    /// 100GBASE-CR4.
    Base100000Cr4,
}

impl Mode {
    /// All of them, the best one last.
    pub const ALL: [Self; 10] = [
        Self::Base10T,
        Self::Base100T,
        Self::Base1000T,
        Self::Base2500T,
        Self::Base5000T,
        Self::Base10000T,
        Self::Base25000Cr,
        Self::Base40000Cr4,
        Self::Base50000Cr2,
        Self::Base100000Cr4,
    ];

    /// Its speed in Mb/s. No two modes have the same.
    pub const fn speed(self) -> u32 {
        match self {
            Self::Base10T => 10,
            Self::Base100T => 100,
            Self::Base1000T => 1_000,
            Self::Base2500T => 2_500,
            Self::Base5000T => 5_000,
            Self::Base10000T => 10_000,
            Self::Base25000Cr => 25_000,
            Self::Base40000Cr4 => 40_000,
            Self::Base50000Cr2 => 50_000,
            Self::Base100000Cr4 => 100_000,
        }
    }

    /// The mode with a speed of `speed` Mb/s.
    pub fn of_speed(speed: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.speed() == speed)
    }

    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

/// A set of link modes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Modes(u16);

impl Modes {
    /// None.
    pub const NONE: Self = Self(0);
    /// All.
    pub const ALL: Self = Self((1 << Mode::ALL.len()) - 1);

    /// `mode` and no other.
    pub const fn only(mode: Mode) -> Self {
        Self(mode.bit())
    }

    /// These and `mode`.
    #[must_use]
    pub const fn with(self, mode: Mode) -> Self {
        Self(self.0 | mode.bit())
    }

    /// Whether `mode` is among them.
    pub const fn has(self, mode: Mode) -> bool {
        self.0 & mode.bit() != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The best one.
    pub fn best(self) -> Option<Mode> {
        self.iter().last()
    }

    /// Each of them, the best one last.
    pub fn iter(self) -> impl Iterator<Item = Mode> {
        Mode::ALL.into_iter().filter(move |mode| self.has(*mode))
    }
}

impl BitAnd for Modes {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// How one end of a cable is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// What it advertises when it negotiates.
    pub advertised: Modes,
    /// The mode that it is forced to, without negotiation.
    pub forced: Option<Mode>,
}

impl Settings {
    /// It negotiates, and takes any mode.
    pub const ANY: Self = Self {
        advertised: Modes::ALL,
        forced: None,
    };

    /// The modes that it takes.
    pub fn taken(self) -> Modes {
        self.forced.map_or(self.advertised, Modes::only)
    }

    /// Whether it negotiates.
    pub const fn negotiates(self) -> bool {
        self.forced.is_none()
    }
}

/// Why two ends have no link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoLink {
    /// Both negotiate, and advertise no mode in common.
    NothingInCommon,
    /// An end is forced to a mode that the other one does not take.
    Forced,
}

/// The mode of the link between two ends. It is the same from either side.
///
/// # Errors
///
/// Why there is no link.
pub fn resolve(near: Settings, far: Settings) -> Result<Mode, NoLink> {
    let common = near.taken() & far.taken();
    common.best().ok_or({
        if near.negotiates() && far.negotiates() {
            NoLink::NothingInCommon
        } else {
            NoLink::Forced
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advertising(modes: &[Mode]) -> Settings {
        let mut advertised = Modes::NONE;
        for mode in modes {
            advertised = advertised.with(*mode);
        }
        Settings {
            advertised,
            forced: None,
        }
    }

    fn forced(mode: Mode) -> Settings {
        Settings {
            forced: Some(mode),
            ..Settings::ANY
        }
    }

    #[test]
    fn modes_are_in_the_order_of_speeds() {
        assert!(Mode::ALL.is_sorted_by(|one, next| one < next && one.speed() < next.speed()));
        for mode in Mode::ALL {
            assert_eq!(Mode::of_speed(mode.speed()), Some(mode));
            assert!(Modes::ALL.has(mode) && !Modes::NONE.has(mode));
        }
        assert_eq!(Mode::of_speed(0), None);
        assert_eq!(Mode::of_speed(56_000), None);
        assert_eq!(Mode::of_speed(u32::MAX), None);
    }

    #[test]
    fn the_best_common_mode_is_taken() {
        use Mode::{Base10000T, Base1000T, Base100T, Base10T, Base25000Cr};
        let near = advertising(&[Base10T, Base100T, Base1000T, Base25000Cr]);
        let far = advertising(&[Base100T, Base1000T, Base10000T]);
        assert_eq!(resolve(near, far), Ok(Base1000T));
        assert_eq!(
            resolve(Settings::ANY, Settings::ANY),
            Ok(Mode::Base100000Cr4)
        );
        assert_eq!(resolve(Settings::ANY, far), Ok(Base10000T));
    }

    #[test]
    fn what_is_forced_is_detected_if_it_is_advertised() {
        let far = advertising(&[Mode::Base100T, Mode::Base1000T]);
        for mode in Mode::ALL {
            let expected = if far.advertised.has(mode) {
                Ok(mode)
            } else {
                Err(NoLink::Forced)
            };
            assert_eq!(resolve(forced(mode), far), expected);
            assert_eq!(resolve(forced(mode), Settings::ANY), Ok(mode));
        }
    }

    #[test]
    fn two_that_are_forced_must_be_alike() {
        for near in Mode::ALL {
            for far in Mode::ALL {
                let expected = if near == far {
                    Ok(near)
                } else {
                    Err(NoLink::Forced)
                };
                assert_eq!(resolve(forced(near), forced(far)), expected);
            }
        }
    }

    #[test]
    fn nothing_in_common_is_no_link() {
        let near = advertising(&[Mode::Base10T]);
        let far = advertising(&[Mode::Base100T]);
        assert_eq!(resolve(near, far), Err(NoLink::NothingInCommon));
        assert_eq!(
            resolve(advertising(&[]), Settings::ANY),
            Err(NoLink::NothingInCommon)
        );
    }

    /// Beside a model that goes through all pairs of modes.
    #[test]
    fn either_side_finds_the_same() {
        let sides = (0..1u32 << Mode::ALL.len())
            .step_by(7)
            .map(|bits| Settings {
                // CAST: Fewer modes than bits.
                advertised: Modes(bits as u16),
                forced: Mode::ALL.get(bits as usize % 23).copied(),
            });
        for near in sides.clone() {
            for far in sides.clone().step_by(5) {
                let found = resolve(near, far);
                assert_eq!(found, resolve(far, near));
                let mut best = None;
                for mode in Mode::ALL {
                    let takes = |side: Settings| match side.forced {
                        Some(forced) => forced == mode,
                        None => side.advertised.iter().any(|it| it == mode),
                    };
                    if takes(near) && takes(far) {
                        best = Some(mode);
                    }
                }
                assert_eq!(found.ok(), best);
            }
        }
    }
}
