//! Measures of trust on functions whose attributions are known.

use attribution::methods::{Gradient, GradientXInput};
use attribution::model::Randomized;
use attribution::trust::{Faithfulness, Infidelity, MaxSensitivity, randomization_check};
use attribution::{Attribution, Baseline, Method, Model};

use crate::support::{each, linear, pixels};

#[test]
fn a_map_that_knows_beats_chance_and_one_that_lies_loses() {
    let model = each(linear);
    let why = GradientXInput::new()
        .with_zero(127.5)
        .attribute(&model, &pixels())
        .unwrap();
    let gray = Faithfulness::new()
        .with_cell(1)
        .with_orders(20)
        .with_deleted(Baseline::Gray)
        .with_hidden(Baseline::Gray);
    let curves = gray.measure(&model, &pixels(), &why).unwrap();
    assert!(curves.deletion_margin() > 0.0 && curves.insertion_margin() > 0.0);
    assert_eq!(curves.evaluations, 29 * 2 * 21);
    assert_eq!(
        curves.deletion.scores.first(),
        curves.insertion.scores.last()
    );
    let upside_down = why.map().iter().map(|v| -v).collect();
    let lie = Attribution::new("lie", upside_down, why.shape(), why.score()).unwrap();
    let curves = gray.measure(&model, &pixels(), &lie).unwrap();
    assert!(curves.deletion_margin() < 0.0 && curves.insertion_margin() < 0.0);

    // What a linear model loses is what the map says; a map of another unit fits after scaling.
    let infidelity = Infidelity::new().with_side(3).with_baseline(Baseline::Gray);
    let found = infidelity.measure(&model, &pixels(), &why).unwrap();
    assert!(
        found.infidelity < 1e-9 && found.relative.unwrap() < 1e-6,
        "{found:?}"
    );
    let double = why.map().iter().map(|v| 2.0 * v).collect();
    let double = Attribution::new("2", double, why.shape(), why.score()).unwrap();
    let found = infidelity.measure(&model, &pixels(), &double).unwrap();
    assert!((found.scale.unwrap() - 0.5).abs() < 1e-6 && found.relative.unwrap() < 1e-6);
    assert!(found.infidelity > 1e-6);

    // The gradient of a linear function stays where it is.
    let sensitivity = MaxSensitivity::new().measure(&Gradient::new(), &model, &pixels());
    assert_eq!(sensitivity.unwrap(), Some(0.0));
}

#[test]
fn the_randomization_check_sees_what_changes() {
    let negative = |x: &[f64]| {
        let (score, gradient) = linear(x);
        (-score, gradient.iter().map(|g| -g).collect())
    };
    let model = Model::new(each(linear)).with_randomized(vec![
        Randomized::new("head", each(linear)),
        Randomized::new("stem", each(negative)),
    ]);
    let steps = randomization_check(&Gradient::new(), &model, &pixels()).unwrap();
    let found: Vec<_> = steps
        .iter()
        .map(|s| (s.layer.as_str(), s.correlation.unwrap().round()))
        .collect();
    assert_eq!(found, [("head", 1.0), ("stem", -1.0)]);
    assert!(
        steps
            .iter()
            .all(|s| (s.magnitude_correlation.unwrap() - 1.0).abs() < 1e-12)
    );
}
