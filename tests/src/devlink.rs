// SPDX-License-Identifier: GPL-2.0

//! Graphs flashed and activated without the tool `devlink`: to start it takes longer than all that it asks for.

use anyhow::Result;
use netlink_packet_core::NLM_F_ACK;

use crate::genl::Family;
use crate::nic::Nic;

/// `DEVLINK_CMD_RELOAD`.
const RELOAD: u8 = 37;
/// `DEVLINK_CMD_FLASH_UPDATE`.
const FLASH_UPDATE: u8 = 58;
/// `DEVLINK_RELOAD_ACTION_FW_ACTIVATE`.
const FW_ACTIVATE: u8 = 2;

/// Attributes of messages, `DEVLINK_ATTR_*`.
mod attribute {
    pub(super) const BUS_NAME: u16 = 1;
    pub(super) const DEV_NAME: u16 = 2;
    pub(super) const FLASH_UPDATE_FILE_NAME: u16 = 122;
    pub(super) const FLASH_UPDATE_COMPONENT: u16 = 123;
    pub(super) const RELOAD_ACTION: u16 = 153;
}

/// A NIC, by the kernel's own interface.
pub struct Devlink {
    family: Family,
    handle: String,
}

impl Devlink {
    /// For `nic`, which has to be in the namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// Where the kernel has no devlink.
    pub fn new(nic: Nic) -> Result<Self> {
        Ok(Self {
            family: Family::open("devlink")?,
            handle: nic.handle(),
        })
    }

    fn ask(&self, command: u8, attributes: Vec<(u16, Vec<u8>)>) -> Result<()> {
        let text = |text: &str| [text.as_bytes(), b"\0"].concat();
        let (bus, device) = self.handle.split_once('/').unwrap_or_default();
        let device = [
            (attribute::BUS_NAME, text(bus)),
            (attribute::DEV_NAME, text(device)),
        ];
        let all = device.into_iter().chain(attributes);
        self.family.ask(command, all, NLM_F_ACK).map(drop)
    }

    /// Flashes the file of the graph called `name`.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub fn flash(&self, name: &str) -> Result<()> {
        let file = format!("{name}.fw\0").into_bytes();
        let attributes = vec![
            (attribute::FLASH_UPDATE_FILE_NAME, file),
            (attribute::FLASH_UPDATE_COMPONENT, b"parser\0".to_vec()),
        ];
        self.ask(FLASH_UPDATE, attributes)
    }

    /// Has the device run what was flashed last.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub fn activate(&self) -> Result<()> {
        self.ask(RELOAD, vec![(attribute::RELOAD_ACTION, vec![FW_ACTIVATE])])
    }
}
