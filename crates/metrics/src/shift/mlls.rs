//! Frequencies of classes by the likelihood of probabilities.

/// So many steps are made at most.
pub(super) const MOST_STEPS: usize = 100_000;

/// Steps of expectation maximization, until no frequency changes by more than `tolerance`; each new sample counts with its
/// weight. Returns the frequencies and the number of steps; `None` if there are too many steps.
pub(super) fn maximize(
    probabilities: &[f64],
    weights: &[f64],
    source: &[f64],
    tolerance: f64,
) -> Option<(Vec<f64>, usize)> {
    let k = source.len();
    let total: f64 = weights.iter().sum();
    let mut priors = source.to_vec();
    let mut next = vec![0.0; k];
    let mut row = vec![0.0; k];
    for step in 1..=MOST_STEPS {
        let ratios: Vec<f64> = priors
            .iter()
            .zip(source)
            .map(|(new, old)| new / old)
            .collect();
        next.fill(0.0);
        for (values, &weight) in probabilities.chunks_exact(k).zip(weights) {
            if weight == 0.0 {
                continue;
            }
            reweigh(values, &ratios, &mut row);
            for (next, value) in next.iter_mut().zip(&row) {
                *next += weight * value;
            }
        }
        next.iter_mut().for_each(|value| *value /= total);
        let changes = next.iter().zip(&priors).map(|(a, b)| (a - b).abs());
        let most = changes.fold(0.0, f64::max);
        std::mem::swap(&mut priors, &mut next);
        if most <= tolerance {
            return Some((priors, step));
        }
    }
    None
}

/// Probabilities after the frequencies of the classes changed by these ratios. A sample whose classes are all gone keeps its
/// probabilities.
pub(super) fn reweigh(values: &[f64], ratios: &[f64], row: &mut [f64]) {
    let mut sum = 0.0;
    for ((out, value), ratio) in row.iter_mut().zip(values).zip(ratios) {
        *out = value * ratio;
        sum += *out;
    }
    if sum > 0.0 {
        row.iter_mut().for_each(|out| *out /= sum);
    } else {
        row.copy_from_slice(values);
    }
}
