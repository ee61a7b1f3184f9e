//! Tests of the crate from outside.

mod arrow_stream;
mod boats;
mod bottlenecks;
mod classifier;
mod common;
mod describe;
mod embed;
mod engine;
mod export;
mod file_kinds;
mod finetune;
mod from_bytes;
mod gradient_descent;
mod insight;
mod insight_boats;
mod logistic_regression;
mod networks;
mod pictures;
mod quantize;
mod reject_option;
mod resume;
mod retrain;
mod retrained_graph;
mod signature;
mod table;
mod tensorboard;
