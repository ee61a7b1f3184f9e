use std::path::PathBuf;

use dataset::{DecodeOptions, Error, PixelLoader, ResizePolicy, sample};

use crate::common::put;
use crate::decode::jpeg_with_exif;

fn everything(loader: &PixelLoader, paths: &[PathBuf]) -> (Vec<usize>, Vec<u8>, Vec<usize>) {
    let (mut indices, mut pixels, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    loader
        .for_each_batch(paths, |batch| {
            indices.extend(batch.indices);
            pixels.extend(batch.pixels);
            failed.extend(batch.failed.iter().map(|failed| failed.index));
            Ok::<(), Error>(())
        })
        .unwrap();
    (indices, pixels, failed)
}

#[test]
fn order_and_bytes_depend_on_neither_batch_nor_threads() {
    let dir = tempfile::tempdir().unwrap();
    sample::write(dir.path(), 11, 5).unwrap();
    let folder = dataset::ImageFolder::open(dir.path()).unwrap();
    let mut paths: Vec<_> = folder.images().iter().map(|i| i.path.clone()).collect();
    put(dir.path().join("broken"), b"\xff\xd8\xff\xe0 and no more");
    paths.insert(7, dir.path().join("broken"));
    paths.push(dir.path().join("missing"));
    let loader = PixelLoader::new(ResizePolicy::Squash, 32);
    let (indices, pixels, failed) = everything(&loader, &paths);
    assert_eq!(failed, [7, 23]);
    assert_eq!(indices.len(), 22);
    for (at, &index) in indices.iter().enumerate() {
        let alone = loader.load(&paths[index]).unwrap();
        assert_eq!(alone, pixels[at * 32 * 32 * 3..][..32 * 32 * 3]);
    }
    for batch in [1, 5, 24, 100] {
        let other = loader.clone().with_batch_size(batch);
        assert!(everything(&other, &paths) == (indices.clone(), pixels.clone(), failed.clone()));
    }
    let one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    assert!(one.install(|| everything(&loader, &paths)) == (indices, pixels, failed));
}

#[test]
fn an_error_of_the_consumer_ends_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let paths = vec![dir.path().join("missing"); 100];
    let mut calls = 0;
    let result = PixelLoader::new(ResizePolicy::Squash, 8)
        .with_batch_size(2)
        .for_each_batch(&paths, |_| {
            calls += 1;
            Err("enough")
        });
    assert_eq!((result, calls), (Err("enough"), 1));
}

#[test]
fn large_jpegs_are_decoded_at_reduced_size_unless_parity_forbids_it() {
    let dir = tempfile::tempdir().unwrap();
    let image = sample::draw(sample::Subject::Boat, 1, 1);
    let large = image::imageops::resize(&image, 1024, 768, image::imageops::FilterType::CatmullRom);
    let path = dir.path().join("large.jpg");
    large.save(&path).unwrap();
    let reduced = DecodeOptions::default().with_reduce_to(Some(150));
    let decoded = dataset::decode_file(&path, &reduced).unwrap();
    assert_eq!(decoded.dimensions(), (256, 192));
    let whole =
        PixelLoader::new(ResizePolicy::Squash, 64).with_decode_options(DecodeOptions::default());
    let fast = PixelLoader::new(ResizePolicy::Squash, 64);
    let (whole, fast) = (whole.load(&path).unwrap(), fast.load(&path).unwrap());
    let difference: u64 = whole
        .iter()
        .zip(&fast)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    assert!(difference > 0, "nothing was reduced");
    assert!(
        (difference as f64) < 1.5 * whole.len() as f64,
        "{difference} over {}",
        whole.len()
    );
    let tf1 = PixelLoader::new(ResizePolicy::Tf1Squash, 64);
    let every_pixel = dataset::decode_file(&path, &DecodeOptions::default()).unwrap();
    let square = ResizePolicy::Tf1Squash.apply(&every_pixel, 64);
    assert!(tf1.load(&path).unwrap() == square.into_raw());
    assert_eq!(tf1.decode(&path).unwrap().dimensions(), (1024, 768));
}

#[test]
fn a_policy_decodes_alike_with_and_without_another_limit() {
    let dir = tempfile::tempdir().unwrap();
    let image = sample::draw(sample::Subject::Boat, 1, 1);
    let large = image::imageops::resize(&image, 1024, 768, image::imageops::FilterType::CatmullRom);
    let jpeg = jpeg_with_exif(&large, 6);
    let path = dir.path().join("turned.jpg");
    put(&path, jpeg);
    for (policy, size) in [
        (ResizePolicy::Squash, (96, 128)),
        (ResizePolicy::CenterCrop, (96, 128)),
        (ResizePolicy::Letterbox, (96, 128)),
        (ResizePolicy::Tf1Squash, (1024, 768)),
    ] {
        let loader = PixelLoader::new(policy, 64);
        let decoded = loader.decode(&path).unwrap();
        assert_eq!(decoded.dimensions(), size, "{policy}");
        let square = policy.apply(&decoded, 64).into_raw();
        assert!(loader.load(&path).unwrap() == square, "{policy}");
        let limited = policy.decode_options(64).with_max_bytes(1 << 20);
        let loader = loader.with_decode_options(limited);
        assert_eq!(loader.decode(&path).unwrap(), decoded, "{policy}");
        let limited = policy.decode_options(64).with_max_bytes(100);
        let loader = loader.with_decode_options(limited);
        assert!(loader.decode(&path).is_err() && loader.load(&path).is_err());
    }
}
