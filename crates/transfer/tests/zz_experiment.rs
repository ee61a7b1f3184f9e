use std::time::Instant;
use transfer::*;
fn floats(p: &str) -> Vec<f32> { std::fs::read(p).unwrap().chunks_exact(4).map(|b| f32::from_le_bytes([b[0],b[1],b[2],b[3]])).collect() }
fn set(part: &str, kind: &str, dim: usize) -> Embeddings {
    let t: Vec<usize> = std::fs::read_to_string(format!("/tmp/emb/{part}.txt")).unwrap().lines().map(|l| usize::from(l.starts_with("cloud"))).collect();
    Embeddings::new(floats(&format!("/tmp/emb/{part}_{kind}.f32")), dim, t).unwrap()
}
fn acc(head: &Head, s: &Embeddings) -> f64 {
    let p = head.probabilities(s.values()).unwrap();
    p.chunks(2).zip(s.targets()).filter(|(p, t)| usize::from(p[1] > p[0]) == **t).count() as f64 / s.len() as f64
}
#[test]
fn converged() {
    let (train, test) = (set("train", "x", 1024), set("test", "x", 1024));
    let none = Embeddings::new(vec![], 1024, vec![]).unwrap();
    let folds: Vec<usize> = std::fs::read_to_string("/tmp/emb/folds.txt").unwrap().lines().map(|l| l.parse().unwrap()).collect();
    for c in [ConvergedConfig::new(), ConvergedConfig::new().with_fold_of(folds.iter().map(|f| f - folds.iter().min().unwrap()).collect())] {
        let start = Instant::now();
        let (head, r) = HeadConfig::new().with_recipe(c).fit(&train, &none).unwrap();
        println!("{:?} passes {} grad {:?} {:?}", start.elapsed(), r.steps, r.gradient, r.stopped);
        for c in &r.candidates { println!("{c:?}"); }
        println!("chosen {:?} test {}", r.chosen(), acc(&head, &test));
    }
    for c in [0.01, 0.03, 0.1, 1.0] {
        for w in [ClassWeights::None, ClassWeights::Balanced] {
        let start = Instant::now();
        let (head, r) = HeadConfig::new().with_class_weights(w).with_recipe(ConvergedConfig::new().with_regularisation([c])).fit(&train, &none).unwrap();
        println!("C {c} {:?} passes {} grad {:?} test {}", start.elapsed(), r.steps, r.gradient, acc(&head, &test)); }
    }
}
#[test]
fn parity() {
    for (kind, dim) in [("x", 1024), ("logits", 1001)] {
        let (train, test) = (set("train", kind, dim), set("test", kind, dim));
        let none = Embeddings::new(vec![], dim, vec![]).unwrap();
        let start = Instant::now();
        let a: Vec<f64> = (0..10).map(|s| acc(&HeadConfig::new().with_recipe(StepsConfig::parity()).with_seed(s).fit(&train, &none).unwrap().0, &test)).collect();
        println!("{kind} {:?} a run: {a:?}", start.elapsed() / 10);
    }
}
#[test]
fn hidden() {
    let (train, test) = (set("train", "x", 1024), set("test", "x", 1024));
    let rows: (Vec<usize>, Vec<usize>) = (0..train.len()).partition(|i| i % 10 != 0);
    let (t, v) = (train.select(&rows.0), train.select(&rows.1));
    for units in [32, 128, 512] {
        let start = Instant::now();
        let (head, r) = HeadConfig::new().with_recipe(StepsConfig::hidden(units)).fit(&t, &v).unwrap();
        println!("{units} {:?} {:?} {} {:?} test {}", start.elapsed(), r.stopped, r.steps, r.history.iter().map(|h| h.validation.unwrap().cross_entropy).fold(1.0, f64::min), acc(&head, &test));
    }
}
