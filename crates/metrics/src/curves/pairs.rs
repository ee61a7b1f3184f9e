use crate::confusion::Average;
use crate::curves::order::Order;
use crate::numeric::WeightedMean;

/// The classes that have samples. What is computed for pairs of classes is computed for these alone, so that it takes no
/// more memory than the probabilities.
pub(crate) struct Present {
    /// The classes, ascending.
    pub classes: Vec<usize>,
    /// For each sample, the place of its target in `classes`.
    pub targets: Vec<u32>,
}

impl Present {
    pub fn new(targets: &[usize], classes: usize) -> Self {
        let mut places = vec![u32::MAX; classes];
        for &target in targets {
            places[target] = 0;
        }
        let present = (0..classes).filter(|&class| places[class] == 0);
        let present: Vec<usize> = present.collect();
        for (place, &class) in (0..).zip(&present) {
            places[class] = place;
        }
        Self {
            classes: present,
            targets: targets.iter().map(|&target| places[target]).collect(),
        }
    }

    /// Number of samples of each of the classes.
    pub fn counts(&self) -> Vec<f64> {
        let mut counts = vec![0.0; self.classes.len()];
        for &target in &self.targets {
            counts[target as usize] += 1.0;
        }
        counts
    }

    /// For the class at this place and each other class, twice the number of pairs of their samples in which the class
    /// is ranked above the other, where ties count half. The samples are sorted by the probability of the class.
    pub fn pairs_of(&self, place: usize, sorted: &[(f64, usize)]) -> Vec<f64> {
        let mut twice = vec![0.0; self.classes.len()];
        Order::new(sorted).areas_of_class(place, &self.targets, |_| 1.0, &mut twice);
        twice
    }
}

/// Area under the ROC curve of each pair of classes, averaged over the pairs. `twice` has, for each class, what
/// [`Present::pairs_of`] counts; `counts` has the samples of each class.
pub(crate) fn one_vs_one(twice: &[f64], counts: &[f64], average: Average) -> Option<f64> {
    let classes = counts.len();
    let samples: f64 = counts.iter().sum();
    let area = |a: usize, b: usize| twice[a * classes + b] / (2.0 * counts[a] * counts[b]);
    let mut mean = WeightedMean::default();
    for a in 0..classes {
        for b in a + 1..classes {
            if counts[a] * counts[b] > 0.0 {
                let weight = match average {
                    Average::Weighted => (counts[a] + counts[b]) / samples,
                    _ => 1.0,
                };
                mean.add(f64::midpoint(area(a, b), area(b, a)), weight);
            }
        }
    }
    mean.mean()
}
