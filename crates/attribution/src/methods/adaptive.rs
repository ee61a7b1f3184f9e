//! The mean gradient along a path with intervals that are as short as the model needs.

use crate::attribution::norm;
use crate::check;
use crate::error::Result;
use crate::methods::path::{Path, variance};
use crate::model::checked::Checked;
use crate::pixels::{Pixels, push_between};

/// Number of equal intervals at the start.
const FIRST: usize = 16;

/// Limit in bytes for the gradients at the starts of intervals that are kept; those at their ends are at most as many.
const KEPT_BYTES: usize = 64 << 20;

/// What the integral should reach.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goals {
    /// Largest error of the sum, as a fraction of the score difference.
    pub tolerance: Option<f64>,
    /// Largest estimated error of the map, as a fraction of its norm.
    pub map_tolerance: Option<f64>,
    /// Largest number of gradients.
    pub max_steps: usize,
}

impl Goals {
    fn check(&self) -> Result<()> {
        for (setting, goal) in [
            ("tolerance", self.tolerance),
            ("map_tolerance", self.map_tolerance),
        ] {
            let goal = goal.unwrap_or(1.0);
            let is_positive = goal.is_finite() && goal > 0.0;
            check::require(is_positive, setting, goal, "a positive number")?;
        }
        let least = FIRST + 1;
        let expected = format!("at least {least} with a tolerance");
        check::require(
            self.max_steps >= least,
            "max_steps",
            self.max_steps,
            expected,
        )
    }
}

/// Integrates by the trapezoid rule and halves the worst intervals until the goals are met.
///
/// The sum has met its tolerance when the errors of the intervals sum to less than it both as they are and as if they were
/// independent, so that errors that cancel by chance do not stop the refinement. The map has met its tolerance when its
/// estimated error is below it.
///
/// Memory is limited: where the gradients of all intervals are too many to keep, the intervals are refined one after the
/// other from the start of the path, and the gradients of those that are good enough are dropped. If such an interval
/// must be refined after all, the model is asked again.
pub(crate) fn integrate(
    model: &Checked<'_>,
    pixels: &Pixels,
    baseline: &Pixels,
    goals: &Goals,
    batch: usize,
) -> Result<Path> {
    goals.check()?;
    let mut refinement = Refinement::start(model, pixels, baseline, batch)?;
    let (baseline_score, score) = (refinement.nodes[0].score, refinement.nodes[FIRST].score);
    let difference = (score - baseline_score).abs();
    let mut warning = (goals.tolerance.is_some() && difference == 0.0).then(|| format!(
        "the image and the baseline have the same score, {score}: an error cannot be compared with a difference of 0, so the path was not refined beyond {} steps; try another baseline",
        refinement.asked
    ));
    while warning.is_none() {
        let errors = refinement.errors(goals, difference);
        if errors.are_small() {
            break;
        }
        let left = goals.max_steps - refinement.asked;
        let first = refinement.sort_worst_last(&errors, left);
        let again = refinement.dropped(first);
        let needed = again.len() + refinement.intervals.len() - first;
        if left == 0 || needed > left {
            warning = Some(errors.warning(goals, refinement.asked));
        } else {
            refinement.halve(first, &again)?;
        }
    }
    Ok(Path {
        variance: refinement.squares()[1],
        gradient: refinement.sum,
        score,
        baseline_score,
        steps: refinement.asked,
        warning,
    })
}

/// The errors so far, and what they may be. Of each pair, the first is that of the sum, the second that of the map.
struct Errors {
    /// Sum of the errors of all intervals, as they are.
    error: f64,
    /// Squared errors as if those of the intervals were independent.
    squares: [f64; 2],
    /// What the squared errors may be; infinite where there is no goal.
    limits: [f64; 2],
    /// |score - baseline score|.
    difference: f64,
    /// L2 norm of the map.
    norm: f64,
}

impl Errors {
    /// Whether the errors of the sum, as they are, are too large.
    fn sum_is_off(&self) -> bool {
        self.error.powi(2) > self.limits[0]
    }

    fn are_small(&self) -> bool {
        let within = |i: usize| self.squares[i] <= self.limits[i];
        !self.sum_is_off() && within(0) && within(1)
    }

    fn warning(&self, goals: &Goals, steps: usize) -> String {
        let [sum, map] = self.squares.map(f64::sqrt);
        match goals.tolerance {
            Some(tolerance) if self.sum_is_off() || self.squares[0] > self.limits[0] => format!(
                "with {steps} steps, the errors along the path are not below {tolerance} of the score difference: their sum is {:.4} ({:.4} if they are independent); allow more steps, or a larger tolerance",
                self.error / self.difference,
                sum / self.difference
            ),
            _ => format!(
                "with {steps} steps, the error of the map is not below {}: it is about {:.4}; allow more steps, or a larger tolerance",
                goals.map_tolerance.unwrap_or_default(),
                map / self.norm
            ),
        }
    }
}

/// A place on the path where the model has been asked.
struct Node {
    t: f64,
    score: f64,
    /// Gradient times the whole path: d score / d t.
    slope: f64,
    /// Empty where it was dropped.
    gradient: Vec<f32>,
}

/// A part of the path between two nodes, which are given by their indices.
struct Interval {
    from: usize,
    to: usize,
    /// Its share of the sum minus the difference of the scores at its ends.
    error: f64,
    /// What it adds to the squared error of the sum and to that of the map.
    squares: [f64; 2],
}

struct Refinement<'a> {
    model: &'a Checked<'a>,
    pixels: &'a Pixels,
    baseline: &'a Pixels,
    /// Images per model call.
    batch: usize,
    nodes: Vec<Node>,
    intervals: Vec<Interval>,
    /// Sum of the shares of all intervals.
    sum: Vec<f64>,
    /// Number of gradients that the model was asked for.
    asked: usize,
    /// Number of intervals whose gradients can be kept.
    keep: usize,
}

impl<'a> Refinement<'a> {
    /// The path in a few equal intervals.
    fn start(
        model: &'a Checked<'a>,
        pixels: &'a Pixels,
        baseline: &'a Pixels,
        batch: usize,
    ) -> Result<Self> {
        let mut start = Self {
            model,
            pixels,
            baseline,
            batch,
            nodes: Vec::new(),
            intervals: Vec::new(),
            sum: vec![0.0; pixels.len()],
            asked: 0,
            keep: (KEPT_BYTES / (4 * pixels.len())).max(2 * FIRST),
        };
        let places: Vec<f64> = (0..=FIRST).map(|i| i as f64 / FIRST as f64).collect();
        start.ask(&places)?;
        for i in 0..FIRST {
            start.add_interval(i, i + 1);
        }
        Ok(start)
    }

    fn errors(&self, goals: &Goals, difference: f64) -> Errors {
        let norm = goals.map_tolerance.map_or(0.0, |_| self.norm());
        let limits = [
            goals.tolerance.map(|tolerance| tolerance * difference),
            goals.map_tolerance.map(|tolerance| tolerance * norm),
        ];
        Errors {
            error: self.intervals.iter().map(|i| i.error).sum::<f64>().abs(),
            squares: self.squares(),
            limits: limits.map(|limit| limit.map_or(f64::INFINITY, |limit| limit.powi(2))),
            difference,
            norm,
        }
    }

    /// Squared errors of the sum and of the map, as if the errors of the intervals were independent.
    fn squares(&self) -> [f64; 2] {
        [0, 1].map(|i| self.intervals.iter().map(|s| s.squares[i]).sum())
    }

    /// Sorts the intervals, those to be halved last, and gives the index of the first of these. `left` gradients may
    /// still be asked for.
    fn sort_worst_last(&mut self, errors: &Errors, left: usize) -> usize {
        // What an interval adds falls with the cube of its length. So the best division is that in which all add alike.
        // Where the steps that are left do not suffice for it, divide into as many parts as there can be; halving makes
        // half as many again as are needed.
        let most = (self.intervals.len() + left) as f64 / 1.5;
        let alike = [0, 1].map(|i| {
            let parts: f64 = self.intervals.iter().map(|s| s.squares[i].cbrt()).sum();
            let wanted = (errors.limits[i] / parts).powf(1.5);
            wanted.max((parts / most).powi(3))
        });
        let badness = |s: &Interval| {
            let [sum, map] = [0, 1].map(|i| s.squares[i] / alike[i]);
            sum.max(map)
        };
        let is_bad = |s: &Interval| badness(s) > 1.0;
        let bad = self.intervals.iter().filter(|s| is_bad(s)).count();
        // Last come the worst or, where not all can be kept, the first on the path of those that are bad. The place
        // decides between equals, so that the order is always the same.
        let crowded = bad > 0 && self.intervals.len() > self.keep;
        let nodes = &self.nodes;
        self.intervals.sort_by(|a, b| {
            let place = |s: &Interval| nodes[s.from].t;
            let order = if crowded {
                is_bad(a).cmp(&is_bad(b))
            } else {
                badness(a).total_cmp(&badness(b))
            };
            order.then(place(b).total_cmp(&place(a)))
        });
        let worth = if bad > 0 { bad } else { self.intervals.len() };
        self.intervals.len() - worth.min(self.batch).min(self.keep).min(left)
    }

    /// Halves the intervals from index `first` on; `again` are the nodes whose gradients this needs again.
    fn halve(&mut self, first: usize, again: &[usize]) -> Result<()> {
        self.forget();
        self.recall(again)?;
        let halved = self.intervals.split_off(first);
        let first_new = self.nodes.len();
        let places: Vec<f64> = halved
            .iter()
            .map(|s| 0.5 * (self.nodes[s.from].t + self.nodes[s.to].t))
            .collect();
        self.ask(&places)?;
        for (i, interval) in halved.iter().enumerate() {
            self.add_share(interval.from, interval.to, -1.0);
            self.add_interval(interval.from, first_new + i);
            self.add_interval(first_new + i, interval.to);
        }
        Ok(())
    }

    /// Scores and gradients at these places.
    fn answers(&mut self, places: &[f64]) -> Result<(Vec<f64>, Vec<f32>)> {
        let mut images = Vec::with_capacity(places.len() * self.pixels.len());
        for &t in places {
            push_between(&mut images, self.baseline, self.pixels, |_| t);
        }
        self.asked += places.len();
        self.model.gradients(&images, places.len())
    }

    /// Asks the model at these places; the answers become nodes in this order.
    fn ask(&mut self, places: &[f64]) -> Result<()> {
        for places in places.chunks(self.batch) {
            let (scores, gradients) = self.answers(places)?;
            let gradients = gradients.chunks_exact(self.pixels.len());
            for ((&t, &score), gradient) in places.iter().zip(&scores).zip(gradients) {
                let pairs = gradient.iter().zip(self.pixels.minus(self.baseline));
                self.nodes.push(Node {
                    t,
                    score,
                    slope: pairs.map(|(&g, distance)| f64::from(g) * distance).sum(),
                    gradient: gradient.to_vec(),
                });
            }
        }
        Ok(())
    }

    /// The ends of the intervals from index `first` on whose gradients were dropped, each once.
    fn dropped(&self, first: usize) -> Vec<usize> {
        let intervals = self.intervals[first..].iter();
        let mut ends: Vec<usize> = intervals.flat_map(|s| [s.from, s.to]).collect();
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

    /// Drops the gradients that none of the last intervals, which can be kept, has at its ends.
    fn forget(&mut self) {
        let mut needed = vec![false; self.nodes.len()];
        for interval in &self.intervals[self.intervals.len().saturating_sub(self.keep)..] {
            needed[interval.from] = true;
            needed[interval.to] = true;
        }
        let nodes = self.nodes.iter_mut().zip(needed);
        for (node, _) in nodes.filter(|(_, needed)| !needed) {
            node.gradient = Vec::new();
        }
    }

    /// Adds a new interval, and its share to the sum.
    fn add_interval(&mut self, from: usize, to: usize) {
        self.add_share(from, to, 1.0);
        let (a, b) = (&self.nodes[from], &self.nodes[to]);
        let weight = b.t - a.t;
        let error = 0.5 * weight * (a.slope + b.slope) - (b.score - a.score);
        let in_map = variance(self.pixels, self.baseline, &a.gradient, &b.gradient, weight);
        self.intervals.push(Interval {
            from,
            to,
            error,
            squares: [error.powi(2), in_map],
        });
    }

    /// Adds the share of an interval to the sum, or with the sign -1 takes it back.
    fn add_share(&mut self, from: usize, to: usize, sign: f64) {
        let (a, b) = (&self.nodes[from], &self.nodes[to]);
        let weight = sign * 0.5 * (b.t - a.t);
        for (s, (&g, &h)) in self.sum.iter_mut().zip(a.gradient.iter().zip(&b.gradient)) {
            *s += weight * (f64::from(g) + f64::from(h));
        }
    }

    /// L2 norm of the map so far.
    fn norm(&self) -> f64 {
        let distances = self.pixels.minus(self.baseline);
        norm(
            self.sum
                .iter()
                .zip(distances)
                .map(|(g, distance)| g * distance),
        )
    }
}
