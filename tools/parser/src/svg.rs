// SPDX-License-Identifier: GPL-2.0

//! Draws a graph, as SVG.
//!
//! Nodes stand in columns from left to right, each as far to the left as what leads to it allows. A box
//! has a line for each way out, with its keys and where it leads: labels at the lines would lie over each other
//! in graphs of more than a dozen nodes, as lines would that end at the three ways to stop. All that
//! leads to one node shares a line, in the colour of that node's name. Ways back run below.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use parse_graph::Graph;

use crate::names::Names;
use crate::picture::{shapes, Notes, Shape, Way, When};
use crate::resolve::stop;

/// Width of a character of the fixed font, and height of a line.
const CHAR: i64 = 8;
const LINE: i64 = 16;
/// What is left free around the text of a box.
const PAD: i64 = 6;
/// Between columns, between boxes, and between lines that run side by side.
const COLUMN_GAP: i64 = 90;
const BOX_GAP: i64 = 22;
const LANE: i64 = 6;
/// How often the order within the columns is tried to be made better.
const SWEEPS: usize = 24;
/// What lines are drawn in. Failure is red.
const COLOURS: [&str; 8] = [
    "#1f5fa8", "#2e7d32", "#8a4b08", "#6a1b9a", "#00747a", "#ad1480", "#5d6b00", "#455a64",
];
const RED: &str = "#c62828";

/// `graph` as SVG. It says what [`dot`](crate::dot()) does.
pub fn svg(graph: &Graph<'_>, names: &Names, notes: &impl Notes) -> String {
    let shapes = shapes(graph, names, notes);
    Layout::of(&shapes).drawn(&shapes)
}

/// Something in a column: a box, or a line on its way to a node further to the right.
struct Item {
    column: usize,
    height: i64,
    /// Of its upper edge.
    y: i64,
    /// Items to the left and to the right of it that it is tied to.
    ties: [Vec<usize>; 2],
}

struct Layout {
    /// The boxes first, by the numbers of the nodes.
    items: Vec<Item>,
    /// The items, from top to bottom.
    columns: Vec<Vec<usize>>,
    /// The item that is the line to a node in a column.
    lines: BTreeMap<(usize, usize), usize>,
}

/// The node that a way leads to.
fn node_of(way: &Way) -> Option<usize> {
    let is_node = stop(way.to).is_none();
    is_node.then_some(())?;
    way.to.as_node().map(usize::from)
}

impl Layout {
    fn of(shapes: &[Shape]) -> Self {
        // Whatever leads to a node without counting has a lower number: what leads back does not push it.
        let mut column = vec![0; shapes.len()];
        for (from, shape) in shapes.iter().enumerate() {
            for to in shape.ways.iter().filter_map(node_of) {
                if to > from {
                    column[to] = column[to].max(column[from] + 1);
                }
            }
        }
        let boxes = shapes.iter().zip(&column);
        let items = boxes.map(|(shape, column)| Item {
            column: *column,
            height: height(shape),
            y: 0,
            ties: Default::default(),
        });
        let mut layout = Self {
            items: items.collect(),
            columns: Vec::new(),
            lines: BTreeMap::new(),
        };
        for (from, shape) in shapes.iter().enumerate() {
            for to in shape.ways.iter().filter_map(node_of) {
                layout.tie(from, to);
            }
        }
        let count = column.iter().max().map_or(0, |last| last + 1);
        layout.columns = vec![Vec::new(); count];
        for (number, item) in layout.items.iter().enumerate() {
            layout.columns[item.column].push(number);
        }
        layout.order();
        layout
    }

    /// Makes a line from a box to another one further to the right, through all columns between.
    fn tie(&mut self, from: usize, to: usize) {
        let mut left = from;
        for column in self.items[from].column + 1..self.items[to].column {
            let next = self.items.len();
            let line = *self.lines.entry((to, column)).or_insert(next);
            if line == next {
                self.items.push(Item {
                    column,
                    height: LANE,
                    y: 0,
                    ties: Default::default(),
                });
            }
            self.items[left].ties[1].push(line);
            self.items[line].ties[0].push(left);
            left = line;
        }
        if self.items[left].column < self.items[to].column {
            self.items[left].ties[1].push(to);
            self.items[to].ties[0].push(left);
        }
    }

    /// Sorts the columns such that lines are short, from left to right and back again.
    fn order(&mut self) {
        for column in 0..self.columns.len() {
            self.place(column, None);
        }
        let mut best: Option<(i64, Vec<Vec<usize>>, Vec<i64>)> = None;
        for sweep in 0..SWEEPS {
            let side = sweep % 2;
            let mut columns: Vec<usize> = (0..self.columns.len()).collect();
            if side == 1 {
                columns.reverse();
            }
            for column in columns {
                self.place(column, Some(side));
            }
            let length = self.length();
            if best.as_ref().is_none_or(|(least, ..)| length < *least) {
                let places = self.items.iter().map(|item| item.y).collect();
                best = Some((length, self.columns.clone(), places));
            }
        }
        if let Some((_, columns, places)) = best {
            self.columns = columns;
            let places = self.items.iter_mut().zip(places);
            places.for_each(|(item, y)| item.y = y);
        }
    }

    fn middle(&self, item: usize) -> i64 {
        self.items[item].y + self.items[item].height / 2
    }

    /// The mean height of what an item is tied to on a side.
    fn wanted(&self, item: usize, side: usize) -> i64 {
        let ties = &self.items[item].ties[side];
        let sum: i64 = ties.iter().map(|tie| self.middle(*tie)).sum();
        match i64::try_from(ties.len()) {
            Ok(count) if count > 0 => sum / count,
            _ => self.middle(item),
        }
    }

    /// Puts the items of a column below each other, each as near as can be to where those on `side` want it.
    fn place(&mut self, column: usize, side: Option<usize>) {
        let mut items = self.columns[column].clone();
        let wanted = |layout: &Self, item: usize| side.map_or(0, |side| layout.wanted(item, side));
        items.sort_by_key(|item| wanted(self, *item));
        let (mut free, mut off) = (i64::MIN, 0);
        for item in &items {
            let want = wanted(self, *item) - self.items[*item].height / 2;
            let y = want.max(free);
            off += y - want;
            self.items[*item].y = y;
            let gap = if *item < self.boxes() { BOX_GAP } else { LANE };
            free = y + self.items[*item].height + gap;
        }
        // They were all pushed down; half of them is to be too high.
        let shift = off / i64::try_from(items.len().max(1)).unwrap_or(1);
        for item in &items {
            self.items[*item].y -= shift;
        }
        self.columns[column] = items;
    }

    fn boxes(&self) -> usize {
        self.items.len() - self.lines.len()
    }

    /// How far all lines go up and down.
    fn length(&self) -> i64 {
        let all = self.items.iter().enumerate();
        let ties = all.flat_map(|(from, item)| item.ties[1].iter().map(move |to| (from, *to)));
        ties.map(|(from, to)| (self.middle(from) - self.middle(to)).abs())
            .sum()
    }

    fn drawn(&self, shapes: &[Shape]) -> String {
        let widths: Vec<i64> = shapes.iter().map(width).collect();
        let mut x = COLUMN_GAP;
        // Where each column begins and ends.
        let mut edges = Vec::new();
        for column in &self.columns {
            let boxes = column.iter().filter_map(|item| widths.get(*item));
            let width = boxes.max().copied().unwrap_or_default();
            edges.push((x, x + width));
            x += width + COLUMN_GAP;
        }
        let top = self.items.iter().map(|item| item.y).min().unwrap_or(0) - BOX_GAP;
        let bottoms = self.items.iter().map(|item| item.y + item.height);
        let mut bottom = bottoms.max().unwrap_or(0) + BOX_GAP;

        let mut lines = String::new();
        let mut lanes: Vec<usize> = Vec::new();
        for (from, shape) in shapes.iter().enumerate() {
            let column = self.items[from].column;
            let right = edges[column].0 + widths[from];
            let mut y = self.items[from].y + head_of(shape);
            for way in &shape.ways {
                let row = y + LINE / 2;
                y += lines_of(way) * LINE;
                let Some(to) = node_of(way) else {
                    continue;
                };
                let mut path = format!("M{right},{row} H{}", edges[column].1);
                let end = (
                    edges[self.items[to].column].0,
                    self.items[to].y + head() / 2,
                );
                if self.items[to].column > column {
                    self.forward(&mut path, (edges[column].1, row), from, to, &edges);
                } else {
                    // One lane for all that leads back to a node.
                    let lane = lanes.iter().position(|lane| *lane == to);
                    let lane = lane.unwrap_or_else(|| {
                        lanes.push(to);
                        lanes.len() - 1
                    });
                    let lane = i64::try_from(lane).unwrap_or_default();
                    let aside = LANE + lane * LANE % (COLUMN_GAP / 2 - LANE);
                    let _ = write!(
                        path,
                        " H{} V{} H{} V{} H{}",
                        edges[column].1 + aside,
                        bottom + lane * LANE,
                        end.0 - aside - LANE,
                        end.1,
                        end.0
                    );
                }
                let stroke = if way.when == When::Fail {
                    RED
                } else {
                    colour(to)
                };
                let dash = match way.when {
                    When::Limit => " stroke-dasharray=\"2 3\"",
                    When::Next | When::Fail | When::Stop => "",
                };
                let (keys, from, to) = (way.keys.join(" "), &shape.name, &shapes[to].name);
                let title = escaped(format!("{from}: {keys} \u{2192} {to}").as_str());
                // A `String` takes all that is written.
                let _ = writeln!(
                    lines,
                    "<path d=\"{path}\" stroke=\"{stroke}\"{dash}><title>{title}</title></path>"
                );
            }
        }
        bottom += i64::try_from(lanes.len()).unwrap_or_default() * LANE + BOX_GAP;

        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{x}\" height=\"{height}\" \
             viewBox=\"0 {top} {x} {height}\" font-family=\"monospace\" font-size=\"13\">\n\
             <rect y=\"{top}\" width=\"{x}\" height=\"{height}\" fill=\"white\"/>\n\
             <g fill=\"none\">\n{lines}</g>\n",
            height = bottom - top
        );
        for (number, shape) in shapes.iter().enumerate() {
            let x = edges[self.items[number].column].0;
            boxed(
                &mut text,
                shapes,
                number,
                shape,
                (x, self.items[number].y, widths[number]),
            );
        }
        text.push_str("</svg>\n");
        text
    }

    /// Draws on, through the columns between, to a box further to the right.
    fn forward(
        &self,
        path: &mut String,
        start: (i64, i64),
        from: usize,
        to: usize,
        edges: &[(i64, i64)],
    ) {
        let (mut x, mut y) = start;
        let mut curve = |path: &mut String, to_x: i64, to_y: i64| {
            let half = (x + to_x) / 2;
            let _ = write!(path, " C{half},{y} {half},{to_y} {to_x},{to_y}");
            (x, y) = (to_x, to_y);
        };
        let columns = self.items[from].column + 1..self.items[to].column;
        for column in columns {
            if let Some(line) = self.lines.get(&(to, column)) {
                let (left, right) = edges[column];
                let middle = self.middle(*line);
                curve(path, left, middle);
                curve(path, right, middle);
            }
        }
        let end = edges[self.items[to].column].0;
        curve(path, end, self.items[to].y + head() / 2);
    }
}

/// How high the first lines of each box are, beside which the lines to it end.
fn head() -> i64 {
    2 * LINE + PAD
}

/// How high the lines of a box are that do not tell ways out: its name, and at least one more.
fn head_of(shape: &Shape) -> i64 {
    let lines = i64::try_from(shape.lines.len()).unwrap_or(1);
    (1 + lines) * LINE + PAD
}

fn lines_of(way: &Way) -> i64 {
    i64::try_from(way.keys.len()).unwrap_or(i64::MAX)
}

fn height(shape: &Shape) -> i64 {
    head_of(shape) + shape.ways.iter().map(lines_of).sum::<i64>() * LINE + PAD
}

fn chars(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX / CHAR)
}

/// Where it leads, as its line in the box says.
fn leads_to<'a>(shapes: &'a [Shape], way: &Way) -> &'a str {
    let node = node_of(way).and_then(|node| shapes.get(node));
    match (stop(way.to), node) {
        (Some(name), _) => name,
        (None, node) => node.map_or("", |shape| shape.name.as_str()),
    }
}

/// How wide a box is: names of nodes are shortened to what there is room for.
fn width(shape: &Shape) -> i64 {
    let keys = shape.ways.iter().flat_map(|way| &way.keys);
    let keys = keys.map(|keys| chars(keys)).max().unwrap_or(0);
    let rows = keys + 2 + NAME;
    let lines = shape.lines.iter().map(|line| chars(line)).max();
    let widest = rows.max(chars(&shape.name)).max(lines.unwrap_or(0));
    widest * CHAR + 2 * PAD
}

/// How many characters of the name of what is next stand in a box.
const NAME: i64 = 16;

/// What there is room for of a name.
fn short(name: &str) -> String {
    let room = usize::try_from(NAME).unwrap_or_default();
    if name.chars().count() <= room {
        return name.to_owned();
    }
    let start: String = name.chars().take(room - 1).collect();
    start + "\u{2026}"
}

fn colour(node: usize) -> &'static str {
    COLOURS[node % COLOURS.len()]
}

fn boxed(
    text: &mut String,
    shapes: &[Shape],
    number: usize,
    shape: &Shape,
    (x, y, width): (i64, i64, i64),
) {
    let (height, stroke) = (height(shape), colour(number));
    let _ = writeln!(
        text,
        "<g><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"3\" fill=\"white\" stroke=\"#333\"/>"
    );
    let middle = y + head() / 2;
    if number != 0 {
        let _ = writeln!(
            text,
            "<path d=\"M{x},{middle} l-9,-4 v8 z\" fill=\"{stroke}\"/>"
        );
    }
    let left = x + PAD;
    let mut line = y + LINE;
    let _ = writeln!(
        text,
        "<text x=\"{left}\" y=\"{line}\" font-weight=\"bold\" fill=\"{stroke}\">{}</text>",
        escaped(&shape.name)
    );
    for words in &shape.lines {
        line += LINE;
        let _ = writeln!(
            text,
            "<text x=\"{left}\" y=\"{line}\" fill=\"#666\">{}</text>",
            escaped(words)
        );
    }
    line += PAD;
    for way in &shape.ways {
        let to = leads_to(shapes, way);
        let fill = match (way.when, node_of(way)) {
            (When::Fail, _) => RED,
            (_, Some(node)) => colour(node),
            (_, None) => "#333",
        };
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"{fill}\">{}</text>",
            x + width - PAD,
            line + LINE - 4,
            escaped(&short(to))
        );
        for keys in &way.keys {
            line += LINE;
            if !keys.is_empty() {
                let _ = writeln!(
                    text,
                    "<text x=\"{left}\" y=\"{}\">{}</text>",
                    line - 4,
                    escaped(keys)
                );
            }
        }
    }
    text.push_str("</g>\n");
}

/// Text as XML has it, which has no place for most control characters.
fn escaped(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for each in text.chars() {
        match each {
            '&' => all.push_str("&amp;"),
            '<' => all.push_str("&lt;"),
            '>' => all.push_str("&gt;"),
            '"' => all.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => all.push('\u{fffd}'),
            _ if each.is_control() => all.push('\u{fffd}'),
            _ => all.push(each),
        }
    }
    all
}
