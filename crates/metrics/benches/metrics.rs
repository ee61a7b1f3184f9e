//! Full evaluation and bootstrap; `benches/peers/metrics.py` of the workspace does the same work with scikit-learn.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use metrics::confusion::{Average, ClassMetric};
use metrics::probability::{Binning, IsotonicCalibration, TemperatureScaling};
use metrics::uncertainty::{clopper_pearson_interval, wilson_interval};
use metrics::{Bootstrap, EvaluationOptions, Predictions};

fn predictions(n: usize, k: usize) -> Predictions {
    let mut state = 1_u64;
    let mut random = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let targets: Vec<usize> = (0..n).map(|_| (random() * k as f64) as usize).collect();
    let mut rows = Vec::with_capacity(n * k);
    for &target in &targets {
        let row: Vec<f64> = (0..k)
            .map(|class| (4.0 * random() + if class == target { 1.5 } else { 0.0 }).exp())
            .collect();
        let sum: f64 = row.iter().sum();
        rows.extend(row.iter().map(|value| value / sum));
    }
    Predictions::from_flat(targets, rows, k).expect("sound by construction")
}

/// Counts, all areas, curves of every class, calibration, both recalibrations, intervals of the accuracy,
/// thresholds, coverage.
fn everything(p: &Predictions) {
    let evaluation = p.evaluate(&EvaluationOptions::new()).expect("sound");
    for ranking in &evaluation.rankings {
        black_box((
            ranking.roc_curve(),
            ranking.precision_recall_curve(),
            ranking.det_curve(),
        ));
        black_box((
            ranking.threshold_for_precision(0.9),
            ranking.threshold_for_recall(0.9),
        ));
    }
    black_box(p.calibration_error(Binning::Quantile(15)).expect("sound"));
    let temperature = TemperatureScaling::fit(p).expect("sound");
    black_box((
        temperature.apply(p).expect("sound"),
        IsotonicCalibration::fit(p).expect("sound"),
    ));
    let right = (p.len() - p.mistakes().count()) as u64;
    black_box((
        wilson_interval(right, p.len() as u64, 0.95),
        clopper_pearson_interval(right, p.len() as u64, 0.95),
    ));
    black_box(evaluation);
}

fn bench(c: &mut Criterion) {
    let p = predictions(100_000, 10);
    let mut group = c.benchmark_group("metrics");
    group.sample_size(10);
    group.bench_function("evaluate/100000x10", |b| {
        b.iter(|| everything(black_box(&p)));
    });
    group.bench_function("bootstrap_f1_macro/100000x10/2000", |b| {
        b.iter(|| {
            Bootstrap::new()
                .run_confusion(black_box(&p), |m| {
                    m.average(ClassMetric::F1, Average::Macro)
                })
                .expect("sound")
        });
    });
    group.bench_function("intervals_of_all_scores/100000x10/2000", |b| {
        let options = EvaluationOptions::new().with_intervals(Bootstrap::new());
        b.iter(|| black_box(&p).evaluate(&options).expect("sound"));
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
