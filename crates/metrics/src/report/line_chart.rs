use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::error::Result;
use crate::report::html::untrusted;
use crate::report::label::shorten;
use crate::report::svg::{COLORS, Drawn, GRID, HEIGHT, SCALE, SOFT, WIDTH, draw, series_color};
use crate::visible::visible;

type Canvas<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// How long the label of the y axis can be: what [`shorten`] takes for so many pixels fits beside the axis.
const LONGEST_Y: i32 = (HEIGHT as i32 - 64) * 13 / 18;

/// A chart of lines or bars over two axes.
pub(super) struct Chart<'a> {
    pub title: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub x_range: (f64, f64),
    pub y_range: (f64, f64),
    /// Whether to draw a dashed line from corner to corner, for chance or for perfect calibration.
    pub diagonal: bool,
    pub series: Vec<Line>,
}

/// One entry of the legend and how it is drawn.
pub(super) struct Line {
    pub name: String,
    pub shape: Shape,
}

/// Shape of a series.
pub(super) enum Shape {
    Line(Vec<(f64, f64)>),
    /// Points joined by a thin line, and upright lines: x, lower end and upper end.
    Whiskers(Vec<(f64, f64)>, Vec<(f64, f64, f64)>),
    /// Points joined by a thin line: x, y and the share of the samples, which the area of the dot shows.
    Dots(Vec<(f64, f64, f64)>),
    /// Bars: lower edge, upper edge and height.
    Bars(Vec<(f64, f64, f64)>),
}

impl Chart<'_> {
    /// The chart as an HTML figure with title, legend and note.
    pub fn figure(&self, note: &str) -> Result<String> {
        let svg = self.svg()?;
        let mut legend = String::new();
        for (index, series) in self.series.iter().enumerate() {
            legend += &format!(
                "<li><svg viewBox=\"0 0 10 3\" aria-hidden=\"true\"><rect width=\"10\" height=\"3\" \
                 style=\"fill:var(--s{})\"/></svg>{}</li>",
                index % COLORS,
                untrusted(&series.name)
            );
        }
        let note = if note.is_empty() {
            String::new()
        } else {
            format!("<figcaption>{note}</figcaption>")
        };
        Ok(format!(
            "<figure><h3>{}</h3>\n{svg}<ul class=\"legend\">{legend}</ul>\n{note}</figure>\n",
            untrusted(self.title)
        ))
    }

    /// The chart alone, as SVG of [`WIDTH`] by [`HEIGHT`].
    pub fn svg(&self) -> Result<String> {
        draw((WIDTH, HEIGHT), self.title, |area| {
            let font = |color: RGBColor| ("sans-serif", 18 * SCALE).into_font().color(&color);
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
                .x_desc(visible(self.x))
                .y_desc(shorten(self.y, LONGEST_Y))
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
                self.draw_shape(&mut chart, &series.shape, series_color(index))?;
            }
            Ok(())
        })
    }

    fn draw_shape(&self, chart: &mut Canvas, shape: &Shape, color: RGBColor) -> Drawn {
        match shape {
            Shape::Line(points) if points.len() == 1 => {
                let dot = |&at| Circle::new(at, 3 * SCALE as i32, color.filled());
                chart.draw_series(points.iter().map(dot))?;
            }
            Shape::Line(points) => {
                let style = color.stroke_width(2 * SCALE);
                for piece in clipped(points, self.x_range, self.y_range) {
                    chart.draw_series(LineSeries::new(thin(&piece), style))?;
                }
            }
            Shape::Whiskers(points, whiskers) => {
                let line = points.iter().copied();
                chart.draw_series(LineSeries::new(line, color.stroke_width(SCALE)))?;
                let dot = |&at| Circle::new(at, 3 * SCALE as i32, color.filled());
                chart.draw_series(points.iter().map(dot))?;
                let upright = |&(x, low, high): &(f64, f64, f64)| {
                    PathElement::new([(x, low), (x, high)], color.stroke_width(2 * SCALE))
                };
                chart.draw_series(whiskers.iter().map(upright))?;
            }
            Shape::Dots(points) => {
                let line = points.iter().map(|&(x, y, _)| (x, y));
                chart.draw_series(LineSeries::new(line, color.stroke_width(SCALE)))?;
                let dot = |&(x, y, share): &(f64, f64, f64)| {
                    let radius = f64::from(SCALE) * (2.5 + 6.5 * share.sqrt());
                    Circle::new((x, y), radius as i32, color.filled())
                };
                chart.draw_series(points.iter().map(dot))?;
            }
            Shape::Bars(bars) => {
                let bar = |&(low, high, height): &(f64, f64, f64)| {
                    Rectangle::new([(low, self.y_range.0), (high, height)], color.filled())
                };
                let there = bars.iter().filter(|bar| bar.2 > self.y_range.0);
                chart.draw_series(there.map(bar))?;
            }
        }
        Ok(())
    }
}

/// At most a few hundred of the points, because more cannot be seen and would make the page large.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let step = points.len().div_ceil(400).max(1);
    let last = points.len().saturating_sub(1);
    let kept = points
        .iter()
        .enumerate()
        .filter(|&(i, _)| i % step == 0 || i == last);
    kept.map(|(_, &point)| point).collect()
}

/// The parts of a line that lie within both ranges. Where the line crosses the border, a part ends on it.
fn clipped(
    points: &[(f64, f64)],
    x_range: (f64, f64),
    y_range: (f64, f64),
) -> Vec<Vec<(f64, f64)>> {
    let mut pieces: Vec<Vec<(f64, f64)>> = Vec::new();
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        // The part of the segment that is inside (Liang and Barsky 1984).
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

/// Label of a tick, with as many digits as are needed to tell the ticks of the axis apart, without trailing zeros.
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
