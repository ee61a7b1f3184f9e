//! The table of methods.

use crate::error::{Error, Result};
use crate::methods::method::MethodInfo;

/// One row for each method, in the order in which programs list them.
static METHODS: &[MethodInfo] = &[
    super::integrated_gradients::INFO,
    super::gradient::INFO,
    super::gradient_x_input::INFO,
    super::smooth_grad::MEAN,
    super::smooth_grad::SQUARED,
    super::smooth_grad::VARIANCE,
    super::expected_gradients::INFO,
    super::blur_integrated_gradients::INFO,
    super::guided_integrated_gradients::INFO,
    super::guided_backpropagation::INFO,
    super::grad_cam::GRAD_CAM,
    super::grad_cam::GRAD_CAM_PLUS_PLUS,
    super::grad_cam::LAYER_CAM,
    super::score_cam::INFO,
    super::occlusion::INFO,
    super::rise::INFO,
    super::xrai::INFO,
];

/// All methods of this crate, for example for the `--help` of a program.
///
/// ```
/// use attribution::methods::{self, MethodSettings};
/// for method in methods::all() {
///     println!("{:>26}  {}", method.name, method.description);
/// }
/// let rise = methods::find("rise")?.build(&MethodSettings::new());
/// assert_eq!(rise.name(), "rise");
/// # Ok::<(), attribution::Error>(())
/// ```
pub fn all() -> &'static [MethodInfo] {
    METHODS
}

/// The method of this name.
///
/// # Errors
/// [`Error::Unknown`], with all names, if no method has this name.
pub fn find(name: &str) -> Result<&'static MethodInfo> {
    let found = METHODS.iter().find(|method| method.name == name);
    found.ok_or_else(|| {
        let names: Vec<_> = METHODS.iter().map(|method| method.name).collect();
        Error::Unknown {
            what: "method",
            found: name.to_owned(),
            known: names.join(", "),
        }
    })
}

/// As the value of a command line option, a method is given by its name; the help has its description.
#[cfg(feature = "clap")]
impl clap::ValueEnum for MethodInfo {
    fn value_variants<'a>() -> &'a [Self] {
        METHODS
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name).help(self.description))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ability::Ability;
    use crate::attribution::Completeness;
    use crate::error::BoxError;
    use crate::methods::method::{Method, MethodSettings};
    use crate::model::{GradientFn, Model};
    use crate::pixels::Pixels;
    use std::collections::BTreeSet;

    /// A model without any ability but those named.
    fn model(abilities: &[Ability]) -> Model<'static> {
        let gradient = |pixels: &[f32], [n, h, w, c]: [usize; 4]| -> Result<_, BoxError> {
            let images = pixels.chunks_exact(h * w * c);
            let score = |image: &[f32]| image.iter().map(|&v| f64::from(v)).sum();
            Ok((images.map(score).collect(), vec![1.0; n * h * w * c]))
        };
        let mut model = Model::new(gradient);
        if abilities.contains(&Ability::Guided) {
            model = model.with_guided(gradient);
        }
        if abilities.contains(&Ability::Block) {
            let ramp: Vec<f32> = (0..4).map(|i| i as f32).collect();
            model = model.with_block(move |_, [n, ..]| {
                Ok((vec![0.0; n], [2, 2, 1], ramp.clone(), vec![1.0; 4]))
            });
        }
        model
    }

    fn run(info: &MethodInfo, model: &dyn GradientFn) -> Result<crate::Attribution> {
        let values = (0..3 * 40 * 40).map(|i| (i * 7 % 256) as f32).collect();
        let pixels = Pixels::new(values, [40, 40, 3])?;
        info.build(&MethodSettings::new()).attribute(model, &pixels)
    }

    #[test]
    fn rows_say_what_the_methods_do() {
        let names: BTreeSet<_> = METHODS.iter().map(|method| method.name).collect();
        assert_eq!(names.len(), METHODS.len());
        for info in all() {
            let name = info.name;
            assert_eq!(find(name).unwrap().name, name);
            assert_eq!(info.build(&MethodSettings::new()).name(), name);
            let why = run(info, &model(&[info.needs])).unwrap();
            let promised = matches!(why.completeness(), Completeness::Promised { .. });
            assert_eq!(promised, info.complete, "{name}");
            assert!(why.method().starts_with(name), "{name}: {}", why.method());
            let without = run(info, &model(&[]));
            let plain = matches!(info.needs, Ability::Gradient | Ability::Scores);
            assert_eq!(without.is_ok(), plain, "{name}");
        }
        let error = find("rice").unwrap_err().to_string();
        assert!(
            error.contains("\"rice\"") && error.contains("rise, xrai"),
            "{error}"
        );
    }

    /// The table on the front page names the type of each method; all else must be what the rows say.
    #[test]
    fn the_table_of_the_front_page_is_made_of_the_rows() {
        let page = include_str!("../lib.rs");
        let mut lines = page.lines().filter(|line| line.starts_with("//! | [`"));
        for info in all() {
            let sum = if info.complete { "yes" } else { "no" };
            let rest = format!(
                ") | {} | {} | {} | {sum} |",
                info.description, info.asks, info.needs
            );
            let line = lines.next().unwrap_or_default();
            let start = format!("//! | [`{}`](methods::", info.name);
            assert!(
                line.starts_with(&start) && line.ends_with(&rest),
                "the front page needs the line\n{start}TYPE{rest}\nfound\n{line}"
            );
        }
        assert_eq!(lines.next(), None);
    }
}
