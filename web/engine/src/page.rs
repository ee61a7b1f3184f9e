//! A classifier and the picture that it is asked about.

use std::error::Error;

use dataset::RgbImage;
use serde::Serialize;
use transfer::Classifier;
use transfer::classifier::Rejection;

use crate::about::About;
use crate::explanation::overlay;

/// An answer, or the reason why there is none.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What the classifier says of a picture.
#[derive(Serialize)]
struct Answer {
    probabilities: Vec<f64>,
    rejection: Option<Rejection>,
}

/// What a page knows: a classifier, once it is loaded, and the last picture.
#[derive(Default)]
pub struct Page {
    classifier: Option<Classifier>,
    /// The picture as the network takes it.
    square: Option<RgbImage>,
}

impl Page {
    /// Reads a classifier file, whose self-test runs. The answer is JSON that describes it: `About`.
    pub fn load(&mut self, file: &[u8]) -> Result<Vec<u8>> {
        let classifier = Classifier::from_bytes(file)?;
        let about = serde_json::to_vec(&About::of(&classifier))?;
        (self.classifier, self.square) = (Some(classifier), None);
        Ok(about)
    }

    /// Takes a picture from the bytes of its file. The answer is JSON: its width and height, upright, as decoded (a
    /// large JPEG is decoded at a fraction of its size).
    pub fn decode(&mut self, file: &[u8]) -> Result<Vec<u8>> {
        self.square = None;
        let backbone = self.classifier()?.backbone();
        let options = backbone.decode_options();
        let image = dataset::decode(file, &options)?;
        self.take(&image)
    }

    /// Takes a picture as `[height, width, 4]` bytes: red, green, blue, and one that is ignored. The answer is that of
    /// [`decode`](Self::decode).
    pub fn frame(&mut self, pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>> {
        self.square = None;
        let colors = pixels.chunks_exact(4).flat_map(|pixel| &pixel[..3]);
        let image = RgbImage::from_raw(width, height, colors.copied().collect());
        let image = image
            .filter(|image| image.len() * 4 == pixels.len() * 3 && !image.is_empty())
            .ok_or("a picture has width * height * 4 bytes, and at least one pixel")?;
        self.take(&image)
    }

    fn take(&mut self, image: &RgbImage) -> Result<Vec<u8>> {
        self.square = Some(self.classifier()?.backbone().square(image));
        let (width, height) = image.dimensions();
        Ok(serde_json::to_vec(&[width, height])?)
    }

    /// Asks about the picture. The answer is JSON: `probabilities`, one for each class, and `rejection`, the reason why
    /// the picture is none of the classes, or `null` where the most probable class is the answer.
    pub fn classify(&self) -> Result<Vec<u8>> {
        let answer = self.classifier()?.answer(self.square()?.as_raw())?;
        let mut probabilities = vec![0.0; answer.ranked.len()];
        for prediction in &answer.ranked {
            probabilities[prediction.index] = prediction.probability;
        }
        let rejection = answer.rejection;
        Ok(serde_json::to_vec(&Answer {
            probabilities,
            rejection,
        })?)
    }

    /// Explains by Grad-CAM why the picture is of a class: an [overlay] for the square that the network takes, as
    /// `[side, side, 4]` bytes, red, green, blue and alpha, of the network's last map. It is empty where the network found
    /// nothing.
    pub fn explain(&self, class: usize) -> Result<Vec<u8>> {
        overlay(self.classifier()?, self.square()?, class)
    }

    /// What the network computes of the picture, before the head: f32, little-endian.
    pub fn embed(&self) -> Result<Vec<u8>> {
        let output = self
            .classifier()?
            .backbone()
            .forward(self.square()?.as_raw(), 1)?;
        Ok(output.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    fn classifier(&self) -> Result<&Classifier> {
        Ok(self.classifier.as_ref().ok_or("no classifier is loaded")?)
    }

    fn square(&self) -> Result<&RgbImage> {
        Ok(self.square.as_ref().ok_or("there is no picture")?)
    }
}
