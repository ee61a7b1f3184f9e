//! What a cache keeps of an image, and the computing of what it does not.

use dataset::RgbImage;
use dataset::difference_hash::difference_hashes;
use sha2::{Digest, Sha256};

use crate::backbone::Backbone;
use crate::cache::{EmbeddingCache, Key};
use crate::error::Result;
use crate::picture::PictureDigest;
use crate::threads;

/// Whether the hashes of images are wanted beside their embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hashes {
    Wanted,
    Unwanted,
}

/// The bits of a hash record that are in one of its numbers, which holds them exactly.
const BITS: usize = 16;

/// What a backbone has in a cache.
pub(crate) struct Kept<'a> {
    backbone: &'a Backbone,
    cache: &'a EmbeddingCache,
    recipe: [u8; 32],
    /// `None` where hashes are not wanted.
    hash_recipe: Option<[u8; 32]>,
}

/// What is known of an image.
pub(crate) struct Known {
    sha256: [u8; 32],
    hashes: Option<[u64; 2]>,
    row: Option<Vec<f32>>,
}

/// An image with its embedding.
pub(crate) struct Content {
    pub(crate) sha256: [u8; 32],
    pub(crate) digest: PictureDigest,
    pub(crate) row: Vec<f32>,
}

impl Known {
    /// Whether nothing is left to compute.
    pub(crate) fn is_whole(&self) -> bool {
        self.hashes.is_some() && self.row.is_some()
    }

    /// The image, if it is whole.
    pub(crate) fn content(self) -> Option<Content> {
        Some(Content {
            digest: PictureDigest::new(&self.sha256, self.hashes?),
            sha256: self.sha256,
            row: self.row?,
        })
    }
}

impl<'a> Kept<'a> {
    pub(crate) fn new(backbone: &'a Backbone, cache: &'a EmbeddingCache, hashes: Hashes) -> Self {
        Self {
            recipe: backbone.recipe(),
            hash_recipe: (hashes == Hashes::Wanted).then(|| backbone.hash_recipe()),
            backbone,
            cache,
        }
    }

    /// Looks for an image by the bytes of its file.
    pub(crate) fn look_up(&self, bytes: &[u8]) -> Result<Known> {
        let sha256: [u8; 32] = Sha256::digest(bytes).into();
        let row = self.cache.get(&Key::new(&sha256, &self.recipe))?;
        let hashes = match &self.hash_recipe {
            None => Some([0; 2]),
            Some(recipe) => {
                let record = self.cache.get(&Key::new(&sha256, recipe))?;
                record.and_then(|record| unpacked(&record))
            }
        };
        Ok(Known {
            sha256,
            hashes,
            row: row.filter(|row| row.len() == self.backbone.dim()),
        })
    }

    /// Computes what is missing of images, from their pixels `[known.len(), size, size, 3]`, and puts it into the cache.
    /// The second number is that of the embeddings that were computed.
    pub(crate) fn complete(
        &self,
        pixels: &[u8],
        mut known: Vec<Known>,
    ) -> Result<(Vec<Content>, usize)> {
        let side = self.backbone.size();
        let of_image = (side * side * 3) as usize;
        let images = || pixels.chunks_exact(of_image);
        let missing = known.iter().filter(|image| image.row.is_none()).count();
        let rows = if missing == known.len() {
            self.backbone.forward(pixels, missing)?
        } else {
            let wanted = images()
                .zip(&known)
                .filter(|(_, image)| image.row.is_none());
            let wanted: Vec<u8> = wanted.flat_map(|(pixels, _)| pixels).copied().collect();
            self.backbone.forward(&wanted, missing)?
        };
        let hashes = threads::map(images().zip(&known), |(pixels, image)| {
            image.hashes.unwrap_or_else(|| {
                let square = RgbImage::from_raw(side, side, pixels.to_vec());
                square.map_or([0; 2], |square| difference_hashes(&square))
            })
        });
        let mut rows = rows.chunks_exact(self.backbone.dim());
        for (image, hashes) in known.iter_mut().zip(hashes) {
            image.hashes = Some(hashes);
            if image.row.is_none() {
                image.row = rows.next().map(<[f32]>::to_vec);
            }
        }
        let contents: Vec<Content> = known.into_iter().filter_map(Known::content).collect();
        self.append(&contents)?;
        Ok((contents, missing))
    }

    /// Puts images into the cache; what is there already stays.
    fn append(&self, images: &[Content]) -> Result<()> {
        let packed = images.iter().filter_map(|image| {
            let key = Key::new(&image.sha256, self.hash_recipe.as_ref()?);
            Some((key, packed(image.digest.hashes)))
        });
        let packed: Vec<(Key, Vec<f32>)> = packed.collect();
        let rows = images.iter().map(|image| {
            let key = Key::new(&image.sha256, &self.recipe);
            (key, &image.row[..])
        });
        let hashes = packed.iter().map(|(key, record)| (*key, &record[..]));
        self.cache.append(rows.chain(hashes))
    }
}

impl Backbone {
    /// Digest of everything that the hashes of an image depend on besides its bytes.
    fn hash_recipe(&self) -> [u8; 32] {
        let (resize, size) = (self.resize(), self.size());
        let filter = self.preparation_beside();
        Sha256::digest(format!("difference hashes 2 {resize} {size}{filter}")).into()
    }
}

/// Hashes as a record of the cache: eight numbers of 16 bits.
fn packed(hashes: [u64; 2]) -> Vec<f32> {
    let of_hash = |hash: u64| (0..64 / BITS).map(move |i| f32::from((hash >> (BITS * i)) as u16));
    hashes.into_iter().flat_map(of_hash).collect()
}

/// The hashes of a record; `None` if it is no such record.
fn unpacked(record: &[f32]) -> Option<[u64; 2]> {
    let mut numbers = Vec::with_capacity(record.len());
    for &number in record {
        let bits = number as u16;
        if f32::from(bits) != number {
            return None;
        }
        numbers.push(u64::from(bits));
    }
    let hash = |numbers: &[u64]| {
        (0..)
            .zip(numbers)
            .fold(0_u64, |hash, (i, bits)| hash | bits << (16 * i))
    };
    match numbers.chunks_exact(4).map(hash).collect::<Vec<_>>()[..] {
        [rows, columns] if record.len() == 8 => Some([rows, columns]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_as_they_are_written() {
        for hashes in [[0, 0], [u64::MAX, 1], [0x0123_4567_89ab_cdef, 1 << 63]] {
            let record = packed(hashes);
            assert_eq!(record.len(), 8);
            assert_eq!(unpacked(&record), Some(hashes));
        }
        assert_eq!(unpacked(&[0.0; 7]), None);
        assert_eq!(unpacked(&[0.5; 8]), None);
        assert_eq!(unpacked(&[-1.0; 8]), None);
        assert_eq!(unpacked(&[f32::NAN; 8]), None);
    }
}
