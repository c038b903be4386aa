// SPDX-License-Identifier: GPL-2.0

//! The corpus of the fuzz targets, programs and what becomes of them, as they are and with a few bytes changed: what fuzzing has
//! reached once stays safe, without a fuzzer.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, Index};

/// The corpus of fuzz target `target`.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let files = std::fs::read_dir(&dir).unwrap_or_else(|error| panic!("{dir:?}: {error}"));
    let inputs: Vec<_> = files
        .map(|file| std::fs::read(file.expect("a file").path()).expect("its bytes"))
        .collect();
    assert!(inputs.len() > 20, "{dir:?} has {} inputs", inputs.len());
    inputs
}

fn programs() -> Vec<Vec<u8>> {
    corpus("program")
}

/// What the device makes of the corpus of programs.
fn images() -> Vec<Vec<u8>> {
    let images: Vec<_> = programs()
        .iter()
        .flat_map(|data| fuzz::images(data))
        .collect();
    assert!(images.len() > 100, "{} images", images.len());
    images
}

/// One of `inputs` with up to four bytes changed.
fn changed(inputs: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let changes = vec((any::<Index>(), any::<u8>()), 0..5);
    (select(inputs), changes).prop_map(|(mut input, changes)| {
        for (at, byte) in changes {
            if !input.is_empty() {
                let at = at.index(input.len());
                input[at] = byte;
            }
        }
        input
    })
}

#[test]
fn programs_as_they_are() {
    programs().iter().for_each(|input| fuzz::program(input));
}

#[test]
fn images_as_they_are() {
    images().iter().for_each(|input| fuzz::image(input));
}

#[test]
fn frames_as_they_are() {
    let inputs = corpus("transmit");
    let sent = inputs
        .iter()
        .filter_map(|input| fuzz::transmit::transmit(input));
    let frames: Vec<_> = sent.collect();
    assert!(
        frames.iter().filter(|count| **count == 1).count() > 20,
        "{frames:?}"
    );
    assert!(
        frames.iter().filter(|count| **count > 1).count() > 20,
        "{frames:?}"
    );
}

#[test]
fn graphs_as_they_are() {
    for input in corpus("graph") {
        assert!(fuzz::graph::graph(&input), "{input:02x?}");
    }
    for input in corpus("document") {
        let text = String::from_utf8_lossy(&input);
        assert!(fuzz::graph::document(&input), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn programs_with_changed_bytes(input in changed(programs())) {
        fuzz::program(&input);
    }

    #[test]
    fn images_with_changed_bytes(input in changed(images())) {
        fuzz::image(&input);
    }

    #[test]
    fn frames_with_changed_bytes(input in changed(corpus("transmit"))) {
        fuzz::transmit::transmit(&input);
    }
    #[test]
    fn graphs_with_changed_bytes(input in changed(corpus("graph"))) {
        fuzz::graph::graph(&input);
    }

    #[test]
    fn documents_with_changed_bytes(input in changed(corpus("document"))) {
        fuzz::graph::document(&input);
    }
}
