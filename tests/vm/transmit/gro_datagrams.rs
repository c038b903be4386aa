// SPDX-License-Identifier: GPL-2.0

//! UDP datagrams that the device puts together (`rx-gro-hw` with `rx-udp-gro-forwarding`), and the sockets that
//! they are for: each gets what it has asked for, and in its order.

use std::io::IoSliceMut;
use std::net::{IpAddr, UdpSocket};
use std::os::fd::AsRawFd;

use anyhow::{ensure, Context, Result};
use nix::sys::socket::sockopt::{UdpGroSegment, UdpGsoSegment};
use nix::sys::socket::{recvmsg, setsockopt, ControlMessageOwned, MsgFlags, SockaddrStorage};
use offload_tests::cable::{at_both_ends, Cable};
use offload_tests::gro::{await_batches, ethtool, BATCH};
use offload_tests::link::PATIENCE;
use offload_tests::netns;
use offload_tests::streams::pattern;
use offload_uapi::stats;

/// Lengths of the datagrams: of one length, shorter, longer, as short as Ethernet pads them, and with nothing in
/// them.
const LENGTHS: [usize; 16] = [
    1000, 1000, 1000, 400, 1000, 1000, 5, 1000, 1000, 1200, 1200, 0, 1200, 1200, 1200, 7,
];

/// What a socket has got at once, and the length of each datagram of it if they were several.
fn receive(socket: &UdpSocket) -> Result<(Vec<u8>, Option<usize>)> {
    let mut bytes = vec![0; 1 << 16];
    let mut space = nix::cmsg_space!(libc::c_int);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let message = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut parts,
        Some(&mut space),
        MsgFlags::empty(),
    )
    .context("recvmsg")?;
    let size = message.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::UdpGroSegments(size) => usize::try_from(size).ok(),
        _ => None,
    });
    let len = message.bytes;
    bytes.truncate(len);
    Ok((bytes, size))
}

/// A cable with addresses, whose far end puts datagrams together.
fn cable() -> Result<Cable> {
    let cable = Cable::onic(1500)?;
    at_both_ends(
        &cable.near,
        &cable.far,
        &[
            "sysctl -q net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.PORT.disable_ipv6=0",
            "ip link set dev PORT arp on",
            "ip address add 10.8.0.@/24 dev PORT",
            "ip address add fd08::@/64 nodad dev PORT",
        ],
    )?;
    let far = &cable.far;
    ethtool(far, "rx on gro off rx-gro-hw on rx-udp-gro-forwarding on")?;
    // A batch is as long as the datagrams are many.
    far.write("gro_flush_timeout", 1)?.run()?;
    await_batches(far, BATCH)?;
    Ok(cable)
}

/// Sends what a round takes to a connected socket, `round` times before; the datagrams that it is.
type Send = fn(&UdpSocket, usize) -> Result<Vec<Vec<u8>>>;

/// Each by itself.
fn one_by_one(sender: &UdpSocket, round: usize) -> Result<Vec<Vec<u8>>> {
    let mut sent = Vec::new();
    for (index, len) in LENGTHS.iter().enumerate() {
        let start = round * 3000 + index * 100;
        let datagram = pattern(start + len).split_off(start);
        sender.send(&datagram)?;
        sent.push(datagram);
    }
    Ok(sent)
}

/// By one call: if the stack cuts it, they share the socket's pages, and their checksums are open.
fn at_once(sender: &UdpSocket, round: usize) -> Result<Vec<Vec<u8>>> {
    const SIZE: u16 = 1111;
    let bytes = pattern(round * 100 + 20 * usize::from(SIZE) + 7).split_off(round * 100);
    setsockopt(sender, UdpGsoSegment, &i32::from(SIZE))?;
    sender.send(&bytes)?;
    Ok(bytes.chunks(SIZE.into()).map(<[u8]>::to_vec).collect())
}

/// Sends datagrams to a socket of the far end, several times; how many super-frames the device has made.
fn exchange(cable: &Cable, target: &str, takes_several: bool, send: Send) -> Result<u64> {
    let (near, far) = (&cable.near, &cable.far);
    let target: IpAddr = target.parse()?;
    let bind = |link: &offload_tests::link::Link, address: IpAddr| {
        netns::enter(link.ns.as_deref(), || Ok(UdpSocket::bind((address, 0))?))
    };
    let receiver = bind(far, target).context("far")?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    setsockopt(&receiver, UdpGroSegment, &takes_several)?;
    let any: IpAddr = if target.is_ipv4() { "0.0.0.0" } else { "::" }.parse()?;
    let sender = bind(near, any).context("near")?;
    sender.connect(receiver.local_addr()?)?;
    // Neighbours are known from here on.
    sender.send(b"first")?;
    ensure!(
        receive(&receiver)? == (b"first".to_vec(), None),
        "the first"
    );
    let before = far.statistics()?;
    let rounds = 2;
    for round in 0..rounds {
        let sent = send(&sender, round)?;
        let (mut received, mut several): (Vec<Vec<u8>>, usize) = (Vec::new(), 0);
        while received.len() < sent.len() {
            let (bytes, size) = receive(&receiver)?;
            match size.filter(|size| *size < bytes.len()) {
                Some(size) => {
                    several += 1;
                    received.extend(bytes.chunks(size).map(<[u8]>::to_vec));
                }
                None => received.push(bytes),
            }
        }
        let lens: Vec<_> = received.iter().map(Vec::len).collect();
        ensure!(received == sent, "other datagrams: {lens:?}");
        ensure!(
            takes_several || several == 0,
            "{several} of several datagrams"
        );
    }
    let now = far.statistics()?;
    let mut frames = now.since(&before, stats::RX_HW_GRO_PACKETS)?;
    let wire = now.since(&before, stats::RX_HW_GRO_WIRE_PACKETS)?;
    println!(
        "{target}, several at once {takes_several}: {frames} super-frames of {wire} datagrams"
    );
    ensure!(wire > frames || frames == 0, "{wire} of {frames}");
    frames += now.since(&before, stats::RX_LRO_PACKETS)?;
    Ok(frames)
}

#[test]
fn each_socket_gets_its_datagrams() -> Result<()> {
    let cable = cable()?;
    for target in ["10.8.0.2", "fd08::2"] {
        for takes_several in [false, true] {
            let frames = exchange(&cable, target, takes_several, one_by_one)?;
            ensure!(frames > 0, "{target}: none was put together");
        }
    }
    // Without a word of the user's, or where it is to be a list of packets, that is the stack's.
    for features in [
        "rx-udp-gro-forwarding off",
        "rx-udp-gro-forwarding on rx-gro-list on",
        "rx-gro-list off rx-gro-hw off large-receive-offload on",
    ] {
        ethtool(&cable.far, features)?;
        let frames = exchange(&cable, "10.8.0.2", true, one_by_one)?;
        ensure!(frames == 0, "{features}: {frames} super-frames");
    }
    Ok(())
}

/// Those that the sender's stack has cut are put together as they lie, or go up by themselves with a checksum that is
/// right: the stack says loudly if that is not what the device has summed up.
#[test]
fn datagrams_that_share_their_pages() -> Result<()> {
    let cable = cable()?;
    ethtool(&cable.near, "tx-udp-segmentation off")?;
    for target in ["10.8.0.2", "fd08::2"] {
        let frames = exchange(&cable, target, true, at_once)?;
        ensure!(frames > 0, "{target}: none was put together");
        // They are not to be put together.
        ethtool(&cable.far, "rx-udp-gro-forwarding off")?;
        let frames = exchange(&cable, target, true, at_once)?;
        ensure!(frames == 0, "{target}: {frames} super-frames");
        ethtool(&cable.far, "rx-udp-gro-forwarding on")?;
    }
    Ok(())
}
