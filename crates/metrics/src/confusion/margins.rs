use crate::confusion::counts::{Counts, average_of_counts};
use crate::confusion::metric::{Average, ClassMetric};
use crate::numeric::share;

/// The sums of a confusion matrix from which all metrics of classes are computed. They grow with the number of classes,
/// and the matrix with its square.
#[derive(Clone, Debug)]
pub(crate) struct Margins {
    /// Total weight of the samples of each class.
    pub support: Vec<f64>,
    /// Total weight of the samples predicted as each class.
    pub predicted: Vec<f64>,
    /// Total weight of the samples of each class that were predicted as it.
    pub right: Vec<f64>,
    /// Total weight of all samples.
    pub total: f64,
    pub zero_division: Option<f64>,
}

impl Margins {
    pub fn zeros(classes: usize, zero_division: Option<f64>) -> Self {
        Self {
            support: vec![0.0; classes],
            predicted: vec![0.0; classes],
            right: vec![0.0; classes],
            total: 0.0,
            zero_division,
        }
    }

    /// Adds samples of a class that were predicted as a class.
    pub fn add(&mut self, target: usize, predicted: usize, weight: f64) {
        self.support[target] += weight;
        self.predicted[predicted] += weight;
        if target == predicted {
            self.right[target] += weight;
        }
        self.total += weight;
    }

    pub fn accuracy(&self) -> Option<f64> {
        share(self.right.iter().sum(), self.total)
    }

    /// Mean recall of the classes that have samples.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        let both = self.right.iter().zip(&self.support);
        let recalls: Vec<f64> = both
            .filter_map(|(&right, &support)| share(right, support))
            .collect();
        share(recalls.iter().sum(), recalls.len() as f64)
    }

    /// Cohen's kappa without weights of the confusions; [`ConfusionMatrix::cohen_kappa`] has the others.
    ///
    /// [`ConfusionMatrix::cohen_kappa`]: crate::ConfusionMatrix::cohen_kappa
    pub fn cohen_kappa(&self) -> Option<f64> {
        let both = self.support.iter().zip(&self.predicted);
        let chance: f64 = both.map(|(s, p)| s * p / self.total).sum();
        let right: f64 = self.right.iter().sum();
        share(self.total - right, self.total - chance).map(|ratio| 1.0 - ratio)
    }

    pub fn matthews_corrcoef(&self) -> Option<f64> {
        let (mut both, mut targets, mut predictions) = (0.0, 0.0, 0.0);
        for (support, predicted) in self.support.iter().zip(&self.predicted) {
            both += support * predicted;
            targets += support * support;
            predictions += predicted * predicted;
        }
        let squared = self.total * self.total;
        let right: f64 = self.right.iter().sum();
        share(
            right * self.total - both,
            ((squared - targets) * (squared - predictions)).sqrt(),
        )
    }

    /// A metric of each class.
    pub fn per_class(&self, metric: ClassMetric) -> Vec<Option<f64>> {
        self.counts()
            .map(|counts| counts.value(metric).or(self.zero_division))
            .collect()
    }

    /// A metric averaged over the classes that have samples or were predicted.
    pub fn average(&self, metric: ClassMetric, average: Average) -> Option<f64> {
        let counts = self.counts().enumerate();
        let present = counts
            .filter(|&(class, _)| self.support[class] > 0.0 || self.predicted[class] > 0.0)
            .map(|(_, counts)| counts);
        average_of_counts(metric, average, present, self.zero_division)
    }

    /// A metric averaged over the given classes; indices of classes that do not exist are ignored.
    pub fn average_over(
        &self,
        metric: ClassMetric,
        average: Average,
        classes: &[usize],
    ) -> Option<f64> {
        let all: Vec<Counts> = self.counts().collect();
        let chosen = classes.iter().filter_map(|&class| all.get(class).copied());
        average_of_counts(metric, average, chosen, self.zero_division)
    }

    /// True positives, false positives, false negatives and true negatives of each class.
    fn counts(&self) -> impl Iterator<Item = Counts> {
        let total: f64 = self.support.iter().sum();
        (0..self.support.len()).map(move |class| {
            let tp = self.right[class];
            let (fp, fn_) = (self.predicted[class] - tp, self.support[class] - tp);
            Counts {
                tp,
                fp,
                fn_,
                tn: total - tp - fp - fn_,
            }
        })
    }
}
