//! Axes, lines and dots as SVG.

use std::fmt::Write;

/// Space around a panel, in pixels.
const MARGIN: f64 = 50.0;
const WIDTH: f64 = 640.0;

/// A picture of panels, one below the other.
pub(super) struct Plot {
    svg: String,
}

/// Axes: what is where in the picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panel {
    /// Pixels from the picture's upper edge to the panel's, and the panel's height; both with the space around it.
    pub(super) top: f64,
    pub(super) height: f64,
    /// The values at the left and at the right.
    pub(super) x: (f64, f64),
    /// The value at the top; at the bottom it is 0.
    pub(super) y: f64,
}

impl Panel {
    fn bottom(&self) -> f64 {
        self.top + self.height - MARGIN
    }

    fn x(&self, value: f64) -> f64 {
        let (low, high) = self.x;
        MARGIN + (value - low) / (high - low) * (WIDTH - 2.0 * MARGIN)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom() - value / self.y * (self.height - 2.0 * MARGIN)
    }

    fn pixels(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let finite = points.iter().filter(|p| p.0.is_finite() && p.1.is_finite());
        finite.map(|p| (self.x(p.0), self.y(p.1))).collect()
    }
}

impl Plot {
    pub(super) fn new(height: f64) -> Self {
        Self {
            svg: format!(
                "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' font-family='sans-serif' font-size='12'>\n\
                 <rect width='100%' height='100%' fill='white'/>\n"
            ),
        }
    }

    /// Axes with their names, and numbers at the left one.
    pub(super) fn axes(&mut self, panel: &Panel, x: &str, y: &str) {
        let (top, bottom) = (panel.top + MARGIN, panel.bottom());
        let _ = writeln!(
            self.svg,
            "<path d='M{MARGIN} {top}V{bottom}H{}' fill='none' stroke='black'/>\n\
             <text x='{}' y='{}' text-anchor='middle'>{x}</text>\n\
             <text x='8' y='{}'>{y}</text>",
            WIDTH - MARGIN,
            WIDTH / 2.0,
            bottom + MARGIN - 8.0,
            top - 8.0,
        );
        for tick in 0..=4 {
            let value = panel.y * f64::from(tick) / 4.0;
            let text = if panel.y < 0.01 {
                format!("{value:.1e}")
            } else {
                format!("{value:.3}")
            };
            let _ = writeln!(
                self.svg,
                "<text x='{:.1}' y='{:.1}' text-anchor='end'>{text}</text>",
                MARGIN - 6.0,
                panel.y(value) + 4.0,
            );
        }
    }

    /// A mark at the lower axis.
    pub(super) fn tick(&mut self, panel: &Panel, value: f64, text: &str) {
        let (at, bottom) = (panel.x(value), panel.bottom());
        let _ = writeln!(
            self.svg,
            "<path d='M{at:.1} {bottom:.1}v5' stroke='black'/><text x='{at:.1}' y='{:.1}' text-anchor='middle'>{text}</text>",
            bottom + 18.0,
        );
    }

    pub(super) fn dots(&mut self, panel: &Panel, points: &[(f64, f64)], colour: &str) {
        for (x, y) in panel.pixels(points) {
            let _ = writeln!(
                self.svg,
                "<circle cx='{x:.1}' cy='{y:.1}' r='2' fill='{colour}'/>"
            );
        }
    }

    pub(super) fn line(&mut self, panel: &Panel, points: &[(f64, f64)], colour: &str) {
        let points = panel.pixels(points);
        let line: String = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1} "))
            .collect();
        let _ = writeln!(
            self.svg,
            "<polyline points='{line}' fill='none' stroke='{colour}' stroke-width='2'/>"
        );
    }

    /// A dashed line from top to bottom with a text at its upper end.
    pub(super) fn mark(&mut self, panel: &Panel, value: f64, text: &str) {
        let (at, top) = (panel.x(value), panel.top + MARGIN);
        let _ = writeln!(
            self.svg,
            "<path d='M{at:.1} {top}V{:.1}' stroke='#d55e00' stroke-dasharray='4'/><text x='{at:.1}' y='{:.1}' fill='#d55e00'>{text}</text>",
            panel.bottom(),
            top - 4.0,
        );
    }

    /// Names of lines, in their colours, at the upper right.
    pub(super) fn legend(&mut self, panel: &Panel, names: &[(&str, &str)]) {
        for (row, (name, colour)) in names.iter().enumerate() {
            let _ = writeln!(
                self.svg,
                "<text x='{}' y='{}' text-anchor='end' fill='{colour}'>{name}</text>",
                WIDTH - MARGIN,
                panel.top + MARGIN + 14.0 * row as f64,
            );
        }
    }

    pub(super) fn finish(self) -> String {
        self.svg + "</svg>\n"
    }
}
