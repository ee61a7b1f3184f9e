//! Embeddings and answers for images whose bytes a program has read elsewhere: from an archive, a table or a network.

use crate::backbone::Backbone;
use crate::classifier::{Answer, Classifier};
use crate::error::Result;
use crate::threads;

impl Backbone {
    /// The pixels `[size, size, 3]` (RGB, 0 to 255) that the network takes for the bytes of an image file.
    ///
    /// # Errors
    /// [`Error::Dataset`](crate::Error::Dataset) if the bytes are not an image that can be used.
    pub fn pixels_of(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let image = dataset::decode(bytes, &self.decode_options())?;
        Ok(self.square(&image).into_raw())
    }

    /// The embeddings, `dim` values each, of the bytes of image files. Each result stands in the place of its image; an
    /// image that cannot be used does not disturb the others. An image has the same embedding, to the last bit, whatever
    /// images are beside it.
    ///
    /// The pixels of all images are in memory at once, 150 KB each at 224 pixels: give some 64 images at a time.
    ///
    /// ```
    /// # fn main() -> transfer::Result<()> {
    /// # let picture = dataset::RgbImage::from_pixel(64, 48, image::Rgb([9, 8, 7]));
    /// # let mut png = std::io::Cursor::new(Vec::new());
    /// # picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    /// let backbone = transfer::Backbone::new(mobilenet::Weights::open("bundled")?)?;
    /// let rows = backbone.embed_bytes(&[png.get_ref(), b"no image"]);
    /// assert_eq!(rows[0].as_ref().map(Vec::len).ok(), Some(backbone.dim()));
    /// assert!(rows[1].is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn embed_bytes(&self, images: &[&[u8]]) -> Vec<Result<Vec<f32>>> {
        self.for_usable(images, |pixels, n| {
            let values = self.forward(pixels, n)?;
            Ok(values.chunks_exact(self.dim()).map(Vec::from).collect())
        })
    }

    /// Runs `network` on the pixels of the images that can be used, all at once, and puts each result in the place of its
    /// image.
    fn for_usable<T>(
        &self,
        images: &[&[u8]],
        network: impl Fn(&[u8], usize) -> Result<Vec<T>>,
    ) -> Vec<Result<T>> {
        let decoded = threads::map(images.iter(), |bytes| self.pixels_of(bytes));
        let usable: Vec<&[u8]> = decoded.iter().flatten().map(Vec::as_slice).collect();
        let Ok(results) = network(&usable.concat(), usable.len()) else {
            // Alone, each image gets an error of its own.
            let alone = |pixels: Vec<u8>| network(&pixels, 1).map(|mut one| one.remove(0));
            return decoded
                .into_iter()
                .map(|pixels| pixels.and_then(alone))
                .collect();
        };
        let mut results = results.into_iter();
        let place = |pixels: Result<Vec<u8>>| pixels.map(|_| results.next());
        let placed = decoded.into_iter().map(place);
        placed.filter_map(Result::transpose).collect()
    }
}

impl Classifier {
    /// The [answers](Classifier::answer) to the bytes of image files. Each result stands in the place of its image; see
    /// [`Backbone::embed_bytes`].
    pub fn answer_bytes(&self, images: &[&[u8]]) -> Vec<Result<Answer>> {
        let answers = |pixels: &[u8], n| self.answers(pixels, n);
        self.backbone().for_usable(images, answers)
    }
}
