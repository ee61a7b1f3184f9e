//! What all methods have in common.

use crate::ability::Ability;
use crate::attribution::Attribution;
use crate::baseline::Baseline;
use crate::error::Result;
use crate::methods::quadrature::Rule;
use crate::model::gradient_fn::GradientFn;
use crate::pixels::Pixels;

/// A way to explain a score.
///
/// [`attribute`](Self::attribute) checks the settings before it calls the model.
pub trait Method {
    /// The name of the method: lower case, words separated by hyphens.
    fn name(&self) -> &'static str;

    /// Explains the score that `model` gives `pixels`.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for settings out of range, [`Error::Shape`](crate::Error::Shape) for a
    /// baseline of another size, [`Error::Ability`](crate::Error::Ability) if the model cannot compute what the method
    /// needs, [`Error::Model`](crate::Error::Model) if the model's function fails, and
    /// [`Error::NotFinite`](crate::Error::NotFinite) or [`Error::Length`](crate::Error::Length) if its answer is not
    /// finite or has the wrong length.
    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution>;
}

impl Method for Box<dyn Method + '_> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        (**self).attribute(model, pixels)
    }
}

/// The settings that a program offers for every method; each method uses those that it has.
///
/// With the feature `clap` they are options of a command line: `#[command(flatten)] settings: MethodSettings`, with the texts
/// below as help.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[non_exhaustive]
pub struct MethodSettings {
    /// Where the path of integrated gradients begins: black, white, gray, mean, blur or noise.
    #[cfg_attr(feature = "clap", arg(long, default_value = "black"))]
    pub baseline: Baseline,
    /// Quadrature rule of integrated gradients: midpoint, left, right, trapezoid or gauss-legendre.
    #[cfg_attr(feature = "clap", arg(long, default_value = "midpoint"))]
    pub rule: Rule,
    /// Number of gradients along a path.
    #[cfg_attr(feature = "clap", arg(long, default_value_t = 50))]
    pub steps: usize,
    /// Refine integrated gradients until the error of their sum is below this fraction of the score difference, with at
    /// most 4096 gradients.
    #[cfg_attr(feature = "clap", arg(long, value_name = "FRACTION"))]
    pub tolerance: Option<f64>,
    /// Refine integrated gradients until the estimated error of the map is below this fraction of its norm. This needs about
    /// three times the steps of the same tolerance of the sum, at most 4096.
    #[cfg_attr(feature = "clap", arg(long, value_name = "FRACTION"))]
    pub map_tolerance: Option<f64>,
    /// Seed of the methods that draw and of a baseline of noise.
    #[cfg_attr(feature = "clap", arg(long, default_value_t = 0))]
    pub seed: u64,
}

/// Black baseline, midpoint rule, 50 steps, no tolerance, seed 0.
impl Default for MethodSettings {
    fn default() -> Self {
        Self {
            baseline: Baseline::Black,
            rule: Rule::Midpoint,
            steps: 50,
            tolerance: None,
            map_tolerance: None,
            seed: 0,
        }
    }
}

impl MethodSettings {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// The baseline; one of noise is drawn with the seed of these settings.
    pub(crate) fn seeded_baseline(&self) -> Baseline {
        match self.baseline {
            Baseline::Noise { count, .. } => {
                let seed = self.seed;
                Baseline::Noise { count, seed }
            }
            ref other => other.clone(),
        }
    }
}

/// One row of the table of methods: what a program needs to know to offer a method by its name.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct MethodInfo {
    /// The name of the method, [`Method::name`].
    pub name: &'static str,
    /// What the method does, in one line.
    pub description: &'static str,
    /// About how many images the model evaluates with default settings, as words such as `50 times`.
    pub asks: &'static str,
    /// What the method needs from a model.
    pub needs: Ability,
    /// Whether the method promises that the map sums to score minus baseline score.
    pub complete: bool,
    pub(crate) build: fn(&MethodSettings) -> Box<dyn Method>,
}

impl MethodInfo {
    /// The method with these settings.
    pub fn build(&self, settings: &MethodSettings) -> Box<dyn Method> {
        (self.build)(settings)
    }
}
