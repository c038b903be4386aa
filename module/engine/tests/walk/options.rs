// SPDX-License-Identifier: GPL-2.0

//! Lists of type, length and value.

use crate::builder::{build, extract, whole, Parts};
use crate::Both;
use engine::parser::Found;
use parse_graph::{Field, Graph, Length, Piece, Range, Target, Tlvs};

/// Options as those of TCP: of a byte's type and a byte's length.
fn list() -> Tlvs {
    Tlvs {
        start: 2,
        kind: whole(0, 1),
        length: Length {
            piece: whole(1, 1),
            multiplier: 1,
            add: 0,
        },
        min_len: 2,
        pad1: 1,
        end: 0,
        max: 4,
        entries: Range::NONE,
    }
}

/// What is found in a header that begins with its length, behind which another type stands. An option
/// of type 5 tells four bytes in the middle, one of type 8 two.
fn find(list: Tlvs, len: u8, options: &[u8]) -> Found {
    let mut header = Parts::new(2);
    header.node.length = Length {
        piece: whole(0, 1),
        multiplier: 1,
        add: 0,
    };
    let known = vec![
        (5, vec![extract(Field::User0, 2)]),
        (8, vec![extract(Field::TcpFlags, 2)]),
    ];
    header.list = Some((list, known));
    let ethernet = Parts::ethernet(Vec::new(), Target::node(1));
    let bytes = build(0, &[ethernet, header]);
    let both = Both::new(&Graph::new(&bytes).expect("a graph"));
    both.check(&[&[3; 14], &[len, 0][..], options].concat(), 0)
}

/// What the options of types 5 and 8 told.
fn told(list: Tlvs, len: u8, options: &[u8]) -> (u32, u16) {
    let found = find(list, len, options);
    (
        u32::from_be_bytes(found.get(Field::User0)),
        u16::from_be_bytes(found.get(Field::TcpFlags)),
    )
}

#[test]
fn options_tell_what_they_have() {
    let options = [1, 8, 4, 0, 9, 5, 6, 0, 0, 0, 7, 3, 3];
    assert_eq!(told(list(), 15, &options), (7, 9));
    // The header ends before the second, or within it.
    assert_eq!(told(list(), 7, &options), (0, 9));
    assert_eq!(told(list(), 12, &options), (0, 9));
    // The frame does.
    assert_eq!(told(list(), 15, &options[..9]), (0, 9));
    assert_eq!(told(list(), 15, &options[..6]), (0, 9));
}

#[test]
fn a_list_ends_where_it_says_so_or_is_malformed() {
    assert_eq!(told(list(), 10, &[0, 0, 8, 4, 0, 9, 1, 1]), (0, 0));
    // An option of no length, or of one byte.
    assert_eq!(told(list(), 10, &[7, 0, 8, 4, 0, 9, 1, 1]), (0, 0));
    assert_eq!(told(list(), 10, &[7, 1, 8, 4, 0, 9, 1, 1]), (0, 0));
    assert_eq!(told(list(), 10, &[7, 2, 8, 4, 0, 9, 1, 1]), (0, 9));
    // One that is too short for what it should tell.
    assert_eq!(told(list(), 10, &[5, 4, 9, 9, 8, 4, 0, 9]), (0, 9));
}

#[test]
fn so_many_options_are_looked_at() {
    assert_eq!(told(list(), 9, &[1, 1, 1, 8, 4, 0, 9]), (0, 9));
    assert_eq!(told(list(), 10, &[1, 1, 1, 1, 8, 4, 0, 9]), (0, 0));
}

#[test]
fn a_list_may_begin_behind_its_header() {
    let start = |start| Tlvs { start, ..list() };
    assert_eq!(told(start(4), 10, &[1, 1, 8, 4, 0, 9, 1, 1]), (0, 9));
    assert_eq!(
        told(start(10), 10, &[1, 1, 8, 4, 0, 9, 1, 1, 8, 4, 0, 9]),
        (0, 0)
    );
    assert_eq!(told(start(900), 10, &[1, 1, 8, 4, 0, 9, 1, 1]), (0, 0));
}

/// `u16::MAX` says that there is no such type, also where a type may have that number.
#[test]
fn the_largest_type_is_one_like_others() {
    let list = Tlvs {
        kind: whole(0, 2),
        length: Length {
            piece: Piece::NONE,
            multiplier: 0,
            add: 4,
        },
        pad1: u16::MAX,
        end: u16::MAX,
        ..list()
    };
    assert_eq!(told(list, 10, &[0xff, 0xff, 0, 1, 0, 8, 0, 9]), (0, 9));
}
