use dataset::augment::{Augmentation, Distortions, Transform};
use dataset::resize::tf1_bilinear;
use dataset::sample;

fn picture() -> dataset::RgbImage {
    sample::draw(sample::Subject::Cloud, 2, 2)
}

#[test]
fn distortions_follow_the_original() {
    let image = picture();
    let none = Distortions::default();
    assert!(!none.is_any());
    assert_eq!(
        none.apply(&image, 64, 1, 0, 0),
        tf1_bilinear(&image, 64, 64)
    );
    // Mirrored in about half of the cases, and then exactly.
    let flip = Distortions {
        flip_left_right: true,
        ..none
    };
    let plain = tf1_bilinear(&image, 64, 64);
    let mut mirrored = 0;
    for index in 0..100 {
        let values = flip.apply(&image, 64, 1, 0, index);
        if values != plain {
            mirrored += 1;
            let pixel = |v: &[f32], x: usize, y: usize| v[(y * 64 + x) * 3];
            assert_eq!(pixel(&values, 0, 9), pixel(&plain, 63, 9));
        }
    }
    assert!((35..65).contains(&mirrored), "{mirrored}");
    // Brightness is one factor for the whole picture, in its range and not clipped.
    let bright = Distortions {
        random_brightness: 30.0,
        ..none
    };
    for index in 0..20 {
        let values = bright.apply(&image, 64, 1, 0, index);
        let factor = values[0] / plain[0];
        assert!((0.7..=1.3).contains(&factor));
        assert!(
            values
                .iter()
                .zip(&plain)
                .all(|(v, p)| (v - p * factor).abs() < 1e-3)
        );
    }
    // A crop is a part of the picture at (1 + margin) times the size.
    let crop = Distortions {
        random_crop: 25.0,
        ..none
    };
    let wide = tf1_bilinear(&image, 80, 80);
    let values = crop.apply(&image, 64, 1, 0, 5);
    let starts = (0..=16).flat_map(|y| (0..=16).map(move |x| (x, y)));
    let found = starts.filter(|(x, y)| {
        (0..64).all(|row| values[row * 192..][..192] == wide[((y + row) * 80 + x) * 3..][..192])
    });
    assert_eq!(found.count(), 1);
}

#[test]
fn augmentation_depends_on_seed_epoch_and_index_alone() {
    let image = picture();
    let augmentation = Augmentation::standard()
        .with(Transform::RandomRotation(20.0))
        .unwrap()
        .with(Transform::ColorJitter {
            brightness: 0.4,
            contrast: 0.4,
            saturation: 0.4,
            hue: 0.1,
        })
        .unwrap()
        .with(Transform::RandomErasing {
            probability: 1.0,
            area: (0.02, 0.33).into(),
            aspect: (0.3, 3.3).into(),
        })
        .unwrap();
    let once = augmentation.apply(&image, 48, 1, 2, 3);
    assert_eq!(once.dimensions(), (48, 48));
    assert_eq!(once, augmentation.apply(&image, 48, 1, 2, 3));
    for (seed, epoch, index) in [(2, 2, 3), (1, 3, 3), (1, 2, 4)] {
        assert_ne!(once, augmentation.apply(&image, 48, seed, epoch, index));
    }
    let json = serde_json::to_string(&augmentation).unwrap();
    assert_eq!(
        serde_json::from_str::<Augmentation>(&json).unwrap(),
        augmentation
    );
}

#[test]
fn steps_that_may_do_nothing_do_nothing() {
    let image = dataset::ResizePolicy::Squash.apply(&picture(), 32);
    for step in [
        Transform::RandomHorizontalFlip(0.0),
        Transform::RandomRotation(0.0),
        Transform::ColorJitter {
            brightness: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            hue: 0.0,
        },
        Transform::RandomErasing {
            probability: 0.0,
            area: (0.1, 0.2).into(),
            aspect: (1.0, 1.0).into(),
        },
        Transform::RandomResizedCrop {
            area: (1.0, 1.0).into(),
            aspect: (1.0, 1.0).into(),
        },
    ] {
        let augmentation = Augmentation::new().with(step).unwrap();
        let result = augmentation.apply(&image, 32, 1, 1, 1);
        let worst = result
            .iter()
            .zip(image.iter())
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        assert!(worst <= Some(1), "{step:?}: {worst:?}");
    }
}

#[test]
fn numbers_out_of_range_are_refused_wherever_they_come_from() {
    let crop = |area: (f64, f64), aspect: (f64, f64)| Transform::RandomResizedCrop {
        area: area.into(),
        aspect: aspect.into(),
    };
    let erasing = |probability, area: (f64, f64)| Transform::RandomErasing {
        probability,
        area: area.into(),
        aspect: (0.3, 3.3).into(),
    };
    let jitter = |brightness, hue| Transform::ColorJitter {
        brightness,
        contrast: 0.0,
        saturation: 0.0,
        hue,
    };
    let usual = (0.75, 4.0 / 3.0);
    for (step, setting) in [
        (crop((0.5, 1.0), (0.75, f64::NAN)), "aspect"),
        (crop((0.5, 1.0), (0.0, 0.0)), "aspect"),
        (crop((0.5, 1.0), (-2.0, -1.0)), "aspect"),
        (crop((0.5, 1.0), (2.0, 1.0)), "aspect"),
        (crop((0.0, 0.0), usual), "area"),
        (crop((0.5, 1.5), usual), "area"),
        (crop((f64::NAN, 1.0), usual), "area"),
        (Transform::RandomHorizontalFlip(1.5), "flip"),
        (Transform::RandomHorizontalFlip(f64::NAN), "flip"),
        (Transform::RandomRotation(f64::INFINITY), "rotation"),
        (jitter(-0.1, 0.0), "brightness"),
        (jitter(0.1, 0.6), "hue"),
        (erasing(-1.0, (0.1, 0.2)), "erasing"),
        (erasing(1.0, (0.2, 0.1)), "area"),
    ] {
        let error = Augmentation::new().with(step).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{setting} is ")),
            "{step:?}: {error}"
        );
    }
    let json =
        r#"[{"mirror": 0.5}, {"random-resized-crop": {"area": [0.5, 1.0], "aspect": [0.0, 0.0]}}]"#;
    let error = serde_json::from_str::<Augmentation>(json).unwrap_err();
    assert!(
        error.to_string().contains("aspect is 0 to 0; expected"),
        "{error}"
    );
    // The edges of the ranges give pictures, not black squares, also of flat ones.
    for aspect in [(0.01, 0.01), (100.0, 100.0)] {
        let step = crop((1e-6, 1e-6), aspect);
        let augmentation = Augmentation::new().with(step).unwrap();
        for size in [(1, 1), (1, 300), (300, 1), (40, 30)] {
            let white = dataset::RgbImage::from_pixel(size.0, size.1, [255; 3].into());
            let result = augmentation.apply(&white, 8, 1, 1, 1);
            assert!(
                result.iter().all(|value| *value == 255),
                "{aspect:?} of {size:?}"
            );
        }
    }
}

/// Checkpoints hold augmentations under names that are older than the types, and one under its name of earlier versions.
#[test]
fn names_in_files_stay() {
    let json = r#"[{"random-resized-crop":{"area":[0.5,1.0],"aspect":[0.75,1.25]}},{"mirror":0.5},{"rotation":9.0},{"color-jitter":{"brightness":0.4,"contrast":0.3,"saturation":0.2,"hue":0.1}},{"random-erasing":{"probability":0.5,"area":[0.1,0.2],"aspect":[0.5,2.0]}}]"#;
    let augmentation: Augmentation = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&augmentation).unwrap(), json);
    let earlier = json.replace("color-jitter", "colour-jitter");
    let earlier: Augmentation = serde_json::from_str(&earlier).unwrap();
    assert_eq!(earlier, augmentation);
}
