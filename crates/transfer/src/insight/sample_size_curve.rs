use std::fmt;

#[cfg(feature = "report")]
use metrics::report::LearningCurve;
use metrics::uncertainty::Estimate;
use serde::{Deserialize, Serialize};

use super::power_law::PowerLaw;

/// A change of the accuracy below this one is little.
const LITTLE: f64 = 0.01;

/// How good heads are that were fitted on fewer images. [`SampleSize::measure`](super::SampleSize::measure) returns it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SampleSizeCurve {
    /// The number of all images.
    pub images: usize,
    /// One point for each size, from the smallest up.
    pub points: Vec<SampleSizePoint>,
    /// What to expect from twice as many images; `None` if fewer than three sizes could be measured.
    pub forecast: Option<Forecast>,
}

/// The measurements for one number of images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SampleSizePoint {
    /// The mean number of images that the heads were fitted on: with five folds, four fifths of those that were drawn.
    pub images: f64,
    /// The share of all images whose most probable class is the target, 0 to 1, out of fold.
    pub accuracy: Estimate,
    /// The mean of `-ln p(target)`, out of fold.
    pub log_loss: Estimate,
}

/// What to expect from twice as many images, according to power laws.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub struct Forecast {
    /// Twice the number of all images.
    pub images: usize,
    /// The accuracy of a head that is fitted on all images.
    pub accuracy_now: Estimate,
    /// The accuracy with twice as many.
    pub accuracy: Estimate,
    /// The difference of the two. It is 0 or more, because a power law never says that more images harm.
    pub gain: Estimate,
    /// The log loss of a head that is fitted on all images.
    pub log_loss_now: Estimate,
    /// The log loss with twice as many.
    pub log_loss: Estimate,
    /// How the share of wrong predictions falls.
    pub error_law: PowerLaw,
    /// How the log loss falls.
    pub log_loss_law: PowerLaw,
    /// Whether twice as many images are worth the effort.
    pub outlook: Outlook,
}

/// Whether twice as many images of the same kind are worth the effort, judged by the gain in accuracy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outlook {
    /// The gain is 0.01 or more, and its whole interval is above 0.005.
    Helps,
    /// The whole interval of the gain is below 0.01.
    Little,
    /// The interval is too wide to tell, or the gain is between the two.
    Unclear,
}

impl Forecast {
    pub(super) fn new(images: usize, error: Extrapolated, loss: Extrapolated) -> Self {
        let gain = error.fall;
        Self {
            images,
            accuracy_now: complement(error.now),
            accuracy: complement(error.doubled),
            gain,
            log_loss_now: loss.now,
            log_loss: loss.doubled,
            error_law: error.law,
            log_loss_law: loss.law,
            outlook: if gain.high < LITTLE {
                Outlook::Little
            } else if gain.value >= LITTLE && gain.low > LITTLE / 2.0 {
                Outlook::Helps
            } else {
                Outlook::Unclear
            },
        }
    }
}

/// An error or a loss with all images, with twice as many, and what it falls by.
pub(super) struct Extrapolated {
    pub(super) law: PowerLaw,
    pub(super) now: Estimate,
    pub(super) doubled: Estimate,
    pub(super) fall: Estimate,
}

/// The accuracy of an error.
pub(super) fn complement(error: Estimate) -> Estimate {
    Estimate {
        value: 1.0 - error.value,
        low: 1.0 - error.high,
        high: 1.0 - error.low,
    }
}

/// One sentence.
impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (now, images) = (self.accuracy_now.value, self.images);
        let Estimate { value, low, high } = self.accuracy;
        let expected = format!(
            "with twice as many ({images}), an accuracy of about {value:.3} [{low:.3}, {high:.3}] is to be expected, after \
             {now:.3} now"
        );
        match self.outlook {
            Outlook::Helps => write!(f, "more images of this kind would help: {expected}"),
            Outlook::Little => write!(
                f,
                "more images of this kind would change little: {expected}"
            ),
            Outlook::Unclear => write!(
                f,
                "the images do not tell for sure whether more of them would help: {expected}"
            ),
        }
    }
}

/// One line for each size, and the sentence of the forecast.
impl fmt::Display for SampleSizeCurve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for point in &self.points {
            writeln!(
                f,
                "fitted on {:>5.0} images: accuracy {}, log loss {} (out of fold)",
                point.images, point.accuracy, point.log_loss
            )?;
        }
        match &self.forecast {
            Some(forecast) => write!(f, "{forecast}"),
            None => f.write_str("there are too few images to tell whether more of them would help"),
        }
    }
}

#[cfg(feature = "report")]
impl SampleSizeCurve {
    /// Accuracy and log loss over the number of images: the measurements, the power laws that were fitted to them, and
    /// the forecast for twice as many images.
    pub fn learning_curves(&self) -> [LearningCurve; 2] {
        let forecast = self.forecast.as_ref();
        [
            self.chart(
                "Accuracy",
                |point| point.accuracy,
                forecast.map(|f| (f.accuracy, f.error_law)),
                |error| 1.0 - error,
            ),
            self.chart(
                "Log loss",
                |point| point.log_loss,
                forecast.map(|f| (f.log_loss, f.log_loss_law)),
                |loss| loss,
            ),
        ]
    }

    fn chart(
        &self,
        metric: &str,
        value: impl Fn(&SampleSizePoint) -> Estimate,
        forecast: Option<(Estimate, PowerLaw)>,
        shown: impl Fn(f64) -> f64,
    ) -> LearningCurve {
        let measured = self.points.iter().map(|point| (point.images, value(point)));
        let curve = LearningCurve::new(metric, "images")
            .with_title(format!("{metric} by the number of images"))
            .with_estimates("measured", measured);
        let (Some((doubled, law)), Some(first)) = (forecast, self.points.first()) else {
            return curve;
        };
        let most = 2.0 * self.images as f64;
        let (from, steps) = (first.images.max(1.0), 100);
        let at = |step: i32| from * (most / from).powf(f64::from(step) / f64::from(steps));
        let law = (0..=steps).map(|step| (at(step), shown(law.at(at(step)))));
        curve
            .with_series("power law", law)
            .with_estimates("expected of twice as many", [(most, doubled)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(value: f64, low: f64, high: f64) -> Estimate {
        Estimate { value, low, high }
    }

    fn forecast(gain: Estimate) -> Forecast {
        let extrapolated = |fall| Extrapolated {
            law: PowerLaw::default(),
            now: estimate(0.10, 0.08, 0.12),
            doubled: estimate(0.07, 0.05, 0.09),
            fall,
        };
        Forecast::new(200, extrapolated(gain), extrapolated(gain))
    }

    #[test]
    fn a_forecast_is_a_sentence() {
        let numbers = "with twice as many (200), an accuracy of about 0.930 [0.910, 0.950] is to be expected, after 0.900 now";
        for (gain, words) in [
            (
                estimate(0.03, 0.01, 0.05),
                "more images of this kind would help",
            ),
            (
                estimate(0.003, 0.0, 0.009),
                "more images of this kind would change little",
            ),
            (
                estimate(0.03, 0.0, 0.05),
                "the images do not tell for sure whether more of them would help",
            ),
        ] {
            assert_eq!(forecast(gain).to_string(), format!("{words}: {numbers}"));
        }
    }

    #[test]
    fn a_curve_is_lines_and_can_be_stored() {
        let point = SampleSizePoint {
            images: 80.0,
            accuracy: estimate(0.9, 0.8, 0.95),
            log_loss: estimate(0.3, 0.2, 0.4),
        };
        let mut curve = SampleSizeCurve {
            images: 100,
            points: vec![point],
            forecast: Some(forecast(estimate(0.03, 0.01, 0.05))),
        };
        let text = serde_json::to_string(&curve).unwrap();
        assert_eq!(
            serde_json::from_str::<SampleSizeCurve>(&text).unwrap(),
            curve
        );
        let said = curve.to_string();
        assert!(said.starts_with("fitted on    80 images: accuracy 0.9000 [0.8000, 0.9500], "));
        assert_eq!(said.lines().count(), 2);
        curve.forecast = None;
        let said = curve.to_string();
        assert!(said.ends_with("there are too few images to tell whether more of them would help"));
    }
}
