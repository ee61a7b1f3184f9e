//! Training by steps: repeatable, stopped early, stopped by the caller.

use std::ops::ControlFlow;

use transfer::{Checkpoint, Embeddings, FitEvent, HeadConfig, StepsConfig, Stopped};

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
        StepsConfig::parity().with_steps(50),
        StepsConfig::hidden(8).with_steps(60),
    ] {
        let fit = |seed| {
            let config = HeadConfig::new()
                .with_recipe(recipe.clone())
                .with_seed(seed);
            config.fit(&set, &set).unwrap().0
        };
        assert_eq!(fit(3), fit(3));
        assert_ne!(fit(3), fit(4));
    }
}

#[test]
fn rows_made_for_each_step_are_what_is_learnt_from() {
    let (all, none) = (set(60), set(60).select(&[]));
    let go_on = |_: FitEvent<'_>| ControlFlow::Continue(());
    for recipe in [
        StepsConfig::parity().with_steps(50),
        StepsConfig::hidden(8).with_steps(60).with_patience(None),
    ] {
        let config = HeadConfig::new().with_recipe(recipe);
        let as_they_are = |_, images: &[usize]| Ok(all.select(images).values().to_vec());
        let fresh = config.fit_on_the_fly(&all, &none, None, as_they_are, go_on);
        assert_eq!(fresh.unwrap(), config.fit(&all, &none).unwrap());

        // Stopped and gone on with, like any other.
        let varied = |step: usize, images: &[usize]| {
            let rows = all.select(images);
            let noise = |(i, v): (usize, &f32)| v + ((step * 31 + i * 17) % 7) as f32 / 50.0;
            Ok(rows.values().iter().enumerate().map(noise).collect())
        };
        let whole = config.fit_on_the_fly(&all, &none, None, varied, go_on);
        let whole = whole.unwrap();
        assert_ne!(whole.0, config.fit(&all, &none).unwrap().0);
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
        let part = config.fit_on_the_fly(&all, &none, Some(&checkpoint), varied, stop);
        assert_eq!(part.unwrap().1.stopped, Stopped::Cancelled);
        let rest = config.fit_on_the_fly(&all, &none, Some(&checkpoint), varied, go_on);
        assert_eq!(rest.unwrap(), whole);

        let short = |_, _: &[usize]| Ok(vec![0.0; 6]);
        assert!(
            config
                .fit_on_the_fly(&all, &none, None, short, go_on)
                .is_err()
        );
    }
    let converged = HeadConfig::new();
    let refused = converged.fit_on_the_fly(&all, &none, None, |_, _| Ok(vec![]), go_on);
    assert!(refused.unwrap_err().to_string().contains("variants"));
}

#[test]
fn parity_logs_as_retrain_did() {
    let config = HeadConfig::new().with_recipe(StepsConfig::parity().with_steps(21));
    let (_, report) = config.fit(&set(60), &set(20)).unwrap();
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
    let recipe = StepsConfig::hidden(16)
        .with_learning_rate(0.05)
        .with_steps(5000);
    let config = HeadConfig::new().with_recipe(recipe);
    let (head, report) = config.fit(&training, &validation).unwrap();
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
        HeadConfig::new().with_recipe(StepsConfig::parity()),
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
        let (head, report) = config.fit_with(&set, &set, watch).unwrap();
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
    let none = all.select(&[]);
    let parity = StepsConfig::parity().with_learning_rate(0.2);
    let config = |steps| HeadConfig::new().with_recipe(parity.clone().with_steps(steps));
    let (head, _) = config(2000).fit(&all.select(&old), &none).unwrap();
    let go_on = |_: FitEvent<'_>| ControlFlow::Continue(());
    let (extended, _) = config(100).fit_from(&head, &all, &none, go_on).unwrap();
    let (anew, _) = config(100).fit(&all, &none).unwrap();
    let classes = ["a", "b", "c", "d"].map(String::from);
    let loss = |head: &transfer::Head| {
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
    let hidden = HeadConfig::new().with_recipe(StepsConfig::hidden(5).with_steps(20));
    let (hidden, _) = hidden.fit(&all, &all).unwrap();
    assert!(config(1).fit_from(&hidden, &all, &none, go_on).is_err());
    assert!(
        config(1)
            .fit_from(&extended, &all.select(&old), &none, go_on)
            .is_err()
    );
}

fn head_accuracy(head: &transfer::Head, set: &Embeddings) -> f64 {
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
