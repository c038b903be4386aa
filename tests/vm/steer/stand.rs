// SPDX-License-Identifier: GPL-2.0

//! A port that frames are sent to, and what is seen of them where they come in.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{Attached, Map};
use offload_tests::cable::Cable;
use offload_tests::command::Cmd;
use offload_tests::link::await_that;
use offload_tests::tc::{self, Runner};
use offload_tests::wire::Sender;
use offload_uapi::stats;

use crate::packet::Packet;

/// How the source addresses of frames begin that `tests/bpf/tc_steered.bpf.c` notes.
const STEERED: [u8; 2] = [0x02, 0x53];

/// How many frames are sent before it is seen whether those before them have come.
const CHUNK: u64 = 64;
/// How many chunks are sent before and behind what is done meanwhile.
const CHUNKS: usize = 8;
/// How many frames a poll takes at most (`NAPI_POLL_WEIGHT`).
const POLL: usize = 64;
/// How many frames of a batch `tests/bpf/tc_steered.bpf.c` has room for.
const NUMBERS: usize = 16384;

/// Frames of one flow, by their numbers, that were sent while something was done.
pub(crate) struct Passage {
    pub(crate) frames: Vec<Seen>,
    /// How many of them had come when it began.
    pub(crate) before: usize,
    /// From which on they were taken by polls that began when it was done.
    pub(crate) after: usize,
}

/// With what a frame came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    /// Its hash; 0 if the device tells none.
    pub(crate) hash: u32,
    /// The queue that it came by.
    pub(crate) queue: u32,
}

/// A cable whose far end is watched.
pub(crate) struct Stand {
    pub(crate) cable: Cable,
    sender: Sender,
    program: Attached,
    seen: Map,
    total: Map,
    /// How many frames the far end has been given, and how many it has dropped.
    before: [u64; 2],
    batch: u16,
    /// Which processor took in each of the last frames that were sent.
    processors: Vec<Option<u32>>,
}

impl Stand {
    /// With that many queues at each end.
    pub(crate) fn new(queues: u32) -> Result<Self> {
        let cable = Cable::onic_with_queues(queues, 1500)?;
        tc::prepare(&cable.far, Runner::Host)?;
        let program = tc::attach(&cable.far, Runner::Host, "tc_steered")?;
        Ok(Self {
            sender: Sender::new(&cable.near)?,
            seen: program.map("seen")?,
            total: program.map("total")?,
            program,
            cable,
            before: [0; 2],
            batch: 0,
            processors: Vec::new(),
        })
    }

    /// `ethtool VERB` for the far end, and `args`.
    pub(crate) fn ethtool(&self, verb: &str, args: &str) -> Cmd {
        let far = &self.cable.far;
        far.cmd(format!("ethtool {verb} {}", far.name)).args(args)
    }

    /// The indirection table and the key of the far end.
    pub(crate) fn spread(&self) -> Result<(Vec<u32>, Vec<u8>)> {
        let shown = self.ethtool("--json -x", "").json()?;
        let numbers = |name: &str| -> Result<Vec<u64>> {
            let list = shown[0][name].as_array();
            let list = list.with_context(|| format!("no {name}: {shown}"))?;
            let all = list.iter().map(|number| number.as_u64());
            all.collect::<Option<_>>().context("no number")
        };
        let table = numbers("rss-indirection-table")?;
        let key = numbers("rss-hash-key")?;
        Ok((
            table
                .into_iter()
                .map(u32::try_from)
                .collect::<Result<_, _>>()?,
            key.into_iter()
                .map(u8::try_from)
                .collect::<Result<_, _>>()?,
        ))
    }

    /// How many frames the user has had dropped, by a rule or for their type.
    pub(crate) fn dropped(&self) -> Result<u64> {
        let far = self.cable.far.statistics()?;
        Ok(far.get(stats::RX_RULE_DROPPED)? + far.get(stats::RX_FLOW_TYPE_DROPPED)?)
    }

    fn total(&self) -> Result<u64> {
        let words = self.total.words(&[0; 4])?;
        words.first().copied().context("no total")
    }

    /// Sends `packet` as number `number` of the batch.
    fn send_one(&mut self, number: u16, packet: &Packet) -> Result<()> {
        let [b0, b1] = self.batch.to_be_bytes();
        let [n0, n1] = number.to_be_bytes();
        let source = [STEERED[0], STEERED[1], b0, b1, n0, n1];
        self.sender.send(&packet.bytes(source))
    }

    /// Sends `packet` again and again, without a pause, while `act` is done and for some time before and
    /// behind that. All frames have to come in.
    pub(crate) fn send_during(
        &mut self,
        packet: &Packet,
        act: impl FnOnce() -> Result<()> + Send,
    ) -> Result<Passage> {
        self.batch += 1;
        let [seen, _] = self.before;
        let sent = AtomicU16::new(0);
        let send = |this: &mut Self| -> Result<()> {
            for _ in 0..CHUNK {
                let number = sent.load(Ordering::SeqCst);
                ensure!(usize::from(number) < NUMBERS, "it takes too long");
                this.send_one(number, packet)?;
                sent.store(number + 1, Ordering::SeqCst);
            }
            // One chunk is under way all the time.
            await_that("the chunk before", || {
                Ok(this.total()? - seen + CHUNK >= u64::from(sent.load(Ordering::SeqCst)))
            })
        };
        for _ in 0..CHUNKS {
            send(self)?;
        }
        let before = usize::from(sent.load(Ordering::SeqCst)) - CHUNK as usize;
        let after = thread::scope(|scope| {
            let acting = scope.spawn(|| {
                act()?;
                anyhow::Ok(sent.load(Ordering::SeqCst))
            });
            while !acting.is_finished() {
                send(self)?;
            }
            acting.join().expect("it does not panic")
        })?;
        // What a poll has taken that had begun by then, and one frame whose number was not yet noted.
        let after = usize::from(after) + POLL + 1;
        while usize::from(sent.load(Ordering::SeqCst)) < after + CHUNK as usize * CHUNKS {
            send(self)?;
        }
        let frames = self.seen_of(sent.load(Ordering::SeqCst).into())?;
        let frames: Option<Vec<_>> = frames.into_iter().collect();
        Ok(Passage {
            frames: frames.context("a frame was dropped")?,
            before,
            after,
        })
    }

    /// Sends `packets`, waits for all of them, and tells what was seen of each; `None` is one that
    /// was dropped.
    pub(crate) fn send(&mut self, packets: &[Packet]) -> Result<Vec<Option<Seen>>> {
        self.batch += 1;
        for (number, packet) in (0_u16..).zip(packets) {
            self.send_one(number, packet)?;
        }
        self.seen_of(packets.len())
    }

    /// Waits for `count` frames that were sent as a batch, and tells what was seen of each.
    fn seen_of(&mut self, count: usize) -> Result<Vec<Option<Seen>>> {
        let (batch, [seen, dropped]) = (self.batch, self.before);
        let mut now = self.before;
        let what = format!("all of {} frames", count);
        await_that(&what, || {
            now[0] = self.total()?;
            if now[0] - seen < count as u64 {
                now[1] = self.dropped()?;
            }
            Ok(now[0] - seen + now[1] - dropped >= count as u64)
        })?;
        self.before = now;

        let mut all = vec![None; count];
        self.processors = vec![None; count];
        for (key, value) in self.seen.dump()? {
            let number = u32::from_le_bytes(key.try_into().ok().context("a key")?);
            let words = value.chunks_exact(4).map(|word| word.try_into());
            let words: Vec<_> = words
                .map(|word| word.map(u32::from_le_bytes))
                .collect::<Result<_, _>>()?;
            let &[found, times, hash, queue_mapping, processor] = &words[..] else {
                anyhow::bail!(
                    "a value of {} words in program {}",
                    words.len(),
                    self.program.id
                );
            };
            if found != u32::from(batch) {
                continue;
            }
            ensure!(times == 1, "frame {number} came {times} times");
            // The stack writes the number of the queue and one.
            let queue = queue_mapping.checked_sub(1).context("no queue recorded")?;
            let place = all.get_mut(number as usize).context("another number")?;
            *place = Some(Seen { hash, queue });
            self.processors[number as usize] = Some(processor);
        }
        let came = all.iter().flatten().count() as u64;
        ensure!(
            came == now[0] - seen,
            "{came} of {} frames have numbers of their own",
            now[0] - seen
        );
        Ok(all)
    }

    /// Number of the last batch that was sent.
    pub(crate) fn batch(&self) -> u16 {
        self.batch
    }

    /// The processors that take `packets` in, all of which are to come.
    pub(crate) fn processors(&mut self, packets: &[Packet]) -> Result<BTreeSet<u32>> {
        self.send(packets)?;
        let processors = self.processors.iter().copied();
        processors
            .collect::<Option<_>>()
            .context("a frame was dropped")
    }

    /// The queues by which `packets` come; `None` for one that was dropped.
    pub(crate) fn queues(&mut self, packets: &[Packet]) -> Result<Vec<Option<u32>>> {
        let seen = self.send(packets)?.into_iter();
        Ok(seen.map(|seen| seen.map(|seen| seen.queue)).collect())
    }
}
