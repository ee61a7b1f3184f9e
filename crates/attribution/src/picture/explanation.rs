//! All that a program shows of one attribution.

use crate::attribution::Attribution;
use crate::error::{Error, Result};
use crate::picture::drawing::Drawing;
use crate::picture::npy::npy;
use crate::picture::panel::Panel;
use crate::pixels::Pixels;
use image::{ImageFormat, RgbImage};
use serde::Serialize;
use std::fmt;
use std::io::Cursor;
use std::path::Path;

/// Columns of the panels.
const COLUMNS: u32 = 4;
/// Parts of the image that the panel draws lines around.
const PARTS: [f64; 3] = [0.05, 0.15, 0.3];

/// The pictures and numbers that show why an image gets its score for one class.
///
/// | file | content |
/// |---|---|
/// | `attributions.npy` | the map, `[3, height, width]`, 32-bit floats: see [`npy`] |
/// | `heatmap.png` | the map: red speaks for the class, blue against it; black to yellow if there are no negative values |
/// | `overlay.png` | where the model looks, in colors over the image in gray: see [`Drawing::suited_to`] |
/// | `panel.png` | the image, these two pictures, and lines around the largest 5, 15 and 30 % |
/// | `explanation.json` | method, class, score, steps, errors and warnings, and `nothing_found: true` if the map distinguishes no place in the image: see [`Attribution::found_nothing`] |
/// | `comparison.png` | the overlays of this method and of others, if there are any: see [`with_others`](Self::with_others) |
///
/// ```
/// use attribution::Attribution;
/// use attribution::picture::Explanation;
/// use image::RgbImage;
///
/// let image = RgbImage::new(8, 8);
/// let why = Attribution::new("mine", (0..64).map(f64::from).collect(), [8, 8, 1], 0.9)?;
/// let explanation = Explanation::new(&why, &image, 3, "cat");
/// assert!(explanation.json().contains("\"class\": \"cat\""));
/// assert_eq!(explanation.overlay()?.dimensions(), (8, 8));
/// // explanation.write("why")? writes the first five files into the folder `why`.
/// # Ok::<(), attribution::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Explanation<'a> {
    attribution: &'a Attribution,
    image: &'a RgbImage,
    target: usize,
    class: &'a str,
    others: Vec<(&'a str, Attribution)>,
}

/// The numbers, in the order of the file.
#[derive(Serialize)]
struct Numbers<'a> {
    baseline_score: Option<f64>,
    class: &'a str,
    convergence_delta: Option<f64>,
    evaluations: usize,
    map_error: Option<f64>,
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nothing_found: Option<bool>,
    relative_delta: Option<f64>,
    score: f64,
    steps: usize,
    target: usize,
    warnings: &'a [String],
}

impl<'a> Explanation<'a> {
    /// Takes an attribution, its image, and index and name of the class whose score is explained.
    pub fn new(
        attribution: &'a Attribution,
        image: &'a RgbImage,
        target: usize,
        class: &'a str,
    ) -> Self {
        Self {
            attribution,
            image,
            target,
            class,
            others: Vec::new(),
        }
    }

    /// Adds the maps of other methods for the same image and class, each with its name, and so adds `comparison.png` to
    /// the files.
    #[must_use]
    pub fn with_others(mut self, others: Vec<(&'a str, Attribution)>) -> Self {
        self.others = others;
        self
    }

    /// The map in colors.
    ///
    /// # Errors
    /// The errors of [`Drawing::heat_map`].
    pub fn heat_map(&self) -> Result<RgbImage> {
        Drawing::new().heat_map(self.attribution)
    }

    /// Where the model looks, over the image in gray.
    ///
    /// # Errors
    /// [`Error::Shape`] if image and map differ in size.
    pub fn overlay(&self) -> Result<RgbImage> {
        Drawing::suited_to(self.attribution).overlay(self.attribution, &Pixels::from(self.image))
    }

    /// The image, the map, the overlay and the contours side by side.
    ///
    /// # Errors
    /// [`Error::Shape`] if image and map differ in size.
    pub fn panel(&self) -> Result<RgbImage> {
        let why = self.attribution;
        let contours = Drawing::suited_to(why).contours(why, &Pixels::from(self.image), &PARTS)?;
        let mut panel = Panel::new(COLUMNS);
        panel.add(self.caption(), self.image.clone());
        panel.add(why.method(), self.heat_map()?);
        panel.add("where it looks", self.overlay()?);
        panel.add("largest 5, 15 and 30 %", contours);
        Ok(panel.with_bars("against", "for").draw())
    }

    /// The image, and beside it overlays that show where the model looks according to this method and the others, each
    /// with its name.
    ///
    /// # Errors
    /// [`Error::Shape`] if image and map differ in size.
    pub fn comparison(&self) -> Result<RgbImage> {
        let pixels = Pixels::from(self.image);
        let mut panel = Panel::new(COLUMNS);
        panel.add(self.caption(), self.image.clone());
        panel.add(self.attribution.method(), self.overlay()?);
        for (name, why) in &self.others {
            panel.add(*name, Drawing::suited_to(why).overlay(why, &pixels)?);
        }
        Ok(panel.with_bars("against", "for").draw())
    }

    /// Name and score of the class.
    fn caption(&self) -> String {
        format!("{} {:.3}", self.class, self.attribution.score())
    }

    /// The numbers as JSON text, with the keys in alphabetical order. A number that the method does not give is `null`.
    /// The key `nothing_found` exists only if the map distinguishes no place in the image.
    pub fn json(&self) -> String {
        let why = self.attribution;
        let numbers = Numbers {
            baseline_score: why.baseline_score(),
            class: self.class,
            convergence_delta: why.convergence_delta(),
            evaluations: why.evaluations(),
            map_error: why.map_error(),
            method: why.method(),
            nothing_found: why.found_nothing().then_some(true),
            relative_delta: why.completeness_error(),
            score: why.score(),
            steps: why.steps(),
            target: self.target,
            warnings: why.warnings(),
        };
        // Numbers and texts alone: writing them into memory cannot fail.
        serde_json::to_string_pretty(&numbers).unwrap_or_default() + "\n"
    }

    /// All files with their names, as in the table of [`Explanation`].
    ///
    /// # Errors
    /// [`Error::Shape`] if image and map differ in size; [`Error::Encode`] if a picture cannot be encoded.
    pub fn files(&self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        let mut files = vec![
            ("attributions.npy", npy(self.attribution)),
            ("heatmap.png", png("the heat map", &self.heat_map()?)?),
            ("overlay.png", png("the overlay", &self.overlay()?)?),
            ("panel.png", png("the panel", &self.panel()?)?),
            ("explanation.json", self.json().into_bytes()),
        ];
        if !self.others.is_empty() {
            files.push((
                "comparison.png",
                png("the comparison", &self.comparison()?)?,
            ));
        }
        Ok(files)
    }

    /// Writes all files into a folder, which is created if it is missing. Files with the same names are replaced; each
    /// file is written whole or not at all.
    ///
    /// # Errors
    /// Those of [`files`](Self::files); [`Error::Io`] if a file cannot be written.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<()> {
        for (name, bytes) in self.files()? {
            let path = folder.as_ref().join(name);
            files::create_parent_folder(&path)?;
            files::write_bytes(&path, &bytes)?;
        }
        Ok(())
    }
}

/// One line with class and score, one where nothing was found, and one for each warning.
impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let score = self.attribution.score();
        write!(
            f,
            "{} (class {}), score {score:.4}",
            self.class, self.target
        )?;
        if self.attribution.found_nothing() {
            write!(f, "\n  nothing found: the map is the same everywhere")?;
        }
        let mut warnings = self.attribution.warnings().iter();
        warnings.try_for_each(|warning| write!(f, "\n  note: {warning}"))
    }
}

fn png(what: &'static str, picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    let written = picture.write_to(&mut bytes, ImageFormat::Png);
    written.map_err(|source| Error::Encode { what, source })?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(channels: usize) -> Attribution {
        let map = (0..64 * channels).map(|i| i as f64 - 9.0).collect();
        Attribution::new("grad-cam", map, [8, 8, channels], 0.5).unwrap()
    }

    #[test]
    fn the_numbers_are_those_of_the_attribution_and_undefined_ones_are_null() {
        let (image, why) = (RgbImage::new(8, 8), why(1).with_steps(3));
        let text = Explanation::new(&why, &image, 7, "a \"b\"").json();
        let expected = "{\n  \"baseline_score\": null,\n  \"class\": \"a \\\"b\\\"\",\n  \"convergence_delta\": null,\n  \"evaluations\": 0,\n  \"map_error\": null,\n  \"method\": \"grad-cam\",\n  \"relative_delta\": null,\n  \"score\": 0.5,\n  \"steps\": 3,\n  \"target\": 7,\n  \"warnings\": []\n}\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_map_that_says_nothing_is_named_in_words_and_in_the_numbers() {
        let image = RgbImage::new(8, 8);
        let flat = Attribution::new("rise", vec![0.5; 64], [8, 8, 1], 0.5).unwrap();
        let flat = Explanation::new(&flat, &image, 0, "cat");
        assert_eq!(
            flat.to_string(),
            "cat (class 0), score 0.5000\n  nothing found: the map is the same everywhere"
        );
        let numbers: serde_json::Value = serde_json::from_str(&flat.json()).unwrap();
        assert_eq!(numbers["nothing_found"], true);
        let found = why(1);
        let found = Explanation::new(&found, &image, 0, "cat");
        assert_eq!(found.to_string(), "cat (class 0), score 0.5000");
        assert!(!found.json().contains("nothing_found"));
    }

    #[test]
    fn files_are_pictures_of_the_size_of_the_image() {
        let (image, why) = (RgbImage::from_pixel(8, 8, image::Rgb([90; 3])), why(3));
        let files = Explanation::new(&why, &image, 0, "cat").files().unwrap();
        let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
        let expected = [
            "attributions.npy",
            "heatmap.png",
            "overlay.png",
            "panel.png",
        ];
        assert_eq!(names[..4], expected);
        for (name, bytes) in &files[1..3] {
            let picture = image::load_from_memory(bytes).unwrap();
            assert_eq!((picture.width(), picture.height()), (8, 8), "{name}");
        }
        let panel = image::load_from_memory(&files[3].1).unwrap();
        assert!(panel.width() > 4 * 8);
        let small = RgbImage::new(7, 8);
        let error = Explanation::new(&why, &small, 0, "cat").files();
        assert!(matches!(error, Err(Error::Shape { .. })));
        let explanation = Explanation::new(&why, &image, 0, "cat");
        let widths = [1, 3, 4].map(|n| {
            let others = vec![("mine", why.clone()); n];
            let compared = explanation.clone().with_others(others);
            assert_eq!(compared.files().unwrap().len(), 6);
            compared.comparison().unwrap().width()
        });
        assert!(
            widths[0] < widths[1] && widths[1] == widths[2],
            "{widths:?}"
        );
    }

    #[test]
    fn a_comparison_shows_the_image_the_method_itself_and_the_others() {
        let image = RgbImage::from_pixel(8, 8, image::Rgb([90; 3]));
        let (why, other) = (why(1), why(3));
        let others = vec![("gradient", other.clone())];
        let compared = Explanation::new(&why, &image, 0, "cat").with_others(others);
        let mut expected = Panel::new(COLUMNS);
        expected.add("cat 0.500", image.clone());
        expected.add("grad-cam", compared.overlay().unwrap());
        let overlay = Explanation::new(&other, &image, 0, "cat").overlay();
        expected.add("gradient", overlay.unwrap());
        let expected = expected.with_bars("against", "for").draw();
        assert_eq!(compared.comparison().unwrap(), expected);
    }

    #[test]
    fn a_folder_is_made_and_one_that_cannot_be_is_named() {
        let folder = std::env::temp_dir().join(format!("attribution-{}", std::process::id()));
        let (image, why) = (RgbImage::new(8, 8), why(1));
        let explanation = Explanation::new(&why, &image, 0, "cat");
        explanation.write(folder.join("a/b")).unwrap();
        assert_eq!(std::fs::read_dir(folder.join("a/b")).unwrap().count(), 5);
        let under_a_file = folder.join("a/b/explanation.json/c");
        let error = explanation.write(&under_a_file).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if *path == under_a_file));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
