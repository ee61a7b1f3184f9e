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

/// The most bytes of gradients at the beginnings of stretches that are kept; at their ends there are at most as many.
const KEPT_BYTES: usize = 64 << 20;

/// A place on the path where the model has been asked.
struct Node {
    t: f64,
    score: f64,
    /// Gradient times the whole path: d score / d t.
    slope: f64,
    /// Empty where it was dropped.
    gradient: Vec<f32>,
}

/// A part of the path between two nodes, by their indices.
struct Stretch {
    from: usize,
    to: usize,
    /// Its share of the sum minus the difference of the scores at its ends.
    error: f64,
    /// What it adds to the squared error of the sum and of the map.
    squares: [f64; 2],
}

/// The trapezoid rule, the worst stretches halved until two goals are met, where they are set: the errors sum to less
/// than the first tolerance, as they are and as if they were independent, lest it is by luck; the map's estimated error is
/// less than the second.
///
/// Memory is bounded: where the gradients of all stretches are too many to be kept, these are halved from the path's
/// beginning on, until each is good enough, and those that are good enough are dropped; where one turns out to be needed
/// again, the model is asked again.
pub(crate) fn integrate(
    model: &Checked<'_>,
    pixels: &Pixels,
    baseline: &Pixels,
    [tolerance, map_tolerance]: [Option<f64>; 2],
    max_steps: usize,
    batch: usize,
) -> Result<Path> {
    for (setting, goal) in [("tolerance", tolerance), ("map_tolerance", map_tolerance)] {
        goal.map_or(Ok(()), |goal| check_tolerance(setting, goal))?;
    }
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
        batch,
        nodes: Vec::new(),
        sum: vec![0.0; pixels.len()],
        asked: 0,
    };
    let firsts: Vec<f64> = (0..=FIRST).map(|i| i as f64 / FIRST as f64).collect();
    path.ask(&firsts)?;
    let baseline_score = path.nodes[0].score;
    let score = path.nodes[FIRST].score;
    let difference = (score - baseline_score).abs();
    let mut stretches: Vec<Stretch> = (0..FIRST).map(|i| path.stretch(i, i + 1)).collect();
    let keep = (KEPT_BYTES / (4 * pixels.len())).max(2 * FIRST);
    let mut warning = (tolerance.is_some() && difference == 0.0).then(|| format!(
        "the score does not differ from the baseline's, {score}: no error is small beside that, and the path was not refined beyond {} steps; try another baseline",
        path.asked
    ));
    while warning.is_none() {
        let error = stretches.iter().map(|s| s.error).sum::<f64>().abs();
        let squares = squares(&stretches);
        let norm = map_tolerance.map_or(0.0, |_| path.norm());
        let limits = [
            tolerance.map(|tolerance| tolerance * difference),
            map_tolerance.map(|tolerance| tolerance * norm),
        ]
        .map(|limit| limit.map_or(f64::INFINITY, |limit| limit.powi(2)));
        let off = error.powi(2) > limits[0];
        if !off && squares[0] <= limits[0] && squares[1] <= limits[1] {
            break;
        }
        // What a stretch adds falls with the cube of its length: as many parts as make all add alike. Where the steps that
        // are left do not suffice for that, as many as there can be; halving makes half as many again as are needed.
        let left = max_steps - path.asked;
        let most = (stretches.len() + left) as f64 / 1.5;
        let alike = [0, 1].map(|i| {
            let parts: f64 = stretches.iter().map(|s| s.squares[i].cbrt()).sum();
            let wanted = (limits[i] / parts).powf(1.5);
            wanted.max((parts / most).powi(3))
        });
        let badness = |s: &Stretch| {
            let [sum, map] = [0, 1].map(|i| s.squares[i] / alike[i]);
            sum.max(map)
        };
        let is_bad = |s: &Stretch| badness(s) > 1.0;
        let bad = stretches.iter().filter(|s| is_bad(s)).count();
        // The worst last, or the first of those that are bad; ties broken by place, so that the order is always the same.
        let crowded = bad > 0 && stretches.len() > keep;
        stretches.sort_by(|a, b| {
            let place = |s: &Stretch| path.nodes[s.from].t;
            let order = if crowded {
                is_bad(a).cmp(&is_bad(b))
            } else {
                badness(a).total_cmp(&badness(b))
            };
            order.then(place(b).total_cmp(&place(a)))
        });
        let worth = if bad > 0 { bad } else { stretches.len() };
        let at = stretches.len() - worth.min(batch).min(keep).min(left);
        let again = path.dropped(&stretches[at..]);
        if left == 0 || again.len() + stretches.len() - at > left {
            let steps = path.asked;
            let [sum, map] = squares.map(f64::sqrt);
            warning = Some(match tolerance {
                Some(tolerance) if off || squares[0] > limits[0] => format!(
                    "{steps} steps do not bring the errors along the path below {tolerance} of the score difference: they sum to {:.4}, if they were independent to {:.4}",
                    error / difference,
                    sum / difference
                ),
                _ => format!(
                    "{steps} steps do not bring the map's error below {}: it is about {:.4}",
                    map_tolerance.unwrap_or_default(),
                    map / norm
                ),
            });
            break;
        }
        path.forget(&stretches[stretches.len().saturating_sub(keep)..]);
        path.recall(&again)?;
        let halved = stretches.split_off(at);
        let first_new = path.nodes.len();
        let places: Vec<f64> = halved
            .iter()
            .map(|s| 0.5 * (path.nodes[s.from].t + path.nodes[s.to].t))
            .collect();
        path.ask(&places)?;
        for (i, stretch) in halved.iter().enumerate() {
            path.add(stretch.from, stretch.to, -1.0);
            stretches.push(path.stretch(stretch.from, first_new + i));
            stretches.push(path.stretch(first_new + i, stretch.to));
        }
    }
    Ok(Path {
        variance: squares(&stretches)[1],
        gradient: path.sum,
        score,
        baseline_score,
        steps: path.asked,
        warning,
    })
}

/// What all stretches add to the squared error of the sum and of the map.
fn squares(stretches: &[Stretch]) -> [f64; 2] {
    [0, 1].map(|i| stretches.iter().map(|s| s.squares[i]).sum())
}

struct Adaptive<'a> {
    model: &'a Checked<'a>,
    pixels: &'a Pixels,
    baseline: &'a Pixels,
    /// Images a call of the model.
    batch: usize,
    nodes: Vec<Node>,
    /// Of the shares of all stretches.
    sum: Vec<f64>,
    /// How many gradients the model was asked for.
    asked: usize,
}

impl Adaptive<'_> {
    /// Scores and gradients at these places.
    fn answers(&mut self, places: &[f64]) -> Result<(Vec<f64>, Vec<f32>)> {
        let mut images = Vec::with_capacity(places.len() * self.pixels.len());
        for &t in places {
            between(&mut images, self.baseline, self.pixels, t);
        }
        self.asked += places.len();
        self.model.gradient(&images, places.len())
    }

    /// Asks the model at these places; the answers become nodes in this order.
    fn ask(&mut self, places: &[f64]) -> Result<()> {
        for places in places.chunks(self.batch) {
            let (scores, gradients) = self.answers(places)?;
            let gradients = gradients.chunks_exact(self.pixels.len());
            for ((&t, &score), gradient) in places.iter().zip(&scores).zip(gradients) {
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
        }
        Ok(())
    }

    /// The ends of stretches whose gradients were dropped, each once.
    fn dropped(&self, stretches: &[Stretch]) -> Vec<usize> {
        let mut ends: Vec<usize> = stretches.iter().flat_map(|s| [s.from, s.to]).collect();
        ends.sort_unstable();
        ends.dedup();
        ends.retain(|&node| self.nodes[node].gradient.is_empty());
        ends
    }

    /// Asks for dropped gradients again.
    fn recall(&mut self, nodes: &[usize]) -> Result<()> {
        for nodes in nodes.chunks(self.batch) {
            let places: Vec<f64> = nodes.iter().map(|&node| self.nodes[node].t).collect();
            let (_, gradients) = self.answers(&places)?;
            let gradients = gradients.chunks_exact(self.pixels.len());
            for (&node, gradient) in nodes.iter().zip(gradients) {
                self.nodes[node].gradient = gradient.to_vec();
            }
        }
        Ok(())
    }

    /// A new stretch, whose share is in the sum from now on.
    fn stretch(&mut self, from: usize, to: usize) -> Stretch {
        self.add(from, to, 1.0);
        let (a, b) = (&self.nodes[from], &self.nodes[to]);
        let weight = b.t - a.t;
        let (pixels, baseline) = (self.pixels, self.baseline);
        let error = 0.5 * weight * (a.slope + b.slope) - (b.score - a.score);
        let in_map = variance(pixels, baseline, &a.gradient, &b.gradient, weight);
        Stretch {
            from,
            to,
            error,
            squares: [error.powi(2), in_map],
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

    /// Drops the gradients that none of these stretches has at its ends.
    fn forget(&mut self, kept: &[Stretch]) {
        let mut needed = vec![false; self.nodes.len()];
        for stretch in kept {
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
