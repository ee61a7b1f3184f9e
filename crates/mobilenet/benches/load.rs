//! From nothing to a net that can classify: time, and the memory that a process needs for it.

use std::hint::black_box;
use std::process::Command;

use burn::tensor::Device;
use criterion::{Criterion, criterion_group};
use mobilenet::{CompiledMobileNet, FloatType, ImageBatch, Weights};

/// Set in the process whose memory is measured.
const ALONE: &str = "LOAD_BENCH_ALONE";

fn ready(name_or_path: &str) -> CompiledMobileNet {
    let weights = Weights::open(name_or_path).expect("the weights are there");
    let net = weights.load(&Device::flex()).expect("they are complete");
    net.compile().expect("this processor is known")
}

fn load(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, precision| {
        let path = folder.path().join(name);
        let weights = Weights::open("bundled").expect("it is bundled");
        weights.save(&path, precision).expect("there is room");
        path.display().to_string()
    };
    let mut group = c.benchmark_group("load/alpha-1.0");
    group.bench_function("bundled-f16", |b| b.iter(|| black_box(ready("bundled"))));
    for (name, precision) in [("file-f16", FloatType::F16), ("file-f32", FloatType::F32)] {
        let path = file(name, precision);
        group.bench_function(name, |b| b.iter(|| black_box(ready(&path))));
    }
    group.finish();
    if let Ok(program) = std::env::current_exe() {
        let alone = Command::new(program).env(ALONE, "1").status();
        assert!(alone.is_ok_and(|status| status.success()));
    }
}

/// Peak and present memory of this process (Linux: `/proc/self/status`).
fn report(moment: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status
        .lines()
        .filter(|l| l.starts_with("VmHWM") || l.starts_with("VmRSS"))
    {
        println!("{moment}: {line}");
    }
}

criterion_group!(benches, load);

fn main() {
    if std::env::var_os(ALONE).is_none() {
        benches();
        return;
    }
    report("started");
    let net = ready("bundled");
    report("ready to classify");
    let image = vec![128; 224 * 224 * 3];
    let pixels = ImageBatch::from_u8(&image, [1, 224, 224]).expect("an image");
    black_box(net.logits(&pixels).expect("logits"));
    report("one image classified");
}
