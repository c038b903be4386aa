// SPDX-License-Identifier: GPL-2.0

//! What sockets send from one end of a cable to the other.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;

use anyhow::{ensure, Context, Result};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGsoSegment;

use crate::link::{Link, PATIENCE};
use crate::netns;

/// Bytes that differ from place to place.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8)
        .collect()
}

/// Sends `len` bytes from `near` to `target` at `far` by TCP in large writes, and wants them to arrive
/// as they are.
///
/// # Errors
///
/// Where they don't.
pub fn tcp(near: &Link, far: &Link, target: IpAddr, len: usize) -> Result<()> {
    let listener = netns::enter(far.ns.as_deref(), || {
        TcpListener::bind((target, 0)).with_context(|| format!("listen on {target}"))
    })?;
    let address = listener.local_addr()?;
    // Both ends before either has a thread that would wait for the other for ever.
    let mut sender = netns::enter(near.ns.as_deref(), || {
        TcpStream::connect_timeout(&address, PATIENCE).with_context(|| format!("connect {address}"))
    })?;
    let (mut receiver, _) = listener.accept().context("accept")?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    let sent = pattern(len);
    let received = thread::scope(|scope| {
        let received = scope.spawn(move || -> Result<Vec<u8>> {
            let mut received = Vec::with_capacity(len);
            receiver.read_to_end(&mut received)?;
            Ok(received)
        });
        sender.write_all(&sent).context("send")?;
        // The other end reads to the end of it.
        drop(sender);
        received
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    // The last packet is this end's answer to the other's last one, and goes out by itself.
    far.await_that("the end of the connection", |far| {
        Ok(far.cmd("ss -Htn").run()?.is_empty())
    })?;
    let differs = received.iter().zip(&sent).position(|(a, b)| a != b);
    ensure!(
        differs.is_none() && received.len() == len,
        "{} of {len} bytes arrived, the first that is not as it was sent is {differs:?}",
        received.len()
    );
    Ok(())
}

/// A socket whose datagrams go out of `near` in VLAN `number`, and arrive at `far`, which nobody there asks for.
///
/// # Errors
///
/// Where `ip` or a system call fails.
pub fn over_vlan(near: &Link, far: &Link, number: u16) -> Result<UdpSocket> {
    let address = far.address_text()?;
    let (port, name) = (&near.name, format!("vlan{number}"));
    for line in [
        format!("ip link add link {port} name {name} type vlan id {number}"),
        format!("ip address add 10.8.1.1/24 dev {name}"),
        format!("ip link set dev {name} up"),
        format!("ip neighbour add 10.8.1.2 lladdr {address} dev {name} nud permanent"),
    ] {
        near.cmd(line).run()?;
    }
    let socket = netns::enter(near.ns.as_deref(), || {
        UdpSocket::bind("10.8.1.1:0").context("a socket")
    })?;
    socket.connect("10.8.1.2:7")?;
    Ok(socket)
}

/// Datagrams from `near` to `target` at `far`: for each of `lengths` one of that many bytes, cut to
/// datagrams with so many bytes each where it says so.
///
/// # Errors
///
/// Where one can't be sent. Whether they arrive is left to the caller: nobody reads them.
pub fn datagrams(
    near: &Link,
    far: &Link,
    target: IpAddr,
    lengths: &[(usize, Option<u16>)],
) -> Result<()> {
    // So that nobody answers that there is nobody.
    let listener = netns::enter(far.ns.as_deref(), || {
        UdpSocket::bind((target, 0)).with_context(|| format!("bind to {target}"))
    })?;
    let address = listener.local_addr()?;
    let any: SocketAddr = match target {
        IpAddr::V4(_) => ([0; 4], 0).into(),
        IpAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let sender = netns::enter(near.ns.as_deref(), || {
        UdpSocket::bind(any).context("a socket")
    })?;
    sender.connect(address)?;
    for &(len, segment) in lengths {
        setsockopt(&sender, UdpGsoSegment, &i32::from(segment.unwrap_or(0)))?;
        sender
            .send(&pattern(len))
            .with_context(|| format!("{len} bytes to {address} in segments of {segment:?}"))?;
    }
    Ok(())
}
