//! Choosing `C` and fitting a head of many classes with few images each. `peers/many_classes.py` makes the embeddings,
//! runs this program on them, and does the same work with scikit-learn.
//!
//! `many_classes FILE DIM CLASSES`: the file has `f32` values, little-endian, `[images, DIM]`, and image `i` is of class
//! `i % CLASSES`. Without arguments: 100 classes of 8 images, made here.

use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

use transfer::head::{FitEvent, Search};
use transfer::{Embeddings, Fitted, HeadConfig};

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo bench` adds an option of its own.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let (values, dim, classes) = match &arguments[..] {
        [file, dim, classes] => {
            let bytes = std::fs::read(file)?;
            let values = bytes
                .as_chunks()
                .0
                .iter()
                .map(|&b| f32::from_le_bytes(b))
                .collect();
            (values, dim.parse()?, classes.parse()?)
        }
        _ => (made(800, 1024, 100), 1024, 100),
    };
    let targets = (0..values.len() / dim).map(|i| i % classes).collect();
    let images = Embeddings::new(values, dim, targets)?;
    let config = HeadConfig::new();
    let start = Instant::now();
    let (mut searching, mut passes, mut announced, mut dropped) = (0.0, 0, 0.0, 0);
    let Fitted { report, .. } = config
        .training(&images)
        .on_event(|event| {
            match event {
                FitEvent::Pass { search, .. } => {
                    passes += 1;
                    if search != Search::Final {
                        searching = start.elapsed().as_secs_f64();
                    }
                }
                FitEvent::Estimate(estimate) => announced = estimate.as_secs_f64(),
                FitEvent::Dropped(_) => dropped += 1,
                _ => {}
            }
            ControlFlow::Continue(())
        })
        .fit()?;
    let seconds = start.elapsed().as_secs_f64();
    let best = report.chosen().ok_or("nothing was chosen")?;
    println!(
        "{{\"seconds\": {seconds:.3}, \"search\": {searching:.3}, \"announced\": {announced:.3}, \"passes\": {passes}, \
         \"c\": {}, \"log_loss\": {}, \"accuracy\": {}, \"candidates\": {}, \"dropped\": {dropped}}}",
        best.c,
        best.log_loss,
        best.accuracy,
        report.candidates.len()
    );
    Ok(())
}

/// Class centers and noise.
fn made(images: usize, dim: usize, classes: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut random = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    let centers: Vec<f32> = (0..classes * dim).map(|_| random()).collect();
    let value = |i: usize| 0.25 * centers[i / dim % classes * dim + i % dim] + random();
    (0..images * dim).map(value).collect()
}
