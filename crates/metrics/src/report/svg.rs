//! Charts as SVG whose colors follow the style sheet of the page. Plotters draws them in placeholder colors, which are
//! then replaced by variables of the style sheet. They are drawn four times as large as they are shown, because
//! plotters knows whole pixels only.

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::error::{Error, Result};
use crate::report::html::escape;
use crate::visible::visible;

/// How many times larger than shown a chart is drawn.
pub(super) const SCALE: u32 = 4;
/// Width of a chart of lines or bars, in pixels as shown.
pub(super) const WIDTH: u32 = 360;
/// Height of a chart of lines or bars, in pixels as shown.
pub(super) const HEIGHT: u32 = 290;
/// Color of grid lines.
pub(super) const GRID: RGBColor = RGBColor(2, 2, 2);
/// Color of secondary text.
pub(super) const SOFT: RGBColor = RGBColor(3, 3, 3);
/// Number of colors that can be told apart in a chart. Series beyond it are not drawn.
pub(super) const COLORS: usize = 8;

/// Color of a series.
pub(super) fn series_color(index: usize) -> RGBColor {
    RGBColor(4, 4, (index % COLORS) as u8)
}

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Draws on a canvas of this size, and makes the colors follow the page.
pub(super) fn draw(
    size: (u32, u32),
    title: &str,
    paint: impl FnOnce(&Area) -> Drawn,
) -> Result<String> {
    let canvas = (size.0 * SCALE, size.1 * SCALE);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, canvas).into_drawing_area();
        paint(&area)
            .and_then(|()| Ok(area.present()?))
            .map_err(|source| Error::Chart {
                title: title.to_string(),
                source,
            })?;
    }
    let head = format!("<svg width=\"{}\" height=\"{}\"", canvas.0, canvas.1);
    let named = format!(
        "<svg role=\"img\" aria-label=\"{}\"",
        escape(&visible(title))
    );
    svg = svg.replacen(&head, &named, 1);
    let mut variables = vec![(GRID, "grid".to_string()), (SOFT, "soft".into())];
    variables.extend((0..COLORS).map(|index| (series_color(index), format!("s{index}"))));
    for (RGBColor(r, g, b), name) in variables {
        let color = format!("\"#{r:02X}{g:02X}{b:02X}\"");
        for property in ["fill", "stroke"] {
            svg = svg.replace(
                &format!("{property}={color}"),
                &format!("style=\"{property}:var(--{name})\""),
            );
        }
    }
    Ok(svg)
}
