use std::cmp::Reverse;

use crate::confusion::matrix::ConfusionMatrix;
use crate::numeric::share;

/// The largest number of classes that are clustered: the similarities of all pairs take 16 MB.
const MOST: usize = 1000;

impl ConfusionMatrix {
    /// All classes, ordered so that classes that are confused with each other are neighbors and the confusions of a
    /// large matrix form blocks along the diagonal.
    ///
    /// The order is that of the leaves of a hierarchical clustering with average linkage. The similarity of two classes
    /// is the sum of two fractions: the samples of each that were predicted as the other. Where two clusters are
    /// joined, each is turned so that the most similar ends meet. Larger groups come first. Classes that are confused
    /// with no other class come last, in their own order.
    ///
    /// The same matrix always gives the same order: at ties the smaller index comes first. With more than 1000 classes,
    /// the classes are returned in their own order.
    ///
    /// ```
    /// use metrics::ConfusionMatrix;
    ///
    /// # fn main() -> Result<(), metrics::Error> {
    /// let confusion = ConfusionMatrix::from_rows(&[
    ///     vec![8.0, 0.0, 2.0], // some samples of the first class are predicted as the third
    ///     vec![0.0, 9.0, 0.0],
    ///     vec![1.0, 0.0, 9.0],
    /// ])?;
    /// assert_eq!(confusion.clustered_order(), [0, 2, 1]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn clustered_order(&self) -> Vec<usize> {
        let classes = self.classes();
        if classes > MOST {
            return (0..classes).collect();
        }
        let mut groups = Clustering::new(self.similarities(), classes).groups();
        groups.sort_by_key(|group| (Reverse(group.len()), group.iter().min().copied()));
        groups.concat()
    }

    /// The similarity of each two classes, `[classes, classes]`, symmetric and with 0 on the diagonal.
    fn similarities(&self) -> Vec<f64> {
        let classes = self.classes();
        let mut similar = vec![0.0; classes * classes];
        for (target, row) in self.rows().enumerate() {
            let support = row.iter().sum();
            for (predicted, &count) in row.iter().enumerate() {
                if predicted != target && count > 0.0 {
                    let lost = share(count, support).unwrap_or_default();
                    similar[target * classes + predicted] += lost;
                    similar[predicted * classes + target] += lost;
                }
            }
        }
        similar
    }
}

/// Clusters that are joined until no two of them are similar. A cluster is known by the index of one of its classes.
struct Clustering {
    classes: usize,
    /// Similarity of the single classes.
    of_classes: Vec<f64>,
    /// Mean similarity of the classes of each two clusters.
    of_clusters: Vec<f64>,
    /// The classes of each cluster in their order; `None` where a cluster was joined with another or is finished.
    clusters: Vec<Option<Vec<usize>>>,
}

impl Clustering {
    fn new(similar: Vec<f64>, classes: usize) -> Self {
        Self {
            classes,
            of_clusters: similar.clone(),
            of_classes: similar,
            clusters: (0..classes).map(|class| Some(vec![class])).collect(),
        }
    }

    /// Joins clusters as long as two are similar. Any two clusters that are nearest to each other may be joined, in any
    /// order, and the tree is the same (nearest-neighbor chain; Benzécri 1982).
    fn groups(mut self) -> Vec<Vec<usize>> {
        let mut finished = Vec::new();
        for start in 0..self.classes {
            while self.clusters[start].is_some() {
                let (mut last, mut next) = (start, self.nearest(start, None));
                while let Some(near) = next {
                    // The similarity grows with each step, or the step leads back: the chain ends.
                    let after = self.nearest(near, Some(last));
                    if after == Some(last) {
                        self.join(last.min(near), last.max(near));
                        break;
                    }
                    (last, next) = (near, after);
                }
                if next.is_none() {
                    finished.extend(self.clusters[start].take());
                }
            }
        }
        finished
    }

    /// The most similar other cluster; at ties `preferred`, then the smallest index. `None` if none is similar at all.
    fn nearest(&self, cluster: usize, preferred: Option<usize>) -> Option<usize> {
        let row = &self.of_clusters[cluster * self.classes..][..self.classes];
        let mut best = preferred;
        let mut highest = preferred.map_or(0.0, |other| row[other]);
        for (other, &similar) in row.iter().enumerate() {
            if similar > highest && other != cluster && self.clusters[other].is_some() {
                (best, highest) = (Some(other), similar);
            }
        }
        best
    }

    /// Joins two clusters under the index of the first.
    fn join(&mut self, first: usize, second: usize) {
        let (Some(a), Some(b)) = (self.clusters[first].take(), self.clusters[second].take()) else {
            return;
        };
        let (n, m) = (a.len() as f64, b.len() as f64);
        for other in 0..self.classes {
            let [of_first, of_second] =
                [first, second].map(|one| self.of_clusters[one * self.classes + other]);
            let mean = (n * of_first + m * of_second) / (n + m);
            self.of_clusters[first * self.classes + other] = mean;
            self.of_clusters[other * self.classes + first] = mean;
        }
        self.clusters[first] = Some(self.side_by_side(a, b));
    }

    /// The classes of two clusters, each turned so that the most similar ends meet.
    fn side_by_side(&self, mut a: Vec<usize>, mut b: Vec<usize>) -> Vec<usize> {
        let ends = |classes: &[usize]| [classes[0], classes[classes.len() - 1]];
        let ([a_first, a_last], [b_first, b_last]) = (ends(&a), ends(&b));
        let similar = |x: usize, y: usize| self.of_classes[x * self.classes + y];
        let mut best = (similar(a_last, b_first), false, false);
        for (x, y, turn_a, turn_b) in [
            (a_last, b_last, false, true),
            (a_first, b_first, true, false),
            (a_first, b_last, true, true),
        ] {
            if similar(x, y) > best.0 {
                best = (similar(x, y), turn_a, turn_b);
            }
        }
        if best.1 {
            a.reverse();
        }
        if best.2 {
            b.reverse();
        }
        a.extend(b);
        a
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups of four classes that lie far apart and are confused only among themselves.
    fn blocks(classes: usize) -> ConfusionMatrix {
        let groups = classes / 4;
        let rows: Vec<Vec<f64>> = (0..classes)
            .map(|target| {
                let cell = |predicted: usize| match (target == predicted, predicted % groups) {
                    (true, _) => 20.0,
                    (false, group) if group == target % groups => 1.0 + (target / groups) as f64,
                    _ => 0.0,
                };
                (0..classes).map(cell).collect()
            })
            .collect();
        ConfusionMatrix::from_rows(&rows).unwrap()
    }

    #[test]
    fn confused_classes_become_neighbors() {
        for classes in [8, 40, 200] {
            let order = blocks(classes).clustered_order();
            let groups = classes / 4;
            for block in order.chunks(4) {
                assert!(
                    block
                        .iter()
                        .all(|class| class % groups == block[0] % groups)
                );
            }
            let mut sorted = order;
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..classes), "each class once");
        }
    }

    #[test]
    fn classes_that_are_never_confused_keep_their_order_at_the_end() {
        let mut rows = vec![vec![0.0; 6]; 6];
        for (class, row) in rows.iter_mut().enumerate() {
            row[class] = 5.0;
        }
        rows[4][1] = 1.0;
        let matrix = ConfusionMatrix::from_rows(&rows).unwrap();
        assert_eq!(matrix.clustered_order(), [1, 4, 0, 2, 3, 5]);
        let none = ConfusionMatrix::from_rows(&[vec![0.0; 2], vec![0.0; 2]]).unwrap();
        assert_eq!(none.clustered_order(), [0, 1]);
    }

    /// The strongest pair is joined first and stays together; a third class comes to the end that it is confused with.
    #[test]
    fn clusters_are_turned_so_that_similar_ends_meet() {
        let matrix = ConfusionMatrix::from_rows(&[
            vec![50.0, 40.0, 0.0, 10.0],
            vec![40.0, 60.0, 0.0, 0.0],
            vec![0.0, 0.0, 100.0, 0.0],
            vec![0.0, 0.0, 0.0, 100.0],
        ]);
        assert_eq!(matrix.unwrap().clustered_order(), [1, 0, 3, 2]);
    }

    #[test]
    fn equal_similarities_and_very_many_classes_come_to_an_end() {
        for classes in [2, 3, 17, 64] {
            let rows = vec![vec![1.0; classes]; classes];
            let matrix = ConfusionMatrix::from_rows(&rows).unwrap();
            assert_eq!(matrix.clustered_order().len(), classes);
            assert_eq!(matrix.clustered_order(), matrix.clustered_order());
        }
        let many = ConfusionMatrix::zeros(MOST + 1);
        assert!(many.clustered_order().into_iter().eq(0..=MOST));
    }
}
