// SPDX-License-Identifier: GPL-2.0

//! Random programs give the same on the device as on another interpreter.

use engine::store::RegisterKind;
use engine_peers::{on_rbpf, on_the_device, straight_program, FRAME_LEN};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_device_computes_what_rbpf_computes(
        insns in straight_program(),
        frames in vec(vec(any::<u8>(), FRAME_LEN as usize), 4),
    ) {
        let expected = on_rbpf(&insns, &frames);
        for hint in [None, Some(RegisterKind::Packet), Some(RegisterKind::Stack), Some(RegisterKind::MapValue)] {
            prop_assert_eq!(on_the_device(&insns, hint, &frames), &expected[..], "hint {:?}", hint);
        }
    }
}
