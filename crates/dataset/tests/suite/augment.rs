use dataset::{Augmentation, Distortions, ImageItem, Sampler, Step, sample, tf1_bilinear};

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
        .with(Step::Rotation(20.0))
        .unwrap()
        .with(Step::ColourJitter {
            brightness: 0.4,
            contrast: 0.4,
            saturation: 0.4,
            hue: 0.1,
        })
        .unwrap()
        .with(Step::RandomErasing {
            probability: 1.0,
            area: (0.02, 0.33),
            aspect: (0.3, 3.3),
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
        Step::Mirror(0.0),
        Step::Rotation(0.0),
        Step::ColourJitter {
            brightness: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            hue: 0.0,
        },
        Step::RandomErasing {
            probability: 0.0,
            area: (0.1, 0.2),
            aspect: (1.0, 1.0),
        },
        Step::RandomResizedCrop {
            area: (1.0, 1.0),
            aspect: (1.0, 1.0),
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
    let crop = |area, aspect| Step::RandomResizedCrop { area, aspect };
    let erasing = |probability, area| Step::RandomErasing {
        probability,
        area,
        aspect: (0.3, 3.3),
    };
    let jitter = |brightness, hue| Step::ColourJitter {
        brightness,
        contrast: 0.0,
        saturation: 0.0,
        hue,
    };
    let usual = (0.75, 4.0 / 3.0);
    for (step, option) in [
        (crop((0.5, 1.0), (0.75, f64::NAN)), "aspect"),
        (crop((0.5, 1.0), (0.0, 0.0)), "aspect"),
        (crop((0.5, 1.0), (-2.0, -1.0)), "aspect"),
        (crop((0.5, 1.0), (2.0, 1.0)), "aspect"),
        (crop((0.0, 0.0), usual), "area"),
        (crop((0.5, 1.5), usual), "area"),
        (crop((f64::NAN, 1.0), usual), "area"),
        (Step::Mirror(1.5), "mirror"),
        (Step::Mirror(f64::NAN), "mirror"),
        (Step::Rotation(f64::INFINITY), "rotation"),
        (jitter(-0.1, 0.0), "brightness"),
        (jitter(0.1, 0.6), "hue"),
        (erasing(-1.0, (0.1, 0.2)), "erasing"),
        (erasing(1.0, (0.2, 0.1)), "area"),
    ] {
        let error = Augmentation::new().with(step).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{option}: expected ")),
            "{step:?}: {error}"
        );
    }
    let json =
        r#"[{"mirror": 0.5}, {"random-resized-crop": {"area": [0.5, 1.0], "aspect": [0.0, 0.0]}}]"#;
    let error = serde_json::from_str::<Augmentation>(json).unwrap_err();
    assert!(error.to_string().contains("aspect: expected"), "{error}");
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

#[test]
fn samplers_draw_as_they_say() {
    let item = |class| ImageItem {
        path: "x".into(),
        name: "x".into(),
        class,
    };
    let items: Vec<_> = (0..1000).map(|i| item(usize::from(i % 10 == 0))).collect();
    let share = |order: &[usize]| order.iter().filter(|i| items[**i].class == 1).count();
    let balanced = Sampler::Balanced.epoch(&items, 1, 0).unwrap();
    assert!((430..570).contains(&share(&balanced)));
    let mut shuffled = Sampler::Shuffled.epoch(&items, 1, 0).unwrap();
    assert_ne!(shuffled, Sampler::Shuffled.epoch(&items, 1, 1).unwrap());
    shuffled.sort_unstable();
    assert!(shuffled.into_iter().eq(0..1000));
    let mut weights = vec![0.0; 1000];
    weights[7] = 3.0;
    weights[9] = 1.0;
    let weighted = Sampler::Weighted(weights).epoch(&items, 1, 0).unwrap();
    let sevens = weighted.iter().filter(|i| **i == 7).count();
    assert!((690..810).contains(&sevens) && weighted.iter().all(|i| [7, 9].contains(i)));
    assert!(
        Sampler::Weighted(vec![0.0; 1000])
            .epoch(&items, 1, 0)
            .is_err()
    );
    assert!(Sampler::Weighted(vec![1.0]).epoch(&items, 1, 0).is_err());
}
