// SPDX-License-Identifier: GPL-2.0

//! What the kernel's GRO makes of frames that come one after the other, layer by layer, slowly.

use engine::descriptor::GsoKind;

use crate::layers::{identity, long, parse, pseudo, sum, word, Layer, Parsed};

/// What goes up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tag: Option<(u16, u16)>,
    /// Size, number and kind of segments, if there are several.
    pub(crate) gso: Option<(u16, u16, u32)>,
    /// The frames that it was on the wire, without the tag.
    pub(crate) frames: Vec<Vec<u8>>,
}

struct Held {
    tag: Option<(u16, u16)>,
    layers: Vec<Layer>,
    payload: Vec<u8>,
    size: usize,
    count: u16,
    /// By IP headers.
    fixed: Vec<bool>,
    frames: Vec<Vec<u8>>,
}

impl Held {
    fn header(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for layer in &self.layers {
            match layer {
                Layer::Ethernet(header) | Layer::Tag(header) | Layer::Gre(header) => {
                    bytes.extend(header);
                }
                Layer::V4 { header, .. }
                | Layer::Tcp { header, .. }
                | Layer::Udp { header, .. } => bytes.extend(header),
                Layer::V6 {
                    header, extensions, ..
                } => bytes.extend([&header[..], extensions].concat()),
            }
        }
        bytes
    }

    fn complete(mut self) -> Packet {
        if self.count == 1 {
            return Packet {
                bytes: self.frames[0].clone(),
                tag: self.tag,
                gso: None,
                frames: self.frames,
            };
        }
        let len = self.header().len() + self.payload.len();
        let mut kind = GsoKind::default();
        let mut networks: Vec<Layer> = Vec::new();
        let mut gre = None;
        for layer in &mut self.layers {
            match layer {
                Layer::Ethernet(_) | Layer::Tag(_) => {}
                Layer::Gre(header) => {
                    // The kernel does not tell of the checksum, and so who cuts it makes none.
                    gre = Some(match header[0] {
                        0x80 => GsoKind::GRE_CSUM,
                        _ => GsoKind::GRE,
                    });
                }
                Layer::V4 { at, header } => {
                    header[2..4].copy_from_slice(&((len - *at) as u16).to_be_bytes());
                    header[10..12].fill(0);
                    let check = !sum(header);
                    header[10..12].copy_from_slice(&check.to_be_bytes());
                    networks.push(layer.clone());
                }
                Layer::V6 { at, header, .. } => {
                    header[4..6].copy_from_slice(&((len - *at - 40) as u16).to_be_bytes());
                    networks.push(layer.clone());
                }
                Layer::Tcp { at, header } => {
                    let last = networks.last().expect("an IP header");
                    let seed = sum(&pseudo(last, 6, len - *at));
                    header[16..18].copy_from_slice(&seed.to_be_bytes());
                    if header[13] & 0x80 != 0 {
                        kind = kind.and(GsoKind::TCP_ACCECN);
                    }
                }
                Layer::Udp { at, header } => {
                    let last = networks.last().expect("an IP header");
                    let seed = sum(&pseudo(last, 17, len - *at));
                    header[4..6].copy_from_slice(&((len - *at) as u16).to_be_bytes());
                    header[6..8].copy_from_slice(&seed.to_be_bytes());
                    kind = GsoKind::UDP_L4;
                }
            }
        }
        let is_v4 = |layer: &Layer| matches!(layer, Layer::V4 { .. });
        let last = networks.last().expect("an IP header");
        let is_udp = kind == GsoKind::UDP_L4;
        if !is_udp {
            kind = kind.and(if is_v4(last) {
                GsoKind::TCPV4
            } else {
                GsoKind::TCPV6
            });
        }
        if let Some(gre) = gre {
            kind = kind.and(gre);
            // It is the first bit that tells of what is inside, too.
            self.fixed[0] |= self.fixed[1];
        } else if networks.len() > 1 {
            kind = kind.and(if is_v4(&networks[0]) {
                GsoKind::IPXIP4
            } else {
                GsoKind::IPXIP6
            });
        }
        // The kernel does not tell of those of datagrams, and so who cuts them counts up.
        if is_v4(last) || gre.is_some() || is_udp {
            for (fixed, bit) in self
                .fixed
                .iter()
                .zip([GsoKind::TCP_FIXEDID, GsoKind::TCP_FIXEDID_INNER])
            {
                if *fixed {
                    kind = kind.and(bit);
                }
            }
        }
        Packet {
            bytes: [self.header(), self.payload].concat(),
            tag: self.tag,
            gso: Some((self.size as u16, self.count, kind.0)),
            frames: self.frames,
        }
    }

    /// Whether `new` is not to go behind this.
    fn flush(&mut self, new: &Parsed, limits: (usize, usize)) -> bool {
        let mut flush = new.flush;
        let mut network = 0;
        let pairs: Vec<(Layer, Layer)> = self
            .layers
            .iter()
            .cloned()
            .zip(new.layers.clone())
            .collect();
        for (old, new_layer) in pairs {
            match (old, new_layer) {
                (Layer::V4 { header: old, .. }, Layer::V4 { header: new, .. }) => {
                    let distance = word(&new, 4).wrapping_sub(word(&old, 4));
                    if old[8] != new[8] || old[1] != new[1] || (old[6] ^ new[6]) & 0x40 != 0 {
                        flush = true;
                    } else {
                        if self.count == 1 && distance == 0 {
                            self.fixed[network] = true;
                        }
                        let expected = if self.fixed[network] { 0 } else { self.count };
                        flush |= distance != expected;
                    }
                    network += 1;
                }
                (Layer::V6 { header: old, .. }, Layer::V6 { header: new, .. }) => {
                    flush |= (long(&old, 0) ^ long(&new, 0)) & 0x0ff0_0000 != 0;
                    flush |= old[7] != new[7];
                    network += 1;
                }
                (Layer::Tcp { header: old, .. }, Layer::Tcp { header: next, .. }) => {
                    flush |= (long(&old, 12) ^ long(&next, 12)) & !0x0009_0000 != 0;
                    flush |= old[8..12] != next[8..12] || old.get(20..) != next.get(20..);
                    let expected = long(&old, 4).wrapping_add(self.payload.len() as u32);
                    flush |= expected != long(&next, 4);
                }
                _ => {}
            }
        }
        if self
            .layers
            .iter()
            .any(|layer| matches!(layer, Layer::Gre(_)))
        {
            let networks = self.layers.iter();
            let count = networks.filter(|layer| matches!(layer, Layer::V4 { .. }));
            flush |= count.count() == 2 && self.fixed[0] != self.fixed[1];
        }
        let is_v6 = match &self.layers[0] {
            Layer::Ethernet(header) => word(header, 12) == 0x86dd,
            _ => false,
        };
        let limit = if is_v6 { limits.1 } else { limits.0 };
        let len = self.header().len() - 14 + self.payload.len() + new.payload.len();
        flush || new.payload.is_empty() || new.payload.len() > self.size || len >= limit.min(65_536)
    }
}

/// GRO of one queue.
pub(crate) struct Gro {
    held: Vec<Held>,
    pub(crate) slots: usize,
    /// The longest packets of IPv4 and IPv6, and one more.
    pub(crate) limits: (usize, usize),
    /// Whether there is no memory for the next segment that is to go behind others.
    pub(crate) is_out_of_memory: Box<dyn FnMut() -> bool>,
    pub(crate) up: Vec<Packet>,
}

impl Gro {
    pub(crate) fn new(slots: usize, limits: (usize, usize)) -> Self {
        Self {
            held: Vec::new(),
            slots,
            limits,
            is_out_of_memory: Box::new(|| false),
            up: Vec::new(),
        }
    }

    fn end(&mut self, index: usize) {
        let held = self.held.remove(index);
        self.up.push(held.complete());
    }

    pub(crate) fn end_all(&mut self) {
        while !self.held.is_empty() {
            self.end(0);
        }
    }

    /// A frame comes, whose tag is beside it if there is one.
    pub(crate) fn receive(&mut self, frame: &[u8], tag: Option<(u16, u16)>) {
        let alone = Packet {
            bytes: frame.to_vec(),
            tag,
            gso: None,
            frames: vec![frame.to_vec()],
        };
        let Some(parsed) = parse(frame) else {
            self.up.push(alone);
            return;
        };
        let flags = match parsed.layers.last() {
            Some(Layer::Tcp { header, .. }) => header[13],
            _ => 0,
        };
        let is_last = flags & 0x2f != 0;
        let same = |held: &Held| {
            held.tag == tag
                && held.layers.len() == parsed.layers.len()
                && held
                    .layers
                    .iter()
                    .map(identity)
                    .eq(parsed.layers.iter().map(identity))
        };
        let found = self.held.iter().position(same);
        if let Some(index) = found {
            let limits = self.limits;
            let held = &mut self.held[index];
            if !held.flush(&parsed, limits) {
                if (self.is_out_of_memory)() {
                    self.end(index);
                    self.up.push(alone);
                    return;
                }
                if let Some(Layer::Tcp { header, .. }) = held.layers.last_mut() {
                    header[13] |= flags & 9;
                }
                held.payload.extend(&parsed.payload);
                held.count += 1;
                held.frames.push(frame.to_vec());
                let is_udp = matches!(held.layers.last(), Some(Layer::Udp { .. }));
                if is_last || parsed.payload.len() < held.size || is_udp && held.count == 64 {
                    self.end(index);
                }
                return;
            }
            self.end(index);
        }
        if parsed.flush || is_last || parsed.payload.is_empty() || self.slots == 0 {
            self.up.push(alone);
            return;
        }
        if self.held.len() == self.slots {
            self.end(0);
        }
        let networks = parsed.layers.len();
        self.held.push(Held {
            tag,
            size: parsed.payload.len(),
            layers: parsed.layers,
            payload: parsed.payload,
            count: 1,
            fixed: vec![false; networks],
            frames: vec![frame.to_vec()],
        });
    }
}
