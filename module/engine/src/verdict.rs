// SPDX-License-Identifier: GPL-2.0

//! What programs decide about frames.

/// The verdicts of a type of programs: for each its name here, the number that programs return, and
/// a short name.
macro_rules! verdicts {
    ($(#[$doc:meta])* $Verdict:ident: $number:ty {
        $($(#[$about:meta])* $name:ident = $action:literal, $text:literal;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum $Verdict {
            $($(#[$about])* $name,)*
        }

        impl $Verdict {
            /// All verdicts, by discriminant.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The verdict with number `action`; `None` for a number that is no verdict of the
            /// device's.
            pub const fn from_action(action: $number) -> Option<Self> {
                match action {
                    $($action => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// A short name of lower-case letters, fit for a statistics counter.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

verdicts! {
    /// What a program decided about a frame: `enum xdp_action`.
    XdpVerdict: u32 {
        /// The program gave up, or the device stopped it: the frame is dropped.
        Aborted = 0, "aborted";
        /// The frame is dropped.
        Drop = 1, "drop";
        /// The frame goes to the host.
        Pass = 2, "pass";
        /// The frame goes back out of the port that it came from.
        Tx = 3, "tx";
        /// The frame goes out of the port that the program named by `bpf_redirect()`.
        Redirect = 4, "redirect";
    }
}

verdicts! {
    /// What a GRO program said of a frame that has come: `enum gro_verdict` of `offload_gro.h`.
    GroVerdict: u32 {
        /// It goes up by itself, and what is held of its flow before it.
        Pass = 0, "pass";
        /// What is held is of another flow.
        OtherFlow = 1, "other_flow";
        /// It goes behind what is held.
        Merge = 2, "merge";
        /// It does, and that goes up.
        MergeAndEnd = 3, "merge_and_end";
        /// It is held, and what was held of its flow goes up.
        Hold = 4, "hold";
    }
}

verdicts! {
    /// What a classifier decided about a frame: the actions of `linux/pkt_cls.h` that a
    /// direct-action filter can give. A number that is none of them decides nothing.
    TcVerdict: i32 {
        /// Nothing decided: the frame goes to the host, and further classifiers see it.
        Unspec = -1, "unspec";
        /// The frame goes to the host.
        Ok = 0, "ok";
        /// The frame is dropped.
        Shot = 2, "shot";
        /// The frame is consumed.
        Stolen = 4, "stolen";
        /// The frame is consumed.
        Trap = 8, "trap";
        /// The frame goes out of the port that the program named by `bpf_redirect()`.
        Redirect = 7, "redirect";
    }
}

impl TcVerdict {
    /// What a direct-action filter makes of the number that its program returned.
    pub const fn of_filter(action: i32) -> Self {
        match Self::from_action(action) {
            Some(verdict) => verdict,
            None => Self::Unspec,
        }
    }
}
