// SPDX-License-Identifier: GPL-2.0

//! Random graphs, small and valid, and one that is like that of the kernel.

use parse_graph::{
    stop, Compare, Condition, Field, Length, Node, Piece, Range, Source, Store, Target, Tlvs,
};

use crate::builder::{always, build, extract, Options, Parts};
use crate::random::Random;

/// A piece of what is within `len` bytes, at least 1.
fn piece(random: &mut Random, len: u16) -> Piece {
    let sizes: &[u8] = match len {
        1 => &[1],
        2 | 3 => &[1, 2],
        _ => &[1, 2, 4],
    };
    let size = random.one(sizes);
    let offset = random.below(u64::from(len) - u64::from(size) + 1) as u16;
    let bits = u32::from(size) * 8;
    let shift = if random.once_in(2) {
        0
    } else {
        random.below(bits.into()) as u8
    };
    let all = Piece::all(size);
    let mut mask = if random.once_in(2) {
        all
    } else {
        random.next() as u32 & all
    };
    mask = mask >> shift << shift;
    if mask == 0 {
        mask = all >> shift << shift;
    }
    Piece {
        offset,
        size,
        shift,
        mask,
    }
}

/// A number that the piece may tell; small ones are more likely to be met.
fn told(random: &mut Random, piece: &Piece) -> u32 {
    let number = random.next() as u32;
    let number = if random.once_in(2) {
        number & 3
    } else {
        number
    };
    number & piece.of(piece.mask)
}

fn length(random: &mut Random, min_len: u16) -> Length {
    let mut length = Length {
        piece: Piece::NONE,
        multiplier: 0,
        add: min_len + random.below(5) as u16,
    };
    if min_len > 0 && random.once_in(2) {
        length.piece = piece(random, min_len);
        length.multiplier = random.one(&[1, 2, 3, 4, 8]);
        length.add = random.below(2 * u64::from(min_len)) as u16;
        let most = length.piece.of(length.piece.mask);
        let longest = u64::from(most) * u64::from(length.multiplier) + u64::from(length.add);
        if longest > 3000 {
            let piece = &mut length.piece;
            piece.mask = if piece.size == 1 { 0x7 } else { 0xf0 };
            piece.shift = 0;
        }
    }
    length
}

/// Fields in which two stores may meet.
const FIELDS: [Field; 18] = [
    Field::Nhoff,
    Field::AddrProto,
    Field::IsFrag,
    Field::IsFirstFrag,
    Field::IsEncap,
    Field::IpProto,
    Field::NProto,
    Field::Ports,
    Field::Ipv4Src,
    Field::Ipv4Dst,
    Field::Ipv6Src,
    Field::Ipv6Dst,
    Field::FlowLabel,
    Field::EthDst,
    Field::VlanTci,
    Field::Tos,
    Field::TcpFlags,
    Field::Icmp,
];

/// Fields that an option may tell.
const FIELDS_OF_OPTIONS: [Field; 6] = [
    Field::User0,
    Field::User1,
    Field::EthDst,
    Field::Tos,
    Field::TcpFlags,
    Field::SegmentsLeft,
];

/// A store into one of `fields` of something within `len` bytes.
fn store(random: &mut Random, fields: &[Field], len: u16) -> Store {
    let field = random.one(fields);
    let size = field.size();
    let mut store = Store {
        field,
        source: Source::Constant,
        piece: Piece::NONE,
        value: random.next() as u32 & Piece::all(size.min(4)),
    };
    let is_number = matches!(field, Field::Nhoff | Field::AddrProto);
    if is_number && random.once_in(2) {
        store.source = Source::Offset;
        store.value = 0;
    }
    if is_number {
        return store;
    }
    if u16::from(size) <= len && !random.once_in(4) {
        let offset = random.below(u64::from(len - u16::from(size)) + 1) as u16;
        store = extract(field, offset);
    }
    if size <= 4 && len > 0 && random.once_in(3) {
        let piece = piece(random, len);
        if piece.of(piece.mask) <= Piece::all(size) {
            store.source = Source::Extract;
            store.piece = piece;
            store.value = 0;
        }
    }
    if size > 4 && store.source == Source::Constant {
        store.field = Field::Tos;
        store.value &= 0xff;
    }
    store
}

fn conditions(random: &mut Random) -> u16 {
    if random.once_in(4) {
        random.next() as u16 & stop::ALL & random.next() as u16
    } else {
        0
    }
}

/// Where node `number` of `nodes` leads.
fn target(random: &mut Random, number: u64, nodes: u64, anywhere: bool) -> Target {
    let first = if anywhere { 1 } else { number + 1 };
    if first >= nodes || random.once_in(6) {
        return random.one(&[Target::OKAY, Target::FAIL, Target::LEFT_OUT]);
    }
    Target::node((first + random.below(nodes - first)) as u16)
}

/// A list of options of a header of which `len` bytes must be there; some begin behind those.
fn list(random: &mut Random, len: u16) -> (Tlvs, Options) {
    let min_len = random.one(&[1, 1, 2, 2, 4]);
    let kind = piece(random, min_len);
    let special = |random: &mut Random| match random.below(3) {
        0 => u16::MAX,
        _ => told(random, &kind).min(0xffff) as u16,
    };
    let list = Tlvs {
        start: random.below(u64::from(len) + 3) as u16,
        kind,
        length: length(random, min_len),
        min_len,
        pad1: special(random),
        end: special(random),
        max: random.one(&[1, 2, 8, 64]),
        entries: Range::NONE,
    };
    let known = (0..random.below(6)).map(|_| {
        let stores = (0..random.below(3)).map(|_| store(random, &FIELDS_OF_OPTIONS, min_len + 4));
        let stores = stores.collect();
        (told(random, &kind), stores)
    });
    (list, known.collect())
}

fn node(random: &mut Random, number: u64, nodes: u64) -> Parts {
    let min_len = random.one(&[0, 1, 2, 3, 4, 6, 8, 14, 20, 23, 40]);
    let mut parts = Parts::new(min_len);
    let some_stores = |random: &mut Random, len| -> Vec<Store> {
        let count = random.below(4);
        (0..count).map(|_| store(random, &FIELDS, len)).collect()
    };
    parts.stores = some_stores(random, min_len);
    let length = length(random, min_len);
    let node = &mut parts.node;
    node.length = length;
    node.stop_before = conditions(random);
    node.stop_if = conditions(random);
    node.stop_unless = conditions(random);
    for flag in [Node::OVERLAY, Node::COUNTED, Node::WHOLE] {
        if random.once_in(3) {
            node.flags |= flag;
        }
    }
    node.fail = target(random, number, nodes, false);
    let counted = node.has(Node::COUNTED);
    node.next = always(target(random, number, nodes, counted));
    if counted {
        node.at_limit = always(target(random, number, nodes, false));
    }
    if min_len == 0 {
        return parts;
    }
    if random.once_in(4) {
        let piece = piece(random, min_len);
        let (compare, _) = random.one(&Compare::NAMES);
        parts.conditions.push(Condition {
            piece,
            value: told(random, &piece),
            compare,
        });
    }
    if random.once_in(3) {
        let present = piece(random, min_len);
        for _ in 0..1 + random.below(3) {
            let flags = told(random, &present);
            let lowest = present.of(present.mask) & present.of(present.mask).wrapping_neg();
            let len = random.one(&[1, 2, 4, 8, 14]);
            let flags = if flags == 0 { lowest } else { flags };
            let stores = some_stores(random, len);
            parts.optional.push((flags, len, stores));
        }
        parts.node.present = present;
    }
    if random.once_in(3) {
        parts.list = Some(list(random, min_len));
    }
    if random.once_in(4) {
        return parts;
    }
    let piece = piece(random, min_len);
    parts.node.next.piece = piece;
    let most = random.one(&[1, 3, 8, 9, 30]);
    let table = |random: &mut Random, anywhere| -> Vec<_> {
        (0..random.below(most + 1))
            .map(|_| {
                let key = told(random, &piece);
                (key, target(random, number, nodes, anywhere))
            })
            .collect()
    };
    parts.next = table(random, counted);
    if counted {
        parts.at_limit = table(random, false);
    }
    parts
}

/// A random graph.
pub(crate) fn random(random: &mut Random) -> Vec<u8> {
    let nodes = 2 + random.below(7);
    let types = [
        0x0800, 0x86dd, 0x8100, 0x88a8, 0x8847, 0x8864, 0x0806, 0x6558, 0x88f7, 0x892f,
    ];
    let next = types
        .iter()
        .take(random.below(11) as usize)
        .map(|key| (*key, target(random, 0, nodes, false)))
        .collect();
    let default = target(random, 0, nodes, false);
    let mut all = vec![Parts::ethernet(next, default)];
    if random.once_in(2) {
        all[0].stores.push(extract(Field::EthDst, 0));
    }
    all.extend((1..nodes).map(|number| node(random, number, nodes)));
    build(random.one(&[0, 1, 2, 5, 15]), &all)
}
