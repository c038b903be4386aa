// SPDX-License-Identifier: GPL-2.0

//! Pages that user space lends to a socket, and writes to while they are under way: what arrives is
//! one state of them, with a checksum that fits, and stays as it has arrived.

use std::fs::File;
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::thread;

use anyhow::{ensure, Context, Result};
use offload_tests::cable::Cable;
use offload_tests::kmsg::Moment;
use offload_tests::link::{Link, PATIENCE};
use offload_tests::netns;
use offload_tests::nic::set_profile;
use offload_tests::sockets::Lender;
use offload_uapi::stats;

const NEAR: &str = "10.7.0.1";
const FAR: &str = "10.7.0.2";

/// A cable for super-frames whose ends have addresses.
fn cable() -> Result<Cable> {
    let cable = Cable::onic(1500)?;
    for (end, address) in [(&cable.near, NEAR), (&cable.far, FAR)] {
        let name = &end.name;
        end.cmd(format!(
            "ethtool -K {name} rx on tx on sg on tso on gso on gro on"
        ))
        .run()?;
        end.set("arp on").run()?;
        end.cmd(format!("ip address add {address}/24 dev {name}"))
            .run()?;
    }
    Ok(cable)
}

/// A connection from the near end to the far one.
fn connect(cable: &Cable) -> Result<(TcpStream, TcpStream)> {
    let listener = netns::enter(cable.far.ns.as_deref(), || {
        TcpListener::bind((FAR, 0)).context("listen")
    })?;
    let address = listener.local_addr()?;
    let sender = netns::enter(cable.near.ns.as_deref(), || {
        TcpStream::connect_timeout(&address, PATIENCE).context("connect")
    })?;
    let (receiver, _) = listener.accept().context("accept")?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    Ok((sender, receiver))
}

/// Segments with a wrong checksum that TCP in the namespace of `end` has got.
fn checksum_errors(end: &Link) -> Result<u64> {
    let text = end.cmd("cat /proc/net/snmp").run()?;
    let mut lines = text.lines().filter(|line| line.starts_with("Tcp:"));
    let (names, values) = lines.next().zip(lines.next()).context("no Tcp")?;
    let mut both = names.split_whitespace().zip(values.split_whitespace());
    let (_, value) = both
        .find(|(name, _)| *name == "InCsumErrors")
        .context("no InCsumErrors")?;
    Ok(value.parse()?)
}

#[test]
fn a_checksum_fits_the_bytes_that_arrive() -> Result<()> {
    const CHUNK: usize = 1 << 16;
    const CHUNKS: u32 = 64;
    let cable = cable()?;
    let moment = Moment::now()?;
    for whole in ["off", "on"] {
        let far = &cable.far;
        far.cmd(format!("ethtool -K {} rx-gro-hw {whole}", far.name))
            .run()?;
        for profile in ["programmable", "legacy", "none"] {
            set_profile(0, profile)?;
            let (sender, mut receiver) = connect(&cable)?;
            let received = thread::spawn(move || -> Result<usize> {
                let mut all = Vec::new();
                Ok(receiver.read_to_end(&mut all)?)
            });
            let lender = Lender::new(sender)?;
            let mut bytes = vec![0; CHUNK];
            for number in 0..CHUNKS {
                // Those of the last time are still under way.
                bytes.fill(number as u8);
                lender.send(&bytes)?;
            }
            drop(lender);
            let received = received.join().ok().context("the receiver panicked")??;
            ensure!(
                received == CHUNK * CHUNKS as usize,
                "{profile}, {whole}: {received} bytes"
            );
        }
    }
    let errors = checksum_errors(&cable.far)?;
    ensure!(errors == 0, "{errors} segments with a wrong checksum");
    let log = moment.log()?;
    ensure!(!log.contains("hw csum failure"), "{log}");
    Ok(())
}

#[test]
fn what_has_arrived_does_not_change_with_the_file() -> Result<()> {
    const LEN: usize = 32 << 10;
    let cable = cable()?;
    let path = "/tmp/lent";
    for whole in ["off", "on"] {
        let far = &cable.far;
        far.cmd(format!("ethtool -K {} rx-gro-hw {whole}", far.name))
            .run()?;
        std::fs::write(path, vec![b'a'; LEN])?;
        let mut file = File::options().read(true).write(true).open(path)?;
        let (mut sender, mut receiver) = connect(&cable)?;
        let before = cable.near.statistics()?;
        // From a file to a socket the standard library copies by sendfile().
        let sent = io::copy(&mut file, &mut sender)?;
        ensure!(sent == LEN as u64, "{sent} bytes were sent");
        drop(sender);
        // Once the receiver has said that it has all of it, the sender has let go of the pages.
        let port = receiver.peer_addr()?.port();
        cable
            .near
            .await_that("an acknowledgement of everything", |near| {
                let sockets = near.cmd(format!("ss -nt sport = :{port}")).run()?;
                // State, Recv-Q, Send-Q.
                let mut lines = sockets.lines().filter(|line| line.contains(FAR));
                Ok(lines.all(|line| line.split_whitespace().nth(2) == Some("0")))
            })?;
        file.write_all_at(&vec![b'b'; LEN], 0)?;
        let mut received = Vec::new();
        receiver.read_to_end(&mut received)?;
        let changed = received.iter().filter(|byte| **byte != b'a').count();
        ensure!(
            changed == 0 && received.len() == LEN,
            "rx-gro-hw {whole}: {changed} of {} bytes are not those that were sent",
            received.len()
        );
        let supers = cable
            .near
            .statistics()?
            .since(&before, stats::TX_HW_GSO_PACKETS)?;
        ensure!(supers > 0, "no super-frame was sent");
    }
    Ok(())
}
