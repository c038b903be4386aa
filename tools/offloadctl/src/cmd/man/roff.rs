// SPDX-License-Identifier: GPL-2.0

//! Markdown as roff, with the macros of man(7) and the tables of tbl(1): as much of it as documentation
//! of ours has.

use std::fmt::Write as _;

use pulldown_cmark::{BrokenLink, CowStr, Event, Options, Parser, Tag, TagEnd};

/// How long lines of text are, so that the source can be read, too.
const WIDTH: usize = 78;
/// What is at most in a column of a table whose text is not folded.
const NARROW: usize = 24;

/// `markdown` as roff, which begins in the middle of a section.
pub(super) fn roff(markdown: &str) -> String {
    // What is a link in Rust's documentation is a text here.
    let link = |_: BrokenLink<'_>| Some((CowStr::from(""), CowStr::from("")));
    let events =
        Parser::new_with_broken_link_callback(markdown, Options::ENABLE_TABLES, Some(link));
    let mut writer = Writer {
        is_first: true,
        ..Writer::default()
    };
    for event in events {
        writer.event(event);
    }
    writer.roff
}

#[derive(Default)]
struct Writer {
    /// What is done.
    roff: String,
    /// The text of the paragraph, heading or cell that is not done.
    text: String,
    /// How many lists it is in.
    lists: usize,
    /// It is the first paragraph of something, which has made room for it.
    is_first: bool,
    /// It is in a block of code.
    is_code: bool,
    /// The rows of a table, the head first.
    rows: Vec<Vec<String>>,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.is_code => {
                for line in text.lines() {
                    self.line(&escaped(line).replace('-', "\\-"));
                }
            }
            Event::Text(text) => self.text.push_str(&escaped(&text)),
            Event::Code(code) => {
                let code = escaped(&code).replace('-', "\\-");
                let _ = write!(self.text, "\\fB{code}\\fR");
            }
            Event::SoftBreak | Event::HardBreak => self.text.push(' '),
            // HTML, rules, notes: the documentation has none.
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Paragraph if !self.is_first => {
                self.line(if self.lists > 0 { ".IP" } else { ".PP" })
            }
            Tag::List(_) => {
                self.flush();
                self.lists += 1;
            }
            Tag::Item => {
                self.line(".IP \\(bu 2");
                self.is_first = true;
            }
            Tag::CodeBlock(_) => {
                self.is_code = true;
                self.room();
                self.line(".RS 4\n.nf");
            }
            Tag::Emphasis => self.text.push_str("\\fI"),
            Tag::Strong => self.text.push_str("\\fB"),
            Tag::Table(_) => self.room(),
            Tag::TableHead | Tag::TableRow => self.rows.push(Vec::new()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => {
                let title = std::mem::take(&mut self.text);
                if level == pulldown_cmark::HeadingLevel::H1 {
                    self.line(&format!(".SH {}", title.to_uppercase()));
                } else {
                    self.line(&format!(".SS {title}"));
                }
                self.is_first = true;
            }
            TagEnd::Paragraph | TagEnd::Item => self.flush(),
            TagEnd::List(_) => {
                self.lists -= 1;
                self.is_first = false;
            }
            TagEnd::CodeBlock => {
                self.is_code = false;
                self.line(".fi\n.RE");
            }
            TagEnd::Emphasis | TagEnd::Strong => self.text.push_str("\\fR"),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.text);
                self.rows
                    .last_mut()
                    .into_iter()
                    .for_each(|row| row.push(cell.clone()));
            }
            TagEnd::Table => self.table(),
            _ => {}
        }
    }

    /// Makes room for something, unless that is there.
    fn room(&mut self) {
        if !self.is_first {
            self.line(".PP");
        }
        self.is_first = false;
    }

    /// Writes a table. Wide columns fold their text, and share what room there is.
    fn table(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        let count = rows.iter().map(Vec::len).max().unwrap_or(0);
        let is_wide = |column: usize| {
            let mut cells = rows.iter().filter_map(|row| row.get(column));
            cells.any(|cell| seen(cell) > NARROW)
        };
        let wide: Vec<bool> = (0..count).map(is_wide).collect();
        let format = wide.iter().map(|wide| if *wide { "lx" } else { "l" });
        let format: Vec<_> = format.collect();
        self.line(&format!(".TS\ntab(\t);\n{}.", format.join(" ")));
        for (number, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(&wide).map(|(cell, wide)| match wide {
                _ if cell.is_empty() => String::new(),
                _ if number == 0 => format!("\\fI{cell}\\fR"),
                true => format!("T{{\n{}\nT}}", wrapped(cell)),
                false => cell.clone(),
            });
            let cells: Vec<_> = cells.collect();
            self.line(&cells.join("\t"));
            if number == 0 {
                self.line("_");
            }
        }
        self.line(".TE");
    }

    /// Writes the text of a paragraph.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() {
            self.line(&wrapped(&text));
        }
        self.is_first = false;
    }

    fn line(&mut self, line: &str) {
        self.roff.push_str(line);
        self.roff.push('\n');
    }
}

/// How many characters of a text are seen.
fn seen(text: &str) -> usize {
    let fonts = ["\\fB", "\\fI", "\\fR"];
    let text = fonts
        .iter()
        .fold(text.to_owned(), |text, font| text.replace(font, ""));
    text.replace("\\-", "-").chars().count()
}

/// Text that stands for itself: a backslash, and what would be taken for an accent or a quotation mark.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e");
    text.replace('\'', "\\(aq")
        .replace('`', "\\(ga")
        .replace('^', "\\(ha")
        .replace('~', "\\(ti")
}

/// Text in lines, none of which is taken for a request.
fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    for line in &mut lines {
        if line.starts_with(['.', '\'']) {
            line.insert_str(0, "\\&");
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_roff() {
        for (markdown, expected) in [
            ("# One two\n\nText.", ".SH ONE TWO\nText.\n"),
            ("## One two\n\nText.\n\nMore.", ".SS One two\nText.\n.PP\nMore.\n"),
            (
                "Of *that* `next-proto`, [`Field`] and a\n\\\\.",
                "Of \\fIthat\\fR \\fBnext\\-proto\\fR, \\fBField\\fR and a \\e.\n",
            ),
            (
                "- one\n- two\n  lines",
                ".IP \\(bu 2\none\n.IP \\(bu 2\ntwo lines\n",
            ),
            (
                "```json\n{ \"a-b\": 1 }\n```",
                ".RS 4\n.nf\n{ \"a\\-b\": 1 }\n.fi\n.RE\n",
            ),
            (
                "Text.\n\n| key | | default |\n|---|---|---|\n| `a` | what *it* is, in some more words | `0` |\n| `b` | |\n\nText.",
                "Text.\n.PP\n.TS\ntab(\t);\nl lx l.\n\\fIkey\\fR\t\t\\fIdefault\\fR\n_\n\
                 \\fBa\\fR\tT{\nwhat \\fIit\\fR is, in some more words\nT}\t\\fB0\\fR\n\
                 \\fBb\\fR\t\t\n.TE\n.PP\nText.\n",
            ),
        ] {
            assert_eq!(roff(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn no_line_of_text_is_a_request() {
        let word = "w".repeat(WIDTH - 1);
        assert_eq!(
            roff(&format!("{word} .so x")),
            format!("{word}\n\\&.so x\n")
        );
    }
}
