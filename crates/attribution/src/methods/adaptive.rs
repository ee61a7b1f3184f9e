//! Integrated gradients on stretches of the path that are as short as the model needs.

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
}

/// The trapezoid rule, the worst stretches halved until the errors sum to less than the tolerance, and not by luck: their
/// magnitudes to less than [`MAGNITUDES`] times it.
///
/// Every gradient that was computed stays in use. Those of stretches whose error is small are added up and dropped
/// where too many would have to be kept, so that memory is bounded; these stretches are then halved no more.
pub(crate) fn integrate(
    model: &Checked<'_>,
    pixels: &Pixels,
    baseline: &Pixels,
    tolerance: f64,
    max_steps: usize,
    batch: usize,
) -> Result<Path> {
    check_tolerance(tolerance)?;
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
        variance: 0.0,
        closed_error: 0.0,
        closed_magnitude: 0.0,
    };
    let firsts: Vec<f64> = (0..=FIRST).map(|i| i as f64 / FIRST as f64).collect();
    for places in firsts.chunks(batch) {
        path.ask(places)?;
    }
    let baseline_score = path.nodes[0].score;
    let score = path.nodes[FIRST].score;
    let allowed = tolerance * (score - baseline_score).abs();
    let mut open: Vec<Stretch> = (0..FIRST).map(|i| path.stretch(i, i + 1)).collect();
    let keep = (KEPT_BYTES / (4 * pixels.len())).max(2 * FIRST);
    let mut warning = None;
    loop {
        if allowed == 0.0 {
            warning = Some(format!(
                "the score does not differ from the baseline's, {score}: no error is small beside that, and the path was not refined beyond {} steps; try another baseline",
                path.nodes.len()
            ));
            break;
        }
        let error = path.closed_error + open.iter().map(|s| s.error).sum::<f64>();
        let magnitudes = path.closed_magnitude + open.iter().map(|s| s.error.abs()).sum::<f64>();
        if error.abs() <= allowed && magnitudes <= MAGNITUDES * allowed {
            break;
        }
        // Halving what is already below its even share of the tolerance gains nothing.
        let even = (allowed - path.closed_magnitude).max(0.0) / open.len().max(1) as f64;
        let worth = open.iter().filter(|s| s.error.abs() > even).count();
        let room = batch.min(max_steps - path.nodes.len()).min(worth);
        if room == 0 {
            warning = Some(format!(
                "{max_steps} steps do not bring the errors along the path below {tolerance} of the score difference: they sum to {:.4}, their magnitudes to {:.4}",
                error.abs() / (score - baseline_score).abs(),
                magnitudes / (score - baseline_score).abs()
            ));
            break;
        }
        // The worst last; ties broken by place, so that the order is always the same.
        open.sort_by(|a, b| (a.error.abs().total_cmp(&b.error.abs())).then(a.from.cmp(&b.from)));
        let halved = open.split_off(open.len() - room);
        let first_new = path.nodes.len();
        let places: Vec<f64> = halved
            .iter()
            .map(|s| 0.5 * (path.nodes[s.from].t + path.nodes[s.to].t))
            .collect();
        path.ask(&places)?;
        for (i, stretch) in halved.iter().enumerate() {
            open.push(path.stretch(stretch.from, first_new + i));
            open.push(path.stretch(first_new + i, stretch.to));
        }
        if open.len() > keep {
            open.sort_by(|a, b| {
                (b.error.abs().total_cmp(&a.error.abs())).then(a.from.cmp(&b.from))
            });
            for stretch in open.split_off(keep) {
                path.close(&stretch);
            }
            path.forget(&open);
        }
    }
    for stretch in &open {
        path.close(stretch);
    }
    Ok(Path {
        gradient: path.sum,
        variance: path.variance,
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
    sum: Vec<f64>,
    variance: f64,
    closed_error: f64,
    closed_magnitude: f64,
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

    fn stretch(&self, from: usize, to: usize) -> Stretch {
        let (a, b) = (&self.nodes[from], &self.nodes[to]);
        Stretch {
            from,
            to,
            error: 0.5 * (b.t - a.t) * (a.slope + b.slope) - (b.score - a.score),
        }
    }

    /// Adds a stretch to the sum for good.
    fn close(&mut self, stretch: &Stretch) {
        let (a, b) = (&self.nodes[stretch.from], &self.nodes[stretch.to]);
        let weight = 0.5 * (b.t - a.t);
        for (s, (&g, &h)) in self.sum.iter_mut().zip(a.gradient.iter().zip(&b.gradient)) {
            *s += weight * (f64::from(g) + f64::from(h));
        }
        self.variance += variance(
            self.pixels,
            self.baseline,
            &a.gradient,
            &b.gradient,
            b.t - a.t,
        );
        self.closed_error += stretch.error;
        self.closed_magnitude += stretch.error.abs();
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
