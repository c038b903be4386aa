// SPDX-License-Identifier: GPL-2.0

//! Both ends of a wire: a packet socket that sends, a `tcpdump` that listens.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{bail, ensure, Context, Result};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::signal::{kill, Signal};
use nix::sys::socket::{
    bind, recv, send, socket, AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType,
};
use nix::unistd::Pid;
use pcap_file::pcap::{PcapPacket, PcapReader, PcapWriter};

use crate::frames::{filler, is_filler, mark};
use crate::link::{Link, PATIENCE};
use crate::netns;

pub mod groups;
pub mod matrix;
pub mod packet;
pub mod predict;
pub mod run;
pub mod tunnels;
pub mod twins;
pub mod vnet;

/// A packet socket bound to `link`; what it sends is of `protocol`, or of what the frame says with
/// [`SockProtocol::EthAll`].
fn packet_socket(link: &Link, protocol: SockProtocol) -> Result<OwnedFd> {
    netns::enter(link.ns.as_deref(), || {
        let socket = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            protocol,
        )
        .context("open a packet socket")?;
        let address = getifaddrs()
            .context("list the interfaces")?
            .filter(|each| each.interface_name == link.name)
            .find_map(|each| each.address?.as_link_addr().copied())
            .with_context(|| format!("{link} does not exist"))?;
        bind(socket.as_raw_fd(), &address)
            .with_context(|| format!("bind a packet socket to {link}"))?;
        Ok(socket)
    })
}

/// Writes a capture file of `frames`, all of one time.
///
/// # Errors
///
/// Where it can't be written.
pub fn save<'a>(path: &str, frames: impl IntoIterator<Item = &'a [u8]>) -> Result<()> {
    let file = File::create(path).with_context(|| path.to_owned())?;
    let mut file = PcapWriter::new(BufWriter::new(file))?;
    for bytes in frames {
        let length = u32::try_from(bytes.len())?;
        file.write_packet(&PcapPacket::new(Duration::ZERO, length, bytes))?;
    }
    file.into_writer().flush()?;
    Ok(())
}

/// Sends whole frames, headers and all.
#[derive(Debug)]
pub struct Sender {
    socket: OwnedFd,
    link: String,
}

impl Sender {
    /// A socket on `link`, which must be up when it sends.
    ///
    /// # Errors
    ///
    /// Where there is no such interface, or without CAP_NET_RAW.
    pub fn new(link: &Link) -> Result<Self> {
        Ok(Self {
            socket: packet_socket(link, SockProtocol::EthAll)?,
            link: link.to_string(),
        })
    }

    /// Sends the mark that ends batch `number`, so that a [`Capture`] at the end where it
    /// arrives shows it at once.
    ///
    /// # Errors
    ///
    /// As [`Sender::send`].
    pub fn end_batch(&self, ethertype: u16, number: u32) -> Result<()> {
        self.send(&mark(ethertype, number))?;
        (0..3).try_for_each(|_| self.send(&filler(ethertype)))
    }

    /// Sends one frame; where the interface's queue is full, waits until it is not.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses the frame (too long, or the link is down).
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        loop {
            match send(self.socket.as_raw_fd(), frame, MsgFlags::empty()) {
                Ok(_) => return Ok(()),
                // The queue is full: it was not sent.
                Err(Errno::ENOBUFS | Errno::EAGAIN) => self.await_room()?,
                Err(Errno::EINTR) => {}
                Err(errno) => {
                    let len = frame.len();
                    bail!("sending {len} bytes on {}: {errno}", self.link);
                }
            }
        }
    }

    /// Waits until a queue that was full may have room: the socket becomes writable as the interface frees
    /// what it has sent.
    ///
    /// # Errors
    ///
    /// Where the kernel does not let it wait.
    pub fn await_room(&self) -> Result<()> {
        let mut fds = [PollFd::new(self.as_fd(), PollFlags::POLLOUT)];
        poll(&mut fds, PollTimeout::from(100_u8)).context("poll")?;
        Ok(())
    }
}

impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A packet socket that nobody reads while frames come: it keeps the first ones, in both directions,
/// until its buffer is full, as the stack and the driver left them to it.
#[derive(Debug)]
pub struct Tap(OwnedFd);

impl Tap {
    /// A socket on `link`.
    ///
    /// # Errors
    ///
    /// As those of [`Sender::new`].
    pub fn new(link: &Link) -> Result<Self> {
        packet_socket(link, SockProtocol::EthAll).map(Self)
    }

    /// Waits until it has kept something, and gives that.
    ///
    /// # Errors
    ///
    /// Where nothing comes, or the socket can't be read.
    pub fn await_frames(&self) -> Result<Vec<Vec<u8>>> {
        use std::os::fd::AsFd;
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        let patience = PollTimeout::try_from(PATIENCE)?;
        match poll(&mut fds, patience) {
            Ok(0) => bail!("waited {} s in vain for a frame", PATIENCE.as_secs()),
            Ok(_) | Err(Errno::EINTR) => self.frames(),
            Err(errno) => bail!("poll a packet socket: {errno}"),
        }
    }

    /// What it has kept.
    ///
    /// # Errors
    ///
    /// Where the socket can't be read.
    pub fn frames(&self) -> Result<Vec<Vec<u8>>> {
        let mut frames = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(len) => frames.push(buffer[..len].to_vec()),
                Err(Errno::EAGAIN) => return Ok(frames),
                // The link is down.
                Err(Errno::ENETDOWN) => {}
                Err(errno) => bail!("read a packet socket: {errno}"),
            }
        }
    }
}

/// Has packet sockets see all frames of a receive queue in the order in which they came. Of those that
/// the stack takes in together it shows such as no protocol wants behind the others.
///
/// # Errors
///
/// Where the setting is refused.
fn see_in_order() -> Result<()> {
    let batch = "/proc/sys/net/core/gro_normal_batch";
    std::fs::write(batch, "1").with_context(|| format!("write 1 to {batch}"))
}

/// A `tcpdump` that hands over each frame which comes in on a link, VLAN tags
/// included. It keeps the last few until more come ([`Sender::end_batch`]) or it is
/// stopped: to write every frame on its own would take longer than all the rest.
#[derive(Debug)]
pub struct Capture {
    child: Child,
    frames: Receiver<Vec<u8>>,
    reader: Option<JoinHandle<()>>,
    messages: Option<JoinHandle<String>>,
    link: String,
}

impl Capture {
    /// Listens on `link` to what comes in and matches `filter` (pcap-filter(7);
    /// empty for everything). Returns once it listens.
    ///
    /// # Errors
    ///
    /// Where `tcpdump` does not start.
    pub fn start(link: &Link, filter: &str) -> Result<Self> {
        Self::of(link, "in", 10_240, filter)
    }

    /// As [`Capture::start`], for frames of no more than 1,500 bytes: there is room for 30,000 of them
    /// before somebody reads.
    ///
    /// # Errors
    ///
    /// As those of [`Capture::start`].
    pub fn of_short(link: &Link, filter: &str) -> Result<Self> {
        Self::of(link, "in", 1500, filter)
    }

    /// As [`Capture::start`], of what goes out: as the stack hands it to the driver, super-frames in
    /// one piece. Few at a time: each takes a slot that is as long as the longest frame, 256 KiB.
    ///
    /// # Errors
    ///
    /// As those of [`Capture::start`].
    pub fn of_sent(link: &Link, filter: &str) -> Result<Self> {
        Self::of(link, "out", 262_144, filter)
    }

    fn of(link: &Link, direction: &str, longest: u32, filter: &str) -> Result<Self> {
        see_in_order()?;
        // Without --immediate-mode frames would be handed over a block at a time;
        // with it each slot of the ring is as large as -s says, so say it.
        let line = format!("-Z root -n -Q {direction} -s {longest} -B 65536 --immediate-mode -w -");
        let cmd = link
            .cmd(format!("tcpdump -i {}", link.name))
            .args(line)
            .args(filter);
        let mut child = cmd.spawn(Stdio::piped())?;
        let stdout = child.stdout.take().context("no pipe")?;
        let mut stderr = BufReader::new(child.stderr.take().context("no pipe")?);

        let mut said = String::new();
        while !said.contains("listening on") {
            if stderr.read_line(&mut said)? == 0 {
                child.wait()?;
                bail!("`{cmd}` ended before it listened: {said}");
            }
        }
        let messages = thread::spawn(move || {
            let mut rest = String::new();
            for line in stderr.lines().map_while(Result::ok) {
                rest.push_str(&line);
                rest.push('\n');
            }
            rest
        });
        let (sender, frames) = mpsc::channel();
        let reader = thread::spawn(move || {
            let Ok(mut pcap) = PcapReader::new(stdout) else {
                return;
            };
            while let Some(Ok(packet)) = pcap.next_packet() {
                if is_filler(&packet.data) {
                    continue;
                }
                if sender.send(packet.data.into_owned()).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            child,
            frames,
            reader: Some(reader),
            messages: Some(messages),
            link: link.to_string(),
        })
    }

    /// The next frame.
    ///
    /// # Errors
    ///
    /// Where none came for a long time.
    pub fn next_frame(&self) -> Result<Vec<u8>> {
        self.frames
            .recv_timeout(PATIENCE)
            .with_context(|| format!("no frame came in on {}", self.link))
    }

    /// All frames until the first that is `last`, which is not among them.
    ///
    /// # Errors
    ///
    /// Where it did not come for a long time.
    pub fn until(&self, last: impl Fn(&[u8]) -> bool) -> Result<Vec<Vec<u8>>> {
        let mut all = Vec::new();
        loop {
            let frame = self
                .next_frame()
                .with_context(|| format!("after {} frames", all.len()))?;
            if last(&frame) {
                return Ok(all);
            }
            all.push(frame);
        }
    }

    /// Ends the capture and gives what is left.
    ///
    /// # Errors
    ///
    /// Where `tcpdump` did not see everything.
    pub fn stop(mut self) -> Result<Vec<Vec<u8>>> {
        self.interrupt()?;
        let messages = self.messages.take().map(JoinHandle::join);
        let said = messages.and_then(Result::ok).unwrap_or_default();
        if !said.contains("\n0 packets dropped by kernel") {
            bail!("tcpdump on {} missed frames: {said}", self.link);
        }
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        Ok(self.frames.try_iter().collect())
    }

    fn interrupt(&mut self) -> Result<()> {
        // Only a child that has not been waited for is sure to be ours.
        if self.child.try_wait()?.is_none() {
            let pid = Pid::from_raw(i32::try_from(self.child.id())?);
            kill(pid, Signal::SIGINT).context("stop tcpdump")?;
            self.child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = self.interrupt();
    }
}

/// What a UDP datagram in IPv4 carries, whose checksums are both right.
///
/// # Errors
///
/// Where they are not, or `frame` is none.
pub fn checked_payload(frame: &[u8]) -> Result<Vec<u8>> {
    let packet = SlicedPacket::from_ethernet(frame)?;
    let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Udp(udp))) =
        (&packet.net, &packet.transport)
    else {
        bail!("not UDP: {frame:02x?}");
    };
    let ip = ip.header().to_header();
    let sum = ip.calc_header_checksum();
    ensure!(
        sum == ip.header_checksum,
        "the header's checksum is {:04x}, should be {sum:04x}",
        ip.header_checksum
    );
    let header = udp.to_header();
    let sum = header.calc_checksum_ipv4(&ip, udp.payload())?;
    ensure!(
        sum == header.checksum,
        "checksum {:04x}, should be {sum:04x}",
        header.checksum
    );
    Ok(udp.payload().to_vec())
}
