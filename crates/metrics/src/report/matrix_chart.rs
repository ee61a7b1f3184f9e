use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::confusion::{ConfusionMatrix, Normalize};
use crate::error::Result;
use crate::report::svg::{Area, CARD, Drawn, INK, SCALE, SOFT, draw, series_color};

/// Sizes of the picture of a confusion matrix, in pixels as shown.
struct Layout {
    classes: usize,
    cell: i32,
    left: i32,
    top: i32,
    /// Whether each cell shows its count.
    numbers: bool,
    /// Of many classes, only every so many are named.
    label_every: usize,
}

impl Layout {
    fn new(names: &[String]) -> Self {
        let classes = names.len();
        let numbers = classes <= 12;
        let cell = if classes <= 4 {
            96
        } else if numbers {
            58
        } else {
            (520 / classes).max(4)
        };
        let lengths = names.iter().map(|name| name.chars().count());
        let longest = lengths.max().unwrap_or(0).min(16) as i32;
        Self {
            classes,
            cell: cell as i32,
            left: 40 + 8 * longest,
            top: 58,
            numbers,
            label_every: if classes <= 30 {
                1
            } else {
                classes.div_ceil(30)
            },
        }
    }

    fn size(&self) -> (u32, u32) {
        let side = self.cell * self.classes as i32 + 12;
        ((self.left + side) as u32, (self.top + side) as u32)
    }
}

/// The confusion matrix as a picture. Rows are targets; a darker cell is a larger share of its row.
pub(super) fn confusion(matrix: &ConfusionMatrix, names: &[String]) -> Result<String> {
    let layout = Layout::new(names);
    let shares = matrix.normalized(Normalize::Target);
    draw(layout.size(), "Confusion matrix", |area| {
        let middle = layout.left + layout.cell * layout.classes as i32 / 2;
        let heading = style(13, SOFT, HPos::Center);
        write(area, (middle, 12), "predicted", heading)?;
        let corner = style(13, SOFT, HPos::Right);
        write(area, (layout.left - 10, 38), "target", corner)?;
        for (target, row) in matrix.rows().enumerate() {
            if target % layout.label_every == 0 {
                label(area, &layout, target, &names[target])?;
            }
            for (predicted, &count) in row.iter().enumerate() {
                // Most cells of many classes are empty, and drawing them would take most of the page.
                if count > 0.0 || layout.numbers {
                    let share = shares[target][predicted].unwrap_or(0.0);
                    cell(area, &layout, (target, predicted), count, share)?;
                }
            }
        }
        Ok(())
    })
}

/// Writes the name of a class beside its row and above its column.
fn label(area: &Area, layout: &Layout, class: usize, name: &str) -> Drawn {
    let middle = layout.cell * class as i32 + layout.cell / 2;
    let name = shorten(name);
    let (row, column) = (layout.top + middle, layout.left + middle);
    write(
        area,
        (layout.left - 10, row),
        &name,
        style(13, INK, HPos::Right),
    )?;
    if layout.classes <= 8 {
        let fitting: String = name.chars().take((layout.cell / 7) as usize).collect();
        write(area, (column, 38), &fitting, style(13, INK, HPos::Center))
    } else {
        let number = (class + 1).to_string();
        write(area, (column, 42), &number, style(11, SOFT, HPos::Center))
    }
}

/// Draws the cell of a target and a predicted class.
fn cell(
    area: &Area,
    layout: &Layout,
    (target, predicted): (usize, usize),
    count: f64,
    share: f64,
) -> Drawn {
    let (s, size) = (SCALE as i32, layout.cell);
    let (x, y) = (
        layout.left + size * predicted as i32,
        layout.top + size * target as i32,
    );
    let color = series_color(usize::from(target != predicted));
    let corners = [
        ((x + 1) * s, (y + 1) * s),
        ((x + size - 1) * s, (y + size - 1) * s),
    ];
    let strength = if count > 0.0 {
        0.10 + 0.85 * share
    } else {
        0.03
    };
    area.draw(&Rectangle::new(corners, color.mix(strength).filled()))?;
    let large = layout.classes <= 4;
    if !layout.numbers || (count == 0.0 && !large) {
        return Ok(());
    }
    let ink = if strength > 0.55 { CARD } else { INK };
    let (x, y) = (x + size / 2, y + size / 2);
    let words = if count.fract() == 0.0 {
        format!("{count}")
    } else {
        format!("{count:.2}")
    };
    let (lift, of_count, of_share) = if large { (9, 20, 12) } else { (7, 14, 10) };
    let center = |size| style(size, ink, HPos::Center);
    write(area, (x, y - lift), &words, center(of_count))?;
    let words = format!("{:.1} %", 100.0 * share);
    write(area, (x, y + lift + 3), &words, center(of_share))
}

fn style(size: i32, color: RGBColor, anchor: HPos) -> TextStyle<'static> {
    let font = ("sans-serif", size * SCALE as i32).into_font();
    font.color(&color).pos(Pos::new(anchor, VPos::Center))
}

fn write(area: &Area, (x, y): (i32, i32), words: &str, style: TextStyle<'static>) -> Drawn {
    let s = SCALE as i32;
    area.draw(&Text::new(words.to_string(), (x * s, y * s), style))?;
    Ok(())
}

/// At most 16 characters of a name.
fn shorten(name: &str) -> String {
    if name.chars().count() <= 16 {
        return name.to_string();
    }
    name.chars().take(15).chain(['…']).collect()
}
