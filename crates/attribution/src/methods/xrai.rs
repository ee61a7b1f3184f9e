//! XRAI.

use crate::ability::Ability;
use crate::attribution::Attribution;
use crate::check;
use crate::error::{Error, Result};
use crate::methods::integrated_gradients::IntegratedGradients;
use crate::methods::method::{Method, MethodInfo};
use crate::model::gradient_fn::GradientFn;
use crate::pixels::Pixels;
use crate::segmentation::felzenszwalb;

pub(crate) const INFO: MethodInfo = MethodInfo {
    name: "xrai",
    description: "regions of similar color, ranked by their integrated gradients",
    asks: "as often as integrated gradients",
    needs: Ability::Gradient,
    complete: false,
    build: |settings| Box::new(Xrai::new(IntegratedGradients::with_settings(settings))),
};

/// Sizes of regions, from fine to coarse, and the blur before, as in the `saliency` of the authors.
const SCALES: [f64; 6] = [50.0, 100.0, 150.0, 250.0, 500.0, 1200.0];
const SIGMA: f64 = 0.8;
/// Regions smaller than this many pixels are joined to a neighbor.
const MIN_SIZE: usize = 150;
/// Regions are widened by this many pixels, so that an edge belongs to both sides.
const WIDENED: isize = 5;
/// A region that adds fewer pixels than this to the regions before it is left out.
const MIN_ADDED: usize = 50;

/// XRAI: regions of similar color, ranked by the mean of another method's map in them (Kapishnikov et al. 2019,
/// <https://arxiv.org/abs/1906.02825>; computed as by the authors' library `saliency` 0.2).
///
/// Cost: that of the inner method. The map has one channel. The regions are taken one after the other, the one with the
/// largest mean first. Each region adds its pixels to those of the regions before it, and all pixels that it adds get
/// one value: the mean of the inner map over them. If the inner map has several channels, the largest value of each
/// pixel is used. The paper uses integrated gradients as the inner method, averaged over a black and a white baseline.
#[derive(Debug, Clone)]
pub struct Xrai<M> {
    inner: M,
    segments: Option<Vec<Vec<bool>>>,
}

impl<M: Method> Xrai<M> {
    /// Regions of the image at six scales, ranked by the map of `inner`.
    pub fn new(inner: M) -> Self {
        Self {
            inner,
            segments: None,
        }
    }

    /// Uses these regions (at least one) instead of computed ones. A region has one value for each pixel, row by row;
    /// regions may overlap.
    #[must_use]
    pub fn with_segments(mut self, segments: Vec<Vec<bool>>) -> Self {
        self.segments = Some(segments);
        self
    }
}

impl<M: Method> Method for Xrai<M> {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn attribute(&self, model: &dyn GradientFn, pixels: &Pixels) -> Result<Attribution> {
        let [h, w, _] = pixels.shape();
        if let Some(segments) = &self.segments {
            let what = "the list of segments";
            segments.first().ok_or(Error::Empty { what })?;
            for segment in segments {
                check::length("a segment", segment.len(), h * w)?;
            }
        }
        let inner = self.inner.attribute(model, pixels)?;
        let channels = inner.shape()[2];
        check::same_size("the inner method's map", inner.shape(), [h, w, channels])?;
        let map: Vec<f64> = inner
            .map()
            .chunks_exact(channels)
            .map(|pixel| pixel.iter().copied().fold(f64::NEG_INFINITY, f64::max))
            .collect();
        let members = |mask: &Vec<bool>| (0..h * w).filter(|&i| mask[i]).collect();
        let segments: Vec<Vec<usize>> = match &self.segments {
            Some(segments) => segments.iter().map(members).collect(),
            None => segments(pixels),
        };
        let name = format!("{} of {}", self.name(), inner.method());
        let reason = "all pixels of a region have the mean of the region, and where regions overlap only the first one counts";
        inner.remade(name, rank(&map, &segments), [h, w, 1], reason)
    }
}

/// The value of each pixel: the mean over what its region added. Greedy, as the algorithm of the paper; the sum over what
/// is left of each region is updated instead of computed again.
fn rank(map: &[f64], segments: &[Vec<usize>]) -> Vec<f64> {
    let mut holders = vec![Vec::new(); map.len()];
    let mut left: Vec<(f64, usize)> = Vec::with_capacity(segments.len());
    for (s, segment) in segments.iter().enumerate() {
        left.push((segment.iter().map(|&i| map[i]).sum(), segment.len()));
        for &i in segment {
            holders[i].push(s as u32);
        }
    }
    let mut values: Vec<Option<f64>> = vec![None; map.len()];
    let mut open: Vec<usize> = (0..segments.len()).collect();
    loop {
        open.retain(|&s| left[s].1 >= MIN_ADDED);
        let density = |s: usize| left[s].0 / left[s].1 as f64;
        // The first of equals, as in the reference.
        let Some(&best) = open
            .iter()
            .rev()
            .max_by(|&&a, &&b| density(a).total_cmp(&density(b)))
        else {
            break;
        };
        let gain = density(best);
        for &i in &segments[best] {
            if values[i].is_none() {
                values[i] = Some(gain);
                for &s in &holders[i] {
                    let (sum, count) = &mut left[s as usize];
                    *sum -= map[i];
                    *count -= 1;
                }
            }
        }
    }
    // Pixels that no region covers have their own mean.
    let rest = || (0..map.len()).filter(|&i| values[i].is_none());
    let mean = rest().map(|i| map[i]).sum::<f64>() / rest().count().max(1) as f64;
    values.into_iter().map(|v| v.unwrap_or(mean)).collect()
}

/// The image's regions at all scales, widened, each as the indices of its pixels.
fn segments(pixels: &Pixels) -> Vec<Vec<usize>> {
    let [h, w, _] = pixels.shape();
    let (low, high) = pixels.range();
    let range = if high > low { high - low } else { 1.0 };
    let scaled = pixels
        .values()
        .iter()
        .map(|v| 2.0 * (v - low) / range - 1.0);
    let image = pixels.like(scaled.collect());
    let disk: Vec<(isize, isize)> = (-WIDENED..=WIDENED)
        .flat_map(|dy| (-WIDENED..=WIDENED).map(move |dx| (dy, dx)))
        .filter(|(dy, dx)| dy * dy + dx * dx <= WIDENED * WIDENED)
        .collect();
    let mut all = Vec::new();
    for scale in SCALES {
        let labels = felzenszwalb(&image, scale, SIGMA, MIN_SIZE);
        let count = labels.iter().max().map_or(0, |&last| last + 1);
        let mut regions = vec![Vec::new(); count];
        // Only pixels in the bounding box, widened, can be near enough to the region.
        let mut bounds = vec![[h, 0, w, 0]; count];
        for (i, &label) in labels.iter().enumerate() {
            let (y, x) = (i / w, i % w);
            let b = &mut bounds[label];
            *b = [b[0].min(y), b[1].max(y), b[2].min(x), b[3].max(x)];
        }
        let reach = WIDENED as usize;
        for (label, region) in regions.iter_mut().enumerate() {
            let [top, bottom, left, right] = bounds[label];
            for y in top.saturating_sub(reach)..(bottom + reach + 1).min(h) {
                for x in left.saturating_sub(reach)..(right + reach + 1).min(w) {
                    let near = disk.iter().any(|&(dy, dx)| {
                        let at = (y as isize + dy, x as isize + dx);
                        (0..h as isize).contains(&at.0)
                            && (0..w as isize).contains(&at.1)
                            && labels[at.0 as usize * w + at.1 as usize] == label
                    });
                    if near {
                        region.push(y * w + x);
                    }
                }
            }
        }
        all.append(&mut regions);
    }
    all
}
