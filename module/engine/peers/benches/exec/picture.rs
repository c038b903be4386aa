// SPDX-License-Identifier: GPL-2.0

//! The table as a picture: bars on a logarithmic scale.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::comparison::{Row, Versus};

const WIDTH: u32 = 860;
/// Pixels of a program's three bars, and of everything else.
const ROW: u32 = 54;
const MARGINS: u32 = 110;

/// Draws `rows` into `file`, an SVG. What can't be written ends the bench.
pub(crate) fn draw(rows: &[Row], file: &Path) {
    let height = MARGINS + ROW * rows.len() as u32;
    let mut picture = String::from("<!-- SPDX-License-Identifier: GPL-2.0 -->\n");
    let area = SVGBackend::with_string(&mut picture, (WIDTH, height)).into_drawing_area();
    chart(&area, rows).expect("a string takes what is drawn");
    drop(area);
    std::fs::write(file, picture).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    println!("picture: {}", file.display());
}

type Error<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Nanoseconds per frame on one of the machines.
type Time = fn(&Row) -> Option<f64>;

fn chart<'a>(area: &Area<'a>, rows: &[Row]) -> Result<(), Error<'a>> {
    let machines: [(&str, RGBColor, Time); 3] = [
        ("engine", RGBColor(0, 114, 178), |row| Some(row.device)),
        ("rbpf, interpreter", RGBColor(230, 159, 0), |row| {
            time(row.interpreter)
        }),
        ("rbpf, JIT", RGBColor(150, 150, 150), |row| time(row.jit)),
    ];
    let slowest = rows
        .iter()
        .flat_map(|row| machines.map(|(_, _, of)| of(row)));
    let slowest = slowest.flatten().fold(1.0, f64::max);
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .caption("Nanoseconds per frame (less is better)", ("sans-serif", 20))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(160)
        .build_cartesian_2d((1.0..slowest * 6.0).log_scale(), rows.len() as f64..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .light_line_style(WHITE)
        .x_label_formatter(&|time| format!("{time}"))
        .draw()?;
    let label = ("sans-serif", 13).into_text_style(area);
    for (at, row) in rows.iter().enumerate() {
        let top = at as f64;
        let name = label.pos(Pos::new(HPos::Right, VPos::Center));
        let middle = chart.backend_coord(&(1.0, top + 0.5));
        let origin = area.get_pixel_range();
        let pixel = (middle.0 - origin.0.start - 8, middle.1 - origin.1.start);
        area.draw(&Text::new(row.name.as_str(), pixel, name))?;
        for (number, (_, colour, of)) in machines.iter().enumerate() {
            let Some(time) = of(row) else { continue };
            let (low, high) = (
                top + 0.1 + 0.27 * number as f64,
                top + 0.33 + 0.27 * number as f64,
            );
            let bar = Rectangle::new([(1.0, low), (time, high)], colour.filled());
            chart.draw_series([bar])?;
            let beside = label.pos(Pos::new(HPos::Left, VPos::Center));
            let text = format!(" {}{}", rounded(time), compared(row, number));
            let text = Text::new(text, (time, (low + high) / 2.0), beside);
            chart.draw_series([text])?;
        }
    }
    for (name, colour, _) in machines {
        let empty: [Rectangle<(f64, f64)>; 0] = [];
        let series = chart.draw_series(empty)?.label(name);
        series.legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 14, y + 5)], colour.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    area.present()
}

fn time(versus: Option<Versus>) -> Option<f64> {
    versus.map(|versus| versus.time)
}

fn rounded(time: f64) -> String {
    if time < 100.0 {
        format!("{time:.1}")
    } else {
        format!("{time:.0}")
    }
}

/// How machine `number` of the picture compares with the device.
fn compared(row: &Row, number: usize) -> String {
    let versus = [None, row.interpreter, row.jit][number];
    versus.map_or(String::new(), |versus| {
        format!(" ({:.2} x engine)", versus.ratio)
    })
}
