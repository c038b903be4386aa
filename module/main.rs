// SPDX-License-Identifier: GPL-2.0

//! The module's root: what `insmod` sees. Everything else lives in the crates.

use core::borrow::Borrow;
use kernel::prelude::*;
use offload_nic::{
    Driver,
    Parameters, //
};

module! {
    type: Module,
    name: "offload_nic",
    authors: ["The offload_nic developers"],
    description: "Virtual NIC whose device executes offloaded eBPF",
    license: "GPL",
    params: {
        nics: u32 {
            default: 1,
            description: "Number of NICs to begin with (default 1)",
        },
        ports: u32 {
            default: 2,
            description: "Ports of each of these; ports 0 and 1, 2 and 3, ... are cabled to each other (default 2)",
        },
        queues: u32 {
            default: 4,
            description: "Receive and transmit queue pairs of each of their ports (default 4)",
        },
    },
}

/// A parameter's value, which Linux 7.2 lends and 7.3 hands out.
fn plain(value: impl Borrow<u32>) -> u32 {
    *value.borrow()
}

struct Module {
    _driver: Driver,
}

impl kernel::Module for Module {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let parameters = Parameters {
            nics: plain(module_parameters::nics.value()),
            ports: plain(module_parameters::ports.value()),
            queues: plain(module_parameters::queues.value()),
        };
        Ok(Self {
            _driver: Driver::new(&parameters, module)?,
        })
    }
}
