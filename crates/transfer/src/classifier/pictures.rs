//! The pictures that a classifier was made with.

use std::collections::BTreeMap;

use dataset::split::Subset;

use crate::error::{Error, Result};
use crate::familiarity::Familiarity;
use crate::picture::{DIGEST_BYTES, PictureDigest, near};
use crate::threads;

/// Bytes of a picture in a classifier file: its digest, and its part.
pub(super) const PICTURE_BYTES: usize = DIGEST_BYTES + 1;

/// Digests of the pictures that a classifier was made with, and the part (training, validation, test) of each. They
/// tell whether a picture is [new](Familiarity) to the classifier. Each content is stored once. If a picture was in
/// several parts, here or in a classifier that this one was trained from, training takes precedence over validation,
/// and validation over test.
///
/// The digests do not show the pictures. But a person who has a picture can find out from them whether it was trained
/// on (with `false`, [`Retrain::keep_pictures`](crate::retrain::Retrain::keep_pictures) keeps none).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pictures {
    /// By content: the hashes and the part.
    known: BTreeMap<[u8; 8], ([u64; 2], Subset)>,
    complete: bool,
}

impl Default for Pictures {
    fn default() -> Self {
        Self::new()
    }
}

impl Pictures {
    /// No pictures.
    pub fn new() -> Self {
        Self {
            known: BTreeMap::new(),
            complete: true,
        }
    }

    /// Adds pictures of a part.
    #[must_use]
    pub fn with(mut self, part: Subset, pictures: &[PictureDigest]) -> Self {
        for picture in pictures {
            self.add(picture, part);
        }
        self
    }

    /// Adds the pictures of the classifier that a training started from. If that classifier does not know its pictures,
    /// this record is no longer [complete](Self::is_complete).
    #[must_use]
    pub fn with_earlier(mut self, earlier: Option<&Self>) -> Self {
        let Some(earlier) = earlier else {
            self.complete = false;
            return self;
        };
        self.complete &= earlier.complete;
        for (&content, &(hashes, part)) in &earlier.known {
            self.add(&PictureDigest { content, hashes }, part);
        }
        self
    }

    fn add(&mut self, picture: &PictureDigest, part: Subset) {
        let known = self.known.entry(picture.content);
        let (hashes, worst) = known.or_insert((picture.hashes, part));
        *worst = part.min(*worst);
        if *hashes == [0; 2] {
            *hashes = picture.hashes;
        }
    }

    /// Number of pictures with different contents.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there is no picture.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Number of pictures of a part.
    pub fn count(&self, part: Subset) -> usize {
        let parts = self.known.values();
        parts.filter(|(_, of)| *of == part).count()
    }

    /// Whether the pictures of the classifiers that this one was trained from are known, too.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// How well each of these pictures is known. Pictures with other bytes are compared by their difference hashes with
    /// those that were trained on, one by one: comparing 10,000 with 100,000 takes a few seconds.
    pub fn familiarity(&self, pictures: &[PictureDigest]) -> Vec<Familiarity> {
        let known = self.known.iter().map(|(&content, &(hashes, part))| {
            let picture = PictureDigest { content, hashes };
            (picture, part)
        });
        let trained: Vec<[u64; 2]> = known
            .filter(|(picture, part)| *part == Subset::Training && picture.has_details())
            .map(|(picture, _)| picture.hashes)
            .collect();
        let looks_trained = |picture: &PictureDigest| {
            let mut trained = trained.iter();
            picture.has_details() && trained.any(|hashes| near(*hashes, picture.hashes))
        };
        threads::map(pictures.iter(), |picture| {
            let part = self.known.get(&picture.content).map(|(_, part)| *part);
            match part {
                Some(Subset::Training) => Familiarity::TrainedOn,
                _ if looks_trained(picture) => Familiarity::LooksTrainedOn,
                Some(Subset::Validation) => Familiarity::ValidatedOn,
                Some(Subset::Testing) => Familiarity::TestPart,
                None => Familiarity::New,
            }
        })
    }

    /// The bytes in a classifier file, `[len, PICTURE_BYTES]`, in the order of the contents.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let known = self.known.iter();
        let rows = known.flat_map(|(&content, &(hashes, part))| {
            let picture = PictureDigest { content, hashes };
            let part = Subset::ALL.iter().position(|subset| *subset == part);
            let part = part.unwrap_or_default() as u8;
            picture.to_bytes().into_iter().chain([part])
        });
        rows.collect()
    }

    /// From the bytes in a classifier file.
    pub(super) fn from_bytes(bytes: &[u8], complete: bool) -> Result<Self> {
        let (rows, _) = bytes.as_chunks::<PICTURE_BYTES>();
        let mut pictures = Self {
            complete,
            ..Self::new()
        };
        for row in rows {
            let digest: [u8; DIGEST_BYTES] = std::array::from_fn(|i| row[i]);
            let part = row[DIGEST_BYTES];
            let Some(&part) = Subset::ALL.get(usize::from(part)) else {
                return Err(Error::mismatch("part of a picture", "0, 1 or 2", part));
            };
            pictures.add(&PictureDigest::from_bytes(&digest), part);
        }
        Ok(pictures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture with details, of this content.
    fn picture(content: u8, rows: u64) -> PictureDigest {
        PictureDigest {
            content: [content; 8],
            hashes: [rows, 0xffff_0000],
        }
    }

    fn known() -> Pictures {
        Pictures::new()
            .with(Subset::Testing, &[picture(1, 0xf0f0), picture(2, 0xff00)])
            .with(Subset::Validation, &[picture(3, 0xaaaa_aaaa)])
            .with(
                Subset::Training,
                &[picture(2, 0xff00), picture(4, 0x1234_5678)],
            )
    }

    #[test]
    fn pictures_are_known_by_content_and_by_looks() {
        let pictures = [
            picture(1, 0xf0f0),
            picture(2, 0xff00),
            picture(3, 0xaaaa_aaaa),
            picture(4, 0x1234_5678),
            picture(5, 0x1234_5679),
            picture(6, 0x8765_4321_8765_4321),
        ];
        let found = known().familiarity(&pictures);
        let expected = [
            Familiarity::TestPart,
            Familiarity::TrainedOn,
            Familiarity::ValidatedOn,
            Familiarity::TrainedOn,
            Familiarity::LooksTrainedOn,
            Familiarity::New,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_test_picture_that_looks_like_a_trained_one_is_no_test() {
        let pictures = known().with(Subset::Testing, &[picture(7, 0x1234_5678)]);
        let found = pictures.familiarity(&[picture(7, 0x1234_5678)]);
        assert_eq!(found, [Familiarity::LooksTrainedOn]);
    }

    #[test]
    fn earlier_pictures_are_joined_and_the_worst_part_counts() {
        let later = Pictures::new()
            .with(Subset::Testing, &[picture(4, 0x1234_5678), picture(8, 0)])
            .with_earlier(Some(&known()));
        assert_eq!(later.len(), 5);
        assert!(later.is_complete());
        let found = later.familiarity(&[picture(4, 0), picture(8, 0)]);
        assert_eq!(found, [Familiarity::TrainedOn, Familiarity::TestPart]);
        assert_eq!(
            [later.count(Subset::Training), later.count(Subset::Testing)],
            [2, 2]
        );
        let unknown = later.with_earlier(None);
        assert!(!unknown.is_complete());
        assert!(!Pictures::new().with_earlier(Some(&unknown)).is_complete());
    }

    #[test]
    fn bytes_are_read_as_they_are_written_and_checked() {
        let bytes = known().to_bytes();
        assert_eq!(bytes.len(), 4 * PICTURE_BYTES);
        assert_eq!(Pictures::from_bytes(&bytes, true).unwrap(), known());
        let mut wrong = bytes;
        wrong[PICTURE_BYTES - 1] = 3;
        let error = Pictures::from_bytes(&wrong, true).unwrap_err().to_string();
        assert!(error.contains("0, 1 or 2"), "{error}");
    }
}
