//! Logistic regression over rows that are elsewhere, such as on several machines: the sums that one pass over the rows
//! gives, and the search that asks for passes.

use super::choice::PASSES;
use super::config::LogisticRegression;
use super::lbfgs::{Lbfgs, Status};
use super::objective::{CHUNK, head, loss, outputs, uncentered};
use crate::error::{Error, Result};
use crate::head::network::Head;
use crate::head::products::{dots, outer};

/// Sums over rows of embeddings: the cross-entropy at some parameters, and its gradient. Sums of parts of the rows are
/// added with [`merge`](Self::merge).
///
/// Parameters are `[outputs, dim]` coefficients and then `outputs` intercepts. There is one output for each class; two
/// classes share a single one, the log-odds of the second class.
#[derive(Debug, Clone, PartialEq)]
pub struct LossSums {
    classes: usize,
    dim: usize,
    /// The number of rows, the loss, the values `[dim]`, and the gradient in the order of the parameters.
    sums: Vec<f64>,
}

/// A head that was fitted through [`LossSums`].
#[derive(Debug, Clone)]
pub struct FittedBySums {
    /// The head.
    pub head: Head,
    /// The number of rows that it was fitted on.
    pub rows: u64,
    /// The smallest value of the objective: the mean cross-entropy plus the penalty `|W|² / (2 C rows)`.
    pub objective: f64,
    /// The largest absolute entry of the gradient there.
    pub gradient: f64,
    /// The number of passes over the rows.
    pub passes: usize,
    /// Whether the optimum was reached, within the tolerance or as closely as rounding allows.
    pub converged: bool,
}

impl LossSums {
    /// The sums of no rows.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if there are fewer than two classes, or `dim` is 0.
    pub fn new(classes: usize, dim: usize) -> Result<Self> {
        if classes < 2 || dim == 0 {
            let found = format!("{classes} classes and embeddings of {dim} values");
            let expected = "two classes or more, and embeddings with values";
            return Err(Error::mismatch("a training set", expected, found));
        }
        let sums = vec![0.0; length(classes, dim)];
        Ok(Self { classes, dim, sums })
    }

    /// The number of parameters for so many classes and embeddings of `dim` values.
    pub fn parameters(classes: usize, dim: usize) -> usize {
        outputs(classes) * (dim + 1)
    }

    /// Adds rows: `values` is `[n, dim]`, `targets` are `n` class indices.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if lengths do not fit together or a target is not a class. The sums are then unchanged.
    pub fn add(&mut self, values: &[f32], targets: &[usize], parameters: &[f64]) -> Result<()> {
        let (dim, outputs) = (self.dim, outputs(self.classes));
        let expected = Self::parameters(self.classes, dim);
        if parameters.len() != expected {
            let found = parameters.len();
            return Err(Error::mismatch("parameters of a head", expected, found));
        }
        if values.len() != targets.len() * dim {
            let (expected, found) = (targets.len() * dim, values.len());
            return Err(Error::mismatch("values of embeddings", expected, found));
        }
        if let Some(target) = targets.iter().find(|&&target| target >= self.classes) {
            let expected = format!("0 to {}", self.classes - 1);
            return Err(Error::mismatch("a target", expected, target));
        }
        let (coefficients, intercepts) = parameters.split_at(outputs * dim);
        let (counts, sums) = self.sums.split_at_mut(2);
        let (totals, sums) = sums.split_at_mut(dim);
        let (of_coefficients, of_intercepts) = sums.split_at_mut(outputs * dim);
        let order: Vec<usize> = (0..CHUNK).collect();
        let mut logits = vec![0.0; CHUNK * outputs];
        for (values, targets) in values.chunks(CHUNK * dim).zip(targets.chunks(CHUNK)) {
            let wide: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
            let (order, logits) = (
                &order[..targets.len()],
                &mut logits[..targets.len() * outputs],
            );
            dots(&wide, order, coefficients, dim, logits);
            for (logits, &target) in logits.chunks_exact_mut(outputs).zip(targets) {
                add(logits, intercepts);
                counts[1] += loss(logits, &shares(target, self.classes));
                add(of_intercepts, logits);
            }
            outer(&wide, order, logits, dim, of_coefficients);
            wide.chunks_exact(dim).for_each(|row| add(totals, row));
            counts[0] += targets.len() as f64;
        }
        Ok(())
    }

    /// Adds the sums of other rows at the same parameters.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if they are of other classes or embeddings of another length.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if (self.classes, self.dim) != (other.classes, other.dim) {
            let shape = |sums: &Self| format!("{} classes, {} values", sums.classes, sums.dim);
            return Err(Error::mismatch("sums to merge", shape(self), shape(other)));
        }
        add(&mut self.sums, &other.sums);
        Ok(())
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        self.sums[0] as u64
    }

    /// The memory that the sums take, in bytes.
    pub fn size(&self) -> usize {
        size_of_val(&self.sums[..])
    }

    /// The sums as bytes, for [`from_bytes`](Self::from_bytes) on another machine.
    pub fn to_bytes(&self) -> Vec<u8> {
        let shape = [self.classes, self.dim].map(|count| count as f64);
        let numbers = shape.iter().chain(&self.sums);
        numbers.flat_map(|number| number.to_le_bytes()).collect()
    }

    /// Sums from their [bytes](Self::to_bytes).
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the bytes are cut or are not such sums.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (numbers, rest) = bytes.as_chunks();
        let numbers: Vec<f64> = numbers.iter().copied().map(f64::from_le_bytes).collect();
        let shape = match numbers[..] {
            [classes, dim, ..] if rest.is_empty() => [classes as usize, dim as usize],
            _ => [0; 2],
        };
        let [classes, dim] = shape;
        // What a damaged file says is not allocated.
        let fitting = classes
            .checked_mul(dim)
            .is_some_and(|size| size <= bytes.len());
        if !fitting || classes < 2 || dim == 0 || numbers.len() - 2 != length(classes, dim) {
            let found = format!("{} bytes of something else", bytes.len());
            return Err(Error::mismatch("sums of a pass", "their bytes", found));
        }
        let sums = numbers[2..].to_vec();
        Ok(Self { classes, dim, sums })
    }

    /// The mean of each value.
    fn means(&self) -> Vec<f64> {
        let sums = &self.sums[2..2 + self.dim];
        sums.iter().map(|sum| sum / self.sums[0]).collect()
    }

    /// The objective and its gradient where values are centered: only the intercepts are then others.
    fn centered(&self, c: f64, coefficients: &[f64], means: &[f64]) -> (f64, Vec<f64>) {
        let (rows, loss) = (self.sums[0], self.sums[1]);
        let penalty = 1.0 / (c * rows);
        let gradient = &self.sums[2 + self.dim..];
        let (of_coefficients, of_intercepts) = gradient.split_at(coefficients.len());
        let squares: f64 = coefficients.iter().map(|w| w * w).sum();
        let mut centered = Vec::with_capacity(gradient.len());
        for ((g, w), b) in of_coefficients
            .chunks_exact(self.dim)
            .zip(coefficients.chunks_exact(self.dim))
            .zip(of_intercepts)
        {
            let row = g.iter().zip(w).zip(means);
            centered.extend(row.map(|((g, w), m)| (g - b * m) / rows + penalty * w));
        }
        centered.extend(of_intercepts.iter().map(|b| b / rows));
        (loss / rows + 0.5 * penalty * squares, centered)
    }
}

impl LogisticRegression {
    /// Fits a head to rows of which only sums are known: `sums` makes a pass over the rows and returns their sums at the
    /// parameters that it is given. The objective and the [tolerance](Self::with_tolerance) are those of a fit on one
    /// machine without class weights and label smoothing, so the optimum is the same. `C` must be a single value.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are several values of `C` or a setting is out of its range, [`Error::Mismatch`] if
    /// there are no rows, and the errors of `sums`.
    pub fn fit_sums<E: From<Error>>(
        &self,
        classes: usize,
        dim: usize,
        mut sums: impl FnMut(&[f64]) -> Result<LossSums, E>,
    ) -> Result<FittedBySums, E> {
        self.check(0)?;
        let [c] = self.regularization[..] else {
            let (found, expected) = (self.regularization.len(), "a single value");
            return Err(Error::setting("number of values of C", found, expected).into());
        };
        let size = LossSums::parameters(classes, dim);
        let split = size - outputs(classes);
        let mut search = Lbfgs::new(vec![0.0; size], self.tolerance);
        let (mut means, mut rows, mut objective) = (vec![0.0; dim], 0, f64::INFINITY);
        let (mut passes, mut status) = (0, Status::Evaluate);
        while status == Status::Evaluate && passes < PASSES {
            let (coefficients, intercepts) = search.trial().split_at(split);
            let intercepts = uncentered(coefficients, intercepts, &means);
            let found = sums(&[coefficients, &intercepts].concat())?;
            if (found.classes, found.dim) != (classes, dim) || found.rows() == 0 {
                let expected = format!("rows of {classes} classes with {dim} values");
                let shape = (found.rows(), found.classes, found.dim);
                let found = format!(
                    "{} rows of {} classes with {} values",
                    shape.0, shape.1, shape.2
                );
                return Err(Error::mismatch("sums of a pass", expected, found).into());
            }
            if passes == 0 {
                // The search starts at zero, where centering changes nothing.
                (means, rows) = (found.means(), found.rows());
            }
            let (value, gradient) = found.centered(c, coefficients, &means);
            objective = value.min(objective);
            status = search.tell(value, gradient);
            passes += 1;
        }
        Ok(FittedBySums {
            head: head(search.best(), &means, classes)?,
            rows,
            objective,
            gradient: search.gradient_norm(),
            passes,
            converged: status != Status::Evaluate,
        })
    }
}

/// How many numbers the sums are.
fn length(classes: usize, dim: usize) -> usize {
    2 + dim + LossSums::parameters(classes, dim)
}

/// The share of a row that belongs to each output.
fn shares(target: usize, classes: usize) -> Vec<f64> {
    let first = usize::from(classes == 2);
    let share = |class| if class == target { 1.0 } else { 0.0 };
    (first..classes).map(share).collect()
}

fn add(to: &mut [f64], from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
}
