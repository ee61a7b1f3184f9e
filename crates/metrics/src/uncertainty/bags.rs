use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Up to this number of samples, each replicate is drawn from all of them.
const EXACT: usize = 100_000;

/// Number of bags to which more samples are dealt.
pub(super) const BAGS: usize = 20;

/// A class with fewer samples than this is whole in every bag, so that each bag has at least a thousand of each class or
/// all of them.
const WHOLE: usize = 1000 * BAGS;

/// Samples from which replicates are drawn.
pub(super) struct Bag {
    /// Indices of the samples, stratum after stratum.
    pub rows: Vec<usize>,
    strata: Vec<Stratum>,
}

/// The samples of one class in a bag.
struct Stratum {
    start: usize,
    length: usize,
    /// How many samples a replicate draws.
    draws: usize,
}

impl Bag {
    /// One bag that holds all samples.
    pub fn whole(strata: &[Vec<usize>]) -> Self {
        Self::of(strata.iter().map(|stratum| (&stratum[..], stratum.len())))
    }

    /// Deals the samples to bags, if there are so many that drawing from all of them would take long: the bag of little
    /// bootstraps (Kleiner et al. 2014), with bags that together hold every sample. From each bag as many samples are
    /// drawn as there are in all, so that the replicates vary as those of all samples do.
    pub fn deal(strata: &[Vec<usize>], seed: u64) -> Vec<Self> {
        let samples: usize = strata.iter().map(Vec::len).sum();
        if samples <= EXACT || strata.iter().all(|stratum| stratum.len() < WHOLE) {
            return vec![Self::whole(strata)];
        }
        // The replicates have the streams from 0.
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(u64::MAX);
        let shuffled: Vec<Vec<usize>> = strata
            .iter()
            .map(|stratum| {
                let mut rows = stratum.clone();
                if rows.len() >= WHOLE {
                    rows.shuffle(&mut random);
                }
                rows
            })
            .collect();
        let bag = |bag: usize| {
            Self::of(shuffled.iter().map(|rows| {
                let n = rows.len();
                let own = if n < WHOLE {
                    0..n
                } else {
                    bag * n / BAGS..(bag + 1) * n / BAGS
                };
                (&rows[own], n)
            }))
        };
        (0..BAGS).map(bag).collect()
    }

    /// Strata with their samples, and the number of samples that are drawn from each.
    fn of<'a>(parts: impl Iterator<Item = (&'a [usize], usize)>) -> Self {
        let (mut rows, mut strata) = (Vec::new(), Vec::new());
        for (part, draws) in parts.filter(|(part, _)| !part.is_empty()) {
            strata.push(Stratum {
                start: rows.len(),
                length: part.len(),
                draws,
            });
            rows.extend_from_slice(part);
        }
        Self { rows, strata }
    }

    /// How often each sample is drawn in one replicate.
    pub fn draw(&self, random: &mut ChaCha8Rng) -> Vec<f64> {
        let mut drawn = vec![0.0; self.rows.len()];
        for stratum in &self.strata {
            let drawn = &mut drawn[stratum.start..stratum.start + stratum.length];
            for _ in 0..stratum.draws {
                drawn[random.random_range(0..stratum.length)] += 1.0;
            }
        }
        drawn
    }

    /// How often each sample is drawn on average.
    pub fn expected(&self) -> Vec<f64> {
        let strata = self.strata.iter();
        let each = |s: &Stratum| std::iter::repeat_n(s.draws as f64 / s.length as f64, s.length);
        strata.flat_map(each).collect()
    }

    /// Number of groups of each stratum that the jackknife leaves out in turn: each sample alone, or, of more than a
    /// thousand, 200 groups.
    pub fn groups(&self) -> impl Iterator<Item = usize> {
        let lengths = self.strata.iter().map(|stratum| stratum.length);
        lengths.map(|length| if length <= 1000 { length } else { 200 })
    }

    /// Each sample once, but none of one of these groups of a stratum.
    pub fn without(&self, stratum: usize, group: usize, groups: usize) -> Vec<f64> {
        let mut counts = vec![1.0; self.rows.len()];
        let Stratum { start, length, .. } = self.strata[stratum];
        let own = counts[start..start + length].iter_mut();
        own.skip(group)
            .step_by(groups)
            .for_each(|count| *count = 0.0);
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bags_hold_every_sample_of_large_classes_once() {
        let strata = [
            (0..90_001).collect::<Vec<usize>>(),
            Vec::new(),
            (90_001..110_000).collect(),
        ];
        let bags = Bag::deal(&strata, 3);
        assert_eq!(bags.len(), BAGS);
        let mut held = vec![0; 110_000];
        for bag in &bags {
            assert_eq!(bag.rows.len(), bag.expected().len());
            for &row in &bag.rows {
                held[row] += 1;
            }
            let drawn = bag.draw(&mut ChaCha8Rng::seed_from_u64(1));
            let large = bag.rows.iter().filter(|&&row| row < 90_001).count();
            assert!((4500..=4501).contains(&large), "{large}");
            assert_eq!(drawn[..large].iter().sum::<f64>(), 90_001.0);
            assert_eq!(drawn[large..].iter().sum::<f64>(), 19_999.0);
        }
        assert!(held[..90_001].iter().all(|&count| count == 1));
        assert!(held[90_001..].iter().all(|&count| count == BAGS));
        let other = Bag::deal(&strata, 4);
        assert_ne!(bags[0].rows, other[0].rows);
        let few = [(0..50_000).collect(), (50_000..100_000).collect()];
        assert_eq!(Bag::deal(&few, 3).len(), 1);
    }
}
