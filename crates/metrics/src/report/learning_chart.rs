use std::fmt::Write;

use crate::error::Result;
use crate::report::html::escape;
use crate::report::label::{pixels, shorten};
use crate::report::learning_curve::{LearningCurve, Point, Series};
use crate::report::line_chart::{Chart, Line, Shape};
use crate::report::svg::{COLORS, HEIGHT, WIDTH};
use crate::visible::visible;

/// Height of the title above a chart, and of the legend below it.
const MARGIN: u32 = 28;

/// Height of a line of the legend.
const LINE: u32 = 18;

/// Draws learning curves one below the other, each with its title and legend, as one standalone SVG picture. Its colors
/// follow the light or dark mode of the viewer, as those of the report do.
///
/// ```
/// use metrics::report::{LearningCurve, learning_curves_svg};
/// let curve = LearningCurve::new("Loss", "epoch").with_series("training", [(1.0, 0.7), (2.0, 0.4)]);
/// assert!(learning_curves_svg(&[curve])?.starts_with("<svg"));
/// # Ok::<(), metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::Chart`](crate::Error::Chart) if a chart cannot be drawn.
pub fn learning_curves_svg(curves: &[LearningCurve]) -> Result<String> {
    let charts: Vec<(Chart, Vec<String>)> = curves
        .iter()
        .map(|curve| {
            let chart = learning_chart(curve);
            let legend = legend(&chart);
            (chart, legend)
        })
        .collect();
    let row = |legend: &[String]| HEIGHT + MARGIN + MARGIN.max(LINE * legend.len() as u32 + 10);
    let height: u32 = charts.iter().map(|(_, legend)| row(legend)).sum();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<style>\n{}text {{ fill: var(--ink); }}\n</style>\n\
         <rect width=\"100%\" height=\"100%\" style=\"fill:var(--card)\"/>\n",
        2 * WIDTH,
        include_str!("colors.css")
    );
    let mut top = 0;
    for (chart, legend) in &charts {
        let place = format!("<svg y=\"{}\" height=\"{HEIGHT}\" ", top + MARGIN);
        svg += &chart.svg()?.replacen("<svg ", &place, 1);
        let title = escape(&visible(chart.title));
        let _ = writeln!(
            svg,
            "<text x=\"18\" y=\"{}\" font-weight=\"bold\">{title}</text>",
            top + MARGIN - 8
        );
        let below = top + HEIGHT + 2 * MARGIN - 10;
        for (line, entries) in legend.iter().enumerate() {
            let y = below + LINE * line as u32;
            let _ = writeln!(svg, "<text x=\"18\" y=\"{y}\">{entries}</text>");
        }
        top += row(legend);
    }
    Ok(svg + "</svg>\n")
}

/// The lines of the legend, each as narrow as the chart.
fn legend(chart: &Chart) -> Vec<String> {
    let most = WIDTH as i32 - 36;
    let (mut lines, mut width) = (vec![String::new()], 0);
    for (color, series) in chart.series.iter().enumerate() {
        let name = shorten(&series.name, most - 32);
        let entry = pixels(&name) + 32;
        if width > 0 && width + entry > most {
            lines.push(String::new());
            width = 0;
        }
        width += entry;
        if let Some(line) = lines.last_mut() {
            let name = escape(&name);
            *line +=
                &format!("<tspan style=\"fill:var(--s{color})\">\u{25a0}</tspan> {name} \u{2003}");
        }
    }
    lines
}

/// Whether a point is finite and not too large for an axis.
fn drawable(point: &Point) -> bool {
    point.x.abs() < 1e30 && point.y.abs() < 1e30
}

/// The intervals of a series that can be drawn: where on the x axis, the lower and the upper end.
fn whiskers(series: &Series) -> impl Iterator<Item = (f64, f64, f64)> {
    let rows = series.points.iter().zip(&series.intervals);
    let rows = rows.map(|(point, interval)| (point.x, interval.low, interval.high));
    rows.filter(|&(x, low, high)| drawable(&Point { x, y: low }) && drawable(&Point { x, y: high }))
}

/// The chart of a learning curve, without the points that cannot be drawn.
pub(super) fn learning_chart(curve: &LearningCurve) -> Chart<'_> {
    // The ends of the intervals need room, too.
    let points = || {
        let ends = curve.series.iter().flat_map(whiskers);
        let ends = ends.flat_map(|(x, low, high)| [Point { x, y: low }, Point { x, y: high }]);
        let points = curve.series.iter().flat_map(|series| &series.points);
        points.copied().chain(ends).filter(drawable)
    };
    let range = |values: &dyn Fn(&Point) -> f64| {
        let (low, high) = points()
            .map(|point| values(&point))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(v), high.max(v))
            });
        if low > high {
            (0.0, 1.0)
        } else if high - low > 1e-9 * low.abs() {
            (low, high)
        } else {
            let half = f64::max(0.5, 1e-6 * low.abs());
            (low - half, low + half)
        }
    };
    let series = curve.series.iter().take(COLORS).map(|series| {
        let sound = series.points.iter().filter(|point| drawable(point));
        let points = sound.map(|point| (point.x, point.y)).collect();
        Line {
            name: series.name.clone(),
            shape: if series.intervals.is_empty() {
                Shape::Line(points)
            } else {
                Shape::Whiskers(points, whiskers(series).collect())
            },
        }
    });
    Chart {
        title: curve.title.as_ref().unwrap_or(&curve.metric),
        x: &curve.step,
        y: &curve.metric,
        x_range: range(&|p| p.x),
        y_range: range(&|p| p.y),
        diagonal: false,
        series: series.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uncertainty::Estimate;

    #[test]
    fn a_picture_holds_its_curves_and_escapes_their_names() {
        let points = [(0.0, 1.0), (1.0, f64::NAN), (2.0, 0.5)];
        let loss = LearningCurve::new("Loss <nats>", "epoch");
        let loss = loss
            .with_series("training", points)
            .with_series("kept", [(2.0, 0.5)]);
        let rate = LearningCurve::new("Learning rate", "epoch").with_series("head", points);
        let svg = learning_curves_svg(&[loss, rate]).unwrap();
        for part in [
            "Loss &lt;nats&gt;",
            "training",
            "kept",
            "Learning rate",
            "--s1: #",
            "<circle",
        ] {
            assert!(svg.contains(part), "{part}");
        }
        assert_eq!(svg.matches("<svg").count(), 3);
        assert!(!svg.contains("NaN"));
        assert!(learning_curves_svg(&[]).is_ok());
    }

    #[test]
    fn an_interval_is_an_upright_line_inside_of_the_chart() {
        let estimate = |value| Estimate {
            value,
            low: value - 0.1,
            high: value + 0.2,
        };
        let points = [(1.0, 0.5), (2.0, 0.7)];
        let plain = LearningCurve::new("Accuracy", "images").with_series("measured", points);
        let estimates = points.map(|(x, y)| (x, estimate(y)));
        let whiskers =
            LearningCurve::new("Accuracy", "images").with_estimates("measured", estimates);
        let chart = learning_chart(&whiskers);
        assert!((chart.y_range.0 - 0.4).abs() < 1e-12 && (chart.y_range.1 - 0.9).abs() < 1e-12);
        let lines = |curve: &LearningCurve| {
            let svg = learning_curves_svg(std::slice::from_ref(curve)).unwrap();
            (
                svg.matches("stroke:var(--s0)").count(),
                svg.matches("<circle").count(),
            )
        };
        assert_eq!((lines(&plain), lines(&whiskers)), ((1, 0), (3, 2)));
        let mut odd = whiskers;
        odd.series[0].intervals[0].high = f64::NAN;
        assert!(!learning_curves_svg(&[odd]).unwrap().contains("NaN"));
    }
}
