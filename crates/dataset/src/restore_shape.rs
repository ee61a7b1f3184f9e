//! From a square back to the shape of the image from which it was made.

use image::RgbImage;
use image::imageops::{FilterType, resize};

use crate::resize::ResizePolicy;
use crate::thumbnail::thumbnail;

impl ResizePolicy {
    /// Gives a picture that was drawn over a square of this policy the aspect ratio of `image`, from which the square
    /// was made. No side becomes longer than that of the square. Pictures over squares that keep the aspect ratio,
    /// those of [`ResizePolicy::CenterCrop`] and [`ResizePolicy::Letterbox`], stay as they are.
    ///
    /// ```
    /// use dataset::{ResizePolicy, RgbImage};
    /// let (image, policy) = (RgbImage::new(400, 200), ResizePolicy::Squash);
    /// let square = policy.apply(&image, 64);
    /// assert_eq!(policy.restore_shape(square, &image).dimensions(), (64, 32));
    /// ```
    pub fn restore_shape(self, square: RgbImage, image: &RgbImage) -> RgbImage {
        match self {
            Self::Squash | Self::Tf1Squash => {
                let small = thumbnail(image, square.width());
                let (width, height) = small.dimensions();
                resize(&square, width, height, FilterType::Triangle)
            }
            Self::CenterCrop | Self::Letterbox => square,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_squashed_squares_change() {
        let image = RgbImage::new(90, 120);
        for (policy, shape) in [
            (ResizePolicy::Squash, (24, 32)),
            (ResizePolicy::Tf1Squash, (24, 32)),
            (ResizePolicy::CenterCrop, (32, 32)),
            (ResizePolicy::Letterbox, (32, 32)),
        ] {
            let square = policy.apply(&image, 32);
            let restored = policy.restore_shape(square, &image);
            assert_eq!(restored.dimensions(), shape, "{policy}");
        }
    }
}
