//! Regions of similar color.

use crate::blur::{Edge, gaussian_f64};
use crate::pixels::Pixels;

/// Efficient graph-based segmentation (Felzenszwalb and Huttenlocher 2004), with the steps of `felzenszwalb` in
/// scikit-image 0.26: blur; join regions of the graph with eight neighbors while the difference between them is small
/// compared with the differences inside; join regions below `min_size` to their most similar neighbor.
///
/// Gives a label for each pixel, from 0, in the order of first appearance. `scale` means the same as there (it is divided by
/// 255), for values of about 0 to 1 or -1 to 1.
pub(crate) fn felzenszwalb(image: &Pixels, scale: f64, sigma: f64, min_size: usize) -> Vec<usize> {
    let [h, w, c] = image.shape();
    let blurred = gaussian_f64(image, sigma, Edge::Mirrored);
    let distance = |a: usize, b: usize| -> f64 {
        let pairs = blurred[a * c..(a + 1) * c]
            .iter()
            .zip(&blurred[b * c..(b + 1) * c]);
        pairs.map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt()
    };
    let mut edges = Vec::with_capacity(4 * h * w);
    for y in 0..h {
        for x in 0..w {
            let i = y * w + x;
            let mut add = |j: usize| edges.push((distance(i, j), i, j));
            if x + 1 < w {
                add(i + 1);
            }
            if y + 1 < h {
                add(i + w);
                if x + 1 < w {
                    add(i + w + 1);
                }
                if x > 0 {
                    add(i + w - 1);
                }
            }
        }
    }
    // Stable, so that equal edges are taken in a fixed order.
    edges.sort_by(|a, b| a.0.total_cmp(&b.0));

    let mut regions = Regions::new(h * w);
    let scale = scale / 255.0;
    for &(cost, i, j) in &edges {
        let (a, b) = (regions.root(i), regions.root(j));
        let limit = |r: usize, regions: &Regions| regions.inner[r] + scale / regions.size[r] as f64;
        if a != b && cost < limit(a, &regions).min(limit(b, &regions)) {
            regions.join(a, b, cost);
        }
    }
    for &(cost, i, j) in &edges {
        let (a, b) = (regions.root(i), regions.root(j));
        if a != b && regions.size[a].min(regions.size[b]) < min_size {
            regions.join(a, b, cost);
        }
    }
    let mut labels = vec![usize::MAX; h * w];
    let mut next = 0;
    (0..h * w)
        .map(|i| {
            let root = regions.root(i);
            if labels[root] == usize::MAX {
                labels[root] = next;
                next += 1;
            }
            labels[root]
        })
        .collect()
}

/// Disjoint sets of pixels.
struct Regions {
    parent: Vec<usize>,
    size: Vec<usize>,
    /// The largest difference across which a region was joined.
    inner: Vec<f64>,
}

impl Regions {
    fn new(n: usize) -> Self {
        Self {
            parent: (0..n).collect(),
            size: vec![1; n],
            inner: vec![0.0; n],
        }
    }

    fn root(&mut self, mut i: usize) -> usize {
        while self.parent[i] != i {
            self.parent[i] = self.parent[self.parent[i]];
            i = self.parent[i];
        }
        i
    }

    fn join(&mut self, a: usize, b: usize, cost: f64) {
        let (root, child) = if a < b { (a, b) } else { (b, a) };
        self.parent[child] = root;
        self.size[root] += self.size[child];
        self.inner[root] = cost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_two_colors_are_two_regions() {
        let values = (0..32 * 32)
            .map(|i| if i % 32 < 13 { -1.0 } else { 1.0 })
            .collect();
        let image = Pixels::new(values, [32, 32, 1]).unwrap();
        let labels = felzenszwalb(&image, 100.0, 0.1, 20);
        for (i, &label) in labels.iter().enumerate() {
            assert_eq!(label, usize::from(i % 32 >= 13), "{i}");
        }
    }

    #[test]
    fn one_color_is_one_region() {
        let image = Pixels::new(vec![0.5; 48], [4, 4, 3]).unwrap();
        assert_eq!(felzenszwalb(&image, 50.0, 0.8, 1), [0; 16]);
    }

    #[test]
    fn regions_are_those_of_scikit_image() {
        let bytes = include_bytes!("../tests/fixtures/reference.safetensors");
        let arrays = safetensors::SafeTensors::deserialize(bytes).unwrap();
        let levels: Vec<f32> = (arrays.tensor("pixels").unwrap().data().chunks_exact(4))
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect();
        let low = levels.iter().copied().fold(f32::MAX, f32::min);
        let high = levels.iter().copied().fold(f32::MIN, f32::max);
        let scaled = levels.iter().map(|v| (v - low) / (high - low) * 2.0 - 1.0);
        let image = Pixels::new(scaled.collect(), [20, 20, 3]).unwrap();
        for scale in [20.0, 100.0] {
            let name = format!("felzenszwalb.{scale}");
            let expected = arrays.tensor(&name).unwrap().data();
            let found = felzenszwalb(&image, scale, 0.8, 20);
            // Labels may be numbered otherwise: the same pixels must be together.
            for (i, a) in found.iter().enumerate() {
                for (j, b) in found.iter().enumerate() {
                    assert_eq!(a == b, expected[i] == expected[j], "{name}: {i} and {j}");
                }
            }
        }
    }
}
