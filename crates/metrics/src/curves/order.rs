use crate::curves::areas::Areas;

/// Marks the last of the samples that have the same score.
const LAST: u32 = 1 << 31;

/// Samples in descending order of their scores, sorted once for any number of weightings. It takes four bytes for each
/// sample.
pub(crate) struct Order(Vec<u32>);

impl Order {
    /// Takes over what [`descending`](crate::curves::descending) sorted: less than 2^31 samples.
    pub fn new(sorted: &[(f64, usize)]) -> Self {
        let entry = |(at, &(score, index)): (usize, &(f64, usize))| {
            let tied = sorted.get(at + 1).is_some_and(|next| next.0 == score);
            index as u32 | if tied { 0 } else { LAST }
        };
        Self(sorted.iter().enumerate().map(entry).collect())
    }

    /// The groups of samples with the same score, in descending order of the scores.
    fn groups(&self) -> impl Iterator<Item = impl Iterator<Item = usize> + Clone> {
        let groups = self.0.chunk_by(|&entry, _| entry & LAST == 0);
        groups.map(|group| group.iter().map(|&entry| (entry & !LAST) as usize))
    }

    /// The areas of these positives, where each sample counts with its weight.
    pub fn areas(&self, positive: impl Fn(usize) -> bool, weight: impl Fn(usize) -> f64) -> Areas {
        let mut areas = Areas::default();
        for (positives, negatives) in self.steps(positive, weight) {
            areas.step(positives, negatives);
        }
        areas
    }

    /// The same as [`Order::areas`], where the positives are the samples of one class. Adds to `twice`, for each other
    /// class, twice the number of pairs in which the class is ranked above it, where ties count half.
    pub fn areas_of_class(
        &self,
        class: usize,
        targets: &[u32],
        weight: impl Fn(usize) -> f64,
        twice: &mut [f64],
    ) -> Areas {
        let mut areas = Areas::default();
        let (mut positives, mut negatives) = (0.0, 0.0);
        for group in self.groups() {
            let above = positives;
            for sample in group.clone() {
                let weight = weight(sample);
                let own = if targets[sample] as usize == class {
                    weight
                } else {
                    0.0
                };
                positives += own;
                negatives += weight - own;
            }
            for sample in group {
                twice[targets[sample] as usize] += weight(sample) * (above + positives);
            }
            areas.step(positives, negatives);
        }
        areas
    }

    /// For each distinct score, the weight of the positives and of the negatives at or above it.
    pub fn steps(
        &self,
        positive: impl Fn(usize) -> bool,
        weight: impl Fn(usize) -> f64,
    ) -> impl Iterator<Item = (f64, f64)> {
        let (mut positives, mut negatives) = (0.0, 0.0);
        self.groups().map(move |group| {
            for sample in group {
                let weight = weight(sample);
                let own = if positive(sample) { weight } else { 0.0 };
                positives += own;
                negatives += weight - own;
            }
            (positives, negatives)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curves::{Ranking, descending};

    /// The same areas as those of a ranking of the samples repeated, to the last bit.
    #[test]
    fn weights_are_repetitions() {
        let scores = [0.5, 0.25, 0.5, 0.75, 0.25, 0.125, 0.5, 1.0];
        let targets = [0, 1, 1, 0, 2, 0, 2, 1];
        let draws = [1, 0, 2, 1, 3, 2, 1, 0];
        let rows: Vec<usize> = (0..8)
            .flat_map(|row| std::iter::repeat_n(row, draws[row]))
            .collect();
        let order = Order::new(&descending(scores.iter().copied()));
        for class in 0..3 {
            let ranking = |rows: &[usize]| {
                let positive: Vec<bool> = rows.iter().map(|&row| targets[row] == class).collect();
                let scores: Vec<f64> = rows.iter().map(|&row| scores[row]).collect();
                Ranking::new(&positive, &scores, None).unwrap()
            };
            let weight = |row: usize| draws[row] as f64;
            let mut twice = [0.0; 3];
            let found = order.areas_of_class(class as usize, &targets, weight, &mut twice);
            let alone = order.areas(|row| targets[row] == class, weight);
            let expected = ranking(&rows);
            for found in [found, alone] {
                assert_eq!(found.roc_auc(), expected.roc_auc());
                assert_eq!(found.average_precision(), expected.average_precision());
            }
            for other in (0..3).filter(|&other| other != class) {
                let two = |row: &&usize| [class, other].contains(&targets[**row]);
                let rows: Vec<usize> = rows.iter().filter(two).copied().collect();
                let expected = ranking(&rows);
                let pairs = 2.0 * expected.positives() * expected.negatives();
                assert_eq!(Some(twice[other as usize] / pairs), expected.roc_auc());
            }
        }
    }
}
