//! Images whose bytes were read elsewhere.

use crate::common::weights;
use dataset::RgbImage;
use transfer::head::{Dense, Head};
use transfer::{Backbone, Classifier};

/// A drawn picture as the bytes of a PNG.
fn picture(seed: u32) -> Vec<u8> {
    let color = |x: u32, y: u32| [(x * seed) as u8, (y * 3) as u8, (x + y * seed) as u8];
    let image = RgbImage::from_fn(50, 40, |x, y| image::Rgb(color(x, y)));
    let mut png = std::io::Cursor::new(Vec::new());
    image.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

#[test]
fn each_image_has_its_result_in_its_place() {
    let backbone = Backbone::new(weights(2, 32)).unwrap();
    let (a, b) = (picture(3), picture(7));
    let mixed = backbone.embed_bytes(&[b"no image", &a, b"", &b]);
    assert_eq!(mixed.len(), 4);
    assert!(mixed[0].is_err() && mixed[2].is_err());
    for (row, bytes) in [(&mixed[1], &a), (&mixed[3], &b)] {
        let alone = backbone.embed_bytes(&[bytes]).remove(0).unwrap();
        assert_eq!(alone.len(), backbone.dim());
        assert_eq!(row.as_ref().unwrap(), &alone);
        let pixels = backbone.pixels_of(bytes).unwrap();
        assert_eq!(backbone.forward(&pixels, 1).unwrap(), alone);
    }
    assert!(backbone.embed_bytes(&[]).is_empty());
}

/// The limits of a backbone hold for bytes as they do for files.
#[test]
fn a_picture_over_the_limit_is_refused() {
    let backbone = Backbone::new(weights(2, 32)).unwrap();
    let limited = backbone.clone().with_max_pixels(Some(50 * 40 - 1));
    assert!(backbone.pixels_of(&picture(3)).is_ok());
    assert!(limited.pixels_of(&picture(3)).is_err());
    assert!(limited.embed_bytes(&[&picture(3)]).remove(0).is_err());
}

#[test]
fn answers_are_those_of_the_classifier() {
    let backbone = Backbone::new(weights(2, 32)).unwrap();
    let head = crate::common::numbers(2 * backbone.dim(), 5);
    let layer = Dense::new(backbone.dim(), head, vec![0.0, 0.1]).unwrap();
    let classes = vec!["boat".to_string(), "cloud".to_string()];
    let classifier = Classifier::new(backbone, Head::new(vec![layer]).unwrap(), classes).unwrap();
    let picture = picture(5);
    let answers = classifier.answer_bytes(&[&picture, b"no image"]);
    let ranked = &answers[0].as_ref().unwrap().ranked;
    assert_eq!(ranked, &classifier.classify_bytes(&picture).unwrap());
    assert!(answers[1].is_err());
}

#[test]
fn the_recipe_tells_backbones_apart() {
    let backbone = Backbone::new(weights(2, 32)).unwrap();
    let same = Backbone::new(weights(2, 32)).unwrap();
    let others = [
        Backbone::new(weights(3, 32)).unwrap(),
        same.clone().with_resize(dataset::ResizePolicy::Tf1Squash),
        same.clone().with_filter(dataset::ResizeFilter::Bicubic),
    ];
    assert_eq!(backbone.recipe(), same.recipe());
    for other in others {
        assert_ne!(backbone.recipe(), other.recipe());
    }
}
