//! Integrated gradients on stretches of the path that are as short as the model needs.

use crate::attribution::norm;
use crate::error::{Error, Result};
use crate::methods::integrated_gradients::{between, check_tolerance, variance};
use crate::model::Checked;
use crate::pixels::Pixels;

/// The mean gradient along a path.
pub(crate) struct Path {
    pub gradient: Vec<f64>,
    /// Estimate of the squared error (L2) of the map that follows from it.
    pub variance: f64,
    pub score: f64,
    pub baseline_score: f64,
    pub steps: usize,
    pub warning: Option<String>,
}

/// Stretches to begin with.
const FIRST: usize = 16;

/// How much larger than the tolerance the magnitudes of the errors may be together: they cancel in part. On the real
/// nets, 1 takes six times the steps (some paths over 4096) and brings the map to 1 % of its limit (L2), 3 to 2 to 4 %.
const MAGNITUDES: f64 = 3.0;

/// The most bytes of gradients that are kept for stretches that may still be halved.
const KEPT_BYTES: usize = 96 << 20;

/// A place on the path where the model has been asked.
struct Node {
    t: f64,
    score: f64,
    /// Gradient times the whole path: d score / d t.
    slope: f64,
    gradient: Vec<f32>,
}

/// A part of the path between two nodes, by their indices.
struct Stretch {
    from: usize,
    to: usize,
    /// Its share of the sum minus the difference of the scores at its ends.
    error: f64,
    /// What it adds to the squared error of the map.
    variance: f64,
}

/// The trapezoid rule, the worst stretches halved until two goals are met, where they are set. The errors sum to less than
/// the first tolerance, and not by luck: their magnitudes to less than [`MAGNITUDES`] times it. The map's estimated error
/// is less than the second.
///
/// Every gradient that was computed stays in use. Those of stretches whose error is small are added up and dropped
/// where too many would have to be kept, so that memory is bounded; these stretches are then halved no more.
pub(crate) fn integrate(
    model: &Checked<'_>,
    pixels: &Pixels,
    baseline: &Pixels,
    [tolerance, map_tolerance]: [Option<f64>; 2],
    max_steps: usize,
    batch: usize,
) -> Result<Path> {
    [tolerance, map_tolerance]
        .into_iter()
        .flatten()
        .try_for_each(check_tolerance)?;
    if max_steps < FIRST + 1 {
        return Err(Error::setting(
            "max_steps",
            format!("at least {} with a tolerance", FIRST + 1),
            &max_steps,
        ));
    }
    let mut path = Adaptive {
        model,
        pixels,
        baseline,
        nodes: Vec::new(),
        sum: vec![0.0; pixels.len()],
        closed_error: 0.0,
        closed_magnitude: 0.0,
        closed_variance: 0.0,
    };
    let firsts: Vec<f64> = (0..=FIRST).map(|i| i as f64 / FIRST as f64).collect();
    for places in firsts.chunks(batch) {
        path.ask(places)?;
    }
    let baseline_score = path.nodes[0].score;
    let score = path.nodes[FIRST].score;
    let difference = (score - baseline_score).abs();
    let mut open: Vec<Stretch> = (0..FIRST).map(|i| path.stretch(i, i + 1)).collect();
    let keep = (KEPT_BYTES / (4 * pixels.len())).max(2 * FIRST);
    let mut warning = None;
    loop {
        if tolerance.is_some() && difference == 0.0 {
            warning = Some(format!(
                "the score does not differ from the baseline's, {score}: no error is small beside that, and the path was not refined beyond {} steps; try another baseline",
                path.nodes.len()
            ));
            break;
        }
        let sum = |of: fn(&Stretch) -> f64| open.iter().map(of).sum::<f64>();
        let error = path.closed_error + sum(|s| s.error);
        let magnitudes = path.closed_magnitude + sum(|s| s.error.abs());
        let variance = path.closed_variance + sum(|s| s.variance);
        let norm = map_tolerance.map_or(0.0, |_| path.norm());
        // The goals that are not met yet.
        let in_map = map_tolerance.filter(|tolerance| variance.sqrt() > tolerance * norm);
        let in_sum = tolerance.filter(|tolerance| {
            let allowed = tolerance * difference;
            error.abs() > allowed || magnitudes > MAGNITUDES * allowed
        });
        let Some(goal) = in_map.or(in_sum) else {
            break;
        };
        // What is worst, and how bad something must be for halving it to gain anything.
        let (badness, bad): (fn(&Stretch) -> f64, f64) = if in_map.is_some() {
            // A part of a stretch adds with the cube of its length: as many parts as make all add alike.
            let left = ((goal * norm).powi(2) - path.closed_variance).max(0.0);
            let parts = sum(|s| s.variance.cbrt());
            (|s| s.variance, (left / parts).powf(1.5))
        } else {
            let left = (goal * difference - path.closed_magnitude).max(0.0);
            (|s| s.error.abs(), left / open.len().max(1) as f64)
        };
        let worth = open.iter().filter(|s| badness(s) > bad).count();
        let room = batch.min(max_steps - path.nodes.len()).min(worth);
        if room == 0 {
            let steps = path.nodes.len();
            warning = Some(if in_map.is_some() {
                format!(
                    "{steps} steps do not bring the map's error below {goal}: it is about {:.4}",
                    variance.sqrt() / norm
                )
            } else {
                format!(
                    "{steps} steps do not bring the errors along the path below {goal} of the score difference: they sum to {:.4}, their magnitudes to {:.4}",
                    error.abs() / difference,
                    magnitudes / difference
                )
            });
            break;
        }
        // The worst last; ties broken by place, so that the order is always the same.
        open.sort_by(|a, b| (badness(a).total_cmp(&badness(b))).then(a.from.cmp(&b.from)));
        let halved = open.split_off(open.len() - room);
        let first_new = path.nodes.len();
        let places: Vec<f64> = halved
            .iter()
            .map(|s| 0.5 * (path.nodes[s.from].t + path.nodes[s.to].t))
            .collect();
        path.ask(&places)?;
        for (i, stretch) in halved.iter().enumerate() {
            path.add(stretch.from, stretch.to, -1.0);
            open.push(path.stretch(stretch.from, first_new + i));
            open.push(path.stretch(first_new + i, stretch.to));
        }
        if open.len() > keep {
            open.sort_by(|a, b| (badness(b).total_cmp(&badness(a))).then(a.from.cmp(&b.from)));
            for stretch in open.split_off(keep) {
                path.close(&stretch);
            }
            path.forget(&open);
        }
    }
    Ok(Path {
        gradient: path.sum,
        variance: path.closed_variance + open.iter().map(|s| s.variance).sum::<f64>(),
        score,
        baseline_score,
        steps: path.nodes.len(),
        warning,
    })
}

struct Adaptive<'a> {
    model: &'a Checked<'a>,
    pixels: &'a Pixels,
    baseline: &'a Pixels,
    nodes: Vec<Node>,
    /// Of the shares of all stretches.
    sum: Vec<f64>,
    closed_error: f64,
    closed_magnitude: f64,
    closed_variance: f64,
}

impl Adaptive<'_> {
    /// Asks the model at these places; the answers become nodes in this order.
    fn ask(&mut self, places: &[f64]) -> Result<()> {
        let mut images = Vec::with_capacity(places.len() * self.pixels.len());
        for &t in places {
            between(&mut images, self.baseline, self.pixels, t);
        }
        let (scores, gradients) = self.model.gradient(&images, places.len())?;
        for ((&t, &score), gradient) in places
            .iter()
            .zip(&scores)
            .zip(gradients.chunks_exact(self.pixels.len()))
        {
            let slope = gradient
                .iter()
                .zip(self.pixels.values().iter().zip(self.baseline.values()))
                .map(|(&g, (&x, &b))| f64::from(g) * (f64::from(x) - f64::from(b)))
                .sum();
            self.nodes.push(Node {
                t,
                score,
                slope,
                gradient: gradient.to_vec(),
            });
        }
        Ok(())
    }

    /// A new stretch, whose share is in the sum from now on.
    fn stretch(&mut self, from: usize, to: usize) -> Stretch {
        self.add(from, to, 1.0);
        let (a, b) = (&self.nodes[from], &self.nodes[to]);
        let weight = b.t - a.t;
        let (pixels, baseline) = (self.pixels, self.baseline);
        Stretch {
            from,
            to,
            error: 0.5 * weight * (a.slope + b.slope) - (b.score - a.score),
            variance: variance(pixels, baseline, &a.gradient, &b.gradient, weight),
        }
    }

    /// Adds a stretch's share of the sum, or takes it back.
    fn add(&mut self, from: usize, to: usize, sign: f64) {
        let (a, b) = (&self.nodes[from], &self.nodes[to]);
        let weight = sign * 0.5 * (b.t - a.t);
        for (s, (&g, &h)) in self.sum.iter_mut().zip(a.gradient.iter().zip(&b.gradient)) {
            *s += weight * (f64::from(g) + f64::from(h));
        }
    }

    /// A stretch that is not halved any more.
    fn close(&mut self, stretch: &Stretch) {
        self.closed_error += stretch.error;
        self.closed_magnitude += stretch.error.abs();
        self.closed_variance += stretch.variance;
    }

    /// L2 of the map so far.
    fn norm(&self) -> f64 {
        let distances = self.pixels.values().iter().zip(self.baseline.values());
        let map = self
            .sum
            .iter()
            .zip(distances)
            .map(|(g, (&x, &b))| g * (f64::from(x) - f64::from(b)));
        norm(map)
    }

    /// Drops the gradients that no open stretch needs.
    fn forget(&mut self, open: &[Stretch]) {
        let mut needed = vec![false; self.nodes.len()];
        for stretch in open {
            needed[stretch.from] = true;
            needed[stretch.to] = true;
        }
        for (node, _) in self
            .nodes
            .iter_mut()
            .zip(needed)
            .filter(|(_, needed)| !needed)
        {
            node.gradient = Vec::new();
        }
    }
}
