// SPDX-License-Identifier: GPL-2.0

//! `offloadctl program verify`.

use std::path::PathBuf;

use anyhow::{bail, Context, Result};
use clap::ValueEnum;
use offload_uapi::client::Client;
use offload_uapi::netlink::{self, DigestAlgorithm, State};
use offload_uapi::types::{hex, Program};
use serde::Serialize;

use super::hash;
use crate::interface::Interfaces;
use crate::output::{digest, Output, Status};

/// Compares an object file, the kernel and the device, and says which of them differs
///
/// The device's digest is made of what lies in its memory now. Exit status 3 if something differs,
/// or if the device has no program there, or one that is faulted.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Its name or index
    interface: String,
    /// The slot
    #[arg(long, value_enum, default_value_t = Slot::Xdp)]
    slot: Slot,
    /// Compare with this object file, too
    #[arg(long, value_name = "FILE")]
    object: Option<PathBuf>,
    /// The program is in this section of the object file
    #[arg(
        long,
        value_name = "NAME",
        requires = "object",
        conflicts_with = "program"
    )]
    section: Option<String>,
    /// The program has this name in the object file
    #[arg(long, value_name = "NAME", requires = "object")]
    program: Option<String>,
}

/// A slot that runs eBPF.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Slot {
    /// Native XDP
    Xdp,
    /// A classifier at the interface's ingress
    TcIngress,
    /// The flow dissector
    Parser,
}

impl From<Slot> for netlink::Slot {
    fn from(slot: Slot) -> Self {
        match slot {
            Slot::Xdp => Self::Xdp,
            Slot::TcIngress => Self::TcIngress,
            Slot::Parser => Self::Parser,
        }
    }
}

/// What was compared, each by its SHA-256, and what came of it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Comparison {
    interface: String,
    slot: &'static str,
    object: Option<String>,
    kernel: Option<String>,
    device: Option<String>,
    faulted: bool,
    result: Finding,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Finding {
    /// All that there are, are the same.
    Equal,
    /// The object file is the odd one.
    ObjectDiffers,
    /// The kernel is the odd one.
    KernelDiffers,
    /// The device is the odd one.
    DeviceDiffers,
    /// No two are the same.
    AllDiffer,
    /// The device has no program in the slot.
    DeviceEmpty,
    /// The device's program is not what it was loaded as.
    DeviceFaulted,
}

impl Args {
    pub(super) fn run(self, output: &Output) -> Result<Status> {
        let object = match &self.object {
            Some(path) => Some(self.object_digest(path)?),
            None => None,
        };
        let mut client = Client::connect()?;
        let interfaces = Interfaces::of(&mut client)?;
        let device = interfaces.find(&self.interface)?;
        let slot = netlink::Slot::from(self.slot);
        let found = client
            .slot(device.ifindex, slot)
            .with_context(|| format!("slot {} of {}", slot.name(), device.ifname))?;
        let sha256 = |program: &Option<Program>| {
            let program = program.as_ref()?;
            digest(program, DigestAlgorithm::Sha256)
        };
        let state = found.device.as_ref().and_then(|program| program.state);
        let faulted = state.is_some_and(|state| state == State::Faulted);
        let comparison = compare(
            (device.ifname.clone(), slot.name()),
            (object, sha256(&found.kernel), sha256(&found.device)),
            faulted,
        )?;
        output.show_text(&comparison, text)?;
        Ok(match comparison.result {
            Finding::Equal => Status::Good,
            _ => Status::Different,
        })
    }

    /// The digest of the one program that is meant.
    fn object_digest(&self, path: &std::path::Path) -> Result<String> {
        let programs = hash::choose(path, self.section.as_deref(), self.program.as_deref())?;
        match programs.as_slice() {
            [only] => Ok(hex(&only.digests().sha256)),
            all => {
                let names: Vec<_> = all.iter().map(|program| program.name.as_str()).collect();
                bail!(
                    "{} has several programs: say --program NAME, one of {}",
                    path.display(),
                    names.join(", ")
                )
            }
        }
    }
}

fn compare(
    (interface, slot): (String, &'static str),
    (object, kernel, device): (Option<String>, Option<String>, Option<String>),
    faulted: bool,
) -> Result<Comparison> {
    let result = match (&object, &kernel, &device) {
        (_, _, None) => Finding::DeviceEmpty,
        _ if faulted => Finding::DeviceFaulted,
        (None, None, Some(_)) => bail!(
            "{interface}: nothing to compare the device's program with: the kernel runs none for \
             slot {slot} (name an object file: --object FILE)"
        ),
        (Some(object), Some(kernel), Some(device)) => {
            match (object == kernel, object == device, kernel == device) {
                (true, true, _) => Finding::Equal,
                (true, false, _) => Finding::DeviceDiffers,
                (false, true, _) => Finding::KernelDiffers,
                (false, false, true) => Finding::ObjectDiffers,
                (false, false, false) => Finding::AllDiffer,
            }
        }
        // Of two that differ, either may be the wrong one.
        (object, kernel, device) => {
            let other = object.as_ref().or(kernel.as_ref());
            if other == device.as_ref() {
                Finding::Equal
            } else {
                Finding::DeviceDiffers
            }
        }
    };
    Ok(Comparison {
        interface,
        slot,
        object,
        kernel,
        device,
        faulted,
        result,
    })
}

fn text(comparison: &Comparison) -> String {
    let mut out = String::new();
    for (who, digest) in [
        ("object", &comparison.object),
        ("kernel", &comparison.kernel),
        ("device", &comparison.device),
    ] {
        let digest = digest.as_deref().unwrap_or("-");
        out.push_str(&format!("{who:<7} {digest}\n"));
    }
    let style = match comparison.result {
        Finding::Equal => anstyle::AnsiColor::Green,
        _ => anstyle::AnsiColor::Red,
    };
    let style = style.on_default();
    let words = match comparison.result {
        Finding::Equal => "equal",
        Finding::ObjectDiffers => "the object file differs: kernel and device have another program",
        Finding::KernelDiffers => "the kernel differs: load the object file into it again",
        Finding::DeviceDiffers => "the device differs: load the program into it again",
        Finding::AllDiffer => "all three differ",
        Finding::DeviceEmpty => "the device has no program there",
        Finding::DeviceFaulted => {
            "the device's program has changed in its memory: load it into the device again"
        }
    };
    let Comparison {
        interface, slot, ..
    } = comparison;
    out.push_str(&format!("{interface} {slot}: {style}{words}{style:#}\n"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(object: &str, kernel: &str, device: &str, faulted: bool) -> Result<Finding> {
        let digest = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let all = (digest(object), digest(kernel), digest(device));
        Ok(compare(("onic0".to_owned(), "xdp"), all, faulted)?.result)
    }

    #[test]
    fn the_odd_one_is_named() {
        for (object, kernel, device, expected) in [
            ("a", "a", "a", Finding::Equal),
            ("a", "", "a", Finding::Equal),
            ("", "a", "a", Finding::Equal),
            ("b", "a", "a", Finding::ObjectDiffers),
            ("a", "b", "a", Finding::KernelDiffers),
            ("a", "a", "b", Finding::DeviceDiffers),
            ("a", "", "b", Finding::DeviceDiffers),
            ("", "a", "b", Finding::DeviceDiffers),
            ("a", "b", "c", Finding::AllDiffer),
            ("a", "a", "", Finding::DeviceEmpty),
            ("", "", "", Finding::DeviceEmpty),
        ] {
            let found = found(object, kernel, device, false).unwrap();
            assert_eq!(found, expected, "{object:?} {kernel:?} {device:?}");
        }
        assert_eq!(found("a", "a", "a", true).unwrap(), Finding::DeviceFaulted);
        let error = found("", "", "a", false).unwrap_err().to_string();
        assert!(error.contains("--object"), "{error}");
    }

    #[test]
    fn it_is_told_in_four_lines() {
        let all = (Some("aa".to_owned()), None, Some("bb".to_owned()));
        let comparison = compare(("onic0".to_owned(), "xdp"), all, false).unwrap();
        let plain = anstream::adapter::strip_str(&text(&comparison)).to_string();
        assert_eq!(
            plain,
            "object  aa\nkernel  -\ndevice  bb\nonic0 xdp: the device differs: load the program \
             into it again\n"
        );
        let json = serde_json::to_value(&comparison).unwrap();
        assert_eq!(json["result"], "device-differs");
        assert_eq!(json["kernel"], serde_json::Value::Null);
    }
}
