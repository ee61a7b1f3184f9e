use dataset::{ImageFolder, ImageItem};

use super::classify::Classifier;
use crate::error::{Error, Result};

impl Classifier {
    /// The images of a folder with the class indices of this classifier. They may differ from those of the folder,
    /// because the classifier may know more classes, or have them in another order. Sub-folders are matched with
    /// classes by name.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if a sub-folder with images is not a class of this classifier.
    pub fn labeled_images(&self, folder: &ImageFolder) -> Result<Vec<ImageItem>> {
        let known = self.classes();
        let relabel = |item: &ImageItem| {
            let name = &folder.classes()[item.class];
            let class = known.iter().position(|class| class == name);
            let class = class.ok_or_else(|| {
                let expected = format!("one of the classifier's classes ({})", known.join(", "));
                Error::mismatch("sub-folder of images", expected, format!("`{name}`"))
            })?;
            Ok(ImageItem {
                class,
                ..item.clone()
            })
        };
        folder.images().iter().map(relabel).collect()
    }
}
