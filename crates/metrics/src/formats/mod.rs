//! Files of predictions that any tool can write: JSON lines and CSV.
//!
//! JSON lines hold one object for each sample; see
//! [`Predictions::from_json_lines`](crate::Predictions::from_json_lines):
//!
//! ```text
//! {"target": "boat", "probabilities": [0.9, 0.1], "weight": 1.0, "file": "boat/a.jpg"}
//! ```
//!
//! CSV has a header and one line for each sample; see [`Predictions::from_csv`](crate::Predictions::from_csv):
//!
//! ```text
//! file,target,boat,cloud
//! boat/a.jpg,boat,0.9,0.1
//! ```
//!
//! Both exist for several labels, too; see
//! [`MultilabelPredictions::from_json_lines`](crate::MultilabelPredictions::from_json_lines) and
//! [`MultilabelPredictions::from_csv`](crate::MultilabelPredictions::from_csv):
//!
//! ```text
//! {"targets": ["boat", "gull"], "probabilities": [0.9, 0.1, 0.7], "file": "a.jpg"}
//!
//! file,target_boat,target_cloud,target_gull,probability_boat,probability_cloud,probability_gull
//! a.jpg,1,0,1,0.9,0.1,0.7
//! ```

mod blocks;
mod columns;
mod csv;
mod hard;
mod header;
mod json_lines;
mod multilabel;
mod open;
mod reading;
mod scores;

pub use open::PredictionsFormat;
pub use reading::{Read, Reading, Scores};
