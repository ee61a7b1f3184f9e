use crate::error::{Error, Result};

/// One image, and how doubtful its label is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suspect {
    /// Row of the image.
    pub index: usize,
    /// The given label.
    pub given: usize,
    /// The most probable other label.
    pub likely: usize,
    /// Probability of the given label minus that of `likely`: from -1 (surely wrong) to 1 (surely right).
    pub margin: f64,
    /// Whether the image counts as mislabeled by confident learning. A class is confident for an image if its probability
    /// is at least the [threshold](LabelNoise::thresholds) of the class. The image counts as mislabeled if the most
    /// probable confident class is not the given label, and another class is more probable than the given label.
    pub mislabeled: bool,
}

/// The result of [`label_noise`].
#[derive(Debug, Clone, PartialEq)]
pub struct LabelNoise {
    /// Every image, the most doubtful first: the images that count as mislabeled, then the others, both sorted by
    /// margin.
    pub ranking: Vec<Suspect>,
    /// For each class, the mean probability of the class over the images with that label; `None` for a class without
    /// images.
    pub thresholds: Vec<Option<f64>>,
    /// `[classes, classes]`: `[i * classes + j]` is the estimated share of images with the given label `i` and the true
    /// label `j`. All values sum to 1.
    pub joint: Vec<f64>,
}

impl LabelNoise {
    /// The estimated share of wrong labels, 0 to 1.
    pub fn noise_rate(&self) -> f64 {
        let classes = self.thresholds.len();
        1.0 - (0..classes)
            .map(|i| self.joint[i * classes + i])
            .sum::<f64>()
    }

    /// The images that count as mislabeled, the most doubtful first.
    pub fn mislabeled(&self) -> impl Iterator<Item = &Suspect> {
        self.ranking.iter().take_while(|s| s.mislabeled)
    }
}

/// Finds labels that are probably wrong by confident learning
/// ([Northcutt, Jiang and Chuang 2021](https://arxiv.org/abs/1911.00068)).
///
/// `targets` are the given labels. `probabilities` is `[n, classes]`. Each row must be predicted by a model that was
/// fitted *without* that image (out of fold), because a model that has seen a wrong label repeats it;
/// [`FitReport::out_of_fold`](crate::head::FitReport::out_of_fold) has such rows. The ranking is by margin, which
/// cleanlab calls `normalized_margin`.
///
/// # Errors
/// [`Error::Mismatch`] if the lengths do not fit together, there are fewer than two classes or no images, a target is
/// not a class, or a probability is not in 0 to 1.
///
/// ```
/// # fn main() -> transfer::Result<()> {
/// let probabilities = [0.9, 0.1, 0.8, 0.2, 0.1, 0.9, 0.2, 0.8, 0.05, 0.95];
/// let noise = transfer::insight::label_noise(&[0, 0, 1, 1, 0], &probabilities, 2)?;
/// assert_eq!(noise.ranking[0].index, 4); // labeled 0, looks like 1
/// # Ok(())
/// # }
/// ```
pub fn label_noise(targets: &[usize], probabilities: &[f64], classes: usize) -> Result<LabelNoise> {
    check(targets, probabilities, classes)?;
    let rows = || std::iter::zip(targets, probabilities.chunks_exact(classes));

    let mut sums = vec![(0.0, 0usize); classes];
    for (&given, row) in rows() {
        sums[given].0 += row[given];
        sums[given].1 += 1;
    }
    let thresholds: Vec<Option<f64>> = sums
        .iter()
        .map(|&(sum, n)| (n > 0).then(|| sum / n as f64))
        .collect();

    // The confident joint: images with a confident class, counted by the given label and that class.
    let mut counts = vec![0.0; classes * classes];
    let mut ranking = Vec::with_capacity(targets.len());
    for (index, (&given, row)) in rows().enumerate() {
        // Rounding can make a mean larger than all values it is the mean of.
        let reaches = |t: f64, p: f64| p >= t - 1e-9;
        let confident = (0..classes).filter(|&c| thresholds[c].is_some_and(|t| reaches(t, row[c])));
        let confident_class = confident.reduce(|best, c| if row[c] > row[best] { c } else { best });
        if let Some(class) = confident_class {
            counts[given * classes + class] += 1.0;
        }
        let others = (0..classes).filter(|&c| c != given);
        let likely = others.reduce(|best, c| if row[c] > row[best] { c } else { best });
        let likely = likely.unwrap_or(given);
        ranking.push(Suspect {
            index,
            given,
            likely,
            margin: row[given] - row[likely],
            mislabeled: confident_class.is_some_and(|c| c != given) && row[likely] > row[given],
        });
    }
    ranking.sort_by(|a, b| {
        (b.mislabeled.cmp(&a.mislabeled))
            .then(a.margin.total_cmp(&b.margin))
            .then(a.index.cmp(&b.index))
    });

    let images: Vec<usize> = sums.iter().map(|&(_, n)| n).collect();
    Ok(LabelNoise {
        ranking,
        thresholds,
        joint: normalized(counts, &images),
    })
}

fn check(targets: &[usize], probabilities: &[f64], classes: usize) -> Result<()> {
    if classes < 2 || targets.len().checked_mul(classes) != Some(probabilities.len()) {
        let expected = format!("{} images of {classes} (at least 2) classes", targets.len());
        return Err(Error::mismatch(
            "probabilities",
            expected,
            probabilities.len(),
        ));
    }
    if targets.is_empty() {
        return Err(Error::mismatch("images", "at least 1", 0));
    }
    if let Some(target) = targets.iter().find(|&&t| t >= classes) {
        return Err(Error::mismatch(
            "a target",
            format!("less than {classes}"),
            target,
        ));
    }
    if let Some(p) = probabilities.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(Error::mismatch("a probability", "0 to 1", p));
    }
    Ok(())
}

/// Scales the row of each given label to the number of images with that label, and the whole to the sum 1.
fn normalized(mut counts: Vec<f64>, images: &[usize]) -> Vec<f64> {
    let total: usize = images.iter().sum();
    for (given, (row, &n)) in counts
        .chunks_exact_mut(images.len())
        .zip(images)
        .enumerate()
    {
        let confident: f64 = row.iter().sum();
        if confident == 0.0 {
            row[given] = n as f64;
        } else {
            for v in row.iter_mut() {
                *v *= n as f64 / confident;
            }
        }
        for v in row.iter_mut() {
            *v /= total as f64;
        }
    }
    counts
}
