// SPDX-License-Identifier: GPL-2.0

//! A kernel's table of symbols, `/proc/kallsyms`.

/// A function.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Symbol {
    pub(crate) name: String,
    /// The module that it is of; empty for the kernel.
    pub(crate) module: String,
}

/// All symbols by address.
pub(crate) struct Symbols(Vec<(u64, Symbol)>);

/// How far behind the last symbol addresses are still its own.
const LAST: u64 = 4096;

impl Symbols {
    /// Reads lines `ADDRESS TYPE NAME [MODULE]`. Only code counts.
    pub(crate) fn parse(text: &str) -> Self {
        let mut symbols: Vec<_> = text.lines().filter_map(symbol).collect();
        symbols.sort_by_key(|(address, _)| *address);
        Self(symbols)
    }

    /// What lies at `address`.
    pub(crate) fn at(&self, address: u64) -> Option<&Symbol> {
        let behind = self.0.partition_point(|(start, _)| *start <= address);
        let (start, symbol) = self.0.get(behind.checked_sub(1)?)?;
        let is_inside = behind < self.0.len() || address - start < LAST;
        is_inside.then_some(symbol)
    }
}

fn symbol(line: &str) -> Option<(u64, Symbol)> {
    let mut words = line.split_whitespace();
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let kind = words.next()?;
    if !["t", "T", "w", "W"].contains(&kind) {
        return None;
    }
    let name = words.next()?.to_owned();
    let module = words.next().unwrap_or_default();
    let module = module.trim_matches(['[', ']']).to_owned();
    Some((address, Symbol { name, module }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_belong_to_the_symbol_before_them() {
        let table = "\
0000000060001000 T first
0000000060002000 d data
0000000060003000 t second\t[pktgen]
";
        let symbols = Symbols::parse(table);
        let name = |address| symbols.at(address).map(|symbol| symbol.name.as_str());
        assert_eq!(name(0x6000_0fff), None);
        assert_eq!(name(0x6000_2001), Some("first"));
        assert_eq!(name(0x6000_3000), Some("second"));
        assert_eq!(name(0x7f00_0000_0000), None);
        assert_eq!(symbols.at(0x6000_3001).unwrap().module, "pktgen");
    }
}
