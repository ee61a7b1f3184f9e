//! Models and images that several files of tests use.

use attribution::model::BlockTuple;
use attribution::{Baseline, BoxError, Model, Pixels};
use std::cell::Cell;
use std::rc::Rc;

pub type Answer = Result<(Vec<f64>, Vec<f32>), BoxError>;
pub const SIDE: usize = 8;

pub fn pixels() -> Pixels {
    let values = (0..SIDE * SIDE).map(|i| (i * i * 7 % 251) as f32).collect();
    Pixels::new(values, [SIDE, SIDE, 1]).unwrap()
}

/// Images from a function of one image.
pub fn each(function: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> impl Fn(&[f32], [usize; 4]) -> Answer {
    move |pixels, [_, h, w, c]| {
        let (mut scores, mut gradients) = (Vec::new(), Vec::new());
        for image in pixels.chunks_exact(h * w * c) {
            let image: Vec<f64> = image.iter().map(|&v| f64::from(v) / 255.0).collect();
            let (score, gradient) = function(&image);
            scores.push(score);
            gradients.extend(gradient.iter().map(|&g| (g / 255.0) as f32));
        }
        Ok((scores, gradients))
    }
}

/// The product of the first two, the square of the third, a sine of the fourth; the rest are dummies.
pub fn smooth(x: &[f64]) -> (f64, Vec<f64>) {
    let mut gradient = vec![0.0; x.len()];
    gradient[..4].copy_from_slice(&[x[1], x[0], 2.0 * x[2], 3.0 * (3.0 * x[3]).cos()]);
    (x[0] * x[1] + x[2] * x[2] + (3.0 * x[3]).sin(), gradient)
}

/// All pixels times fixed weights.
pub fn linear(x: &[f64]) -> (f64, Vec<f64>) {
    let weights: Vec<f64> = (0..x.len()).map(|i| (i as f64).sin()).collect();
    (weights.iter().zip(x).map(|(w, x)| w * x).sum(), weights)
}

pub fn baselines() -> Baseline {
    let level = |v: f32| Pixels::new(vec![v; SIDE * SIDE], [SIDE, SIDE, 1]).unwrap();
    Baseline::Set(vec![level(0.0), level(100.0)])
}

/// A model with every ability; what each call asks about is counted.
pub fn counted(calls: &Rc<Cell<usize>>) -> Model<'static> {
    let count = |calls: &Rc<Cell<usize>>| {
        let calls = Rc::clone(calls);
        move |n: usize| calls.set(calls.get() + n)
    };
    let (gradient, guided, scores, block) =
        (count(calls), count(calls), count(calls), count(calls));
    Model::new(move |p: &[f32], shape: [usize; 4]| -> Answer {
        gradient(shape[0]);
        each(smooth)(p, shape)
    })
    .with_guided(move |p: &[f32], shape: [usize; 4]| -> Answer {
        guided(shape[0]);
        each(linear)(p, shape)
    })
    .with_scores(move |p: &[f32], shape: [usize; 4]| {
        scores(shape[0]);
        Ok(each(smooth)(p, shape)?.0)
    })
    .with_block(
        move |p: &[f32], shape: [usize; 4]| -> Result<BlockTuple, BoxError> {
            block(shape[0]);
            let (scores, _) = each(smooth)(p, shape)?;
            let activations = vec![0.0, 1.0, 2.0, 5.0, 5.0, 5.0, 0.0, 0.0, 3.0, 4.0, 4.0, 4.0];
            Ok((scores, [2, 2, 3], activations, vec![0.5; 12]))
        },
    )
}
