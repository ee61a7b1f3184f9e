//! Pictures of pictures, with words: sheets whose pictures have names, and the legend of a map.

use attribution::picture::Panel;
use dataset::RgbImage;
use dataset::thumbnail::thumbnail;
use image::Rgb;
use image::imageops::replace;
use transfer::insight::class_color;

/// So many pictures are on a sheet, which is then at most some 50 million pixels large.
const MOST: usize = 2400;

/// A sheet of thumbnails in rows of `columns`, each in a square of `cell` pixels with its name below. At most 2,400 are shown.
pub fn captioned(pictures: Vec<(String, RgbImage)>, columns: u32, cell: u32) -> RgbImage {
    let mut panel = Panel::new(columns);
    for (name, picture) in pictures.into_iter().take(MOST) {
        let small = thumbnail(&picture, cell);
        let mut square = RgbImage::from_pixel(cell, cell, Rgb([255; 3]));
        let [x, y] = [small.width(), small.height()].map(|side| i64::from((cell - side) / 2));
        replace(&mut square, &small, x, y);
        panel.add(name, square);
    }
    panel.draw()
}

/// Width and height of the color of a class in a legend, in pixels.
const COLOR: [u32; 2] = [168, 12];

/// The map with the names of the classes beside it, each below its color.
pub fn with_legend(map: &RgbImage, classes: &[String]) -> RgbImage {
    let legend = |columns: usize| {
        let mut panel = Panel::new(columns as u32);
        for (index, class) in classes.iter().enumerate() {
            let color = RgbImage::from_pixel(COLOR[0], COLOR[1], Rgb(class_color(index)));
            panel.add(files::shown(class).to_string(), color);
        }
        panel.draw()
    };
    // As high as the map where eight columns are enough for that.
    let fits = |drawn: &RgbImage| drawn.height() <= map.height();
    let legend = (1..8).map(legend).find(fits).unwrap_or_else(|| legend(8));
    let (width, height) = (
        map.width() + legend.width(),
        map.height().max(legend.height()),
    );
    let mut whole = RgbImage::from_pixel(width, height, Rgb([255; 3]));
    replace(&mut whole, map, 0, 0);
    replace(&mut whole, &legend, i64::from(map.width()), 0);
    whole
}
