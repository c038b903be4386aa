// SPDX-License-Identifier: GPL-2.0

//! Parse graphs flashed and activated as often as it is told, and nothing else, while frames come in of
//! which none may be missing, come twice, or be changed. How many come in during each step is limited, so that the
//! processor is left to the flashes. Now and then a file with a wrong bit is flashed, which
//! must be refused and leave the device as it is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ScopedJoinHandle};

use anyhow::{bail, ensure, Context, Result};
use offload_tests::cable::Cable;
use offload_tests::devlink::Devlink;
use offload_tests::frames::Frames;
use offload_tests::graphs::{sample, Graphs};
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::netns;
use offload_tests::nic::Nic;
use offload_tests::wire::{Sender, Tap};
use offload_uapi::client::Client;
use offload_uapi::stats;
use offload_uapi::types::hex;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const NIC: Nic = Nic { id: 0 };
/// Queues of a port: where a frame goes depends on the graph.
const QUEUES: u32 = 4;
/// The graphs, by turns.
const GRAPHS: [&str; 5] = ["kernel", "small", "overlay", "reference", "srv6"];
/// What has a wrong bit.
const DAMAGED: &str = "damaged";
/// So many flashes for one of that.
const PER_DAMAGED: u64 = 10;
/// Flashes between two lines that tell how far it is.
const PER_LINE: u64 = 500;

/// Frames are no longer than that, headers and all: the socket has room for two chunks.
const LONGEST: usize = 214;
/// How many frames are sent at once. One chunk is under way all the time.
const CHUNK: usize = 16;
/// How many frames are sent for each flash, and each activation.
const PER_STEP: u64 = 128;
/// The source address of frame 0, but for its number.
const SOURCE: [u8; 2] = [0x02, 0x53];

/// What is known of the frames.
#[derive(Debug, Default)]
struct Passed {
    /// How many have come.
    frames: AtomicU64,
    /// Whether no more are wanted.
    is_over: AtomicBool,
    /// How many may be sent, all in all, and that it has changed.
    granted: Mutex<u64>,
    changed: Condvar,
}

impl Passed {
    fn frames(&self) -> u64 {
        self.frames.load(Ordering::SeqCst)
    }

    fn granted(&self) -> MutexGuard<'_, u64> {
        self.granted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets more frames be sent, from now on: where there is one processor, as soon as whoever asks sleeps.
    fn grant(&self) {
        *self.granted() += PER_STEP;
        self.changed.notify_one();
    }

    /// Waits until more than `sent` frames may be sent; `false` if no more are wanted.
    fn await_grant(&self, sent: u32) -> bool {
        let is_spent =
            |granted: &mut u64| *granted <= sent.into() && !self.is_over.load(Ordering::SeqCst);
        let granted = self.changed.wait_while(self.granted(), is_spent);
        drop(granted);
        !self.is_over.load(Ordering::SeqCst)
    }

    fn end(&self) {
        let granted = self.granted();
        self.is_over.store(true, Ordering::SeqCst);
        drop(granted);
        self.changed.notify_one();
    }
}

/// The number of a frame, if it is one of ours.
fn number(frame: &[u8]) -> Option<u32> {
    let number = frame.get(6..12)?.strip_prefix(&SOURCE)?;
    number.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// What a socket sees of `frame`, if it does: the stack takes the outermost tag out before, and drops a frame of
/// which there are less than two bytes behind the EtherType then (`skb_vlan_untag`).
fn seen(frame: &[u8]) -> Option<Vec<u8>> {
    const TAGS: [[u8; 2]; 2] = [[0x81, 0x00], [0x88, 0xa8]];
    let (addresses, rest) = frame.split_at_checked(12)?;
    if !TAGS.iter().any(|tag| rest.starts_with(tag)) {
        return Some(frame.to_vec());
    }
    let rest = rest.get(4..).filter(|rest| rest.len() >= 4)?;
    Some([addresses, rest].concat())
}

/// Takes what has come out of `under_way`: each frame once, and as it was sent.
fn take(tap: &Tap, under_way: &mut BTreeMap<u32, Vec<u8>>, passed: &Passed) -> Result<()> {
    let frames = tap.await_frames();
    for frame in frames.with_context(|| format!("missing are {under_way:02x?}"))? {
        let number = number(&frame).with_context(|| format!("nobody has sent {frame:02x?}"))?;
        match under_way.remove(&number) {
            Some(sent) => ensure!(
                sent == frame,
                "frame {number} was changed from {sent:02x?} to {frame:02x?}"
            ),
            None => bail!("frame {number} came twice, or was not sent"),
        }
        passed.frames.fetch_add(1, Ordering::SeqCst);
    }
    Ok(())
}

/// Sends frames over `cable` until it is over; all of them have to come.
fn traffic(cable: &Cable, seed: u64, passed: &Passed) -> Result<()> {
    let (sender, tap) = (Sender::new(&cable.near)?, Tap::new(&cable.far)?);
    let mut source = Frames::new(seed, LONGEST - 14);
    let mut under_way = BTreeMap::new();
    let mut next: u32 = 0;
    while passed.await_grant(next) {
        for _ in 0..CHUNK {
            let mut frame = source.next_frame();
            frame[6..8].copy_from_slice(&SOURCE);
            frame[8..12].copy_from_slice(&next.to_be_bytes());
            let Some(seen) = seen(&frame) else {
                continue;
            };
            sender.send(&frame)?;
            under_way.insert(next, seen);
            next = next.checked_add(1).context("too many frames")?;
        }
        while under_way.len() > CHUNK {
            take(&tap, &mut under_way, passed)?;
        }
    }
    while !under_way.is_empty() {
        take(&tap, &mut under_way, passed)?;
    }
    Ok(())
}

/// What flashes, and what it has done.
struct Flasher {
    devlink: Devlink,
    client: Client,
    ifindex: u32,
    /// The digest of each graph, by its name.
    digests: BTreeMap<&'static str, String>,
    running: String,
    random: ChaCha8Rng,
    refused: u64,
    /// During how many flashes and activations frames came in.
    met: u64,
}

impl Flasher {
    fn new(far: &Link, seed: u64) -> Result<Self> {
        let graphs = Graphs::new(NIC, far)?;
        let mut digests = BTreeMap::new();
        for name in GRAPHS {
            let built = graphs.build(name, &sample(name))?;
            let digest = built["digest"].as_str().context("no digest")?;
            digests.insert(name, digest.to_owned());
        }
        let mut this = Self {
            devlink: Devlink::new(NIC)?,
            client: netns::enter(far.ns.as_deref(), || Ok(Client::connect()?))?,
            ifindex: far.index()?,
            digests,
            running: String::new(),
            random: ChaCha8Rng::seed_from_u64(seed),
            refused: 0,
            met: 0,
        };
        this.running = this.asked()?;
        Ok(this)
    }

    /// What the device says that it parses by.
    fn asked(&mut self) -> Result<String> {
        Ok(hex(&self.client.parser(self.ifindex)?.digest))
    }

    /// It goes on as it is.
    fn is_the_same(&mut self) -> Result<()> {
        let asked = self.asked()?;
        ensure!(asked == self.running, "{asked}, not {}", self.running);
        Ok(())
    }

    /// Does `act` while frames come in.
    fn step(
        &mut self,
        passed: &Passed,
        sending: &ScopedJoinHandle<'_, Result<()>>,
        act: impl FnOnce(&Devlink) -> Result<()>,
    ) -> Result<()> {
        ensure!(!sending.is_finished(), "no more frames come in");
        let before = passed.frames();
        passed.grant();
        act(&self.devlink)?;
        self.met += u64::from(passed.frames() > before);
        Ok(())
    }

    /// Flashes a graph, which runs when it is activated and not before.
    fn flash(
        &mut self,
        name: &str,
        passed: &Passed,
        sending: &ScopedJoinHandle<'_, Result<()>>,
    ) -> Result<()> {
        self.step(passed, sending, |devlink| devlink.flash(name))?;
        self.is_the_same()?;
        self.step(passed, sending, Devlink::activate)?;
        self.running.clone_from(&self.digests[name]);
        self.is_the_same()
    }

    fn flash_damaged(&mut self) -> Result<()> {
        let name = GRAPHS.choose(&mut self.random).context("no graph")?;
        let mut bytes = std::fs::read(Graphs::file(name))?;
        let bit = self.random.random_range(0..8 * bytes.len());
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(Graphs::file(DAMAGED), bytes)?;
        match self.devlink.flash(DAMAGED) {
            Ok(()) => bail!("{name} with bit {bit} wrong was taken"),
            Err(refusal) => ensure!(
                refusal.to_string().contains("parser: "),
                "{name} with bit {bit} wrong: {refusal:#}"
            ),
        }
        self.refused += 1;
        // There is nothing new to be activated.
        self.devlink.activate()?;
        self.is_the_same()
    }
}

/// Flashes `count` graphs, and activates each.
///
/// # Errors
///
/// Where one is refused or does not run, a damaged one is not refused, or a frame is lost.
pub(crate) fn run(count: u64, seed: u64) -> Result<()> {
    println!("stress: {count} flashes, seed {seed}");
    let cable = Cable::onic_with_queues(QUEUES, 1500)?;
    let far = &cable.far;
    // Frames are to come as they were sent; and hashes, with what speaks for them, each time.
    far.cmd(format!("ethtool -K {} rxvlan off rxhash on", far.name))
        .run()?;
    let mut flasher = Flasher::new(far, seed)?;
    let graphs = Graphs::new(NIC, far)?;
    let dissector = graphs.load(GRAPHS[0])?;
    dissector.attach()?;

    let passed = Passed::default();
    thread::scope(|scope| -> Result<()> {
        let sending = scope.spawn(|| traffic(&cable, seed, &passed));
        let flashed = (0..count)
            .zip(GRAPHS.iter().cycle())
            .try_for_each(|(number, name)| {
                flasher
                    .flash(name, &passed, &sending)
                    .with_context(|| format!("flash {number}, {name}"))?;
                if number % PER_DAMAGED == 0 {
                    flasher.flash_damaged()?;
                }
                if (number + 1) % PER_LINE == 0 {
                    println!("{} flashes, {} frames", number + 1, passed.frames());
                }
                Ok(())
            });
        passed.end();
        let sent = sending.join().expect("it does not panic");
        // That there are no more frames has a reason.
        sent.and(flashed)
    })?;
    let counted = far.statistics()?;
    let (withheld, met) = (counted.get(stats::RX_HASHES_WITHHELD)?, flasher.met);
    ensure!(withheld > 0, "no hash was withheld");
    ensure!(
        met > count / 2,
        "frames came in during {met} of {count} flashes and as many activations"
    );
    let refused = flasher.refused;
    drop((dissector, cable));
    ensure!(!Module::is_loaded()?, "rmmod was refused");
    println!(
        "{count} graphs were flashed and activated, {met} of these steps while frames came in; {refused} damaged \
         ones were refused; {} frames came, each once and as it was sent, {withheld} without a hash for \
         want of permission.",
        passed.frames()
    );
    Ok(())
}
