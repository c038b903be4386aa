// SPDX-License-Identifier: GPL-2.0

//! What the kernel's GRO finds in a frame, layer by layer.

/// A header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    Ethernet(Vec<u8>),
    Tag(Vec<u8>),
    V4 {
        at: usize,
        header: Vec<u8>,
    },
    V6 {
        at: usize,
        header: Vec<u8>,
        extensions: Vec<u8>,
    },
    Gre(Vec<u8>),
    Tcp {
        at: usize,
        header: Vec<u8>,
    },
    Udp {
        at: usize,
        header: Vec<u8>,
    },
}

/// What GRO finds in a frame that it does not leave alone from the beginning.
pub(crate) struct Parsed {
    pub(crate) layers: Vec<Layer>,
    pub(crate) payload: Vec<u8>,
    pub(crate) flush: bool,
}

pub(crate) fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// The ones' complement sum.
pub(crate) fn sum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) * 256 + pair.get(1).map_or(0, |byte| u32::from(*byte));
        if sum > 0xffff {
            sum -= 0xffff;
        }
    }
    sum as u16
}

/// What TCP and UDP sum beside themselves.
pub(crate) fn pseudo(network: &Layer, protocol: u8, len: usize) -> Vec<u8> {
    let addresses = match network {
        Layer::V4 { header, .. } => &header[12..20],
        Layer::V6 { header, .. } => &header[8..40],
        _ => unreachable!("an IP header"),
    };
    [addresses, &(len as u32).to_be_bytes(), &[0, 0, 0, protocol]].concat()
}

pub(crate) fn parse(frame: &[u8]) -> Option<Parsed> {
    let mut layers = vec![Layer::Ethernet(frame.get(..14)?.to_vec())];
    let mut kind = word(frame, 12);
    let (mut at, mut flush, mut depth, mut networks) = (14, false, 0, 0);
    let is_udp = loop {
        depth += 1;
        if depth >= 15 {
            return None;
        }
        let rest = &frame[at..];
        let protocol;
        match kind {
            0x6558 if networks == 1 => {
                let header = rest.get(..14)?;
                layers.push(Layer::Ethernet(header.to_vec()));
                kind = word(header, 12);
                at += 14;
                continue;
            }
            0x8100 | 0x88a8 => {
                let tag = rest.get(..4)?;
                layers.push(Layer::Tag(tag.to_vec()));
                kind = word(tag, 2);
                at += 4;
                continue;
            }
            0x0800 => {
                let header = rest.get(..20)?.to_vec();
                if header[0] != 0x45 || word(&header, 6) & 0x3fff != 0 || sum(&header) != 0xffff {
                    return None;
                }
                flush |= usize::from(word(&header, 2)) != rest.len() || header[6] & 0x80 != 0;
                protocol = header[9];
                layers.push(Layer::V4 { at, header });
                at += 20;
            }
            0x86dd => {
                let header = rest.get(..40)?.to_vec();
                // As the device has it: it leaves to the stack what is not IPv6.
                if header[0] >> 4 != 6 {
                    return None;
                }
                flush |= usize::from(word(&header, 4)) != rest.len() - 40;
                let (mut next, mut end) = (header[6], 40);
                while [0, 43, 60].contains(&next) {
                    let extension = rest.get(end..end + 2)?;
                    end += (usize::from(extension[1]) + 1) * 8;
                    rest.get(..end)?;
                    next = extension[0];
                }
                protocol = next;
                let extensions = rest[40..end].to_vec();
                layers.push(Layer::V6 {
                    at,
                    header,
                    extensions,
                });
                at += end;
            }
            _ => return None,
        }
        networks += 1;
        kind = match protocol {
            6 => break false,
            17 => {
                depth += 1;
                break true;
            }
            4 if networks == 1 => 0x0800,
            41 if networks == 1 => 0x86dd,
            47 if networks == 1 => {
                let rest = &frame[at..];
                let header = match word(rest.get(..4)?, 0) {
                    0 => &rest[..4],
                    0x2000 | 0x8000 => rest.get(..8)?,
                    // With both, the kernel takes the checksum for the key.
                    _ => return None,
                };
                if header[0] == 0x80 {
                    // Segmentation makes what is reserved zero.
                    if word(header, 6) != 0 || !flush && sum(rest) != 0xffff {
                        return None;
                    }
                }
                depth += 1;
                at += header.len();
                layers.push(Layer::Gre(header.to_vec()));
                word(header, 2)
            }
            _ => return None,
        };
    };
    if depth >= 15 {
        return None;
    }
    let transport = &frame[at..];
    let network = layers.last().expect("an IP header");
    let protocol = if is_udp { 17 } else { 6 };
    let whole = [
        pseudo(network, protocol, transport.len()),
        transport.to_vec(),
    ]
    .concat();
    let is_summed = !is_udp || word(transport.get(..8)?, 6) != 0;
    if !flush && is_summed && sum(&whole) != 0xffff {
        return None;
    }
    if is_udp {
        // As the device has it: it lets nothing of a flow go past what is held of it.
        flush |= !is_summed || usize::from(word(transport, 4)) != transport.len();
        let header = transport[..8].to_vec();
        layers.push(Layer::Udp { at, header });
        return Some(Parsed {
            layers,
            payload: transport[8..].to_vec(),
            flush,
        });
    }
    let len = usize::from(*transport.get(12)? >> 4) * 4;
    if len < 20 {
        return None;
    }
    let header = transport.get(..len)?.to_vec();
    layers.push(Layer::Tcp { at, header });
    Some(Parsed {
        layers,
        payload: transport[len..].to_vec(),
        flush,
    })
}

/// What tells a flow.
pub(crate) fn identity(layer: &Layer) -> Vec<u8> {
    match layer {
        Layer::Ethernet(bytes) | Layer::Tag(bytes) => bytes.clone(),
        Layer::Gre(header) if header[0] == 0x80 => header[..4].to_vec(),
        Layer::Gre(header) => header.clone(),
        Layer::V4 { header, .. } => [&header[9..10], &header[12..20]].concat(),
        Layer::V6 {
            header, extensions, ..
        } => {
            let first = long(header, 0) & 0xf00f_ffff;
            [
                &first.to_be_bytes(),
                &header[6..7],
                &header[8..40],
                extensions,
            ]
            .concat()
        }
        Layer::Tcp { header, .. } | Layer::Udp { header, .. } => header[..4].to_vec(),
    }
}
