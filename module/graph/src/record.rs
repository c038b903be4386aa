// SPDX-License-Identifier: GPL-2.0

//! What the canonical form is made of: records of a fixed size, little endian.

use crate::field::Field;

/// Something that lies in the canonical form.
pub trait Record: Copy {
    /// How many bytes it takes.
    const SIZE: usize;

    /// Reads it from the beginning of `bytes`; `None` if they are too few, or say what no record says.
    fn read(bytes: &[u8]) -> Option<Self>;

    /// Puts it at the beginning of `bytes`; `None` if they are too few.
    fn write(&self, bytes: &mut [u8]) -> Option<()>;
}

macro_rules! numbers {
    ($($type:ty)+) => {
        $(impl Record for $type {
            const SIZE: usize = size_of::<Self>();

            fn read(bytes: &[u8]) -> Option<Self> {
                Some(Self::from_le_bytes(*bytes.first_chunk()?))
            }

            fn write(&self, bytes: &mut [u8]) -> Option<()> {
                *bytes.first_chunk_mut()? = self.to_le_bytes();
                Some(())
            }
        })+
    };
}

numbers!(u8 u16 u32);

/// Defines a record that has its fields one behind the other.
macro_rules! record {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)+
        }

        impl Record for $name {
            const SIZE: usize = 0 $(+ <$type>::SIZE)+;

            fn read(bytes: &[u8]) -> Option<Self> {
                $(let ($field, bytes) = (<$type>::read(bytes)?, bytes.get(<$type>::SIZE..)?);)+
                let _: &[u8] = bytes;
                Some(Self { $($field,)+ })
            }

            fn write(&self, bytes: &mut [u8]) -> Option<()> {
                $(self.$field.write(bytes)?;
                let bytes = bytes.get_mut(<$type>::SIZE..)?;)+
                let _: &mut [u8] = bytes;
                Some(())
            }
        }
    };
}

/// Where a parser goes on, or how it stops.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Target(u16);

impl Target {
    /// It stops, and all is well.
    pub const OKAY: Self = Self(0xffff);
    /// It stops: the frame is broken, or nothing that it knows. What was stored stays.
    pub const FAIL: Self = Self(0xfffe);
    /// It stops: the graph leaves out what the kernel may know of. A flow dissector has the kernel's
    /// own code do all of the frame (`BPF_FLOW_DISSECTOR_CONTINUE`); a device says nothing of it.
    pub const LEFT_OUT: Self = Self(0xfffd);

    /// The node with a number.
    #[inline]
    pub const fn node(number: u16) -> Self {
        Self(number)
    }

    /// What it is known by: of a node, its number. Those of the ways to stop are above.
    #[inline]
    pub const fn raw(self) -> u16 {
        self.0
    }

    /// The number of the node, if it is one.
    #[inline]
    pub const fn as_node(self) -> Option<u16> {
        match self {
            Self::OKAY | Self::FAIL | Self::LEFT_OUT => None,
            Self(number) => Some(number),
        }
    }
}

impl Default for Target {
    fn default() -> Self {
        Self::LEFT_OUT
    }
}

impl Record for Target {
    const SIZE: usize = u16::SIZE;

    fn read(bytes: &[u8]) -> Option<Self> {
        u16::read(bytes).map(Self)
    }

    fn write(&self, bytes: &mut [u8]) -> Option<()> {
        self.0.write(bytes)
    }
}

record! {
    /// Some records of one kind, one behind the other.
    Range {
        /// Number of the first one; 0 if there are none.
        start: u16,
        /// How many there are.
        count: u16,
    }
}

impl Range {
    /// None.
    pub const NONE: Self = Self { start: 0, count: 0 };
}

record! {
    /// A number that a header tells: `(field & mask) >> shift`, of a big-endian field.
    Piece {
        /// Offset of the field in the header, in bytes.
        offset: u16,
        /// Size of the field: 1, 2 or 4 bytes; in a [`Store`] as many as its field has.
        size: u8,
        /// By how much it is shifted, in bits.
        shift: u8,
        /// Which of its bits count; all ones (of its size) if all do.
        mask: u32,
    }
}

impl Piece {
    /// None.
    pub const NONE: Self = Self {
        offset: 0,
        size: 0,
        shift: 0,
        mask: 0,
    };

    /// Whether there is none.
    #[inline]
    pub const fn is_none(&self) -> bool {
        self.size == 0
    }

    /// All bits of a number of `size` bytes.
    #[inline]
    pub const fn all(size: u8) -> u32 {
        match size {
            0 => 0,
            1 => 0xff,
            2 => 0xffff,
            3 => 0xff_ffff,
            _ => u32::MAX,
        }
    }

    /// Whether it is the whole field as it stands.
    #[inline]
    pub const fn is_plain(&self) -> bool {
        self.shift == 0 && self.mask == Self::all(self.size)
    }

    /// What is left of a `field`.
    #[inline]
    pub const fn of(&self, field: u32) -> u32 {
        match (field & self.mask).checked_shr(self.shift as u32) {
            Some(number) => number,
            None => 0,
        }
    }
}

record! {
    /// How long a header is: `piece * multiplier + add` bytes.
    Length {
        /// Of what; [`Piece::NONE`] if the length is always `add`.
        piece: Piece,
        /// By what that is multiplied.
        multiplier: u16,
        /// What is added.
        add: u16,
    }
}

record! {
    /// What names the next node.
    Lookup {
        /// What is looked up; [`Piece::NONE`] if `default` is always next.
        piece: Piece,
        /// The entries.
        entries: Range,
        /// Where to if none matches.
        default: Target,
    }
}

record! {
    /// An entry of a table.
    Entry {
        /// The number that it matches.
        key: u32,
        /// Where it leads.
        target: Target,
        /// Zero.
        reserved: u16,
    }
}

/// How two numbers are compared, as numbers without a sign.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum Compare {
    /// `==`
    #[default]
    Equal = 0,
    /// `!=`
    NotEqual = 1,
    /// `<`
    Less = 2,
    /// `<=`
    LessOrEqual = 3,
    /// `>`
    Greater = 4,
    /// `>=`
    GreaterOrEqual = 5,
}

impl Compare {
    /// All of them, each with its name in JSON.
    pub const NAMES: [(Self, &str); 6] = [
        (Self::Equal, "equal"),
        (Self::NotEqual, "not_equal"),
        (Self::Less, "less_than"),
        (Self::LessOrEqual, "less_or_equal"),
        (Self::Greater, "greater_than"),
        (Self::GreaterOrEqual, "greater_or_equal"),
    ];

    /// Whether it holds of the two.
    #[inline]
    pub const fn holds(self, left: u32, right: u32) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

/// Defines how an `enum` of small numbers lies in a record.
macro_rules! number_of {
    ($type:ty, $all:expr) => {
        impl Record for $type {
            const SIZE: usize = u8::SIZE;

            fn read(bytes: &[u8]) -> Option<Self> {
                let number = u8::read(bytes)?;
                // CAST: The discriminant of an enum of `u8`.
                $all.into_iter().find(|each| *each as u8 == number)
            }

            fn write(&self, bytes: &mut [u8]) -> Option<()> {
                // CAST: As above.
                (*self as u8).write(bytes)
            }
        }
    };
}

number_of!(Compare, Self::NAMES.map(|(each, _)| each));
number_of!(Source, [Self::Extract, Self::Constant, Self::Offset]);

impl Record for Field {
    const SIZE: usize = u8::SIZE;

    fn read(bytes: &[u8]) -> Option<Self> {
        Self::from_number(u8::read(bytes)?)
    }

    fn write(&self, bytes: &mut [u8]) -> Option<()> {
        // CAST: The discriminant of an enum of `u8`.
        (*self as u8).write(bytes)
    }
}

record! {
    /// What must be true of a header.
    Condition {
        /// Of what.
        piece: Piece,
        /// With what it is compared.
        value: u32,
        /// How.
        compare: Compare,
    }
}

/// Where the value of a [`Store`] comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum Source {
    /// From the header.
    #[default]
    Extract = 0,
    /// It is always the same.
    Constant = 1,
    /// It is the offset of the header.
    Offset = 2,
}

record! {
    /// What is put into a field.
    Store {
        /// The field.
        field: Field,
        /// Where the value comes from.
        source: Source,
        /// What of the header, with [`Source::Extract`]. Where its size is neither 1, 2 nor 4 it is
        /// plain, and as long as the field.
        piece: Piece,
        /// The value, with [`Source::Constant`].
        value: u32,
    }
}

record! {
    /// A part of a header that is there if its flags say so.
    Optional {
        /// The flags; it is there if all are set.
        flags: u32,
        /// How long it is, in bytes.
        length: u16,
        /// What it tells; a piece's offset is that from the beginning of this part.
        stores: Range,
    }
}

record! {
    /// A list of type, length and value from `start` to the end of the header. Offsets of pieces are
    /// those from the beginning of an entry.
    Tlvs {
        /// Offset of the first entry in the header, in bytes.
        start: u16,
        /// The type of an entry.
        kind: Piece,
        /// The length of an entry: of all of it.
        length: Length,
        /// The shortest entry that has a length, in bytes.
        min_len: u16,
        /// A type without a length that fills one byte; `u16::MAX` if there is none.
        pad1: u16,
        /// The type that ends the list; `u16::MAX` if there is none.
        end: u16,
        /// How many entries are looked at.
        max: u8,
        /// The entries that are of interest.
        entries: Range,
    }
}

record! {
    /// An entry of such a list.
    Tlv {
        /// The type.
        kind: u32,
        /// What it tells; it must be long enough for all of that.
        stores: Range,
    }
}

record! {
    /// A header, or what is thought of it.
    Node {
        /// How many bytes of the header are read.
        min_len: u16,
        /// [`Node::OVERLAY`] and the others.
        flags: u16,
        /// [`stop`](crate::stop) conditions that end the parse before the header is looked at.
        stop_before: u16,
        /// Those that end it behind the header.
        stop_if: u16,
        /// Those without which it ends behind the header.
        stop_unless: u16,
        /// Where to if the header is not as it should be.
        fail: Target,
        /// How long the header is.
        length: Length,
        /// What must be true of it.
        conditions: Range,
        /// What it tells.
        stores: Range,
        /// The flags of optional fields; [`Piece::NONE`] if there are none.
        present: Piece,
        /// The optional fields.
        optional: Range,
        /// A list of options: one, or none.
        tlvs: Range,
        /// What comes next.
        next: Lookup,
        /// What comes next if no more headers are counted: looked up with the piece of `next`.
        at_limit: Lookup,
    }
}

impl Node {
    /// The parser goes on at the offset where it is.
    pub const OVERLAY: u16 = 1 << 0;
    /// The node takes one of the graph's headers.
    pub const COUNTED: u16 = 1 << 1;
    /// All of the header must be in the frame.
    pub const WHOLE: u16 = 1 << 2;
    /// All flags.
    pub const FLAGS: u16 = Self::OVERLAY | Self::COUNTED | Self::WHOLE;

    /// Whether it has a flag.
    #[inline]
    pub const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}
