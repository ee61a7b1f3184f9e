//! Training by steps: repeatable, stopped early, stopped by the caller.

use std::ops::ControlFlow;

use transfer::head::{
    Checkpoint, ClassWeights, Dense, FitEvent, GradientDescent, Head, Sampling, Stopped,
};
use transfer::{Backbone, Classifier, Embeddings, Fitted, HeadConfig};

/// Three overlapping classes of different sizes.
fn set(images: usize) -> Embeddings {
    let targets: Vec<usize> = (0..images).map(|i| [0, 1, 2, 2][i % 4]).collect();
    let noise = |i: usize| ((i * 7919 % 1013) as f32) / 1013.0;
    let values = (0..images * 6)
        .map(|i| noise(i) + if targets[i / 6] == i % 6 { 0.6 } else { 0.0 })
        .collect();
    Embeddings::new(values, 6, targets).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_weights_and_another_seed_others() {
    let set = set(60);
    for recipe in [
        GradientDescent::parity().with_steps(50),
        GradientDescent::hidden(8).with_steps(60),
    ] {
        let fit = |seed| {
            let config = HeadConfig::new()
                .with_recipe(recipe.clone())
                .with_seed(seed);
            let fit = config.training(&set).validation(&set).fit();
            fit.unwrap().head
        };
        assert_eq!(fit(3), fit(3));
        assert_ne!(fit(3), fit(4));
    }
}

#[test]
fn rows_made_for_each_step_are_what_is_learned_from() {
    let all = set(60);
    for recipe in [
        GradientDescent::parity().with_steps(50),
        GradientDescent::hidden(8)
            .with_steps(60)
            .with_patience(None),
    ] {
        let config = HeadConfig::new().with_recipe(recipe);
        let as_they_are = |_, images: &[usize]| Ok(all.select(images).values().to_vec());
        let fresh = config.training(&all).varied(as_they_are).fit();
        assert_eq!(fresh.unwrap(), config.training(&all).fit().unwrap());

        // Stopped and gone on with, like any other.
        let varied = |step: usize, images: &[usize]| {
            let rows = all.select(images);
            let noise = |(i, v): (usize, &f32)| v + ((step * 31 + i * 17) % 7) as f32 / 50.0;
            Ok(rows.values().iter().enumerate().map(noise).collect())
        };
        let whole = config.training(&all).varied(varied).fit().unwrap();
        assert_ne!(whole.head, config.training(&all).fit().unwrap().head);
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint::new(folder.path().join("state"));
        let mut looks = 0;
        let stop = |_: FitEvent<'_>| {
            looks += 1;
            match looks {
                3 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        };
        let resumed = || config.training(&all).varied(varied).resume(&checkpoint);
        let part = resumed().on_event(stop).fit().unwrap();
        assert_eq!(part.report.stopped, Stopped::Cancelled);
        assert_eq!(resumed().fit().unwrap(), whole);

        let short = |_, _: &[usize]| Ok(vec![0.0; 6]);
        assert!(config.training(&all).varied(short).fit().is_err());
    }
    let converged = HeadConfig::new();
    let refused = converged.training(&all).varied(|_, _| Ok(vec![])).fit();
    assert!(refused.unwrap_err().to_string().contains("variants"));
}

#[test]
fn parity_logs_as_retrain_did() {
    let config = HeadConfig::new().with_recipe(GradientDescent::parity().with_steps(21));
    let (training, validation) = (set(60), set(20));
    let fit = config.training(&training).validation(&validation).fit();
    let report = fit.unwrap().report;
    let steps: Vec<usize> = report.history.iter().map(|record| record.step).collect();
    assert_eq!(steps, [0, 10, 20]);
    let text = report.history[1].to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("Step 10: Train accuracy = ") && lines[0].ends_with('%'));
    assert!(lines[1].starts_with("Step 10: Cross entropy = "));
    assert!(
        lines[2].starts_with("Step 10: Validation accuracy = ") && lines[2].ends_with("% (N=100)")
    );
}

#[test]
fn early_stopping_keeps_the_best() {
    let (training, validation) = (set(40), set(16));
    let recipe = GradientDescent::hidden(16)
        .with_learning_rate(0.05)
        .with_steps(5000);
    let config = HeadConfig::new().with_recipe(recipe);
    let fit = config.training(&training).validation(&validation).fit();
    let Fitted { head, report } = fit.unwrap();
    assert_eq!(report.stopped, Stopped::Early);
    let best = report
        .history
        .iter()
        .filter_map(|record| record.validation)
        .map(|v| v.cross_entropy)
        .fold(f64::INFINITY, f64::min);
    let p = head.probabilities(validation.values()).unwrap();
    let losses = p
        .chunks(3)
        .zip(validation.targets())
        .map(|(p, &t)| -p[t].ln());
    assert!((losses.sum::<f64>() / validation.len() as f64 - best).abs() < 1e-5);
}

#[test]
fn a_cancelled_fit_gives_a_usable_head() {
    let set = set(60);
    for config in [
        HeadConfig::new(),
        HeadConfig::new().with_recipe(GradientDescent::parity()),
    ] {
        let mut looks = 0;
        let watch = |_: FitEvent<'_>| {
            looks += 1;
            if looks > 3 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let training = config.training(&set).validation(&set);
        let Fitted { head, report } = training.on_event(watch).fit().unwrap();
        assert_eq!(report.stopped, Stopped::Cancelled);
        assert!(
            head.probabilities(set.values())
                .unwrap()
                .iter()
                .all(|p| p.is_finite())
        );
    }
}

#[test]
fn a_class_is_added_without_starting_over() {
    let images = 240;
    let targets: Vec<usize> = (0..images).map(|i| i % 4).collect();
    let noise = |i: usize| ((i * 7919 % 1013) as f32) / 1013.0;
    let values = (0..images * 6)
        .map(|i| noise(i) + if targets[i / 6] == i % 6 { 1.5 } else { 0.0 })
        .collect();
    let all = Embeddings::new(values, 6, targets.clone()).unwrap();
    let old: Vec<usize> = (0..images).filter(|&i| targets[i] < 3).collect();
    let parity = GradientDescent::parity().with_learning_rate(0.2);
    let config = |steps| HeadConfig::new().with_recipe(parity.clone().with_steps(steps));
    let old = all.select(&old);
    let head = config(2000).training(&old).fit().unwrap().head;
    let from = |config: &HeadConfig, head: &Head, set: &Embeddings| {
        config.training(set).start_from(head).fit()
    };
    let extended = from(&config(100), &head, &all).unwrap().head;
    let anew = config(100).training(&all).fit().unwrap().head;
    let classes = ["a", "b", "c", "d"].map(String::from);
    let loss = |head: &transfer::head::Head| {
        head.predictions(&all, &classes)
            .unwrap()
            .log_loss()
            .unwrap()
    };
    assert!(
        loss(&extended) < 0.7 * loss(&anew),
        "{} {}",
        loss(&extended),
        loss(&anew)
    );
    let accuracy = head_accuracy(&extended, &all);
    assert!(accuracy > 0.97, "{accuracy}");
    // A head with a hidden layer is no start for one without, nor one of more classes.
    let hidden = HeadConfig::new().with_recipe(GradientDescent::hidden(5).with_steps(20));
    let hidden = hidden.training(&all).validation(&all).fit().unwrap().head;
    assert!(from(&config(1), &hidden, &all).is_err());
    assert!(from(&config(1), &extended, &old).is_err());
}

fn head_accuracy(head: &transfer::head::Head, set: &Embeddings) -> f64 {
    let p = head.logits(set.values()).unwrap();
    let right = p
        .chunks(head.classes())
        .zip(set.targets())
        .filter(|(p, target)| {
            p.iter()
                .enumerate()
                .all(|(k, z)| k == **target || *z < p[**target])
        });
    right.count() as f64 / set.len() as f64
}

/// Plain descent on all images at once: what a step takes from the weights is the rate times the gradient.
fn whole_batch(hidden: Option<usize>, images: usize) -> GradientDescent {
    GradientDescent::parity()
        .with_hidden(hidden)
        .with_sampling(Sampling::Shuffled)
        .with_batch(images)
        .with_learning_rate(0.5)
        .with_steps(1)
}

/// A head whose weights are not small.
fn any_head(dim: usize, hidden: Option<usize>, classes: usize) -> Head {
    let dense = |inputs: usize, outputs: usize, seed| {
        let weights = crate::common::numbers(inputs * outputs, seed);
        Dense::new(inputs, weights, crate::common::numbers(outputs, seed + 1)).unwrap()
    };
    Head::new(match hidden {
        Some(units) => vec![dense(dim, units, 5), dense(units, classes, 7)],
        None => vec![dense(dim, classes, 5)],
    })
    .unwrap()
}

fn fit_from(config: &HeadConfig, start: &Head, set: &Embeddings) -> Head {
    let fit = config.training(set).start_from(start).fit();
    fit.unwrap().head
}

fn parameters(head: &Head) -> Vec<f64> {
    let layers = head.layers().iter();
    let values = layers.flat_map(|layer| [layer.weights(), layer.bias()].concat());
    values.map(f64::from).collect()
}

/// The head with these parameters in place of its own.
fn with_parameters(head: &Head, values: &[f64]) -> Head {
    let mut values = values.iter().map(|&v| v as f32);
    let layers = head.layers().iter().map(|layer| {
        let weights = values.by_ref().take(layer.weights().len()).collect();
        let bias = values.by_ref().take(layer.bias().len()).collect();
        Dense::new(layer.inputs(), weights, bias).unwrap()
    });
    Head::new(layers.collect()).unwrap()
}

/// Mean cross-entropy of smoothed targets, each image counting as its class does.
fn loss(head: &Head, set: &Embeddings, weights: &[f64], smoothing: f64) -> f64 {
    let classes = head.classes();
    let p = head.probabilities(set.values()).unwrap();
    let losses = p.chunks(classes).zip(set.targets()).map(|(p, &target)| {
        let own = |k| f64::from(u8::from(k == target)) * (1.0 - smoothing);
        let share = |k| smoothing / classes as f64 + own(k);
        weights[target] * (0..classes).map(|k| -share(k) * p[k].ln()).sum::<f64>()
    });
    losses.sum::<f64>() / set.len() as f64
}

/// Against central differences, for every weight and bias of both layers.
#[test]
fn a_step_follows_the_gradient() {
    let set = set(40);
    let weights = [0.5, 1.0, 2.5];
    for (hidden, smoothing) in [(None, 0.0), (None, 0.2), (Some(5), 0.0), (Some(5), 0.2)] {
        let config = HeadConfig::new()
            .with_recipe(whole_batch(hidden, set.len()))
            .with_class_weights(ClassWeights::Given(weights.to_vec()))
            .with_label_smoothing(smoothing);
        let start = any_head(6, hidden, 3);
        let before = parameters(&start);
        let after = parameters(&fit_from(&config, &start, &set));
        let mut largest = 0f64;
        for i in 0..before.len() {
            let at = |by: f64| {
                let mut moved = before.clone();
                moved[i] = f64::from((moved[i] + by) as f32);
                let head = with_parameters(&start, &moved);
                (moved[i], loss(&head, &set, &weights, smoothing))
            };
            let ((a, low), (b, high)) = (at(-1e-3), at(1e-3));
            let expected = (high - low) / (b - a);
            let found = (before[i] - after[i]) / 0.5;
            assert!(
                (found - expected).abs() < 2e-4,
                "{hidden:?}, {smoothing}, parameter {i}: {found}, expected {expected}"
            );
            largest = largest.max(expected.abs());
        }
        assert!(largest > 0.05, "{largest}");
    }
}

/// Where the last layer has no weights yet, what a step gives them is linear in the hidden units: with half of these left
/// out and the others doubled it is, on average, what it is without dropout.
#[test]
fn dropout_leaves_out_units_and_keeps_the_mean() {
    let set = set(60);
    let hidden = any_head(6, Some(16), 3).layers()[0].clone();
    let last = Dense::new(16, vec![0.0; 48], vec![0.0; 3]).unwrap();
    let start = Head::new(vec![hidden, last]).unwrap();
    let learned = |dropout: f32, seeds: u64| -> Vec<f64> {
        let mut mean = vec![0.0; 48];
        for seed in 0..seeds {
            let recipe = whole_batch(Some(16), set.len()).with_dropout(dropout);
            let config = HeadConfig::new().with_recipe(recipe).with_seed(seed);
            let head = fit_from(&config, &start, &set);
            for (mean, weight) in mean.iter_mut().zip(head.layers()[1].weights()) {
                *mean += f64::from(*weight) / seeds as f64;
            }
        }
        mean
    };
    let (none, once, often) = (learned(0.0, 1), learned(0.5, 1), learned(0.5, 400));
    let off = |a: &[f64], b: &[f64]| {
        let off = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        off.fold(0.0, f64::max)
    };
    let largest = off(&none, &[0.0; 48]);
    assert!(off(&none, &once) > 0.1 * largest, "{none:?} {once:?}");
    assert!(off(&none, &often) < 0.05 * largest, "{none:?} {often:?}");
}

/// Counting a class twice is having its images twice.
#[test]
fn class_weights_are_as_good_as_rows_twice() {
    let set = set(40);
    let again = (0..40).filter(|&i| set.targets()[i] == 1);
    let twice = set.select(&(0..40).chain(again).collect::<Vec<_>>());
    let start = any_head(6, None, 3);
    let fit = |set: &Embeddings, weights: ClassWeights, rate: f32| {
        let recipe = whole_batch(None, set.len()).with_learning_rate(rate);
        let config = HeadConfig::new().with_recipe(recipe.with_steps(30));
        parameters(&fit_from(&config.with_class_weights(weights), &start, set))
    };
    let given = ClassWeights::Given(vec![1.0, 2.0, 1.0]);
    let given = fit(&set, given, 0.4);
    // A step divides by the number of rows, of which there are more.
    let doubled = fit(&twice, ClassWeights::None, 0.4 * twice.len() as f32 / 40.0);
    let even = fit(&set, ClassWeights::None, 0.4);
    let off = |a: &[f64], b: &[f64]| {
        let off = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        off.fold(0.0, f64::max)
    };
    assert!(off(&given, &doubled) < 1e-4, "{}", off(&given, &doubled));
    assert!(off(&given, &even) > 0.05, "{}", off(&given, &even));
}

#[test]
fn a_new_class_finds_its_place_by_name() {
    let names =
        |names: &[&str]| -> Vec<String> { names.iter().copied().map(String::from).collect() };
    for hidden in [None, Some(5)] {
        let backbone = Backbone::new(crate::common::weights(1, 16)).unwrap();
        let head = any_head(backbone.dim(), hidden, 2);
        let x = crate::common::numbers(3 * backbone.dim(), 9);
        let before = head.logits(&x).unwrap();
        let bias = head.layers().last().unwrap().bias().to_vec();
        let lowest = f64::from(bias[0].min(bias[1]));
        let trained = Classifier::new(backbone, head, names(&["boat", "cloud"])).unwrap();
        // A folder sorts its classes: the new one comes first.
        let classes = names(&["airship", "boat", "cloud", "tree"]);
        let start = trained.head_for(&classes).unwrap();
        let after = start.logits(&x).unwrap();
        for (before, after) in before.chunks(2).zip(after.chunks(4)) {
            assert_eq!(after, [lowest, before[0], before[1], lowest]);
        }
        let swapped = trained.head_for(&names(&["cloud", "boat"])).unwrap();
        assert_eq!(swapped.logits(&x).unwrap()[..2], [before[1], before[0]]);
        let lost = trained.head_for(&names(&["airship", "boat"])).unwrap_err();
        assert!(lost.to_string().contains("no `cloud`"), "{lost}");
        let twice = names(&["boat", "cloud", "boat"]);
        assert!(trained.head_for(&twice).is_err());
    }
}

#[test]
fn a_class_without_images_is_named() {
    let set = Embeddings::new(vec![1.0; 6], 2, vec![0, 1, 1]).unwrap();
    let classes = ["boat", "cloud", "tree"].map(String::from);
    set.check_classes(&classes[..2]).unwrap();
    let error = set.check_classes(&classes).unwrap_err().to_string();
    assert!(
        error.contains("class `tree` has 0 training images"),
        "{error}"
    );
    // Cross-validation needs two of each.
    let names = ["boat/a", "cloud/a", "cloud/b"].map(String::from).to_vec();
    let set = set.with_names(names).unwrap();
    let error = HeadConfig::new().training(&set).fit().unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("class `boat` has 1 training images"),
        "{error}"
    );
}
