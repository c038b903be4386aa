// SPDX-License-Identifier: GPL-2.0

//! What is said to those who ask for what can't be.

use engine::errno::{E2BIG, EACCES, EINVAL, ENOENT, ENOMEM};
use engine::forward::{EntryError, Part};

#[test]
fn errors_say_what_is_wrong() {
    let (part, limit) = (Part::Routes4, 64);
    let full = EntryError::Full { part, limit };
    let part = Part::Nodes6;
    let no_memory = EntryError::Full { part, limit };
    let cases = [
        (
            full,
            E2BIG,
            "route4: no room, the table has 64 entries; delete entries, or set another size",
        ),
        (
            no_memory,
            ENOMEM,
            "node6: no room, the table has 64 bytes; delete entries, or set another size",
        ),
        (EntryError::NotFound, ENOENT, "no such entry"),
        (
            EntryError::Foreign { owner: 3 },
            EACCES,
            "the entry is that of owner 3",
        ),
        (
            EntryError::NoNexthop { id: 4 },
            ENOENT,
            "no nexthop has the number 4; put it in first",
        ),
        (
            EntryError::Prefix,
            EINVAL,
            "the prefix has more bits than an address, or its address has bits behind them",
        ),
        (
            EntryError::Members {
                asked: 300,
                limit: 256,
            },
            EINVAL,
            "the group has 300 members, it may have 1 to 256",
        ),
        (
            EntryError::Nested { id: 5 },
            EINVAL,
            "member 5 is a group: a group has nexthops only",
        ),
        (
            EntryError::Weight { id: 6 },
            EINVAL,
            "member 6 has no weight",
        ),
    ];
    for (error, errno, text) in cases {
        assert_eq!((error.errno(), error.to_string().as_str()), (errno, text));
    }
}
