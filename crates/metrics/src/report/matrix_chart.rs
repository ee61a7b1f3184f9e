//! A confusion matrix as SVG. It is written directly, because plotters has no tooltips.

use std::fmt::Write;
use std::ops::Range;

use crate::confusion::{ConfusionMatrix, Count};
use crate::numeric::share;
use crate::report::html::escape;
use crate::report::label::{pixels, shorten};
use crate::visible::visible;

/// Up to this number of classes, each cell shows its count and share.
pub(super) const NUMBERS: usize = 12;
/// Up to this number of classes, the columns have names; beyond it they have the numbers of the rows.
pub(super) const COLUMN_NAMES: usize = 8;
/// The largest number of cells that are drawn: all of 200 classes.
pub(super) const CELLS: usize = 40_000;
/// The largest number of cells that say on hover which classes they belong to.
const TITLES: usize = 10_000;
/// The largest number of rows that say on hover which class they belong to.
const ROWS: usize = 1_000;
/// The widest name, in pixels as shown; a longer one is shortened.
const NAME: i32 = 128;

/// A confusion matrix to be drawn. Rows are targets; a darker cell is a larger share of its row.
pub(super) struct MatrixChart<'a> {
    pub title: &'a str,
    pub matrix: &'a ConfusionMatrix,
    pub names: &'a [String],
    /// The classes that are drawn, in their order. Shares are of the whole row, also where not all classes are drawn.
    pub order: &'a [usize],
    /// The number of the first class if the classes are numbered.
    pub first_number: Option<usize>,
    /// Places in the order of the classes that get a frame.
    pub frame: Option<Range<usize>>,
}

/// Sizes in pixels as shown.
struct Layout {
    cell: i32,
    left: i32,
    top: i32,
    /// Whether each cell shows its count.
    numbers: bool,
    /// Whether the names of the columns are written from bottom to top, because one is wider than a cell.
    upright: bool,
    /// Of many classes, only every so many rows and columns are named.
    row_every: usize,
    column_every: usize,
}

impl MatrixChart<'_> {
    /// The picture. On a narrow screen it does not become smaller than can be read, so it must be in a box that scrolls.
    pub fn svg(&self) -> String {
        let layout = self.layout();
        let side = layout.cell * self.order.len() as i32 + 12;
        let (width, height) = (layout.left + side, layout.top + side);
        let title = escape(&visible(self.title));
        let mut svg = format!(
            "<svg class=\"matrix\" role=\"img\" aria-label=\"{title}\" viewBox=\"0 0 {width} {height}\" \
             style=\"min-width:{}px;max-width:{}px\">\n",
            width * 17 / 20,
            (width * 3 / 2).max(544)
        );
        svg += &self.labels(&layout);
        svg += &self.row_titles(&layout);
        svg += &self.cells(&layout);
        if let Some(frame) = &self.frame {
            let length = layout.cell * frame.len() as i32;
            let start = layout.cell * frame.start as i32;
            let (x, y) = (layout.left + start, layout.top + start);
            let _ = writeln!(
                svg,
                "<path class=\"frame\" d=\"M{x} {y}h{length}v{length}h-{length}z\"/>"
            );
        }
        svg + "</svg>\n"
    }

    fn layout(&self) -> Layout {
        let classes = self.order.len();
        let numbers = classes <= NUMBERS;
        let cell = match classes {
            0..=4 => 96,
            5..=NUMBERS => 58,
            _ => (760 / classes).clamp(4, 24) as i32,
        };
        let names = || {
            self.order
                .iter()
                .map(|&class| shorten(&self.names[class], NAME))
        };
        let longest = names().map(|name| pixels(&name)).max().unwrap_or(0);
        let upright = classes <= COLUMN_NAMES && longest > cell - 4;
        let number = if self.first_number.is_some() { 32 } else { 0 };
        Layout {
            cell,
            left: 40 + longest + number,
            top: if upright { 34 + longest } else { 58 },
            numbers,
            upright,
            row_every: 14_u32.div_ceil(cell as u32) as usize,
            // A number of three digits is wider.
            column_every: if classes < 100 { 22_u32 } else { 32 }.div_ceil(cell as u32) as usize,
        }
    }

    /// The number of the class at this place and a space, if the classes are numbered.
    fn number(&self, place: usize) -> String {
        self.first_number
            .map_or_else(String::new, |first| (first + place).to_string())
    }

    /// The names of the rows and the names or numbers of the columns.
    fn labels(&self, layout: &Layout) -> String {
        let (left, cell) = (layout.left, layout.cell);
        let middle = left + cell * self.order.len() as i32 / 2;
        let above = layout.top - 20;
        let mut svg = format!(
            "<text class=\"axis\" x=\"{middle}\" y=\"12\" text-anchor=\"middle\">predicted</text>\n\
             <text class=\"axis\" x=\"{}\" y=\"{above}\" text-anchor=\"end\">target</text>\n",
            left - 10
        );
        for (place, &class) in self.order.iter().enumerate() {
            let name = &self.names[class];
            let short = escape(&shorten(name, NAME));
            let hover = escape(&visible(name));
            let number = self.number(place);
            let at = cell * place as i32 + cell / 2;
            let (row, column) = (layout.top + at, left + at);
            if place % layout.row_every == 0 {
                let space = if number.is_empty() { "" } else { " " };
                let _ = writeln!(
                    svg,
                    "<text x=\"{}\" y=\"{row}\" text-anchor=\"end\">{number}{space}{short}<title>{hover}</title></text>",
                    left - 10
                );
            }
            if place % layout.column_every != 0 {
                continue;
            }
            let (y, style, words) = if self.order.len() > COLUMN_NAMES {
                let attributes = "class=\"number\" text-anchor=\"middle\"".to_string();
                (layout.top - 16, attributes, number)
            } else if layout.upright {
                let y = layout.top - 8;
                (y, format!("transform=\"rotate(-90 {column} {y})\""), short)
            } else {
                (layout.top - 20, "text-anchor=\"middle\"".to_string(), short)
            };
            let _ = writeln!(
                svg,
                "<text x=\"{column}\" y=\"{y}\" {style}>{words}<title>{hover}</title></text>"
            );
        }
        svg
    }

    /// In a large matrix, each row says on hover which class it belongs to, also where its cells are empty.
    fn row_titles(&self, layout: &Layout) -> String {
        let classes = self.order.len();
        if layout.numbers || classes > ROWS {
            return String::new();
        }
        let (left, width, cell) = (layout.left, layout.cell * classes as i32, layout.cell);
        let row = |(place, &class): (usize, &usize)| {
            format!(
                "<path class=\"row\" d=\"M{left} {}h{width}v{cell}h-{width}z\"><title>target: {}</title></path>\n",
                layout.top + cell * place as i32,
                escape(&visible(&self.names[class]))
            )
        };
        self.order.iter().enumerate().map(row).collect()
    }

    /// The cells. Of a large matrix most are empty, and drawing those would take most of the page.
    fn cells(&self, layout: &Layout) -> String {
        let mut cells = Vec::new();
        for (row, &target) in self.order.iter().enumerate() {
            let counts = &self.matrix[target];
            let support: f64 = counts.iter().sum();
            for (column, &predicted) in self.order.iter().enumerate() {
                let count = counts[predicted];
                if count > 0.0 || layout.numbers {
                    cells.push(((row, column), count, support));
                }
            }
        }
        if cells.len() > TITLES {
            cells.sort_by(|a, b| b.1.total_cmp(&a.1));
            cells.truncate(CELLS);
        }
        let one = |(index, cell): (usize, &Cell)| self.cell(layout, cell, index < TITLES);
        cells.iter().enumerate().map(one).collect()
    }

    fn cell(
        &self,
        layout: &Layout,
        &((row, column), count, support): &Cell,
        titled: bool,
    ) -> String {
        let size = layout.cell;
        let (x, y) = (
            layout.left + size * column as i32,
            layout.top + size * row as i32,
        );
        let part = share(count, support).unwrap_or(0.0);
        // A faint cell of a few pixels cannot be seen.
        let least = if size > 8 { 0.10 } else { 0.30 };
        let strength = if count > 0.0 {
            least + (0.95 - least) * part
        } else {
            0.03
        };
        let (target, predicted) = (self.order[row], self.order[column]);
        let class = if target == predicted {
            "right"
        } else {
            "wrong"
        };
        // Small cells touch each other, because a gap would be most of them.
        let gap = i32::from(size > 8);
        let mut svg = format!(
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" opacity=\"{strength:.3}\"",
            x + gap,
            y + gap,
            size - 2 * gap,
            size - 2 * gap
        );
        if titled {
            let [of_target, of_predicted] =
                [target, predicted].map(|class| escape(&visible(&self.names[class])));
            let _ = writeln!(
                svg,
                "><title>target: {of_target}\npredicted: {of_predicted}\n{} of {} ({:.1} %)</title></rect>",
                Count(count),
                Count(support),
                100.0 * part
            );
        } else {
            svg += "/>\n";
        }
        let large = self.order.len() <= 4;
        if layout.numbers && (count > 0.0 || large) {
            let (x, y) = (x + size / 2, y + size / 2);
            let (lift, of_count, of_share) = if large { (9, 20, 12) } else { (7, 14, 10) };
            let class = if strength > 0.55 {
                "count filled"
            } else {
                "count"
            };
            let _ = write!(
                svg,
                "<text class=\"{class}\" x=\"{x}\" y=\"{}\" style=\"font-size:{of_count}px\">{}</text>\n\
                 <text class=\"{class}\" x=\"{x}\" y=\"{}\" style=\"font-size:{of_share}px\">{:.1} %</text>\n",
                y - lift,
                Count(count),
                y + lift + 3,
                100.0 * part
            );
        }
        svg
    }
}

/// Places of the row and the column, count, and support of the row.
type Cell = ((usize, usize), f64, f64);
