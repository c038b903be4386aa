// SPDX-License-Identifier: GPL-2.0

//! Programs on interfaces and their maps, through `ip` and `bpftool`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{bail, Context, Result};
use offload_uapi::digest::Digests;
use offload_uapi::object::Object;
use serde_json::Value;

use crate::command::Cmd;
use crate::compiled::Compiled;
use crate::env;
use crate::link::Link;

/// The digests of the first program in `tests/bpf/OBJECT.bpf.c`, from its file alone.
///
/// # Errors
///
/// Where there is no such object file, or it can't be read as one.
pub fn digests(object: &str) -> Result<Digests> {
    let file = std::fs::read(env::object(object)?)?;
    let program = Object::parse(&file)?.programs().next();
    let program = program.with_context(|| format!("no program in {object}"))??;
    Ok(program.digests())
}

/// Where a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In the driver (`xdpdrv`).
    Native,
    /// In the device (`xdpoffload`).
    Offload,
}

impl Mode {
    /// The keyword of `ip link set`.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Native => "xdpdrv",
            Self::Offload => "xdpoffload",
        }
    }

    /// The number by which `ip -j` shows it (`XDP_ATTACHED_DRV`, `XDP_ATTACHED_HW`).
    fn number(self) -> u64 {
        match self {
            Self::Native => 1,
            Self::Offload => 3,
        }
    }
}

/// The command that loads `tests/bpf/OBJECT.bpf.c` and puts it on `link`.
///
/// # Errors
///
/// Outside the VM.
pub fn attach_command(link: &Link, mode: Mode, object: &str) -> Result<Cmd> {
    section_command(link, mode, object, "xdp")
}

fn section_command(link: &Link, mode: Mode, object: &str, section: &str) -> Result<Cmd> {
    Ok(link
        .set(format!("{} obj", mode.keyword()))
        .arg(env::object(object)?)
        .args(format!("sec {section}")))
}

/// A program that an interface runs.
#[derive(Clone, Debug)]
pub struct Attached {
    /// The program's id.
    pub id: u64,
    link: Link,
}

impl Attached {
    /// Loads `tests/bpf/OBJECT.bpf.c` and puts it on `link`.
    ///
    /// # Errors
    ///
    /// Where `ip` fails or shows no program afterwards.
    pub fn new(link: &Link, mode: Mode, object: &str) -> Result<Self> {
        Self::in_section(link, mode, object, "xdp")
    }

    /// As [`Attached::new`], for the program in section `section` of the object.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn in_section(link: &Link, mode: Mode, object: &str, section: &str) -> Result<Self> {
        section_command(link, mode, object, section)?.run()?;
        Self::of(link, mode)?.with_context(|| format!("{link} shows no program after {object}"))
    }

    /// The program that `link` runs in `mode`, if any.
    ///
    /// # Errors
    ///
    /// Where there is no such interface.
    pub fn of(link: &Link, mode: Mode) -> Result<Option<Self>> {
        let show = link.show()?;
        let xdp = &show["xdp"];
        let several = xdp["attached"].as_array();
        let found = several
            .map_or(std::slice::from_ref(xdp), Vec::as_slice)
            .iter()
            .find(|one| one["mode"] == mode.number());
        let id = found.and_then(|one| one["prog"]["id"].as_u64());
        Ok(id.map(|id| Self {
            id,
            link: link.clone(),
        }))
    }

    /// Loads `program`, which may ask the driver of `link` what its device says of a frame, and puts it on
    /// `link`, as a native one. [`may_ask`] must have said that there are such programs.
    ///
    /// # Errors
    ///
    /// Where it is refused.
    pub fn asking(link: &Link, program: &Compiled) -> Result<Self> {
        const PIN: &str = "/sys/fs/bpf/asking";
        link.cmd("bpftool prog load")
            .arg(program.path())
            .args(format!("{PIN} type xdp xdpmeta_dev {}", link.name))
            .run()?;
        let attached = link
            .set(format!("xdpdrv pinned {PIN}"))
            .run()
            .and_then(|_| Self::pinned(link, PIN));
        std::fs::remove_file(PIN).with_context(|| format!("remove {PIN}"))?;
        attached
    }

    /// The program with that id, on `link`.
    pub fn with_id(link: &Link, id: u64) -> Self {
        Self {
            id,
            link: link.clone(),
        }
    }

    /// The program pinned at `path`, loaded for `link` but not put on it.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn pinned(link: &Link, path: &str) -> Result<Self> {
        let show = link
            .cmd(format!("bpftool -j prog show pinned {path}"))
            .json()?;
        let id = show["id"].as_u64().context("a program without an id")?;
        Ok(Self {
            id,
            link: link.clone(),
        })
    }

    /// What `bpftool -j prog show` says.
    ///
    /// # Errors
    ///
    /// Where `bpftool` fails.
    pub fn show(&self) -> Result<Value> {
        self.link
            .cmd(format!("bpftool -j prog show id {}", self.id))
            .json()
    }

    /// The program's maps by name (cut to 15 characters, as the kernel keeps them).
    ///
    /// # Errors
    ///
    /// Where `bpftool` fails.
    pub fn maps(&self) -> Result<BTreeMap<String, Map>> {
        let show = self.show()?;
        let ids = show["map_ids"].as_array().cloned().unwrap_or_default();
        ids.iter()
            .map(|id| {
                let id = id.as_u64().context("a map id is no number")?;
                let cmd = self.link.cmd(format!("bpftool -j map show id {id}"));
                let info = cmd.json()?;
                let name = info["name"].as_str().context("a map without a name")?;
                let map = Map {
                    id,
                    link: self.link.clone(),
                };
                Ok((name.to_owned(), map))
            })
            .collect()
    }

    /// The map `name`.
    ///
    /// # Errors
    ///
    /// Where the program has none of that name.
    pub fn map(&self, name: &str) -> Result<Map> {
        let mut maps = self.maps()?;
        let names: Vec<_> = maps.keys().cloned().collect();
        maps.remove(name)
            .with_context(|| format!("program {} has no map {name}, only {names:?}", self.id))
    }
}

/// Whether programs may ask a driver what its device says of a frame, which they do by functions of the
/// kernel's. Where not, it is said that `what` is skipped.
pub fn may_ask(what: &str) -> bool {
    let may = Path::new("/sys/kernel/btf/vmlinux").exists();
    if !may {
        println!(
            "skipped: {what}: its program calls functions of the kernel, and this kernel has no BTF; \
             those of the distribution have"
        );
    }
    may
}

/// Takes the program off `link`.
///
/// # Errors
///
/// Where `ip` fails.
pub fn detach(link: &Link, mode: Mode) -> Result<()> {
    link.set(format!("{} off", mode.keyword())).run()?;
    Ok(())
}

/// A map of a loaded program.
#[derive(Clone, Debug)]
pub struct Map {
    /// The map's id.
    pub id: u64,
    link: Link,
}

/// Bytes as `bpftool` takes them on its command line.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::from("hex");
    for byte in bytes {
        text.push_str(&format!(" {byte:02x}"));
    }
    text
}

/// Bytes as `bpftool -j` prints them: a list of strings `0x..`.
fn bytes(value: &Value) -> Result<Vec<u8>> {
    let list = value
        .as_array()
        .with_context(|| format!("not a list of bytes: {value}"))?;
    list.iter()
        .map(|byte| {
            let digits = byte.as_str().unwrap_or_default().trim_start_matches("0x");
            u8::from_str_radix(digits, 16).with_context(|| format!("not a byte: {byte}"))
        })
        .collect()
}

impl Map {
    /// `bpftool map VERB id ID REST`, in the namespace where the map's device is.
    pub fn cmd(&self, verb: &str, rest: impl AsRef<str>) -> Cmd {
        self.link
            .cmd(format!("bpftool -j map {verb} id {}", self.id))
            .args(rest)
    }

    /// `bpftool map VERB id ID`, for people to read.
    pub fn plain_cmd(&self, verb: &str) -> Cmd {
        self.link.cmd(format!("bpftool map {verb} id {}", self.id))
    }

    /// Every key with its value.
    ///
    /// # Errors
    ///
    /// Where `bpftool` fails or shows a key twice.
    pub fn dump(&self) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
        let json = self.cmd("dump", "").json()?;
        let mut all = BTreeMap::new();
        for entry in json.as_array().context("the dump is no list")? {
            let key = bytes(&entry["key"])?;
            if all.insert(key, bytes(&entry["value"])?).is_some() {
                bail!("map {} dumped a key twice: {entry}", self.id);
            }
        }
        Ok(all)
    }

    /// The value at `key`, or `None` where there is none.
    ///
    /// # Errors
    ///
    /// Where `bpftool` fails for another reason than a missing key.
    pub fn lookup(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let cmd = self.cmd("lookup", format!("key {}", hex(key)));
        let finished = cmd.output()?;
        let json: Value = serde_json::from_str(&finished.stdout()).unwrap_or_default();
        match json.get("value") {
            Some(value) if finished.success() => bytes(value).map(Some),
            _ if json["error"]
                .as_str()
                .is_none_or(|e| e.contains("Not found")) =>
            {
                Ok(None)
            }
            _ => bail!("{finished}"),
        }
    }

    /// The command that sets `key` to `value`; `flags` is `any`, `noexist` or `exist`.
    pub fn update_command(&self, key: &[u8], value: &[u8], flags: &str) -> Cmd {
        let rest = format!("key {} value {} {flags}", hex(key), hex(value));
        self.cmd("update", rest)
    }

    /// Sets `key` to `value`.
    ///
    /// # Errors
    ///
    /// Where `bpftool` fails.
    pub fn update(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.update_command(key, value, "any").run()?;
        Ok(())
    }

    /// Sets each of `keys` to `value`, by one `bpftool` for all.
    ///
    /// # Errors
    ///
    /// Where `bpftool` fails, or the file for its commands can't be written.
    pub fn update_all(&self, keys: &[Vec<u8>], value: &[u8]) -> Result<()> {
        let mut batch = String::new();
        for key in keys {
            let (id, key, value) = (self.id, hex(key), hex(value));
            batch.push_str(&format!("map update id {id} key {key} value {value}\n"));
        }
        let file = std::env::temp_dir().join(format!("bpftool.batch.{}", std::process::id()));
        std::fs::write(&file, batch).with_context(|| format!("write {}", file.display()))?;
        let done = self.link.cmd("bpftool batch file").arg(&file).run();
        std::fs::remove_file(&file)?;
        done.map(drop)
    }

    /// The value at `key` as little-endian 64-bit words (an absent one has none).
    ///
    /// # Errors
    ///
    /// Where `bpftool` fails.
    pub fn words(&self, key: &[u8]) -> Result<Vec<u64>> {
        Ok(words(&self.lookup(key)?.unwrap_or_default()))
    }
}

/// A value as little-endian 64-bit words.
pub fn words(value: &[u8]) -> Vec<u64> {
    value
        .chunks_exact(8)
        .map(|word| {
            word.iter()
                .rev()
                .fold(0, |n, byte| n << 8 | u64::from(*byte))
        })
        .collect()
}
