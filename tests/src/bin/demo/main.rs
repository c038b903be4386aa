// SPDX-License-Identifier: GPL-2.0

//! A real eBPF firewall inside a NIC's device, on real traffic, shown with the
//! tools that everybody has. Every number at the end comes from one of these tools
//! and is compared with what the program's logic demands; the exit status says
//! whether all were right.

mod firewall;
mod stage;
mod traffic;

use std::process::ExitCode;

use anyhow::{Context, Result};
use offload_tests::bpf::{attach_command, Attached, Mode};
use offload_tests::command::Cmd;
use offload_tests::env;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::wire::Capture;

use firewall::{rule_key, Firewall, Snapshot, ICMP, TCP};
use stage::{print_functions, run, run_and_print, show, show_background, Score};
use traffic::{ping, tcp, tcp_command, tcp_connects, tcp_result, PingStream, TcpServer};

/// Requests of a `ping` that runs while something is done: three seconds' worth, more
/// where the tools take as long to start.
fn pings_in_all() -> u64 {
    if env::is_slow() {
        1_500
    } else {
        250
    }
}

const LEFT: &str = "10.7.0.1";
const LEFT_V4: [u8; 4] = [10, 7, 0, 1];
const RIGHT: &str = "10.7.0.2";
const RIGHT_V6: &str = "fd07::2";
/// The port of the TCP flow that nobody forbids until the swap.
const OPEN_PORT: u16 = 5201;
/// The port that a rule closes.
const CLOSED_PORT: u16 = 8080;
const TCP_BYTES: u64 = 4 << 20;
/// Replies to wait for before something is done to the traffic.
const PINGS_BEFORE: u64 = 80;
/// An echo request of `ping` as a frame: 56 bytes of data, ICMP, IPv4, Ethernet.
const PING_FRAME: u64 = 56 + 8 + 20 + 14;

struct Demo {
    score: Score,
    left: NetNs,
    right: NetNs,
    port: Link,
}

fn main() -> ExitCode {
    match play() {
        Ok(0) => {
            println!("Every number is what the programs' logic demands.");
            ExitCode::SUCCESS
        }
        Ok(wrong) => {
            println!("{wrong} numbers are WRONG.");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("the demo came to a halt: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Plays it all and gives the number of wrong numbers.
fn play() -> Result<usize> {
    print_functions();
    println!("\n### A NIC with two ports, each in a network namespace of its own");
    show(&Cmd::new("insmod").arg(env::module()?));
    let module = Module::insert("")?;
    let mut demo = Demo::set_up()?;
    let servers = [
        TcpServer::start(&demo.right, OPEN_PORT)?,
        TcpServer::start(&demo.right, CLOSED_PORT)?,
    ];
    demo.traffic_before()?;
    let deny = demo.load()?;
    demo.rule_under_traffic(&deny)?;
    demo.closed_port(&deny)?;
    demo.live_swap(&deny)?;
    demo.off()?;
    let Demo {
        score, left, right, ..
    } = demo;
    drop(servers);
    drop((left, right));
    show(&Cmd::new("rmmod offload_nic"));
    drop(module);
    Ok(score.print())
}

impl Demo {
    fn set_up() -> Result<Self> {
        let left = NetNs::new("left")?;
        let right = NetNs::new("right")?;
        println!("$ ip netns add left; ip netns add right");
        for (ns, name, host) in [(&left, "onic0", 1), (&right, "onic1", 2)] {
            run(&Cmd::new(format!(
                "ip link set dev {name} netns {}",
                ns.name()
            )))?;
            run(&ns.cmd(format!("ip address add 10.7.0.{host}/24 dev {name}")))?;
            run(&ns.cmd(format!("ip address add fd07::{host}/64 dev {name} nodad")))?;
            run(&ns.cmd(format!("ip link set dev {name} up")))?;
        }
        let port = Link::within(&right, "onic1");
        port.await_carrier()?;
        run_and_print(&right.cmd("ethtool -i onic1"), |line| {
            line.starts_with("driver") || line.starts_with("version")
        })?;
        run_and_print(&right.cmd("ip -br link show dev onic1"), |_| true)?;
        Ok(Self {
            score: Score::default(),
            left,
            right,
            port,
        })
    }

    /// Pings both ways of addressing and a TCP flow; all must come through.
    fn all_comes_through(&mut self) -> Result<()> {
        for to in [RIGHT, RIGHT_V6] {
            let result = ping(&self.left, 20, to)?;
            let what = format!("ping {to}: replies to {}", result.transmitted);
            self.score.exactly(&what, 20, result.received);
        }
        let flow = tcp(&self.left, RIGHT, OPEN_PORT, TCP_BYTES)?;
        self.score
            .exactly("TCP: bytes received", flow.sent, flow.received);
        Ok(())
    }

    fn traffic_before(&mut self) -> Result<()> {
        self.score
            .chapter("before", "No program: all traffic passes.");
        self.all_comes_through()
    }

    fn load(&mut self) -> Result<Firewall> {
        self.score.chapter(
            "firewall, no rule",
            "A compiled C program goes into the device. Its rule table is empty, so all still passes.",
        );
        run(&attach_command(&self.port, Mode::Offload, "firewall")?)?;
        // Everything that the program judges arrives after this, so its own counts
        // and the device's must grow alike from here.
        let program = Attached::of(&self.port, Mode::Offload)?.context("no program on onic1")?;
        run_and_print(&self.right.cmd("ip -d link show dev onic1"), |line| {
            line.contains("xdp")
        })?;
        let show = self
            .right
            .cmd(format!("bpftool prog show id {}", program.id));
        let text = run_and_print(&show, |_| true)?;
        self.score.holds(
            "bpftool prog show: offloaded_to onic1",
            text.contains("offloaded_to onic1"),
        );
        let firewall = Firewall::new(&program)?;
        let start = firewall.snapshot(&self.port)?;
        self.all_comes_through()?;
        let now = firewall.snapshot(&self.port)?;
        self.adds_up(&start, &now)?;
        let dropped = now.dropped.packets;
        self.score
            .exactly("verdicts map: frames dropped", 0, dropped);
        Ok(firewall)
    }

    /// The program's own counts against those of the device, between two moments.
    fn adds_up(&mut self, start: &Snapshot, now: &Snapshot) -> Result<()> {
        let score = &mut self.score;
        let passed = now.passed.packets - start.passed.packets;
        let dropped = now.dropped.packets - start.dropped.packets;
        score.exactly(
            "ethtool xdp_hw_pass = verdicts map, passed",
            passed,
            now.device.since(&start.device, "xdp_hw_pass")?,
        );
        score.exactly(
            "ethtool xdp_hw_drop = verdicts map, dropped",
            dropped,
            now.device.since(&start.device, "xdp_hw_drop")?,
        );
        score.exactly(
            "ethtool rx_device_frames = passed + dropped",
            passed + dropped,
            now.device.since(&start.device, "rx_device_frames")?,
        );
        Ok(())
    }

    fn rule_under_traffic(&mut self, firewall: &Firewall) -> Result<()> {
        self.score.chapter(
            "rule under traffic",
            "While pings and a TCP flow run, a rule against the pings is added. From then on the device\n    \
             drops them: the rule counts them, and tcpdump on the port sees none of them.",
        );
        let start = firewall.snapshot(&self.port)?;
        let filter = format!("icmp and src host {LEFT}");
        println!("$ right tcpdump -i onic1 -Q in {filter} &");
        let capture = Capture::start(&self.port, &filter)?;
        let flow = tcp_command(&self.left, RIGHT, OPEN_PORT, 8 * TCP_BYTES);
        let mut stream = PingStream::start(&self.left, pings_in_all(), RIGHT)?;
        show_background(&flow);
        let background = std::thread::spawn(move || flow.run());
        stream.await_replies(PINGS_BEFORE)?;
        let key = rule_key(LEFT_V4, 0, ICMP);
        run(&firewall.rules.update_command(&key, &[0; 16], "any"))?;
        let pings = stream.finish()?;
        let text = background
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let flow = tcp_result(&text)?;
        let seen = capture.stop()?.len() as u64;
        let now = firewall.snapshot(&self.port)?;
        firewall.print()?;

        let lost = pings.transmitted - pings.received;
        let rule = firewall.rule(&key)?;
        let score = &mut self.score;
        score.exactly("ping: requests sent", pings_in_all(), pings.transmitted);
        let most = pings_in_all() - PINGS_BEFORE;
        score.between("ping: requests without a reply", 0, most + 1, lost);
        score.exactly("rules map: frames dropped by the rule", lost, rule.packets);
        score.exactly("rules map: bytes", lost * PING_FRAME, rule.bytes);
        score.exactly("tcpdump: requests seen by the host", pings.received, seen);
        score.exactly(
            "ethtool xdp_hw_drop: frames the device dropped",
            lost,
            now.device.since(&start.device, "xdp_hw_drop")?,
        );
        score.exactly(
            "TCP at the same time: bytes received",
            flow.sent,
            flow.received,
        );
        self.adds_up(&start, &now)
    }

    fn closed_port(&mut self, firewall: &Firewall) -> Result<()> {
        self.score.chapter(
            "closed port",
            "A second rule closes one TCP port. The server's host never sees the attempt.",
        );
        let open = tcp_connects(&self.left, RIGHT, CLOSED_PORT)?;
        self.score.holds("TCP connects without the rule", open);
        let key = rule_key(LEFT_V4, CLOSED_PORT, TCP);
        run(&firewall.rules.update_command(&key, &[0; 16], "any"))?;
        let start = firewall.snapshot(&self.port)?;
        let filter = format!("tcp dst port {CLOSED_PORT}");
        println!("$ right tcpdump -i onic1 -Q in {filter} &");
        let capture = Capture::start(&self.port, &filter)?;
        let connects = tcp_connects(&self.left, RIGHT, CLOSED_PORT)?;
        let now = firewall.snapshot(&self.port)?;
        let seen = capture.stop()?.len() as u64;
        let rule = firewall.rule(&key)?;
        self.score.holds("TCP is silent with the rule", !connects);
        self.score
            .exactly("tcpdump: frames to the closed port", 0, seen);
        self.score.exactly(
            "rules map = ethtool xdp_hw_drop",
            now.device.since(&start.device, "xdp_hw_drop")?,
            rule.packets,
        );
        self.score
            .holds("rules map: at least the first SYN", rule.packets > 0);
        Ok(())
    }

    fn live_swap(&mut self, deny: &Firewall) -> Result<()> {
        self.score.chapter(
            "live swap",
            "A second firewall with an allow list is loaded beside the first, given its rule, and put in\n    \
             its place while pings run. None is lost, and each frame is judged by exactly one of the two.",
        );
        // The old program's count has to be read once more after it is gone.
        run(&deny.verdicts.cmd("pin", "/sys/fs/bpf/deny_verdicts"))?;
        let key = rule_key(LEFT_V4, 0, ICMP);
        run(&deny
            .rules
            .cmd("delete", format!("key {}", offload_tests::bpf::hex(&key))))?;
        let pinned = "/sys/fs/bpf/firewall_allow";
        let load = self
            .right
            .cmd("bpftool prog load")
            .arg(env::object("firewall_allow")?)
            .args(format!("{pinned} type xdp offload_dev onic1"));
        run(&load)?;
        let allow = Firewall::new(&Attached::pinned(&self.port, pinned)?)?;
        run(&allow.rules.update_command(&key, &[0; 16], "any"))?;

        let start = deny.snapshot(&self.port)?;
        let before = Attached::of(&self.port, Mode::Offload)?.context("no program on onic1")?;
        let mut stream = PingStream::start(&self.left, pings_in_all(), RIGHT)?;
        stream.await_replies(PINGS_BEFORE)?;
        let swap = self.right.cmd(format!(
            "ip -force link set dev onic1 xdpoffload pinned {pinned}"
        ));
        run(&swap)?;
        let pings = stream.finish()?;
        let after = Attached::of(&self.port, Mode::Offload)?.context("no program on onic1")?;
        let old = deny.snapshot(&self.port)?;
        let new = allow.snapshot(&self.port)?;
        allow.print()?;
        let rule = allow.rule(&key)?;
        let judged = old.judged() - start.judged() + new.judged();
        let score = &mut self.score;
        score.holds("ip link: another program's id", before.id != after.id);
        score.exactly(
            "ping: replies across the swap",
            pings.transmitted,
            pings.received,
        );
        score.between(
            "rules map of the second: pings it let pass",
            0,
            pings_in_all() - PINGS_BEFORE + 1,
            rule.packets,
        );
        score.exactly(
            "ethtool rx_device_frames = judged by first + second",
            judged,
            new.device.since(&start.device, "rx_device_frames")?,
        );
        let connects = tcp_connects(&self.left, RIGHT, OPEN_PORT)?;
        self.score
            .holds("TCP, not on the allow list, is silent", !connects);
        let end = allow.snapshot(&self.port)?;
        self.score.exactly(
            "verdicts map of the second = ethtool xdp_hw_drop",
            end.device.since(&new.device, "xdp_hw_drop")?,
            end.dropped.packets - new.dropped.packets,
        );
        for pin in [pinned, "/sys/fs/bpf/deny_verdicts"] {
            run(&Cmd::new(format!("rm {pin}")))?;
        }
        Ok(())
    }

    fn off(&mut self) -> Result<()> {
        self.score
            .chapter("program off", "Without a program all traffic is back.");
        let start = self.port.statistics()?;
        run(&self.port.set("xdpoffload off"))?;
        self.all_comes_through()?;
        let now = self.port.statistics()?;
        for name in ["xdp_hw_pass", "xdp_hw_drop"] {
            let what = format!("ethtool {name}: no program, no verdicts");
            self.score.exactly(&what, 0, now.since(&start, name)?);
        }
        let left = self.right.cmd("bpftool -j map show").json()?;
        let left = left.as_array().map_or(0, Vec::len) as u64;
        self.score.exactly("bpftool map show: maps left", 0, left);
        Ok(())
    }
}
