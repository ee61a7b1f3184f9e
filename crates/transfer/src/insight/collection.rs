use std::fmt::{self, Display, Formatter};
use std::path::Path;

use files::shown;
#[cfg(feature = "pca")]
use image::RgbImage;
use serde::Serialize;

use super::label_noise::label_noise;
use super::open_set::OpenSet;
#[cfg(feature = "pca")]
use super::pca::Pca;
#[cfg(feature = "pca")]
use super::scatter_plot::scatter_plot;
use super::similar::{Neighbor, Pair, SimilarImages};
use crate::backbone::Backbone;
use crate::embeddings::Embeddings;
use crate::error::{Error, Result};
use crate::head::HeadConfig;
use crate::threads;

/// A set of named images, and what their embeddings tell about other images and about the set itself. Each answer can
/// be printed (`Display`) and serialized.
///
/// ```
/// # fn main() -> transfer::Result<()> {
/// use transfer::insight::Collection;
/// let set = transfer::Embeddings::new(vec![1.0, 0.0, 0.0, 1.0], 2, vec![0, 1])?
///     .with_names(vec!["boat/1.jpg".into(), "cloud/2.jpg".into()])?;
/// let images = Collection::new(set, vec!["boat".into(), "cloud".into()])?;
/// let found = images.look_up(&[2.0, 0.1], 1)?;
/// assert_eq!(found.nearest[0].image, "boat/1.jpg");
/// assert!(found.distance.is_none()); // Of two images nothing is known about others.
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Collection {
    set: Embeddings,
    classes: Vec<String>,
    images: SimilarImages,
    open_set: Option<OpenSet>,
}

/// The answer of a [`Collection`] about another image.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LookedUp {
    /// The path of the file; `None` if an embedding was looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// How far the image is from those of the collection ([`OpenSet::scores`]), 0 to 2; `None` if the collection has
    /// fewer than 10 images.
    pub distance: Option<f64>,
    /// The distance within which 95 of 100 images of the collection are; `None` if `distance` is.
    pub limit: Option<f64>,
    /// Whether the image is within the limit, and so of a known class; `None` if `distance` is.
    pub known: Option<bool>,
    /// The most similar images, the nearest first.
    pub nearest: Vec<Named>,
}

/// An image of a [`Collection`], and how similar it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Named {
    /// Its name.
    pub image: String,
    /// Cosine of the angle between the embeddings, -1 to 1.
    pub similarity: f64,
}

/// Pairs of images that are nearly the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Copies {
    /// The lowest similarity that counts, -1 to 1.
    pub threshold: f64,
    /// The pairs, in the order of their rows.
    pub pairs: Vec<NamedPair>,
}

/// Two similar images.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NamedPair {
    /// The image of the collection.
    pub first: String,
    /// The other image.
    pub second: String,
    /// Cosine of the angle between the embeddings, -1 to 1.
    pub similarity: f64,
}

/// Images whose label is probably wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Doubts {
    /// The estimated share of wrong labels, 0 to 1.
    pub noise_rate: f64,
    /// Number of images that count as mislabeled.
    pub mislabeled: usize,
    /// The images with the most doubtful labels, the most doubtful first.
    pub suspects: Vec<NamedSuspect>,
}

/// An image with a doubtful label.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NamedSuspect {
    /// Its name.
    pub image: String,
    /// The class that it has.
    pub given: String,
    /// The most probable other class.
    pub likely: String,
    /// Probability of `given` minus that of `likely`, -1 to 1.
    pub margin: f64,
    /// Whether it counts as mislabeled.
    pub mislabeled: bool,
}

/// Images that resemble no other image of their collection.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Outliers {
    /// An image farther than this from the others counts as an outlier: the upper quartile of the distances and three times
    /// the distance between the quartiles (the outer fence of Tukey, Exploratory Data Analysis, 1977).
    pub limit: f64,
    /// The images beyond the limit, the farthest first.
    pub images: Vec<NamedOutlier>,
}

/// An image that resembles no other one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NamedOutlier {
    /// Its name.
    pub image: String,
    /// The distance on the unit sphere from its embedding to the tenth nearest other one, 0 to 2.
    pub distance: f64,
}

impl Collection {
    /// Makes a collection. The answers show the names of its images and classes.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if an image has no name, or a class has none.
    pub fn new(set: Embeddings, classes: Vec<String>) -> Result<Self> {
        if set.names().len() != set.len() {
            return Err(Error::mismatch("names", set.len(), set.names().len()));
        }
        if set.classes() > classes.len() {
            let expected = format!("at least {}", set.classes());
            return Err(Error::mismatch("names of classes", expected, classes.len()));
        }
        Ok(Self {
            images: SimilarImages::new(set.values(), set.dim())?,
            // A collection can have too few images for it.
            open_set: OpenSet::of(set.values(), set.dim()).ok(),
            set,
            classes,
        })
    }

    /// The `k` images that are most similar to the image with this embedding `[dim]`, and whether that image is of a
    /// known class.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if `embedding` does not have `dim` finite values.
    pub fn look_up(&self, embedding: &[f32], k: usize) -> Result<LookedUp> {
        let nearest = self.images.nearest(embedding, k)?.into_iter();
        let nearest = nearest.map(|near| Named {
            image: self.set.names()[near.index].clone(),
            similarity: near.similarity,
        });
        let open_set = self.open_set.as_ref();
        let distance = open_set.map(|set| set.score(embedding)).transpose()?;
        let limit = open_set.map(OpenSet::threshold);
        Ok(LookedUp {
            image: None,
            distance,
            limit,
            known: distance
                .zip(limit)
                .map(|(distance, limit)| distance <= limit),
            nearest: nearest.collect(),
        })
    }

    /// Does the same as [`look_up`](Self::look_up) for an image file. `backbone` must be the one that embedded the
    /// collection.
    ///
    /// # Errors
    /// [`Error::Dataset`] if the file is not an image that can be used; otherwise the errors of
    /// [`look_up`](Self::look_up).
    pub fn look_up_file(
        &self,
        backbone: &Backbone,
        path: impl AsRef<Path>,
        k: usize,
    ) -> Result<LookedUp> {
        let path = path.as_ref();
        let pixels = backbone.loader().load(path)?;
        let found = self.look_up(&backbone.forward(&pixels, 1)?, k)?;
        Ok(LookedUp {
            image: Some(path.to_string_lossy().into()),
            ..found
        })
    }

    /// Pairs of images of this collection whose similarity is at least `threshold`, each pair once.
    pub fn copies(&self, threshold: f64) -> Copies {
        self.named(self, threshold, self.images.pairs_within(threshold))
    }

    /// Pairs of an image of this collection and an image of `other` whose similarity is at least `threshold`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the two differ in `dim`.
    pub fn copies_in(&self, other: &Self, threshold: f64) -> Result<Copies> {
        let pairs = self.images.pairs(&other.images, threshold)?;
        Ok(self.named(other, threshold, pairs))
    }

    fn named(&self, other: &Self, threshold: f64, pairs: Vec<Pair>) -> Copies {
        let named = pairs.into_iter().map(|pair| NamedPair {
            first: self.set.names()[pair.first].clone(),
            second: other.set.names()[pair.second].clone(),
            similarity: pair.similarity,
        });
        Copies {
            threshold,
            pairs: named.collect(),
        }
    }

    /// The `count` images whose label is most probably wrong, found by [`label_noise`] with the default head.
    ///
    /// # Errors
    /// The errors of fitting a head ([`HeadConfig::training`]) and of [`label_noise`].
    pub fn doubts(&self, count: usize) -> Result<Doubts> {
        let report = HeadConfig::new().training(&self.set).fit()?.report;
        let noise = label_noise(self.set.targets(), &report.out_of_fold, self.classes.len())?;
        let suspects = noise.ranking.iter().take(count);
        let suspects = suspects.map(|suspect| NamedSuspect {
            image: self.set.names()[suspect.index].clone(),
            given: self.classes[suspect.given].clone(),
            likely: self.classes[suspect.likely].clone(),
            margin: suspect.margin,
            mislabeled: suspect.mislabeled,
        });
        Ok(Doubts {
            noise_rate: noise.noise_rate(),
            mislabeled: noise.mislabeled().count(),
            suspects: suspects.collect(),
        })
    }

    /// At most `count` images that resemble no other one: often pictures of something else. In a collection of fewer than 12
    /// images there are none.
    pub fn outliers(&self, count: usize) -> Outliers {
        const NEIGHBORS: usize = 10;
        let rows = self.images.unit_rows().chunks_exact(self.set.dim());
        // The nearest of all images is the image itself, or its equal.
        let farthest = |row: &[f32]| self.images.nearest_unit(row, NEIGHBORS + 1).pop();
        let distance = |found: Option<Neighbor>| {
            (2.0 - 2.0 * found.map_or(1.0, |near| near.similarity))
                .max(0.0)
                .sqrt()
        };
        let mut ranking: Vec<_> = threads::map(rows, |row| distance(farthest(row)))
            .into_iter()
            .enumerate()
            .collect();
        ranking.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let quartile = |part: usize| ranking.get(ranking.len() * part / 4).map_or(0.0, |at| at.1);
        let limit = quartile(1) + 3.0 * (quartile(1) - quartile(3));
        let far = ranking.iter().take_while(|(_, distance)| *distance > limit);
        let far = far.take(if ranking.len() > NEIGHBORS + 1 {
            count
        } else {
            0
        });
        Outliers {
            limit,
            images: far
                .map(|&(row, distance)| NamedOutlier {
                    image: self.set.names()[row].clone(),
                    distance,
                })
                .collect(),
        }
    }

    /// A map of the images along their first two principal components, `side` x `side` pixels, and the share of the
    /// variance along each of the two, 0 to 1.
    ///
    /// # Errors
    /// The errors of [`Pca::fit`] and [`scatter_plot`].
    #[cfg(feature = "pca")]
    pub fn map(&self, side: u32) -> Result<(RgbImage, Vec<f64>)> {
        let pca = Pca::fit(self.set.values(), self.set.dim(), 2)?;
        let points = pca.project(self.set.values())?;
        let map = scatter_plot(&points, self.set.targets(), side)?;
        Ok((map, pca.explained().to_vec()))
    }
}

impl Display for LookedUp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> = Vec::new();
        lines.extend(self.image.as_ref().map(|image| shown(image).to_string()));
        if let (Some(score), Some(limit)) = (self.distance, self.limit) {
            let verdict = if self.known == Some(true) {
                "of a known class"
            } else {
                "of none of the classes"
            };
            lines.push(format!(
                "  {verdict}: distance {score:.3}; 95 of 100 known images are within {limit:.3}"
            ));
        }
        let nearest = self.nearest.iter();
        lines.extend(
            nearest.map(|near| format!("  {:.3}  {}", near.similarity, shown(&near.image))),
        );
        f.write_str(&lines.join("\n"))
    }
}

impl Display for Copies {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} pairs at {} or above",
            self.pairs.len(),
            self.threshold
        )?;
        self.pairs.iter().try_for_each(|pair| {
            let (a, b) = (shown(&pair.first), shown(&pair.second));
            write!(f, "\n  {:.3}  {a}  {b}", pair.similarity)
        })
    }
}

impl Display for Doubts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (rate, n) = (100.0 * self.noise_rate, self.mislabeled);
        let images = if n == 1 {
            "image counts"
        } else {
            "images count"
        };
        write!(
            f,
            "about {rate:.1} % of the labels are wrong; {n} {images} as mislabeled"
        )?;
        self.suspects.iter().try_for_each(|suspect| {
            let (name, likely) = (shown(&suspect.image), shown(&suspect.likely));
            write!(f, "\n  {:+.3}  {name} looks like {likely}", suspect.margin)
        })
    }
}

impl Display for Outliers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (n, limit) = (self.images.len(), self.limit);
        let resemble = if n == 1 {
            "image resembles"
        } else {
            "images resemble"
        };
        write!(
            f,
            "{n} {resemble} no other image (distances above {limit:.3})"
        )?;
        self.images
            .iter()
            .try_for_each(|found| write!(f, "\n  {:.3}  {}", found.distance, shown(&found.image)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 24 images of two classes in two directions; the last one has the label of the other class.
    fn collection() -> Collection {
        let angle = |i: usize| if i.is_multiple_of(2) { 0.0 } else { 1.5 } + 0.003 * i as f32;
        let values = (0..24).flat_map(|i| [angle(i).cos(), angle(i).sin()]);
        let mut targets: Vec<usize> = (0..24).map(|i| i % 2).collect();
        targets[23] = 0;
        let names = (0..24).map(|i| format!("{i}\n.jpg")).collect();
        let set = Embeddings::new(values.collect(), 2, targets).unwrap();
        let set = set.with_names(names).unwrap();
        Collection::new(set, vec!["boat".into(), "cloud".into()]).unwrap()
    }

    #[test]
    fn images_are_known_or_not() {
        let images = collection();
        let near = images.look_up(&[3.0, 0.001], 2).unwrap();
        assert_eq!((near.known, near.nearest.len()), (Some(true), 2));
        assert_eq!(near.nearest[0].image, "0\n.jpg");
        let text = near.to_string();
        assert!(
            text.starts_with("  of a known class: distance 0."),
            "{text}"
        );
        assert!(text.contains("\n  1.000  0\\u{a}.jpg"), "{text}");
        let far = images.look_up(&[-1.0, -1.0], 1).unwrap();
        assert_eq!(far.known, Some(false));
        assert!(far.to_string().starts_with("  of none of the classes"));
        assert!(images.look_up(&[1.0], 1).is_err());
    }

    #[test]
    fn copies_are_named() {
        let images = collection();
        let within = images.copies(0.99);
        let across = images.copies_in(&images, 0.99).unwrap();
        assert_eq!(within.pairs.len(), 2 * (12 * 11 / 2));
        assert_eq!(across.pairs.len(), 2 * 12 * 12);
        assert_eq!(within.pairs[0].second, "2\n.jpg");
        assert!(
            within
                .to_string()
                .starts_with("132 pairs at 0.99 or above\n")
        );
    }

    #[test]
    fn a_wrong_label_is_doubted() {
        let doubts = collection().doubts(1).unwrap();
        let suspect = &doubts.suspects[0];
        assert_eq!(suspect.image, "23\n.jpg");
        assert_eq!((&*suspect.given, &*suspect.likely), ("boat", "cloud"));
        assert!(doubts.to_string().contains("23\\u{a}.jpg looks like cloud"));
        let json = serde_json::to_value(&doubts).unwrap();
        assert_eq!(json["suspects"][0]["likely"], "cloud");
    }

    #[test]
    fn an_image_of_something_else_is_an_outlier() {
        assert_eq!(collection().outliers(9).images, []);
        // The same with one image in a direction of its own.
        let images = collection();
        let mut values = images.set.values().to_vec();
        values[46..].copy_from_slice(&[-1.0, -1.0]);
        let set = Embeddings::new(values, 2, images.set.targets().to_vec()).unwrap();
        let set = set.with_names(images.set.names().to_vec()).unwrap();
        let found = Collection::new(set, images.classes).unwrap().outliers(9);
        assert_eq!(found.images.len(), 1, "{found}");
        assert_eq!(found.images[0].image, "23\n.jpg");
        assert!(found.to_string().contains("23\\u{a}.jpg"));
        // Of eleven images each has only ten others.
        let few = Embeddings::new(vec![1.0; 11], 1, vec![0; 11]).unwrap();
        let few = few.with_names(vec!["a".into(); 11]).unwrap();
        let few = Collection::new(few, vec!["a".into()]).unwrap();
        assert_eq!(few.outliers(9).images, []);
    }

    #[test]
    fn each_image_has_a_name() {
        let set = Embeddings::new(vec![1.0, 2.0], 1, vec![0, 1]).unwrap();
        assert!(Collection::new(set.clone(), vec!["a".into(), "b".into()]).is_err());
        let set = set.with_names(vec!["a".into(), "b".into()]).unwrap();
        assert!(Collection::new(set, vec!["a".into()]).is_err());
    }
}
