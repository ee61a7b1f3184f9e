//! What a program hears while it waits.

use attribution::methods::{self, GradientXInput, IntegratedGradients, MethodSettings};
use attribution::model::{Progress, Randomized};
use attribution::trust::{Faithfulness, Infidelity, MaxSensitivity, randomization_check};
use attribution::{Method, Model, Pixels};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::support::{counted, each, linear, smooth};

/// All that was heard during the work with a model that can do everything.
fn heard(work: impl FnOnce(&Model, &Pixels)) -> Vec<Progress> {
    let values = (0..40 * 40).map(|i| (i * i * 7 % 251) as f32).collect();
    let pixels = Pixels::new(values, [40, 40, 1]).unwrap();
    let heard = Rc::new(RefCell::new(Vec::new()));
    let listener = Rc::clone(&heard);
    let model = counted(&Rc::new(Cell::new(0)))
        .with_randomized(vec![
            Randomized::new("head", each(linear)),
            Randomized::new("stem", each(smooth)),
        ])
        .on_progress(move |progress| listener.borrow_mut().push(progress));
    work(&model, &pixels);
    heard.take()
}

/// Checks that the steps begin at 0, never become fewer, and end with all that were announced; gives their number.
fn steps(what: &str, heard: &[Progress]) -> usize {
    let total = heard[0].total.unwrap();
    assert_eq!(heard[0].done, 0, "{what}");
    assert!(heard.windows(2).all(|w| w[0].done < w[1].done), "{what}");
    assert!(heard.iter().all(|p| p.total == Some(total)), "{what}");
    assert_eq!(heard.last().unwrap().done, total, "{what}");
    total
}

#[test]
fn every_method_reports_its_steps() {
    for info in methods::all() {
        let mut expected = 0;
        let heard = heard(|model, pixels| {
            let why = info.build(&MethodSettings::new()).attribute(model, pixels);
            expected = why.unwrap().steps();
        });
        assert_eq!(steps(info.name, &heard), expected, "{}", info.name);
    }
}

#[test]
fn a_tolerance_has_no_number_of_steps_beforehand() {
    let mut expected = 0;
    let heard = heard(|model, pixels| {
        let method = IntegratedGradients::new().with_tolerance(1e-3);
        expected = method.attribute(model, pixels).unwrap().steps();
    });
    assert!(heard.windows(2).all(|w| w[0].done < w[1].done));
    assert!(heard.iter().all(|progress| progress.total.is_none()));
    assert_eq!(heard.last().unwrap().done, expected);
}

#[test]
fn every_measure_of_trust_reports_its_steps() {
    let method = GradientXInput::new();
    let faithfulness = heard(|model, pixels| {
        let why = method.attribute(&each(smooth), pixels).unwrap();
        let measure = Faithfulness::new().with_cell(10).with_orders(3);
        let curves = measure.measure(model, pixels, &why).unwrap();
        // 16 cells, fewer than the 28 steps of the default.
        assert_eq!(curves.evaluations, 2 * 4 * 17);
    });
    assert_eq!(steps("faithfulness", &faithfulness), 2 * 4 * 17);
    let infidelity = heard(|model, pixels| {
        let why = method.attribute(&each(smooth), pixels).unwrap();
        Infidelity::new().measure(model, pixels, &why).unwrap();
    });
    assert_eq!(steps("infidelity", &infidelity), 100);
    let sensitivity = heard(|model, pixels| {
        let measure = MaxSensitivity::new().with_samples(4);
        measure.measure(&method, model, pixels).unwrap();
    });
    assert_eq!(steps("sensitivity", &sensitivity), 5);
    let randomization = heard(|model, pixels| {
        randomization_check(&method, model, pixels).unwrap();
    });
    assert_eq!(steps("randomization", &randomization), 3);
}
