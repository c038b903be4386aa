// SPDX-License-Identifier: GPL-2.0

//! What can be observed of a program's run on a frame.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};

use engine::exec::{TcVerdict, XdpVerdict};
use engine::store::ProgramKind;

/// What a program returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returned {
    /// An action for XDP.
    Xdp(XdpVerdict),
    /// What a filter makes of it.
    Tc(TcVerdict),
    /// Not an action for XDP.
    NoAction(u32),
    /// The device stopped the program, or the kernel did not run it.
    Stopped(String),
}

impl Returned {
    /// What the number is to a program of type `kind`.
    pub fn of(kind: ProgramKind, number: u32) -> Self {
        match kind {
            ProgramKind::Xdp => {
                XdpVerdict::from_action(number).map_or(Self::NoAction(number), Self::Xdp)
            }
            ProgramKind::SchedCls => Self::Tc(TcVerdict::of_filter(number as i32)),
        }
    }
}

/// Everything that can be observed of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// What it returned.
    pub returned: Returned,
    /// The frame.
    pub bytes: Vec<u8>,
    /// The metadata in front of it.
    pub metadata: Vec<u8>,
    /// Mark, priority, wire length and `cb` of a classifier's context.
    pub context: [u32; 8],
    /// What it sent to user space. On the kernel, up to a multiple of 8 bytes with their length.
    pub samples: Vec<Vec<u8>>,
    /// What it left in its map 0.
    pub left: Vec<u8>,
}

/// The elements of each map but the first.
pub type Maps = Vec<BTreeMap<Vec<u8>, Vec<u8>>>;

/// What the runs of a case left: an observation for each frame, and the maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// By frame.
    pub observed: Vec<Observed>,
    /// At the end.
    pub maps: Maps,
}

/// Bytes of a sample of `len` bytes in the ring: with their length, a multiple of 8.
fn in_ring(len: usize) -> usize {
    (len + 4).next_multiple_of(8) - 4
}

fn is_same_sample(kernel: &[u8], device: &[u8]) -> bool {
    kernel.len() == in_ring(device.len()) && kernel.starts_with(device)
}

/// A difference between kernel and device: at which frame (or none, where it is one of maps), and
/// what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The frame's number.
    pub frame: Option<usize>,
    /// In what.
    pub kind: &'static str,
    /// Both sides.
    pub what: String,
}

/// In what two sides differ, and how.
type Found = (&'static str, String);

fn differ<T: PartialEq + Debug>(kind: &'static str, kernel: &T, device: &T) -> Option<Found> {
    let what = || format!("kernel {kernel:02x?}, device {device:02x?}");
    (kernel != device).then(|| (kind, what()))
}

fn differ_in_bytes(kind: &'static str, kernel: &[u8], device: &[u8]) -> Option<Found> {
    if kernel == device {
        return None;
    }
    let at = kernel.iter().zip(device).position(|(a, b)| a != b);
    let at = at.unwrap_or(kernel.len().min(device.len()));
    let (lens, near) = ((kernel.len(), device.len()), at..at + 16);
    let part = |bytes: &[u8]| {
        bytes
            .get(near.start..near.end.min(bytes.len()))
            .map(<[u8]>::to_vec)
    };
    let what = format!(
        "{} and {} bytes, from byte {at}: kernel {:02x?}, device {:02x?}",
        lens.0,
        lens.1,
        part(kernel).unwrap_or_default(),
        part(device).unwrap_or_default()
    );
    Some((kind, what))
}

/// The first difference in what was observed of one frame.
fn in_frame(kernel: &Observed, device: &Observed) -> Option<Found> {
    let samples = || {
        let is_same = kernel.samples.len() == device.samples.len()
            && kernel
                .samples
                .iter()
                .zip(&device.samples)
                .all(|(kernel, device)| is_same_sample(kernel, device));
        let what = || {
            format!(
                "kernel {:02x?}, device {:02x?}",
                kernel.samples, device.samples
            )
        };
        (!is_same).then(|| ("samples", what()))
    };
    differ("returned", &kernel.returned, &device.returned)
        .or_else(|| differ_in_bytes("frame", &kernel.bytes, &device.bytes))
        .or_else(|| differ_in_bytes("metadata", &kernel.metadata, &device.metadata))
        .or_else(|| {
            let what = "mark, priority, wire length, cb";
            differ(what, &kernel.context, &device.context)
        })
        .or_else(samples)
        .or_else(|| differ_in_bytes("what it left", &kernel.left, &device.left))
}

/// The first difference, if there is one.
pub fn difference(kernel: &Ran, device: &Ran) -> Option<Difference> {
    let frames = kernel.observed.iter().zip(&device.observed);
    let mut frames = frames.enumerate();
    let first = frames.find_map(|(frame, (kernel, device))| {
        in_frame(kernel, device).map(|(kind, what)| Difference {
            frame: Some(frame),
            kind,
            what,
        })
    });
    first.or_else(|| {
        let mut maps = kernel.maps.iter().zip(&device.maps);
        let (kind, what) = maps.find_map(|(kernel, device)| differ("map", kernel, device))?;
        Some(Difference {
            frame: None,
            kind,
            what,
        })
    })
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.frame {
            Some(frame) => write!(f, "frame {frame}: {}: {}", self.kind, self.what),
            None => write!(f, "{}: {}", self.kind, self.what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed() -> Observed {
        Observed {
            returned: Returned::of(ProgramKind::Xdp, 2),
            bytes: vec![1, 2, 3],
            metadata: Vec::new(),
            context: [0; 8],
            samples: Vec::new(),
            left: vec![0; 4],
        }
    }

    fn ran(observed: Observed) -> Ran {
        Ran {
            observed: vec![observed],
            maps: vec![BTreeMap::from([(vec![1], vec![2])])],
        }
    }

    #[test]
    fn every_field_is_compared() {
        let same = ran(observed());
        assert_eq!(difference(&same, &same), None);
        let change: [fn(&mut Ran); 7] = [
            |ran| ran.observed[0].returned = Returned::of(ProgramKind::Xdp, 9),
            |ran| ran.observed[0].bytes.push(0),
            |ran| ran.observed[0].metadata.push(0),
            |ran| ran.observed[0].context[7] = 1,
            |ran| ran.observed[0].samples.push(vec![0; 4]),
            |ran| ran.observed[0].left[3] = 1,
            |ran| ran.maps[0].clear(),
        ];
        for change in change {
            let mut other = same.clone();
            change(&mut other);
            let found = difference(&same, &other).expect("a difference");
            assert_eq!(found.frame, (other.maps == same.maps).then_some(0));
        }
    }

    #[test]
    fn a_sample_is_filled_up_in_the_ring() {
        assert!(is_same_sample(&[1, 2, 3, 9], &[1, 2, 3]));
        assert!(is_same_sample(&[1, 2, 3, 4], &[1, 2, 3, 4]));
        assert!(!is_same_sample(&[1, 2, 3, 9, 9, 9, 9, 9], &[1, 2, 3]));
        assert!(!is_same_sample(&[1, 2, 4, 9], &[1, 2, 3]));
    }
}
