// SPDX-License-Identifier: GPL-2.0

//! What must hold for any bytes that are taken for a parse graph: they are refused, or both translations
//! come to an end, and the device finds in any frame what the graph says.

#[path = "../../tests/dissector/model.rs"]
mod model;

use engine::memory::HostMemory;
use engine::parser::dissector::translate;
use engine::parser::{Machine, STEPS};
use graph_json::{dump, Canonical};
use model::Model;
use parse_graph::{stop, Graph};

/// Takes `data` for what a caller asks for, the length of a frame, the frame, and the canonical form of
/// a graph. Whether that is one.
///
/// # Panics
///
/// If the device finds what it should not.
pub fn graph(data: &[u8]) -> bool {
    let [asked, len, rest @ ..] = data else {
        return false;
    };
    let (frame, form) = rest.split_at(usize::from(*len).min(rest.len()));
    let Ok(graph) = Graph::new(form) else {
        return false;
    };
    // It may be too long for a program; what is made of it is tested elsewhere.
    let _ = translate(&HostMemory, &graph);
    let machine = Machine::new(&HostMemory, &graph).expect("memory for a machine");
    let model = Model::new(&graph);
    for len in 0..=frame.len() {
        let frame = &frame[..len];
        for asked in [u16::from(*asked), u16::from(*asked) >> 4] {
            let asked = asked & stop::OF_CALLER;
            let found = machine.parse(frame, asked);
            if len < 14 {
                continue;
            }
            let mut expected = model.parse(frame, asked.into());
            let keys = &mut expected.keys;
            keys[model::CALLER_FLAGS..][..4].fill(0);
            keys[2..4].copy_from_slice(&expected.offset.to_le_bytes());
            model::clamp(keys, len);
            expected.path.truncate(STEPS);
            let steps = found.steps().iter().map(|step| (step.node, step.offset));
            assert!(
                found.verdict as u32 == expected.code
                    && found.flow_keys() == expected.keys
                    && found.device_fields() == expected.fields
                    && steps.eq(expected.path.iter().copied()),
                "{frame:02x?}, asked {asked}: {found:?}, not {expected:?}"
            );
        }
    }
    true
}

/// Takes `data` for a graph in JSON. Whether that is one.
///
/// # Panics
///
/// If the graph is another one once it was written and read again.
pub fn document(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let Ok(canonical) = Canonical::from_json(&text) else {
        return false;
    };
    let graph = canonical.graph().expect("what was built is a graph");
    let again = Canonical::build(&dump(&graph, canonical.names()));
    let again = again.unwrap_or_else(|error| panic!("what was written is refused: {error}"));
    assert_eq!(again.bytes(), canonical.bytes());
    true
}
