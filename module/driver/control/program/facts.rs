// SPDX-License-Identifier: GPL-2.0

//! What the verifier knows of registers, for the engine's checks.

use engine::store::{
    self,
    RegisterFacts, //
};
use net::bpf::{
    Register,
    RegisterKind,
    VerifierEnv, //
};

/// What the verifier knows, in the engine's words.
pub(super) struct Facts<'a, 'b>(pub(super) &'a VerifierEnv<'b>);

impl RegisterFacts for Facts<'_, '_> {
    fn kind(&self, reg: u8) -> store::RegisterKind {
        let Some(Register { kind, constant }) = self.0.register(reg) else {
            return store::RegisterKind::Other;
        };
        match kind {
            RegisterKind::NotInit => store::RegisterKind::NotInit,
            RegisterKind::Scalar => store::RegisterKind::Scalar { constant },
            RegisterKind::Ctx => store::RegisterKind::Ctx,
            RegisterKind::MapPointer => store::RegisterKind::MapPointer,
            RegisterKind::MapValue => store::RegisterKind::MapValue,
            RegisterKind::MapValueOrNull => store::RegisterKind::MapValueOrNull,
            RegisterKind::Stack => store::RegisterKind::Stack,
            RegisterKind::PacketMeta => store::RegisterKind::PacketMeta,
            RegisterKind::Packet => store::RegisterKind::Packet,
            RegisterKind::PacketEnd => store::RegisterKind::PacketEnd,
            RegisterKind::Other => store::RegisterKind::Other,
        }
    }

    fn offset(&self, reg: u8) -> i32 {
        let constant = self.0.register(reg).and_then(|register| register.constant);
        // CAST: Offsets of pointers fit into 32 bits, as signed numbers.
        constant.map_or(0, |constant| constant as i32)
    }
}
