use serde::{Deserialize, Serialize};

use crate::uncertainty::{Estimate, Interval};

/// How a metric changed during training.
///
/// ```
/// use metrics::report::LearningCurve;
///
/// let curve = LearningCurve::new("Loss", "epoch")
///     .with_series("training", [(1.0, 0.7), (2.0, 0.4)])
///     .with_series("validation", [(1.0, 0.8), (2.0, 0.5)]);
/// assert_eq!(curve.series[1].points.len(), 2);
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct LearningCurve {
    /// Name of the metric, such as `Loss`: the label of the y axis.
    pub metric: String,
    /// Title of the chart; `None` for the name of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the x axis counts, such as `epoch`.
    pub step: String,
    /// The lines of the chart; at most eight are drawn.
    pub series: Vec<Series>,
}

/// One line of a [`LearningCurve`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Series {
    /// Name in the legend, such as `training`.
    pub name: String,
    /// The points in the order in which they are joined. Points that are not finite, or too large to be drawn, are left
    /// out.
    pub points: Vec<Point>,
    /// The interval of each point, drawn as an upright line; empty if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<Interval>,
}

/// One point of a [`Series`].
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Point {
    /// The step.
    pub x: f64,
    /// The value of the metric.
    pub y: f64,
}

impl From<(f64, f64)> for Point {
    fn from((x, y): (f64, f64)) -> Self {
        Self { x, y }
    }
}

impl LearningCurve {
    /// A curve without lines: `metric` on the y axis over `step` on the x axis.
    pub fn new(metric: impl Into<String>, step: impl Into<String>) -> Self {
        Self {
            metric: metric.into(),
            title: None,
            step: step.into(),
            series: Vec::new(),
        }
    }

    /// Sets the title of the chart, for one that says more than the name of the metric.
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Adds a line.
    pub fn with_series<P: Into<Point>>(
        mut self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = P>,
    ) -> Self {
        self.series.push(Series {
            name: name.into(),
            points: points.into_iter().map(Into::into).collect(),
            intervals: Vec::new(),
        });
        self
    }

    /// Adds a line of estimates, which are drawn with their intervals.
    pub fn with_estimates(
        mut self,
        name: impl Into<String>,
        estimates: impl IntoIterator<Item = (f64, Estimate)>,
    ) -> Self {
        let (points, intervals) = estimates
            .into_iter()
            .map(|(x, estimate)| {
                (
                    Point {
                        x,
                        y: estimate.value,
                    },
                    Interval::from(estimate),
                )
            })
            .unzip();
        self.series.push(Series {
            name: name.into(),
            points,
            intervals,
        });
        self
    }
}
