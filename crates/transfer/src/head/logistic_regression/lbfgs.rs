use std::collections::VecDeque;

/// Pairs of steps and gradient changes that are kept at most.
const HISTORY: usize = 12;
/// With a preconditioner, fewer do as well.
const PRECONDITIONED_HISTORY: usize = 8;
/// Values that a thread adds up at a time.
const PART: usize = 1 << 16;
/// Share of the predicted decrease that a step has to bring (Armijo).
const SUFFICIENT: f64 = 1e-4;
/// Shortenings of one step before rounding is taken to be the cause.
const SHORTENINGS: usize = 30;

/// Where a minimization stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Evaluate [`Lbfgs::trial`] and tell the result.
    Evaluate,
    /// The gradient is below the tolerance.
    Converged,
    /// No step along the direction lowers the function: what rounding allows is reached.
    Stalled,
}

/// Limited-memory BFGS (Nocedal and Wright, algorithm 7.4) as a state machine: the caller evaluates the
/// function where [`trial`](Self::trial) says and [`tell`](Self::tell)s the result, so that many problems
/// can share one pass over their data.
#[derive(Debug, Clone)]
pub(crate) struct Lbfgs {
    x: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    direction: Vec<f64>,
    slope: f64,
    step: f64,
    shortenings: usize,
    trial: Vec<f64>,
    pairs: VecDeque<(Vec<f64>, Vec<f64>, f64)>,
    tolerance: f64,
    started: bool,
    history: usize,
    /// Rounding of the function's values, beside that of `f64`.
    noise: f64,
}

/// What makes a gradient into a direction of descent: it multiplies by a positive definite matrix, which is close to the
/// inverse of the curvature.
pub(crate) type Precondition<'a> = &'a dyn Fn(&mut [f64]);

impl Lbfgs {
    pub(crate) fn new(start: Vec<f64>, tolerance: f64) -> Self {
        let zeros = vec![0.0; start.len()];
        Self {
            trial: start.clone(),
            x: start,
            value: f64::INFINITY,
            gradient: zeros.clone(),
            direction: zeros,
            slope: 0.0,
            step: 0.0,
            shortenings: 0,
            pairs: VecDeque::with_capacity(HISTORY),
            tolerance,
            started: false,
            history: HISTORY,
            noise: 0.0,
        }
    }

    /// A search that is [told](Self::tell_with) a preconditioner each time. `rounding` is that of the function's terms.
    pub(crate) fn preconditioned(start: Vec<f64>, tolerance: f64, rounding: f64) -> Self {
        Self {
            history: PRECONDITIONED_HISTORY,
            noise: 4.0 * rounding,
            ..Self::new(start, tolerance)
        }
    }

    /// Where to evaluate next.
    pub(crate) fn trial(&self) -> &[f64] {
        &self.trial
    }

    /// The best point so far.
    pub(crate) fn best(&self) -> &[f64] {
        &self.x
    }

    /// The largest entry of the gradient there.
    pub(crate) fn gradient_norm(&self) -> f64 {
        self.gradient.iter().fold(0.0, |m, g| m.max(g.abs()))
    }

    /// Takes the function's value and gradient at [`trial`](Self::trial).
    pub(crate) fn tell(&mut self, value: f64, gradient: Vec<f64>) -> Status {
        self.take(value, gradient, None)
    }

    /// As [`tell`](Self::tell), for a search with a preconditioner.
    pub(crate) fn tell_with(
        &mut self,
        value: f64,
        gradient: Vec<f64>,
        precondition: Precondition<'_>,
    ) -> Status {
        self.take(value, gradient, Some(precondition))
    }

    fn take(
        &mut self,
        value: f64,
        gradient: Vec<f64>,
        precondition: Option<Precondition<'_>>,
    ) -> Status {
        // Near the optimum differences of values are rounding; then the gradient decides.
        let rounding = f64::EPSILON * 8.0 * self.value.abs() + self.noise;
        if self.started && value > self.value + SUFFICIENT * self.step * self.slope + rounding
            || value.is_nan()
        {
            self.shortenings += 1;
            if self.shortenings > SHORTENINGS || !self.started {
                return Status::Stalled;
            }
            // The minimum of the parabola through both values and the slope, kept within bounds.
            let bend = value - self.value - self.step * self.slope;
            let ratio = -0.5 * self.step * self.slope / bend;
            self.step *= if ratio.is_finite() {
                ratio.clamp(0.1, 0.5)
            } else {
                0.1
            };
            self.place();
            return Status::Evaluate;
        }
        if self.started {
            let s: Vec<f64> = self.trial.iter().zip(&self.x).map(|(a, b)| a - b).collect();
            let y: Vec<f64> = gradient
                .iter()
                .zip(&self.gradient)
                .map(|(a, b)| a - b)
                .collect();
            let curvature = dot(&s, &y);
            if curvature > f64::EPSILON * dot(&y, &y) {
                if self.pairs.len() == self.history {
                    self.pairs.pop_front();
                }
                self.pairs.push_back((s, y, 1.0 / curvature));
            }
        }
        self.x.copy_from_slice(&self.trial);
        (self.value, self.gradient) = (value, gradient);
        if self.gradient_norm() <= self.tolerance {
            return Status::Converged;
        }
        self.turn(precondition);
        self.step = if self.started || precondition.is_some() {
            1.0
        } else {
            (1.0 / dot(&self.gradient, &self.gradient).sqrt()).min(1e3)
        };
        self.started = true;
        self.shortenings = 0;
        self.place();
        Status::Evaluate
    }

    /// The new direction: the two-loop recursion.
    fn turn(&mut self, precondition: Option<Precondition<'_>>) {
        let mut q: Vec<f64> = self.gradient.iter().map(|g| -g).collect();
        let mut shares = [0.0; HISTORY];
        for ((s, y, inverse), share) in self.pairs.iter().zip(&mut shares).rev() {
            *share = inverse * dot(s, &q);
            add(&mut q, -*share, y);
        }
        if let Some(precondition) = precondition {
            precondition(&mut q);
        }
        if let Some((_, y, inverse)) = self.pairs.back() {
            let curvature = match precondition {
                Some(precondition) => {
                    let mut turned = y.clone();
                    precondition(&mut turned);
                    dot(y, &turned)
                }
                None => dot(y, y),
            };
            let scale = 1.0 / (inverse * curvature);
            for q in &mut q {
                *q *= scale;
            }
        }
        for ((s, y, inverse), share) in self.pairs.iter().zip(&shares) {
            let change = share - inverse * dot(y, &q);
            add(&mut q, change, s);
        }
        self.slope = dot(&q, &self.gradient);
        self.direction = q;
        if self.slope >= 0.0 {
            // Rounding has spoilt the history: start again from the steepest descent.
            self.pairs.clear();
            self.direction = self.gradient.iter().map(|g| -g).collect();
            self.slope = -dot(&self.gradient, &self.gradient);
        }
    }

    fn place(&mut self) {
        for ((trial, x), d) in self.trial.iter_mut().zip(&self.x).zip(&self.direction) {
            *trial = x + self.step * d;
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let part = |(a, b): (&[f64], &[f64])| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    if a.len() <= PART {
        return part((a, b));
    }
    let parts = a.chunks(PART).zip(b.chunks(PART));
    crate::threads::map(parts, part).into_iter().sum()
}

fn add(to: &mut [f64], factor: f64, from: &[f64]) {
    let part = |(to, from): (&mut [f64], &[f64])| {
        for (to, from) in to.iter_mut().zip(from) {
            *to += factor * from;
        }
    };
    if to.len() <= PART {
        return part((to, from));
    }
    crate::threads::map(to.chunks_mut(PART).zip(from.chunks(PART)), part);
}

#[cfg(test)]
mod tests {
    use super::{Lbfgs, Status};

    #[test]
    fn the_minimum_of_a_stretched_bowl() {
        let scales = [1.0, 10.0, 1e3, 1e-2];
        let mut search = Lbfgs::new(vec![1.0, -2.0, 3.0, 4.0], 1e-12);
        for _ in 0..200 {
            let x = search.trial();
            let value = x.iter().zip(scales).map(|(x, s)| 0.5 * s * x * x).sum();
            let gradient = x.iter().zip(scales).map(|(x, s)| s * x).collect();
            if search.tell(value, gradient) != Status::Evaluate {
                break;
            }
        }
        assert!(
            search.best().iter().all(|x| x.abs() < 1e-9),
            "{:?}",
            search.best()
        );
    }
}
