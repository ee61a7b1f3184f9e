//! One HTML page that shows how good a classifier is and where it fails, and a model card in Markdown.
//!
//! [`Predictions::report`](crate::Predictions::report) starts a [`Report`]. The page has no scripts and no links, so it
//! can be mailed or archived. It is legible in light and dark mode, on phones and on paper. The same input gives the
//! same bytes.

// The page is put together from finished parts, so one more formatted string costs nothing here.
#![allow(clippy::format_push_string)]

mod builder;
mod card;
mod class_table;
mod comparison_section;
mod curve_charts;
mod gallery;
mod html;
mod label;
mod learning_chart;
mod learning_curve;
mod line_chart;
mod matrix_chart;
mod matrix_section;
mod page;
mod svg;

pub use builder::{Picture, Report};
pub use card::ModelCard;
pub use html::{escape, shell};
pub use learning_chart::learning_curves_svg;
pub use learning_curve::{LearningCurve, Point, Series};
