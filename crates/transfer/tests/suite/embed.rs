//! Embedding a folder through the cache: what is computed, and what is not.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{images, weights};
use burn::tensor::Device;
use dataset::{ImageItem, ResizePolicy};
use mobilenet::Weights;
use transfer::variation::Variation;
use transfer::{Backbone, EmbeddingCache, Layer};

fn bundled() -> Backbone {
    Backbone::new(Weights::open("bundled").unwrap()).unwrap()
}

#[test]
fn what_changes_is_computed_again_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    let items = images(&pictures, 3);
    let cache = EmbeddingCache::open(folder.path().join("cache")).unwrap();
    let embed = |backbone: &Backbone, items: &[ImageItem]| {
        let mut last = 0;
        let embedded = backbone.embed(items, &cache, |done| last = done).unwrap();
        assert!(embedded.failed.is_empty());
        assert_eq!(last, items.len());
        embedded
    };
    let backbone = bundled();
    let first = embed(&backbone, &items);
    assert_eq!(first.computed, 6);
    assert_eq!(first.embeddings.targets(), [0, 0, 0, 1, 1, 1]);
    assert_eq!(first.embeddings.names()[4], "cloud/cloud_00001.jpg");
    let bytes = fs::read(cache.path()).unwrap();

    // Again, in another order, from another process's point of view: nothing.
    let again = embed(&backbone, &items);
    assert_eq!((again.computed, &again.digest), (0, &first.digest));
    assert_eq!(again.embeddings, first.embeddings);
    let reversed: Vec<ImageItem> = items.iter().rev().cloned().collect();
    let reversed = embed(&backbone, &reversed);
    assert_eq!(reversed.computed, 0);
    assert_eq!(reversed.embeddings.row(0), first.embeddings.row(5));
    assert_ne!(reversed.digest, first.digest);
    assert_eq!(fs::read(cache.path()).unwrap(), bytes);

    // A renamed image is the same image.
    let mut renamed = items.clone();
    renamed[1].path = pictures.join("boat/renamed.jpg");
    fs::copy(&items[1].path, &renamed[1].path).unwrap();
    assert_eq!(embed(&backbone, &renamed).computed, 0);

    // A changed one is another.
    let picture = dataset::sample::draw(dataset::sample::Subject::Boat, 77, 2);
    picture.save(&items[2].path).unwrap();
    let changed = embed(&backbone, &items);
    assert_eq!(changed.computed, 1);
    assert_ne!(changed.digest, first.digest);
    for row in [0, 1, 3, 4, 5] {
        assert_eq!(changed.embeddings.row(row), first.embeddings.row(row));
    }
    assert_ne!(changed.embeddings.row(2), first.embeddings.row(2));

    // So does all that turns it into numbers.
    let others = [
        bundled().with_resize(ResizePolicy::CenterCrop),
        bundled().with_layer(Layer::Logits).unwrap(),
        Backbone::on(Weights::open("bundled").unwrap(), &Device::flex()).unwrap(),
        Backbone::new(Weights::open("bundled").unwrap().with_blocks(12).unwrap()).unwrap(),
    ];
    for other in &others {
        assert_eq!(embed(other, &items).computed, 6);
        assert_eq!(embed(other, &items).computed, 0);
    }
    assert_eq!(embed(&backbone, &items).computed, 0);
    let burn = embed(&others[2], &items).embeddings;
    let largest = burn.values().iter().fold(0f32, |m, v| m.max(v.abs()));
    for (a, b) in burn.values().iter().zip(changed.embeddings.values()) {
        assert!((a - b).abs() <= 1e-4 * largest);
    }
}

#[test]
fn images_that_cannot_be_used_are_named_and_the_rest_is_embedded() {
    let folder = tempfile::tempdir().unwrap();
    let items = images(folder.path(), 20);
    fs::write(&items[7].path, b"no picture").unwrap();
    fs::remove_file(&items[33].path).unwrap();
    let backbone = Backbone::new(weights(2, 32)).unwrap();
    let cache = EmbeddingCache::temporary().unwrap();
    let filled = backbone.fill(&items, &cache, |_| ()).unwrap();
    assert_eq!(filled.computed, 38);
    let embedded = backbone.embed(&items, &cache, |_| ()).unwrap();
    assert_eq!((embedded.computed, embedded.embeddings.len()), (0, 38));
    let failed: Vec<&str> = embedded
        .failed
        .iter()
        .map(|failed| &failed.item.name[..])
        .collect();
    assert_eq!(failed, [&items[7].name[..], &items[33].name]);
    assert!(
        embedded.failed[0]
            .error
            .to_string()
            .contains("boat_00007.jpg")
    );
    assert!(!embedded.embeddings.names().contains(&items[7].name));
}

#[test]
fn variants_are_computed_once_and_do_not_depend_on_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let items = images(folder.path(), 3);
    fs::write(&items[4].path, b"no picture").unwrap();
    let backbone = Backbone::new(weights(2, 48)).unwrap();
    let cache = EmbeddingCache::temporary().unwrap();
    let variants = |items: &[ImageItem], variation: &Variation, variants, seed| {
        let cached = backbone.embed_variants(items, variation, variants, seed, &cache, |_| ());
        cached.unwrap()
    };
    let retrain = Variation::from(dataset::augment::Distortions {
        flip_left_right: true,
        random_crop: 10.0,
        random_scale: 10.0,
        random_brightness: 20.0,
    });
    let first = variants(&items, &retrain, 3, 1);
    assert_eq!((first.computed, first.embeddings.len()), (15, 15));
    assert_eq!(first.failed.len(), 1);
    assert!(
        first.failed[0]
            .error
            .to_string()
            .contains(&items[4].name[6..])
    );
    let set = &first.embeddings;
    assert_eq!(
        set.targets(),
        [[0; 3], [0; 3], [0; 3], [1; 3], [1; 3]].concat()
    );
    assert_eq!(
        set.names()[..4],
        [
            &items[0].name[..],
            &items[0].name,
            &items[0].name,
            &items[1].name
        ]
    );
    let mut rows: Vec<_> = (0..15).map(|i| format!("{:?}", set.row(i))).collect();
    rows.sort();
    rows.dedup();
    assert_eq!(rows.len(), 15, "every variant is another");
    assert_eq!(variants(&items, &retrain, 3, 1).computed, 0);
    let more = variants(&items[2..3], &retrain, 5, 1);
    assert_eq!(more.computed, 2);
    for variant in 0..3 {
        assert_eq!(more.embeddings.row(variant), set.row(6 + variant));
    }
    assert_eq!(variants(&items[..1], &retrain, 3, 2).computed, 3);
    let modern = dataset::augment::Augmentation::standard().into();
    assert_eq!(variants(&items[..1], &modern, 2, 1).computed, 2);
    assert!(
        backbone
            .embed_variants(&items, &modern, 0, 1, &cache, |_| ())
            .is_err()
    );
}

#[test]
fn variants_on_the_fly_are_others_each_step_and_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    let items = images(folder.path(), 2);
    let backbone = Backbone::new(weights(2, 48)).unwrap();
    let twice = [&items[1], &items[3], &items[1]];
    let standard = dataset::augment::Augmentation::standard().into();
    let step = |step| backbone.embed_varied(&twice, &standard, 7, step).unwrap();
    let (first, second) = (step(0), step(1));
    assert_eq!(first.len(), 3 * backbone.dim());
    assert_eq!(first, step(0));
    assert_ne!(first, second);
    let dim = backbone.dim();
    assert_ne!(first[..dim], first[2 * dim..], "the same image again");

    let (some, more) = (100, 1_000_000);
    let cost = |images| backbone.estimate(&items, &standard, images).unwrap();
    assert!(cost(more) > cost(some));
    fs::remove_file(&items[3].path).unwrap();
    let error = backbone.embed_varied(&twice, &standard, 7, 0).unwrap_err();
    assert!(error.to_string().contains("cloud_00001.jpg"), "{error}");
}

/// A photo whose EXIF says that it lies on its side, as phones store them.
fn sideways(path: &Path, side: u32) {
    let picture = dataset::RgbImage::from_fn(side, side, |x, y| {
        [x as u8 * 5, y as u8, (x * y) as u8].into()
    });
    picture.save(path).unwrap();
    let jpeg = fs::read(path).unwrap();
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([6, 0, 0, 0, 0, 0, 0, 0]);
    let length = (exif.len() as u16 + 2).to_be_bytes();
    let block = [&[0xff, 0xe1][..], &length, &exif].concat();
    fs::write(path, [&jpeg[..2], &block, &jpeg[2..]].concat()).unwrap();
}

#[test]
fn varied_images_are_turned_as_those_that_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let items = &images(folder.path(), 1)[..1];
    sideways(&items[0].path, 48);
    let nothing = Variation::from(dataset::augment::Distortions::default());
    let as_it_is = Variation::from(dataset::augment::Augmentation::new());
    let embed = |resize| {
        let backbone = Backbone::new(weights(2, 48)).unwrap();
        let backbone = backbone.with_resize(resize);
        let cache = EmbeddingCache::temporary().unwrap();
        let plain = backbone.embed(items, &cache, |_| ()).unwrap().embeddings;
        for variation in [&nothing, &as_it_is] {
            let variants = backbone.embed_variants(items, variation, 1, 0, &cache, |_| ());
            let variants = variants.unwrap().embeddings;
            let fresh = backbone
                .embed_varied(&[&items[0]], variation, 0, 0)
                .unwrap();
            for (i, &plain) in plain.values().iter().enumerate() {
                for varied in [variants.values()[i], fresh[i]] {
                    assert!((plain - varied).abs() < 1e-4, "{resize}, {variation:?}");
                }
            }
        }
        plain
    };
    // The size is right already: the policies differ in which way is up.
    let upright = embed(ResizePolicy::Squash);
    assert_eq!(embed(ResizePolicy::Letterbox), upright);
    assert_ne!(embed(ResizePolicy::Tf1Squash), upright);
}

#[test]
fn the_same_bytes_with_one_thread_and_with_many() {
    let folder = tempfile::tempdir().unwrap();
    images(&folder.path().join("pictures"), 20);
    let run = |threads: &str| {
        let cache = folder.path().join(threads);
        let status = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "embed::embed_a_folder",
                "--ignored",
                "--nocapture",
            ])
            .env("RAYON_NUM_THREADS", threads)
            .env("PICTURES", folder.path().join("pictures"))
            .env("CACHE", &cache)
            .output()
            .unwrap();
        assert!(status.status.success(), "{status:?}");
        fs::read(cache.join("embeddings.bin")).unwrap()
    };
    let one = run("1");
    assert_eq!(one.len(), 16 + 40 * (44 + 4 * 1024));
    assert!(one == run("3"));
}

/// What the test above runs in processes of their own.
#[test]
#[ignore = "needs the environment that another test sets"]
fn embed_a_folder() {
    let [pictures, cache] = ["PICTURES", "CACHE"].map(|name| std::env::var(name).unwrap());
    let folder = dataset::ImageFolder::open(Path::new(&pictures)).unwrap();
    let cache = EmbeddingCache::open(cache).unwrap();
    let embedded = bundled().embed(folder.images(), &cache, |_| ()).unwrap();
    assert_eq!(embedded.computed, 40);
}
