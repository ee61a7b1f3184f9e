//! The search for near-duplicates.
//!
//! Two images are near-duplicates if their difference hashes differ in at most [`BITS`] bits and
//! `likeness` says so. An index finds the pairs with near hashes, fingerprints sort out those
//! that have nothing else in common, and what remains is read again and compared exactly. So every pair is found, as if all
//! were compared.
//!
//! Where more than [`CROWD`] images have near hashes, as among pictures of an empty sky, their pairs would be too many even
//! for that. The pairs between two images of such a crowd are looked for by `crowd` instead.

use std::collections::HashMap;
use std::ops::Range;

use image::RgbImage;

use super::crowd;
use super::groups::{Groups, PAIRED};
use super::hash_index::HashIndex;
use super::look::{BITS, Look};
use super::small_copy::{Likeness, details, likeness};
use crate::error::Result;
use crate::threads;

/// An image with more images near its hash than this is in a crowd.
const CROWD: usize = 1024;

/// The number of images whose hashes are looked up at once.
const IMAGES: usize = 1024;

/// The number of pairs that are compared at once.
const PAIRS: usize = 1024;

/// The most small copies in memory (3 KiB each).
const COPIES: usize = 16_384;

/// What the search finds. Images are places in the list that was given.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    /// The near-duplicates in groups of few images, sorted.
    pub(super) pairs: Vec<(u32, u32, Likeness)>,
    /// The groups of many images, each sorted: each image is a near-duplicate of another one of its group.
    pub(super) groups: Vec<Vec<u32>>,
}

/// Finds the near-duplicates among images. `copy_of` gives the small copy of an image once more, or `None` if it cannot
/// be had any more; `compared` is told how many images have been compared with all others.
pub(super) fn search(
    looks: &[Look],
    copy_of: impl Fn(u32) -> Option<RgbImage> + Sync,
    mut compared: impl FnMut(usize),
) -> Result<Found> {
    let mut search = Search {
        looks,
        copy_of,
        copies: HashMap::new(),
        groups: Groups::new(looks.len()),
        pairs: Vec::new(),
    };
    let crowded = search.by_hash(&mut compared)?;
    let others = looks.len() - crowded.len();
    if !crowded.is_empty() {
        for round in 0..crowd::ROUNDS {
            compared(others + crowded.len() * round / crowd::ROUNDS);
            crowd::pairs(looks, &crowded, round, |pairs| search.compare(pairs));
        }
    }
    compared(looks.len());
    Ok(search.found())
}

pub(super) struct Search<'a, R> {
    looks: &'a [Look<'a>],
    copy_of: R,
    copies: HashMap<u32, RgbImage>,
    groups: Groups,
    pairs: Vec<(u32, u32, Likeness)>,
}

impl<R: Fn(u32) -> Option<RgbImage> + Sync> Search<'_, R> {
    /// Compares all pairs with near hashes but those within a crowd. Returns the images of the crowds.
    fn by_hash(&mut self, compared: &mut impl FnMut(usize)) -> Result<Vec<u32>> {
        let looks = self.looks;
        let hashes = Hashes::of(looks);
        let index = HashIndex::new(&hashes.distinct, BITS)?;
        let mut crowded = vec![false; hashes.distinct.len()];
        let mut of_crowds = Vec::new();
        let mut done = 0;
        for batch in hashes.batches() {
            let near = threads::map(batch.clone(), |at| {
                let near = index.near(hashes.distinct[at], CROWD)?;
                let images = near.iter().map(|at| hashes.images(*at as usize).len());
                (images.sum::<usize>() <= CROWD).then_some(near)
            });
            for (at, near) in batch.clone().zip(&near) {
                crowded[at] = near.is_none();
                if near.is_none() {
                    of_crowds.extend(hashes.images(at));
                } else {
                    done += hashes.images(at).len();
                }
            }
            let pairs = threads::map(batch.zip(&near), |(at, near)| {
                let near = near.iter().flatten().map(|other| *other as usize);
                // The smaller of two hashes sees to a pair, unless it is in a crowd.
                let mine = near.filter(|other| *other >= at || crowded[*other]);
                mine.flat_map(|other| hashes.pairs(at, other))
                    .filter(|(a, b)| self.may_resemble(*a, *b))
                    .collect::<Vec<_>>()
            });
            self.compare(pairs.into_iter().flatten());
            compared(done);
        }
        of_crowds.sort_unstable();
        Ok(of_crowds)
    }

    /// Whether two images must be compared exactly.
    fn may_resemble(&self, a: u32, b: u32) -> bool {
        let [x, y] = [a, b].map(|image| self.looks[image as usize].fingerprint);
        !self.groups.settled(a, b) && x.may_resemble(y)
    }

    /// Compares pairs exactly and keeps those that are near-duplicates.
    fn compare(&mut self, pairs: impl IntoIterator<Item = (u32, u32)>) {
        let mut pairs = pairs.into_iter();
        loop {
            let open = pairs.by_ref().filter(|(a, b)| !self.groups.settled(*a, *b));
            let part: Vec<_> = open.take(PAIRS).collect();
            if part.is_empty() {
                return;
            }
            let mut images: Vec<_> = part.iter().flat_map(|(a, b)| [*a, *b]).collect();
            images.sort_unstable();
            images.dedup();
            self.read(&images);
            let copies = &self.copies;
            let details: HashMap<_, _> = threads::map(images.into_iter(), |image| {
                Some((image, details(copies.get(&image)?)?))
            })
            .into_iter()
            .flatten()
            .collect();
            for (a, b) in part {
                // What came before may have settled it.
                if self.groups.settled(a, b) {
                    continue;
                }
                if let (Some(x), Some(y)) = (details.get(&a), details.get(&b))
                    && let Some(likeness) = likeness([&copies[&a], &copies[&b]], [x, y])
                {
                    self.groups.join(a, b);
                    self.pairs.push((a, b, likeness));
                }
            }
        }
    }

    /// Reads the small copies of these images where they are not in memory.
    fn read(&mut self, images: &[u32]) {
        if self.copies.len() + images.len() > COPIES {
            self.copies.clear();
        }
        let missing = images
            .iter()
            .filter(|image| !self.copies.contains_key(image));
        let read = threads::map(missing.copied().collect::<Vec<_>>().into_iter(), |image| {
            Some((image, (self.copy_of)(image)?))
        });
        self.copies.extend(read.into_iter().flatten());
    }

    fn found(mut self) -> Found {
        self.pairs
            .retain(|(a, _, _)| self.groups.size(*a) <= PAIRED);
        self.pairs.sort_by_key(|(a, b, _)| (*a, *b));
        self.pairs.dedup_by_key(|(a, b, _)| (*a, *b));
        Found {
            pairs: self.pairs,
            groups: self.groups.large(),
        }
    }
}

/// The different hashes, sorted, and the images of each.
struct Hashes {
    distinct: Vec<u64>,
    starts: Vec<u32>,
    images: Vec<u32>,
}

impl Hashes {
    fn of(looks: &[Look]) -> Self {
        let mut images: Vec<_> = (0..looks.len() as u32).collect();
        images.sort_by_key(|image| (looks[*image as usize].hash, *image));
        let (mut distinct, mut starts) = (Vec::new(), Vec::new());
        for (at, image) in (0..).zip(&images) {
            let hash = looks[*image as usize].hash;
            if distinct.last() != Some(&hash) {
                distinct.push(hash);
                starts.push(at);
            }
        }
        starts.push(images.len() as u32);
        Self {
            distinct,
            starts,
            images,
        }
    }

    /// The hashes in parts of not many more than [`IMAGES`] images.
    fn batches(&self) -> impl Iterator<Item = Range<usize>> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let last = self.starts.get(start)? + IMAGES as u32;
            let end = self.starts.partition_point(|at| *at < last);
            let batch = start..end.min(self.distinct.len());
            start = end;
            (!batch.is_empty()).then_some(batch)
        })
    }

    /// The images of one hash, sorted.
    fn images(&self, at: usize) -> &[u32] {
        &self.images[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    /// Each pair of an image of one hash with an image of the other, or of the same, once; the smaller place first.
    fn pairs(&self, one: usize, other: usize) -> impl Iterator<Item = (u32, u32)> {
        self.images(one).iter().flat_map(move |a| {
            let others = self.images(other).iter();
            let others = others.filter(move |b| one != other || a < b);
            others.map(move |b| (*a.min(b), *a.max(b)))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use image::imageops::{FilterType, resize};

    use super::super::fingerprint::Fingerprint;
    use super::super::small_copy::{SIDE, small_copy};
    use super::*;
    use crate::decode::{DecodeOptions, decode, decode_file};
    use crate::difference_hash::difference_hash;
    use crate::encode::jpeg;
    use crate::folder::ImageFolder;
    use crate::rng;
    use crate::sample::{Subject, draw};

    /// Small copies, hashes and fingerprints of the images that have details.
    #[derive(Default)]
    struct Images {
        copies: Vec<RgbImage>,
        hashes: Vec<u64>,
        fingerprints: Vec<Fingerprint>,
    }

    impl Images {
        fn add(&mut self, image: &RgbImage) {
            let small = small_copy(image);
            if let Some(details) = details(&small) {
                self.copies.push(small);
                self.hashes.push(difference_hash(image));
                self.fingerprints.push(Fingerprint::of(&details));
            }
        }

        fn found(&self) -> Found {
            let looks = self.hashes.iter().zip(&self.fingerprints);
            let looks = looks.map(|(&hash, fingerprint)| Look { hash, fingerprint });
            let looks: Vec<_> = looks.collect();
            let mut told = Vec::new();
            let copy_of = |image: u32| Some(self.copies[image as usize].clone());
            let found = search(&looks, copy_of, |done| told.push(done)).unwrap();
            assert!(told.is_sorted());
            assert_eq!(told.last(), Some(&looks.len()));
            found
        }

        /// What comparing every image with every other one finds.
        fn expected(&self) -> Found {
            let details: Vec<_> = self.copies.iter().filter_map(details).collect();
            let mut found = Found::default();
            let mut groups = Groups::new(self.hashes.len());
            for (a, b) in pairs_of(0..self.hashes.len()) {
                if (self.hashes[a] ^ self.hashes[b]).count_ones() <= BITS
                    && let Some(likeness) = likeness(
                        [&self.copies[a], &self.copies[b]],
                        [&details[a], &details[b]],
                    )
                {
                    groups.join(a as u32, b as u32);
                    found.pairs.push((a as u32, b as u32, likeness));
                }
            }
            found.pairs.retain(|(a, _, _)| groups.size(*a) <= PAIRED);
            found.groups = groups.large();
            found
        }
    }

    fn pairs_of(range: Range<usize>) -> impl Iterator<Item = (usize, usize)> {
        range
            .clone()
            .flat_map(move |a| (a + 1..range.end).map(move |b| (a, b)))
    }

    /// The image resized, made brighter and compressed, each time otherwise.
    fn changed(image: &RgbImage, number: u32) -> RgbImage {
        let mut image = resize(
            image,
            150 + 9 * number,
            120 + 5 * number,
            FilterType::Triangle,
        );
        for value in image.iter_mut() {
            *value = value.saturating_add((number % 5) as u8 * 3);
        }
        let bytes = jpeg(&image, 95 - 4 * (number % 10) as u8).unwrap();
        decode(&bytes, &DecodeOptions::default()).unwrap()
    }

    #[test]
    fn all_pairs_of_drawn_images_are_found() {
        let mut images = Images::default();
        for index in 0..120 {
            let image = draw(Subject::ALL[index % 2], index as u64, 5);
            images.add(&image);
            // None, a few, and more than are given pair by pair.
            for number in 0..[0, 1, 3, 12][index % 4] {
                images.add(&changed(&image, number));
            }
        }
        let expected = images.expected();
        assert!(expected.pairs.len() > 100, "{}", expected.pairs.len());
        assert!(expected.groups.len() > 20, "{}", expected.groups.len());
        assert_eq!(images.found(), expected);
    }

    #[test]
    fn all_pairs_of_photographs_are_found() {
        let shared = std::env::var_os("SHARED_DIR").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
            Into::into,
        );
        let root = shared.join("data/boat-cloud/train");
        if !root.exists() {
            eprintln!("skipped: {} is missing", root.display());
            return;
        }
        let mut images = Images::default();
        for (index, item) in ImageFolder::open(root).unwrap().iter().enumerate() {
            let image = decode_file(item, &DecodeOptions::default()).unwrap();
            images.add(&image);
            for number in 0..[0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 10][index % 11] {
                images.add(&changed(&image, number));
            }
        }
        let expected = images.expected();
        assert!(expected.pairs.len() > 200, "{}", expected.pairs.len());
        assert!(expected.groups.len() > 80, "{}", expected.groups.len());
        assert_eq!(images.found(), expected);
    }

    /// A sky that becomes darker from left to right, so that all have one hash, with grain of its own.
    fn sky(number: u64, grain: f64) -> RgbImage {
        let mut rng = rng::stream(1, 0, number);
        RgbImage::from_fn(SIDE, SIDE, |x, _| {
            let value = 200.0 - 4.0 * f64::from(x) + rng::uniform(&mut rng, -grain, grain);
            [value as u8; 3].into()
        })
    }

    /// The same image with a little more noise.
    fn noisy(image: &RgbImage, number: u64) -> RgbImage {
        let mut rng = rng::stream(2, 0, number);
        let mut image = image.clone();
        for pixel in image.pixels_mut() {
            let by = rng::uniform(&mut rng, -2.0, 2.0) as i8;
            pixel.0 = pixel.0.map(|value| value.saturating_add_signed(by));
        }
        image
    }

    #[test]
    fn pairs_in_a_crowd_are_found() {
        let mut images = Images::default();
        let alone = 3 * CROWD;
        for number in 0..alone as u64 {
            images.add(&sky(number, 6.0));
        }
        for number in 0..60 {
            images.add(&noisy(&sky(number, 6.0), number));
        }
        // A group, all of which resemble one another.
        for number in 100..1_100 {
            images.add(&noisy(&sky(60, 6.0), number));
        }
        assert_eq!(images.hashes.iter().collect::<BTreeSet<_>>().len(), 1);
        let found = images.found();
        let pairs: Vec<_> = found.pairs.iter().map(|(a, b, _)| (*a, *b)).collect();
        let expected: Vec<_> = (0..60)
            .map(|number| (number, number + alone as u32))
            .collect();
        assert_eq!(pairs, expected);
        let group = std::iter::once(60).chain(alone as u32 + 60..alone as u32 + 1_060);
        assert_eq!(found.groups, [group.collect::<Vec<_>>()]);
    }

    /// Pairs of an image in a crowd and one that is not, with the smaller hash on either side.
    #[test]
    fn a_crowd_does_not_hide_what_is_beside_it() {
        let mut images = Images::default();
        for number in 0..2 * CROWD as u64 {
            images.add(&sky(number, 6.0));
        }
        let crowd = images.hashes.len() as u32;
        // The first of each pair is 8 bits from the crowd, the other one 14 or 16, and both are 8 bits apart.
        let hashes = [(0xff, 0xffff), (0xff << 56, 0x7f << 56 | 0x7f)];
        for (number, (near, far)) in (10_000..).zip(hashes) {
            let image = sky(number, 6.0);
            images.add(&image);
            images.add(&noisy(&image, number));
            let last = images.hashes.len();
            images.hashes[last - 2..].copy_from_slice(&[near, far]);
        }
        let pairs = images.found().pairs;
        let pairs: Vec<_> = pairs.iter().map(|(a, b, _)| (*a, *b)).collect();
        assert_eq!(pairs, [(crowd, crowd + 1), (crowd + 2, crowd + 3)]);
    }
}
