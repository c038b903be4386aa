// SPDX-License-Identifier: GPL-2.0

//! The demo's traffic: `ping` and `iperf3` from the namespace `left` to `right`.

use anyhow::{Context, Result};
use offload_tests::command::{Background, Cmd};
use offload_tests::netns::NetNs;
use serde_json::Value;

use crate::stage::{run_and_print, show, show_background};

/// What `ping` says at its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PingResult {
    pub(crate) transmitted: u64,
    pub(crate) received: u64,
}

fn summary(line: &str) -> Option<PingResult> {
    let (transmitted, rest) = line.split_once(" packets transmitted, ")?;
    let (received, _) = rest.split_once(" received")?;
    Some(PingResult {
        transmitted: transmitted.parse().ok()?,
        received: received.parse().ok()?,
    })
}

/// Pings and waits for the result.
pub(crate) fn ping(from: &NetNs, count: u32, to: &str) -> Result<PingResult> {
    let cmd = from.cmd(format!("ping -n -q -i 0.02 -W 1 -c {count} {to}"));
    let text = run_and_print(&cmd, |line| line.contains("transmitted"))?;
    text.lines()
        .find_map(summary)
        .with_context(|| format!("`{cmd}` printed no summary: {text}"))
}

/// A `ping` in the background, whose replies can be waited for.
#[derive(Debug)]
pub(crate) struct PingStream(Background);

impl PingStream {
    pub(crate) fn start(from: &NetNs, count: u64, to: &str) -> Result<Self> {
        let cmd = from.cmd(format!("ping -n -i 0.01 -W 1 -c {count} {to}"));
        show_background(&cmd);
        Ok(Self(Background::start(&cmd)?))
    }

    /// Returns when `count` more replies have come.
    pub(crate) fn await_replies(&mut self, count: u64) -> Result<()> {
        for _ in 0..count {
            self.0.await_line("bytes from")?;
        }
        println!("    ... {count} replies have come, and it goes on:");
        Ok(())
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Result<PingResult> {
        let line = self.0.await_line("packets transmitted")?;
        println!("    {line}");
        // A status for lost requests is no failure here.
        self.0.wait()?;
        summary(&line).with_context(|| format!("ping's summary reads otherwise: {line}"))
    }
}

/// An `iperf3` server, stopped on drop.
#[derive(Debug)]
pub(crate) struct TcpServer {
    _server: Background,
}

impl TcpServer {
    pub(crate) fn start(ns: &NetNs, port: u16) -> Result<Self> {
        let cmd = ns.cmd(format!("iperf3 --server --forceflush --port {port}"));
        show_background(&cmd);
        let mut server = Background::start(&cmd)?;
        server.await_line("listening")?;
        Ok(Self { _server: server })
    }
}

/// What a TCP flow carried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TcpResult {
    /// Bytes that the sending side has sent.
    pub(crate) sent: u64,
    /// Bytes that the receiving side has got.
    pub(crate) received: u64,
}

/// The command for a TCP flow of so many bytes.
pub(crate) fn tcp_command(from: &NetNs, to: &str, port: u16, bytes: u64) -> Cmd {
    from.cmd(format!(
        "iperf3 --json --connect-timeout 700 --client {to} --port {port} --bytes {bytes}"
    ))
}

/// What `iperf3 --json` reported.
pub(crate) fn tcp_result(text: &str) -> Result<TcpResult> {
    let json: Value = serde_json::from_str(text).context("iperf3 printed no JSON")?;
    let end = |which: &str| {
        json["end"][which]["bytes"]
            .as_u64()
            .with_context(|| format!("iperf3 reported no {which}: {}", json["error"]))
    };
    let result = TcpResult {
        sent: end("sum_sent")?,
        received: end("sum_received")?,
    };
    let TcpResult { sent, received } = result;
    println!("    TCP: {sent} bytes sent, {received} received");
    Ok(result)
}

/// Runs a TCP flow to its end.
pub(crate) fn tcp(from: &NetNs, to: &str, port: u16, bytes: u64) -> Result<TcpResult> {
    let cmd = tcp_command(from, to, port, bytes);
    show(&cmd);
    tcp_result(&cmd.run()?)
}

/// Whether a TCP connection is made at all.
pub(crate) fn tcp_connects(from: &NetNs, to: &str, port: u16) -> Result<bool> {
    let cmd = tcp_command(from, to, port, 1000);
    show(&cmd);
    let finished = cmd.output()?;
    let json: Value = serde_json::from_str(&finished.stdout()).unwrap_or_default();
    if let Some(error) = json["error"].as_str() {
        println!("    iperf3: {error}");
    }
    Ok(finished.success())
}
