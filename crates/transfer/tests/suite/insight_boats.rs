//! What embeddings are good for, on the real boats and clouds.

use image::imageops::FilterType;
use image::{DynamicImage, RgbImage};
use metrics::curves::Ranking;
use transfer::insight::{OpenSet, Pca, SimilarImages, label_noise, scatter_plot};
use transfer::{Backbone, Embeddings, HeadConfig};

use crate::common::out_of_distribution;
use crate::common::trained::{Trained, boats_and_clouds};

fn set() -> Option<(Trained, Embeddings)> {
    let set = boats_and_clouds()?;
    let training = set.training.concat(&set.validation).unwrap();
    Some((set, training))
}

type Change = fn(DynamicImage) -> DynamicImage;

/// Embeddings `[n, dim]` of pictures.
fn embed(backbone: &Backbone, pictures: &[RgbImage]) -> Vec<f32> {
    let square = |picture| backbone.square(picture).into_raw();
    let pixels: Vec<u8> = pictures.iter().flat_map(square).collect();
    backbone.forward(&pixels, pictures.len()).unwrap()
}

/// Every twentieth label is made wrong; half of those must be among the first tenth of the candidates.
#[test]
fn planted_wrong_labels_are_found() {
    let Some((_, real)) = set() else {
        return;
    };
    let planted: Vec<usize> = (0..real.len()).skip(7).step_by(20).collect();
    let mut targets = real.targets().to_vec();
    for &at in &planted {
        targets[at] = 1 - targets[at];
    }
    let noisy = Embeddings::new(real.values().to_vec(), real.dim(), targets).unwrap();
    let report = HeadConfig::new().training(&noisy).fit().unwrap().report;
    let noise = label_noise(noisy.targets(), &report.out_of_fold, 2).unwrap();
    let candidates = &noise.ranking[..real.len() / 10];
    let hit = |s: &&transfer::insight::Suspect| planted.contains(&s.index);
    let found = candidates.iter().filter(hit).count();
    eprintln!(
        "{found} of {} planted among the first {} candidates; {} count as mislabeled ({} of them planted); noise rate {:.3}",
        planted.len(),
        candidates.len(),
        noise.mislabeled().count(),
        noise.mislabeled().filter(hit).count(),
        noise.noise_rate(),
    );
    assert!(found * 2 >= planted.len());
}

/// Photographs of other things, drawn scenes of other things and textures against the test images.
#[test]
fn images_of_other_things_are_told_from_test_images() {
    let Some((set, training)) = set() else {
        return;
    };
    let backbone = set.classifier.backbone();
    let testing = backbone.embed(&set.testing, &set.cache, |_| ()).unwrap();
    let testing = testing.embeddings;
    let others = out_of_distribution::all();
    let embedded = embed(backbone, &others);
    // The threshold comes from validation images, the neighbors from training images.
    let (train, held_out) = (set.training.values(), set.validation.values());
    let open_set = OpenSet::fit(train, held_out, training.dim(), 10, 0.95).unwrap();
    let known = open_set.scores(testing.values()).unwrap();
    let other = open_set.scores(&embedded).unwrap();
    let area = |other: &[f64]| {
        let positive: Vec<bool> = (0..known.len() + other.len())
            .map(|i| i >= known.len())
            .collect();
        let scores = [&known[..], other].concat();
        let ranking = Ranking::new(&positive, &scores, None).unwrap();
        ranking.roc_auc().unwrap()
    };
    let beyond = |scores: &[f64]| scores.iter().filter(|&&s| s > open_set.threshold()).count();
    let photographs = out_of_distribution::PHOTOGRAPHS.len();
    eprintln!(
        "area {:.4} for {} others ({:.4} for the {photographs} photographs); beyond the threshold: {} others, {} of {} test images",
        area(&other),
        other.len(),
        area(&other[..photographs]),
        beyond(&other),
        beyond(&known),
        known.len(),
    );
    assert!(area(&other) >= 0.95);
    // So a cat is not confidently a boat: the head alone does not see it.
    let sure = set.classifier.head().probabilities(&embedded).unwrap();
    let sure = sure.chunks(2).filter(|p| p[0].max(p[1]) > 0.9).count();
    eprintln!("the head alone is more than 90 % sure of {sure} of them");
}

/// A picture cut, mirrored, made small and compressed anew is nearest to itself; neighbors share their class.
#[test]
fn copies_are_found_again() {
    let Some((set, training)) = set() else {
        return;
    };
    let backbone = set.classifier.backbone();
    let images = SimilarImages::new(training.values(), training.dim()).unwrap();

    let tested: Vec<usize> = (0..training.len()).step_by(67).collect();
    let root = &set.root;
    let open = |&i: &usize| {
        let bytes = std::fs::read(root.join(&training.names()[i])).unwrap();
        image::load_from_memory(&bytes).unwrap()
    };
    let changes: [(&str, Change); 4] = [
        ("half the size", |p| {
            p.resize(p.width() / 2, p.height() / 2, FilterType::Triangle)
        }),
        ("JPEG of quality 30", |p| {
            let mut bytes = Vec::new();
            let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 30);
            p.to_rgb8().write_with_encoder(encoder).unwrap();
            image::load_from_memory(&bytes).unwrap()
        }),
        ("mirrored", |p| p.fliph()),
        ("a margin of 5 % cut off", |p| {
            let (w, h) = (p.width(), p.height());
            p.crop_imm(w / 20, h / 20, w - w / 10, h - h / 10)
        }),
    ];
    for (what, change) in changes {
        let changed: Vec<RgbImage> = tested
            .iter()
            .map(open)
            .map(|p| change(p).to_rgb8())
            .collect();
        let rows = embed(backbone, &changed);
        let mut similarities = Vec::new();
        for (row, &original) in rows.chunks(training.dim()).zip(&tested) {
            let nearest = images.nearest(row, 1).unwrap()[0];
            assert_eq!(
                nearest.index,
                original,
                "{what}: {}",
                training.names()[original]
            );
            similarities.push(nearest.similarity);
        }
        similarities.sort_by(f64::total_cmp);
        eprintln!(
            "{what}: cosine {:.3} to {:.3}, median {:.3}",
            similarities[0],
            similarities[similarities.len() - 1],
            similarities[similarities.len() / 2]
        );
    }

    let testing = backbone.embed(&set.testing, &set.cache, |_| ()).unwrap();
    let testing = testing.embeddings;
    let (mut same, mut cosines) = (0, Vec::new());
    for (row, &target) in testing
        .values()
        .chunks(testing.dim())
        .zip(testing.targets())
    {
        let nearest = images.nearest(row, 1).unwrap()[0];
        same += usize::from(training.targets()[nearest.index] == target);
        cosines.push(nearest.similarity);
    }
    cosines.sort_by(f64::total_cmp);
    let at = |share: f64| cosines[(share * (cosines.len() - 1) as f64) as usize];
    let share = same as f64 / testing.len() as f64;
    eprintln!(
        "nearest training image: same class for {share:.3}; cosine 5 % {:.3}, median {:.3}, 95 % {:.3}",
        at(0.05),
        at(0.5),
        at(0.95)
    );
    let other = SimilarImages::new(testing.values(), testing.dim()).unwrap();
    for threshold in [0.9, 0.95, 0.98] {
        let pairs = images.pairs(&other, threshold).unwrap();
        eprintln!(
            "{} pairs of a training and a test image at {threshold}",
            pairs.len()
        );
    }
    assert!(share > 0.9);
}

/// The two classes lie apart on the map.
#[test]
fn the_map_shows_the_classes() {
    let Some((_, training)) = set() else {
        return;
    };
    let pca = Pca::fit(training.values(), training.dim(), 2).unwrap();
    let points = pca.project(training.values()).unwrap();
    eprintln!("explained: {:?}", pca.explained());
    let scores: Vec<f64> = points.chunks(2).map(|p| p[0]).collect();
    let boats: Vec<bool> = training.targets().iter().map(|&t| t == 0).collect();
    let area = Ranking::new(&boats, &scores, None)
        .unwrap()
        .roc_auc()
        .unwrap();
    eprintln!(
        "area of the first component alone: {:.3}",
        area.max(1.0 - area)
    );
    assert!(area.max(1.0 - area) > 0.7);
    let map = scatter_plot(&points, training.targets(), 400).unwrap();
    assert!(map.pixels().filter(|p| p.0 != [255; 3]).count() > 1000);
}
