// SPDX-License-Identifier: GPL-2.0

//! The demo's traffic: `ping` and `iperf3` from the namespace `left` to `right`.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use anyhow::{bail, Context, Result};
use offload_tests::command::Cmd;
use offload_tests::netns::NetNs;
use serde_json::Value;

use crate::stage::{run_and_print, show};

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
pub(crate) struct PingStream {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    cmd: Cmd,
}

impl PingStream {
    pub(crate) fn start(from: &NetNs, count: u32, to: &str) -> Result<Self> {
        let cmd = from.cmd(format!("ping -n -i 0.01 -W 1 -c {count} {to}"));
        println!("$ ({cmd}) &");
        let mut child = cmd.command().stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().context("no pipe")?).lines();
        Ok(Self { child, lines, cmd })
    }

    fn next_line(&mut self) -> Result<String> {
        match self.lines.next() {
            Some(line) => Ok(line?),
            None => bail!("`{}` ended too early", self.cmd),
        }
    }

    /// Returns when `count` more replies have come.
    pub(crate) fn await_replies(&mut self, count: u32) -> Result<()> {
        let mut seen = 0;
        while seen < count {
            seen += u32::from(self.next_line()?.contains("bytes from"));
        }
        println!("    ... {count} replies have come, and it goes on:");
        Ok(())
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Result<PingResult> {
        loop {
            let line = self.next_line()?;
            if let Some(result) = summary(&line) {
                println!("    {line}");
                // All requests lost is a status of its own and no failure here.
                self.child.wait()?;
                return Ok(result);
            }
        }
    }
}

impl Drop for PingStream {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An `iperf3` server, stopped on drop.
#[derive(Debug)]
pub(crate) struct TcpServer(Child);

impl TcpServer {
    pub(crate) fn start(ns: &NetNs, port: u16) -> Result<Self> {
        let cmd = ns.cmd(format!("iperf3 --server --forceflush --port {port}"));
        println!("$ ({cmd}) &");
        let mut child = cmd.command().stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("no pipe")?;
        let mut lines = BufReader::new(stdout).lines();
        loop {
            let line = lines.next();
            let line = line.with_context(|| format!("`{cmd}` ended before it listened"))??;
            if line.contains("listening") {
                break;
            }
        }
        // What it goes on to print is drained, or it would block in the end.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(Self(child))
    }
}

impl Drop for TcpServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
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
