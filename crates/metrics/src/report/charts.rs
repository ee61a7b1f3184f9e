//! Charts as SVG whose colours follow the page: drawn by plotters in placeholder colours, four times as large
//! as shown because plotters knows whole pixels only, then turned into variables of the style sheet.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::html::escape;
use crate::{ConfusionMatrix, Error, Normalize, Result};

const SCALE: u32 = 4;
const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);
const SOFT: RGBColor = RGBColor(3, 3, 3);
/// Colours a chart can tell apart; series beyond them are not drawn.
pub(super) const COLOURS: usize = 8;

fn series_colour(index: usize) -> RGBColor {
    RGBColor(4, 4, (index % COLOURS) as u8)
}

/// A chart of lines or bars over two axes.
pub(super) struct Chart<'a> {
    pub title: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub x_range: (f64, f64),
    pub y_range: (f64, f64),
    /// A straight line from corner to corner: chance, or perfect calibration.
    pub diagonal: bool,
    pub series: Vec<Series>,
}

/// What a chart shows of one name.
pub(super) struct Series {
    pub name: String,
    pub shape: Shape,
}

/// How a series is drawn.
pub(super) enum Shape {
    Line(Vec<(f64, f64)>),
    /// Points with the share of the samples that each stands for, which the dot's area shows.
    Dots(Vec<(f64, f64, f64)>),
    /// Low and high edge, height.
    Bars(Vec<(f64, f64, f64)>),
}

impl Chart<'_> {
    /// The chart as a figure with its title and its legend.
    pub fn figure(&self, note: &str) -> Result<String> {
        let svg = self.svg()?;
        let mut legend = String::new();
        for (index, series) in self.series.iter().enumerate() {
            legend += &format!(
                "<li><svg viewBox=\"0 0 10 3\" aria-hidden=\"true\"><rect width=\"10\" height=\"3\" \
                 style=\"fill:var(--s{})\"/></svg>{}</li>",
                index % COLOURS,
                escape(&series.name)
            );
        }
        let note = if note.is_empty() {
            String::new()
        } else {
            format!("<figcaption>{note}</figcaption>")
        };
        Ok(format!(
            "<figure><h3>{}</h3>\n{svg}<ul class=\"legend\">{legend}</ul>\n{note}</figure>\n",
            escape(self.title)
        ))
    }

    fn svg(&self) -> Result<String> {
        let size = (360, 290);
        draw(size, self.title, |area| {
            let font = |colour: RGBColor| ("sans-serif", 18 * SCALE).into_font().color(&colour);
            let mut chart = ChartBuilder::on(area)
                .margin(4 * SCALE)
                .margin_top(12 * SCALE)
                .margin_right(14 * SCALE)
                .x_label_area_size(48 * SCALE)
                .y_label_area_size(72 * SCALE)
                .build_cartesian_2d(
                    self.x_range.0..self.x_range.1,
                    self.y_range.0..self.y_range.1,
                )?;
            chart
                .configure_mesh()
                .x_desc(self.x)
                .y_desc(self.y)
                .x_labels(5)
                .y_labels(5)
                .axis_desc_style(font(SOFT))
                .label_style(font(SOFT))
                .axis_style(GRID.stroke_width(SCALE))
                .bold_line_style(GRID.stroke_width(SCALE))
                .light_line_style(TRANSPARENT)
                .set_all_tick_mark_size(5 * SCALE)
                .x_label_formatter(&|x| tick(*x, self.x_range))
                .y_label_formatter(&|y| tick(*y, self.y_range))
                .draw()?;
            if self.diagonal {
                let ends = [
                    (self.x_range.0, self.y_range.0),
                    (self.x_range.1, self.y_range.1),
                ];
                chart.draw_series(DashedLineSeries::new(
                    ends,
                    5 * SCALE,
                    4 * SCALE,
                    SOFT.stroke_width(SCALE),
                ))?;
            }
            for (index, series) in self.series.iter().enumerate() {
                let colour = series_colour(index);
                match &series.shape {
                    Shape::Line(points) if points.len() == 1 => {
                        let dot = |&at| Circle::new(at, 3 * SCALE as i32, colour.filled());
                        chart.draw_series(points.iter().map(dot))?;
                    }
                    Shape::Line(points) => {
                        let style = colour.stroke_width(2 * SCALE);
                        for piece in clipped(points, self.x_range, self.y_range) {
                            chart.draw_series(LineSeries::new(thin(&piece), style))?;
                        }
                    }
                    Shape::Dots(points) => {
                        let line = points.iter().map(|&(x, y, _)| (x, y));
                        chart.draw_series(LineSeries::new(line, colour.stroke_width(SCALE)))?;
                        let dot = |&(x, y, share): &(f64, f64, f64)| {
                            let radius = f64::from(SCALE) * (2.5 + 6.5 * share.sqrt());
                            Circle::new((x, y), radius as i32, colour.filled())
                        };
                        chart.draw_series(points.iter().map(dot))?;
                    }
                    Shape::Bars(bars) => {
                        let bar = |&(low, high, height): &(f64, f64, f64)| {
                            Rectangle::new([(low, self.y_range.0), (high, height)], colour.filled())
                        };
                        let there = bars.iter().filter(|bar| bar.2 > self.y_range.0);
                        chart.draw_series(there.map(bar))?;
                    }
                }
            }
            Ok(())
        })
    }
}

/// The confusion matrix as a picture: rows are targets, darker is a larger share of the row.
pub(super) fn confusion(matrix: &ConfusionMatrix, names: &[String]) -> Result<String> {
    let k = matrix.classes();
    let numbers = k <= 12;
    let cell = if k <= 4 {
        96
    } else if numbers {
        58
    } else {
        (520 / k).max(4)
    } as i32;
    let longest = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0)
        .min(16) as i32;
    let (left, top) = (40 + 8 * longest, 58);
    let label_every = if k <= 30 { 1 } else { k.div_ceil(30) };
    let size = (
        (left + cell * k as i32 + 12) as u32,
        (top + cell * k as i32 + 12) as u32,
    );
    let shares = matrix.normalized(Normalize::Target);
    draw(size, "Confusion matrix", |area| {
        let s = SCALE as i32;
        let style = |size: i32, colour: &RGBColor, h: HPos, v: VPos| {
            let font = ("sans-serif", size * s).into_font();
            font.color(colour).pos(Pos::new(h, v))
        };
        let text = |at: (i32, i32), words: String, style: TextStyle<'static>| {
            Text::new(words, (at.0 * s, at.1 * s), style)
        };
        let middle = left + cell * k as i32 / 2;
        area.draw(&text(
            (middle, 12),
            "predicted".into(),
            style(13, &SOFT, HPos::Center, VPos::Center),
        ))?;
        let corner = style(13, &SOFT, HPos::Right, VPos::Center);
        area.draw(&text((left - 10, 38), "target".into(), corner))?;
        for (target, row) in matrix.rows().enumerate() {
            let at = cell * target as i32;
            if target % label_every == 0 {
                let name = shorten(&names[target]);
                let row_style = style(13, &INK, HPos::Right, VPos::Center);
                area.draw(&text(
                    (left - 10, top + at + cell / 2),
                    name.clone(),
                    row_style,
                ))?;
                if k <= 8 {
                    let column = style(13, &INK, HPos::Center, VPos::Center);
                    let fitting: String = name.chars().take((cell / 7) as usize).collect();
                    area.draw(&text((left + at + cell / 2, 38), fitting, column))?;
                } else {
                    let column = style(11, &SOFT, HPos::Center, VPos::Center);
                    area.draw(&text(
                        (left + at + cell / 2, 42),
                        (target + 1).to_string(),
                        column,
                    ))?;
                }
            }
            for (predicted, &count) in row.iter().enumerate() {
                // Of many classes most cells are empty: together they would be most of the page.
                if count == 0.0 && !numbers {
                    continue;
                }
                let share = shares[target][predicted].unwrap_or(0.0);
                let (x, y) = (left + cell * predicted as i32, top + at);
                let colour = series_colour(usize::from(target != predicted));
                let corners = [
                    ((x + 1) * s, (y + 1) * s),
                    ((x + cell - 1) * s, (y + cell - 1) * s),
                ];
                let strength = if count > 0.0 {
                    0.10 + 0.85 * share
                } else {
                    0.03
                };
                area.draw(&Rectangle::new(corners, colour.mix(strength).filled()))?;
                if numbers && (count > 0.0 || k <= 4) {
                    let ink = if strength > 0.55 {
                        RGBColor(5, 5, 5)
                    } else {
                        INK
                    };
                    let centre = (x + cell / 2, y + cell / 2);
                    let large = if k <= 4 { 20 } else { 14 };
                    let words = if count.fract() == 0.0 {
                        format!("{count}")
                    } else {
                        format!("{count:.2}")
                    };
                    let lift = if k <= 4 { 9 } else { 7 };
                    let main = style(large, &ink, HPos::Center, VPos::Center);
                    area.draw(&text((centre.0, centre.1 - lift), words, main))?;
                    let small = style(
                        if k <= 4 { 12 } else { 10 },
                        &ink,
                        HPos::Center,
                        VPos::Center,
                    );
                    let words = format!("{:.1} %", 100.0 * share);
                    area.draw(&text((centre.0, centre.1 + lift + 3), words, small))?;
                }
            }
        }
        Ok(())
    })
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

/// Draws on a canvas of this size and makes the colours follow the page.
fn draw(size: (u32, u32), title: &str, paint: impl FnOnce(&Area) -> Drawn) -> Result<String> {
    let canvas = (size.0 * SCALE, size.1 * SCALE);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, canvas).into_drawing_area();
        paint(&area)
            .and_then(|()| Ok(area.present()?))
            .map_err(|error| Error::Io {
                what: format!("chart `{title}`"),
                source: std::io::Error::other(error.to_string()),
            })?;
    }
    let head = format!("<svg width=\"{}\" height=\"{}\"", canvas.0, canvas.1);
    let named = format!("<svg role=\"img\" aria-label=\"{}\"", escape(title));
    svg = svg.replacen(&head, &named, 1);
    let mut variables = vec![
        (INK, "ink".to_string()),
        (GRID, "grid".into()),
        (SOFT, "soft".into()),
    ];
    variables.extend((0..COLOURS).map(|index| (series_colour(index), format!("s{index}"))));
    // On a strong cell the page's own colour is legible in light and dark.
    variables.push((RGBColor(5, 5, 5), "card".to_string()));
    for (RGBColor(r, g, b), name) in variables {
        let colour = format!("\"#{r:02X}{g:02X}{b:02X}\"");
        for property in ["fill", "stroke"] {
            svg = svg.replace(
                &format!("{property}={colour}"),
                &format!("style=\"{property}:var(--{name})\""),
            );
        }
    }
    Ok(svg)
}

/// At most a few hundred points: more cannot be seen, and the page stays small.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let step = points.len().div_ceil(400).max(1);
    let last = points.len().saturating_sub(1);
    let kept = points
        .iter()
        .enumerate()
        .filter(|&(i, _)| i % step == 0 || i == last);
    kept.map(|(_, &point)| point).collect()
}

/// The parts of a line that lie within both ranges, each with its ends on the border where it crosses that.
fn clipped(
    points: &[(f64, f64)],
    x_range: (f64, f64),
    y_range: (f64, f64),
) -> Vec<Vec<(f64, f64)>> {
    let mut pieces: Vec<Vec<(f64, f64)>> = Vec::new();
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        // What part of the segment is inside (Liang and Barsky 1984).
        let (mut start, mut end) = (0.0_f64, 1.0_f64);
        for (from, step, (low, high)) in [(x0, x1 - x0, x_range), (y0, y1 - y0, y_range)] {
            if step == 0.0 {
                if from < low || from > high {
                    end = -1.0;
                }
                continue;
            }
            let (a, b) = ((low - from) / step, (high - from) / step);
            start = start.max(a.min(b));
            end = end.min(a.max(b));
        }
        if start > end {
            continue;
        }
        let at = |t: f64| (x0 + t * (x1 - x0), y0 + t * (y1 - y0));
        let continued =
            start == 0.0 && pieces.last().and_then(|piece| piece.last()) == Some(&pair[0]);
        match pieces.last_mut() {
            Some(piece) if continued => piece.push(at(end)),
            _ => pieces.push(vec![at(start), at(end)]),
        }
    }
    pieces
}

fn shorten(name: &str) -> String {
    if name.chars().count() <= 16 {
        return name.to_string();
    }
    name.chars().take(15).chain(['…']).collect()
}

/// A tick with as many digits as tell the ticks of its axis apart, without a tail of zeros.
fn tick(value: f64, (low, high): (f64, f64)) -> String {
    let digits = (1.0 - (high - low).log10().floor()).clamp(3.0, 12.0) as usize;
    let text = format!("{value:.digits$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_string()
    } else {
        text.to_string()
    }
}
