// SPDX-License-Identifier: GPL-2.0

//! What programs decide about frames.

/// What a program decided about a frame. The discriminants are those of `enum xdp_action`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum XdpVerdict {
    /// The program gave up, or the device stopped it: the frame is dropped.
    Aborted = 0,
    /// The frame is dropped.
    Drop = 1,
    /// The frame goes to the host.
    Pass = 2,
    /// The frame goes back out of the port that it came from.
    Tx = 3,
    /// The frame goes out of the port that the program named by `bpf_redirect()`.
    Redirect = 4,
}

impl XdpVerdict {
    /// The verdict with number `action`; `None` for actions that the device does not have.
    pub const fn from_action(action: u32) -> Option<Self> {
        match action {
            0 => Some(Self::Aborted),
            1 => Some(Self::Drop),
            2 => Some(Self::Pass),
            3 => Some(Self::Tx),
            4 => Some(Self::Redirect),
            _ => None,
        }
    }
}

/// What a classifier decided about a frame: the actions of `linux/pkt_cls.h` that a direct-action
/// filter can give.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum TcVerdict {
    /// Nothing decided (-1): the frame goes to the host, and further classifiers see it.
    Unspec,
    /// The frame goes to the host (0).
    Ok,
    /// The frame is dropped (2).
    Shot,
    /// The frame is consumed (4).
    Stolen,
    /// The frame is consumed (8).
    Trap,
    /// The frame goes out of the port that the program named by `bpf_redirect()` (7).
    Redirect,
}

impl TcVerdict {
    /// All verdicts, by discriminant.
    pub const ALL: [Self; 6] = [
        Self::Unspec,
        Self::Ok,
        Self::Shot,
        Self::Stolen,
        Self::Trap,
        Self::Redirect,
    ];

    /// What a filter makes of the number that its program returned; those that are no verdict decide
    /// nothing.
    pub const fn from_action(action: i32) -> Self {
        match action {
            0 => Self::Ok,
            2 => Self::Shot,
            4 => Self::Stolen,
            7 => Self::Redirect,
            8 => Self::Trap,
            _ => Self::Unspec,
        }
    }

    /// A short name of lower-case letters, fit for a statistics counter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspec => "unspec",
            Self::Ok => "ok",
            Self::Shot => "shot",
            Self::Stolen => "stolen",
            Self::Trap => "trap",
            Self::Redirect => "redirect",
        }
    }
}
