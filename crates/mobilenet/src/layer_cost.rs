//! What each layer of a net costs.

use crate::config::{BLOCKS, MobileNetConfig, STEM};
use crate::error::Result;
use crate::map_size::MapSize;

/// One layer of a net, with its size and its work for one image: see [`MobileNetConfig::layers`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LayerCost {
    /// What the layer is, such as `block 2, stride 2`.
    pub name: String,
    /// Height, width and channels of the layer's output.
    pub output: [usize; 3],
    /// Number of values that a file of weights holds for the layer: kernels and biases, and four for each channel of a
    /// batch normalization (scale, offset, mean, variance).
    pub parameters: usize,
    /// Multiplications, each with its addition, in convolutions and classifier.
    pub multiply_adds: usize,
}

impl MobileNetConfig {
    /// The layers of the net for images of `size` by `size` pixels: the stem, the separable blocks, and the average
    /// pool together with the classifier, if there is one. The index of a block's layer is the number of the block.
    ///
    /// ```
    /// let layers = mobilenet::MobileNetConfig::new().with_classes(1000).layers(224)?;
    /// assert_eq!(layers.iter().map(|layer| layer.parameters).sum::<usize>(), 4_253_864);
    /// assert_eq!(layers[13].output, [7, 7, 1024]);
    /// # Ok::<(), mobilenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a setting is out of range ([`MobileNetConfig::check`]), or the images are too small for the net.
    pub fn layers(&self, size: usize) -> Result<Vec<LayerCost>> {
        self.check()?;
        let maps = self.map_sizes([size, size])?.into_iter().enumerate();
        let mut layers: Vec<_> = maps
            .map(|(block, map)| self.block_cost(block, map))
            .collect();
        let dim = self.feature_dim();
        layers.push(match self.classes {
            0 => LayerCost {
                name: "pool".into(),
                output: [1, 1, dim],
                parameters: 0,
                multiply_adds: 0,
            },
            classes => LayerCost {
                name: "pool, classifier".into(),
                output: [1, 1, classes],
                parameters: (dim + 1) * classes,
                multiply_adds: dim * classes,
            },
        });
        Ok(layers)
    }

    /// The stem (`block` 0), or a separable block.
    fn block_cost(&self, block: usize, map: MapSize) -> LayerCost {
        let MapSize {
            height,
            width,
            channels,
            ..
        } = map;
        // Both convolutions of a separable block are at its output size, for the stride is the first one's.
        let (stride, kernels, normalized) = match block.checked_sub(1) {
            None => (STEM.1, 27 * channels, channels),
            Some(before) => {
                let inputs = self.channels_after(before);
                let kernels = 9 * inputs + inputs * channels;
                (BLOCKS[before].1, kernels, inputs + channels)
            }
        };
        let name = match block {
            0 => "stem".to_string(),
            _ => format!("block {block}"),
        };
        LayerCost {
            name: match stride {
                1 => name,
                _ => format!("{name}, stride {stride}"),
            },
            output: [height, width, channels],
            parameters: kernels + 4 * normalized,
            multiply_adds: height * width * kernels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(config: &MobileNetConfig, size: usize) -> [usize; 2] {
        let layers = config.layers(size).unwrap();
        [
            layers.iter().map(|layer| layer.parameters).sum(),
            layers.iter().map(|layer| layer.multiply_adds).sum(),
        ]
    }

    /// Table 4 and table 7 of the paper say 569 and 186 million; Keras' `summary` counts the parameters.
    #[test]
    fn totals_are_the_published_ones() {
        let net = MobileNetConfig::new().with_classes(1000);
        assert_eq!(totals(&net, 224), [4_253_864, 568_740_352]);
        let small = totals(&net, 128)[1];
        assert_eq!((small + 500_000) / 1_000_000, 186);
    }

    #[test]
    fn layers_are_those_that_are_kept() {
        let cut = MobileNetConfig::new().with_blocks(2);
        let layers = cut.layers(64).unwrap();
        let names: Vec<_> = layers.iter().map(|layer| &*layer.name).collect();
        assert_eq!(
            names,
            ["stem, stride 2", "block 1", "block 2, stride 2", "pool"]
        );
        assert_eq!(layers[2].output, [16, 16, 128]);
        assert_eq!(layers[3].output, [1, 1, 128]);
        let end = MobileNetConfig::new().with_padding(crate::config::Padding::End);
        assert!(end.layers(8).is_err());
    }
}
