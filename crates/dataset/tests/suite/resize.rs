use dataset::resize::tf1_bilinear;
use dataset::{DecodeOptions, ResizeFilter, ResizePolicy, RgbImage, decode_file};
use safetensors::SafeTensors;

use crate::common::{gradient, shared};

fn golden(name: &str) -> Option<RgbImage> {
    let path = shared(&format!("golden/resize/{name}"))?;
    Some(decode_file(path, &DecodeOptions::default()).unwrap())
}

/// At least 99 % of the values within one level, none further than three.
fn assert_close(ours: &RgbImage, theirs: &RgbImage) {
    assert_eq!(ours.dimensions(), theirs.dimensions());
    let far = |limit| {
        ours.iter()
            .zip(theirs.iter())
            .filter(|(a, b)| a.abs_diff(**b) > limit)
            .count()
    };
    assert!(
        far(1) * 100 <= ours.len(),
        "{} of {} values are over one level off",
        far(1),
        ours.len()
    );
    assert_eq!(far(3), 0);
}

#[test]
fn antialiased_policies_equal_pillow() {
    let Some(cat) = golden("cat_451x300.png") else {
        return;
    };
    for (policy, filter, name) in [
        (
            ResizePolicy::Squash,
            ResizeFilter::Bilinear,
            "squash_pillow_bilinear_224.png",
        ),
        (
            ResizePolicy::Squash,
            ResizeFilter::Bicubic,
            "squash_pillow_bicubic_224.png",
        ),
        (
            ResizePolicy::CenterCrop,
            ResizeFilter::Bilinear,
            "center_crop_pillow_bilinear_224.png",
        ),
    ] {
        eprintln!("{name}");
        assert_close(
            &policy.apply_with(&cat, 224, filter),
            &golden(name).unwrap(),
        );
    }
}

#[test]
fn tf1_equals_tensorflow() {
    let (Some(cat), Some(path)) = (
        golden("cat_451x300.png"),
        shared("golden/resize/tf1.safetensors"),
    ) else {
        return;
    };
    let bytes = std::fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let read = |name: &str| -> Vec<f32> {
        let (values, _) = tensors.tensor(name).unwrap().data().as_chunks::<4>();
        values.iter().map(|v| f32::from_le_bytes(*v)).collect()
    };
    let small = tf1_bilinear(&cat, 224, 224);
    let worst = |ours: &[f32], theirs: &[f32]| {
        assert_eq!(ours.len(), theirs.len());
        ours.iter()
            .zip(theirs)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max)
    };
    assert!(worst(&small, &read("squash_tf1_224")) < 1e-3);
    let large = tf1_bilinear(&cat, 500, 500);
    let every_tenth: Vec<f32> = (0..50)
        .flat_map(|y| (0..50).map(move |x| (y * 10 * 500 + x * 10) * 3))
        .flat_map(|at| large[at..at + 3].to_vec())
        .collect();
    assert!(worst(&every_tenth, &read("squash_tf1_500")) < 1e-3);
}

/// By hand, from TensorFlow 1's rule: target `i` lies at `i * from / to`, and beyond the last source pixel there is none.
#[test]
fn tf1_has_no_half_pixel_centers() {
    let image = RgbImage::from_fn(2, 2, |x, y| [(100 * x) as u8, (60 * y) as u8, 7].into());
    let values = tf1_bilinear(&image, 4, 3);
    let expected = [0.0, 40.0, 60.0]
        .into_iter()
        .flat_map(|down| [0.0, 50.0, 100.0, 100.0].map(|along| [along, down, 7.0]));
    for (ours, theirs) in values.iter().zip(expected.flatten()) {
        assert!((ours - theirs).abs() < 1e-4, "{values:?}");
    }
    assert_eq!(values.len(), 4 * 3 * 3);
}

#[test]
fn every_policy_makes_a_square_of_any_picture() {
    for (w, h) in [
        (1, 1),
        (1, 700),
        (700, 1),
        (3, 2),
        (224, 224),
        (1000, 3),
        (31_000, 2),
    ] {
        let image = gradient(w, h);
        for policy in ["squash", "center-crop", "letterbox", "tf1"] {
            let policy: ResizePolicy = policy.parse().unwrap();
            assert_eq!(
                policy.apply(&image, 65).dimensions(),
                (65, 65),
                "{policy} of {w} x {h}"
            );
        }
    }
}

#[test]
fn letterbox_puts_gray_beside_a_centered_picture() {
    let image = RgbImage::from_pixel(40, 20, [10, 20, 30].into());
    let square = ResizePolicy::Letterbox.apply(&image, 20);
    for (_, y, pixel) in square.enumerate_pixels() {
        let expected = if (5..15).contains(&y) {
            [10, 20, 30]
        } else {
            [128; 3]
        };
        assert_eq!(pixel.0, expected);
    }
}

#[test]
fn names_are_the_same_on_command_lines_and_in_files() {
    for name in ["squash", "center-crop", "letterbox", "tf1"] {
        let policy: ResizePolicy = name.parse().unwrap();
        assert_eq!(policy.to_string(), name);
        assert_eq!(
            serde_json::to_string(&policy).unwrap(),
            format!("\"{name}\"")
        );
    }
    let error = "stretch".parse::<ResizePolicy>().unwrap_err().to_string();
    assert!(
        error.contains("stretch") && error.contains("letterbox"),
        "{error}"
    );
}
