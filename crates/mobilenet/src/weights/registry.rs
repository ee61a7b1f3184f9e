//! The published files, one row each. Every fact was read in the source that its row names; a fact that no source gives
//! is `None`. One publication is left out: timm's `mobilenetv1_100h`, which has a further convolution before its
//! classifier and so is no MobileNetV1 of this crate (its file is refused).

use super::formats::table::WeightsFormat;
use super::preprocessing::{Filter, Preprocessing};
use crate::config::{BLOCKS, MobileNetConfig, Padding};
use crate::error::{Error, Result};
#[cfg(feature = "cache")]
use crate::quantized::QuantizedNet;

/// A published set of weights. [`Weights::all`](crate::Weights::all) lists them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Published {
    /// The name that [`Weights::open`](crate::Weights::open) takes.
    pub name: &'static str,
    /// The format of the file (TF-Slim's are frozen graphs in a `.tgz`, or TensorFlow Lite models if they are quantized).
    pub format: WeightsFormat,
    /// Whether the weights are 8-bit integers: [`QuantizedNet::open`](crate::QuantizedNet::open) then takes the name, and
    /// [`Weights::open_dequantized`](crate::Weights::open_dequantized) reads the floats that they stand for.
    pub quantized: bool,
    /// The URL of the file at its publisher.
    pub url: &'static str,
    /// Length of the file in bytes.
    pub size: Option<u64>,
    /// SHA-256 of the file in hexadecimal. If it is not known, the cache records the hash of the first copy that is
    /// opened, so that a later change is noticed.
    pub sha256: Option<&'static str>,
    /// SPDX name of the license.
    pub license: &'static str,
    /// The net.
    pub config: MobileNetConfig,
    /// Fraction of the image's short side that the central crop keeps, in (0, 1].
    pub crop: f64,
    /// Interpolation of the resize.
    pub filter: Filter,
    /// Published top-1 accuracy on ImageNet's validation images, in percent, with one crop at the input size.
    pub top1: Option<f64>,
    /// The source of these facts.
    pub source: &'static str,
}

impl Published {
    /// The paper that the net is from.
    pub const PAPER: &'static str = "https://arxiv.org/abs/1704.04861";

    /// The file's name in the cache and at its publisher.
    pub fn file(&self) -> &'static str {
        self.url.rsplit('/').next().unwrap_or(self.url)
    }

    /// Whether class 0 is background, so that ImageNet's classes are 1 to 1000.
    pub fn background(&self) -> bool {
        self.config.classes == 1001
    }

    /// The quantized net, if it is the published one as far as its file can tell.
    #[cfg(feature = "cache")]
    pub(super) fn require(&self, net: QuantizedNet) -> Result<QuantizedNet> {
        let facts = |config: &MobileNetConfig| (config.alpha, config.classes, config.input_size);
        let (found, expected) = (facts(&net.config), facts(&self.config));
        if found == expected {
            return Ok(net);
        }
        Err(Error::Mismatch {
            file: self.name.into(),
            message: format!(
                "alpha, classes and input size are {expected:?} in the publication, {found:?} in the file"
            ),
        })
    }

    /// How an image becomes the input of the net.
    pub fn preprocessing(&self) -> Preprocessing {
        Preprocessing::new(&self.config, self.crop, self.filter)
    }
}

/// The row of a name.
pub(super) fn find(name: &str) -> Result<&'static Published> {
    let row = ALL.iter().find(|row| row.name == name);
    row.ok_or_else(|| Error::UnknownWeights {
        name: name.into(),
        message: format!(
            "this is neither a file nor the name of published weights; the names are `bundled`, {}",
            ALL.iter()
                .map(|row| format!("`{}`", row.name))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    })
}

const SLIM: &str = "tensorflow/models research/slim/nets/mobilenet_v1.md (link, top-1); TensorFlow Lite's hosted_models \
                    page (https address); slim/preprocessing/inception_preprocessing.py (crop 0.875, bilinear)";
const SLIM_OMZ: &str = "tensorflow/models research/slim/nets/mobilenet_v1.md (top-1); openvinotoolkit/open_model_zoo \
                        models/public/*/model.yml (address, size, sha256); slim/preprocessing/inception_preprocessing.py \
                        (crop 0.875, bilinear)";
const SLIM_QUANT: &str = "TensorFlow Lite's hosted_models page (address, top-1); renesas-rz/meta-renesas-ai \
                          meta-benchmark/recipes-benchmark/benchmark/benchmark.bb (sha256); \
                          slim/preprocessing/inception_preprocessing.py (crop 0.875, bilinear)";
const KERAS: &str = "keras 3.15.1 src/applications/mobilenet.py (address, classes); keras-team/keras-applications \
                     keras_applications/mobilenet.py (top-1; that the numbers are TF-Slim's, hence SAME and crop)";
const TFJS: &str = "tensorflow/tfjs-models mobilenet/src/index.ts before 1.0 (address; the image is squeezed to the \
                    square, so no crop)";
const TIMM: &str = "huggingface/pytorch-image-models README.md (top-1), timm/models/efficientnet.py 1.0.31 \
                    (preprocessing, license), timm/models/_hub.py (file name)";

const GOOGLE: Published = Published {
    name: "",
    format: WeightsFormat::FrozenGraph,
    quantized: false,
    url: "",
    size: None,
    sha256: None,
    license: "Apache-2.0",
    config: MobileNetConfig {
        alpha: 1.0,
        classes: 1001,
        blocks: BLOCKS.len(),
        padding: Padding::Same,
        epsilon: 1e-3,
        mean: 127.5,
        std: 127.5,
        input_size: 224,
    },
    crop: 0.875,
    filter: Filter::Bilinear,
    top1: None,
    source: SLIM,
};

const fn slim(
    name: &'static str,
    url: &'static str,
    alpha: f64,
    input_size: usize,
    top1: f64,
) -> Published {
    Published {
        name,
        url,
        config: MobileNetConfig {
            alpha,
            input_size,
            ..GOOGLE.config
        },
        top1: Some(top1),
        ..GOOGLE
    }
}

/// Trained with simulated quantization: unsigned bytes, with one scale for each tensor.
const fn slim_quant(
    name: &'static str,
    url: &'static str,
    alpha: f64,
    input_size: usize,
    top1: f64,
    sha256: &'static str,
) -> Published {
    Published {
        format: WeightsFormat::Tflite,
        quantized: true,
        sha256: Some(sha256),
        source: SLIM_QUANT,
        ..slim(name, url, alpha, input_size, top1)
    }
}

const fn known(row: Published, size: u64, sha256: Option<&'static str>) -> Published {
    Published {
        size: Some(size),
        sha256,
        source: SLIM_OMZ,
        ..row
    }
}

const fn keras(
    name: &'static str,
    url: &'static str,
    alpha: f64,
    input_size: usize,
    top1: Option<f64>,
) -> Published {
    Published {
        name,
        url,
        config: MobileNetConfig {
            alpha,
            input_size,
            classes: 1000,
            ..GOOGLE.config
        },
        top1,
        format: WeightsFormat::KerasHdf5,
        source: KERAS,
        ..GOOGLE
    }
}

const fn tfjs(name: &'static str, url: &'static str, alpha: f64) -> Published {
    Published {
        name,
        url,
        config: MobileNetConfig {
            alpha,
            classes: 1000,
            ..GOOGLE.config
        },
        crop: 1.0,
        format: WeightsFormat::TfjsLayers,
        source: TFJS,
        ..GOOGLE
    }
}

const fn timm(
    name: &'static str,
    url: &'static str,
    alpha: f64,
    crop: f64,
    top1: f64,
) -> Published {
    Published {
        name,
        url,
        config: MobileNetConfig {
            alpha,
            classes: 1000,
            padding: Padding::Both,
            epsilon: 1e-5,
            ..GOOGLE.config
        },
        crop,
        filter: Filter::Bicubic,
        format: WeightsFormat::TimmSafetensors,
        top1: Some(top1),
        source: TIMM,
        ..GOOGLE
    }
}

macro_rules! slim_url {
    ($date:literal, $file:literal) => {
        concat!(
            "https://storage.googleapis.com/download.tensorflow.org/models/mobilenet_v1_",
            $date,
            "/mobilenet_v1_",
            $file,
            ".tgz"
        )
    };
}

macro_rules! keras_url {
    ($file:literal) => {
        concat!(
            "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/mobilenet_",
            $file,
            "_tf.h5"
        )
    };
}

macro_rules! tfjs_url {
    ($file:literal) => {
        concat!(
            "https://storage.googleapis.com/tfjs-models/tfjs/mobilenet_v1_",
            $file,
            "/model.json"
        )
    };
}

macro_rules! timm_url {
    ($file:literal) => {
        concat!(
            "https://huggingface.co/timm/",
            $file,
            "/resolve/main/model.safetensors"
        )
    };
}

#[rustfmt::skip] // A table.
pub(super) static ALL: &[Published] = &[
    known(slim("mobilenet_v1_1.0_224", slim_url!("2018_08_02", "1.0_224"), 1.0, 224, 70.9), 94321559, Some("2fadeabb9968ec6833bee903900dda6e61b3947200535874ce2fe42a8493abc0")),
    slim("mobilenet_v1_1.0_192", slim_url!("2018_02_22", "1.0_192"), 1.0, 192, 70.0),
    slim("mobilenet_v1_1.0_160", slim_url!("2018_02_22", "1.0_160"), 1.0, 160, 68.0),
    slim("mobilenet_v1_1.0_128", slim_url!("2018_02_22", "1.0_128"), 1.0, 128, 65.2),
    slim("mobilenet_v1_0.75_224", slim_url!("2018_02_22", "0.75_224"), 0.75, 224, 68.4),
    slim("mobilenet_v1_0.75_192", slim_url!("2018_02_22", "0.75_192"), 0.75, 192, 67.2),
    slim("mobilenet_v1_0.75_160", slim_url!("2018_02_22", "0.75_160"), 0.75, 160, 65.3),
    slim("mobilenet_v1_0.75_128", slim_url!("2018_02_22", "0.75_128"), 0.75, 128, 62.1),
    known(slim("mobilenet_v1_0.5_224", slim_url!("2018_08_02", "0.5_224"), 0.5, 224, 63.3), 29969407, Some("98cf7a39552f73920cb99617cfa9b88d5732a87abf9ec14f7cc7f3ade1db0aaa")),
    slim("mobilenet_v1_0.5_192", slim_url!("2018_02_22", "0.5_192"), 0.5, 192, 61.7),
    known(slim("mobilenet_v1_0.5_160", slim_url!("2018_08_02", "0.5_160"), 0.5, 160, 59.1), 29958343, None),
    slim("mobilenet_v1_0.5_128", slim_url!("2018_02_22", "0.5_128"), 0.5, 128, 56.3),
    slim("mobilenet_v1_0.25_224", slim_url!("2018_02_22", "0.25_224"), 0.25, 224, 49.8),
    slim("mobilenet_v1_0.25_192", slim_url!("2018_02_22", "0.25_192"), 0.25, 192, 47.7),
    slim("mobilenet_v1_0.25_160", slim_url!("2018_02_22", "0.25_160"), 0.25, 160, 45.5),
    known(slim("mobilenet_v1_0.25_128", slim_url!("2018_08_02", "0.25_128"), 0.25, 128, 41.5), 10800019, Some("879ddc3e0857f3611b5cf248e36de2288c7a11ea8c2ed8a8bdded635e6010dfe")),
    slim_quant("mobilenet_v1_1.0_224_quant", slim_url!("2018_08_02", "1.0_224_quant"), 1.0, 224, 70.0, "d32432d28673a936b2d6281ab0600c71cf7226dfe4cdcef3012555f691744166"),
    slim_quant("mobilenet_v1_1.0_192_quant", slim_url!("2018_08_02", "1.0_192_quant"), 1.0, 192, 69.1, "b87b20c784e756fb52e265cc31fbea5b3236c9a001205bc24ed27985875b4559"),
    slim_quant("mobilenet_v1_1.0_160_quant", slim_url!("2018_08_02", "1.0_160_quant"), 1.0, 160, 66.9, "b5c9da0d5215a1c1faab313f88ba0a900ac199c7af45f559ab65c63b0649bee1"),
    slim_quant("mobilenet_v1_1.0_128_quant", slim_url!("2018_08_02", "1.0_128_quant"), 1.0, 128, 63.3, "29aec24c721329b83ff667195431ff9151362ba1854dfc8852d03aef5ac40def"),
    slim_quant("mobilenet_v1_0.75_224_quant", slim_url!("2018_08_02", "0.75_224_quant"), 0.75, 224, 66.9, "6c40604a53edb295e6fd72ead340759db63a2e4d930593610f4d09efe17aa9b7"),
    slim_quant("mobilenet_v1_0.75_192_quant", slim_url!("2018_08_02", "0.75_192_quant"), 0.75, 192, 66.1, "8dc64937bd9f35dcf8d3baa16b8eda47e2473c3af51641bf309d1ed2b1a355af"),
    slim_quant("mobilenet_v1_0.75_160_quant", slim_url!("2018_08_02", "0.75_160_quant"), 0.75, 160, 62.4, "ed023a21c1fbb062a4777056f79910aab6137c9a83655317020faed6ad0ca738"),
    slim_quant("mobilenet_v1_0.75_128_quant", slim_url!("2018_08_02", "0.75_128_quant"), 0.75, 128, 55.9, "14cd0b9c5cde26272c68ecc50de054979663e28fb1fd0348166d408a8b45538f"),
    slim_quant("mobilenet_v1_0.5_224_quant", slim_url!("2018_08_02", "0.5_224_quant"), 0.5, 224, 61.2, "f61c28ab322a3ef441341431d33732ef79dfbf03ebc00769c12e5843573b2e9c"),
    slim_quant("mobilenet_v1_0.5_192_quant", slim_url!("2018_08_02", "0.5_192_quant"), 0.5, 192, 59.9, "b3b7aca2599c9a09f7ebeb3f624fc51bc4897b9356950b67a5f11c65666dab3d"),
    slim_quant("mobilenet_v1_0.5_160_quant", slim_url!("2018_08_02", "0.5_160_quant"), 0.5, 160, 57.2, "036ff1a53180f844ee629ae5846c2b18dfa94371c51c44016c70dc9688a34d31"),
    slim_quant("mobilenet_v1_0.5_128_quant", slim_url!("2018_08_02", "0.5_128_quant"), 0.5, 128, 54.9, "0a5b18571d3df4d85a5ac6cb5be829d141dd5855243ea04422ca7d19f730a506"),
    slim_quant("mobilenet_v1_0.25_224_quant", slim_url!("2018_08_02", "0.25_224_quant"), 0.25, 224, 48.2, "be8131a23c93a83d7d0b1875ac34aa2e06319aef377f89dc6be2e8f10a0589ca"),
    slim_quant("mobilenet_v1_0.25_192_quant", slim_url!("2018_08_02", "0.25_192_quant"), 0.25, 192, 45.7, "33f4ca5c5c7fb70f81a23ec06a884482ddcf5d26e32e4211781e110afb7a0877"),
    slim_quant("mobilenet_v1_0.25_160_quant", slim_url!("2018_08_02", "0.25_160_quant"), 0.25, 160, 42.8, "8aba0b905df472d994c1d923efa743c7dfe182df579e0440b8e78c8f714ddc98"),
    slim_quant("mobilenet_v1_0.25_128_quant", slim_url!("2018_08_02", "0.25_128_quant"), 0.25, 128, 39.5, "40230cd1a429a20cfd648f08f72b6d554ca8f4bff838341cb8210bd167962c0e"),
    keras("keras_mobilenet_1.0_224", keras_url!("1_0_224"), 1.0, 224, Some(70.6)),
    keras("keras_mobilenet_1.0_192", keras_url!("1_0_192"), 1.0, 192, Some(69.1)),
    keras("keras_mobilenet_1.0_160", keras_url!("1_0_160"), 1.0, 160, Some(67.2)),
    keras("keras_mobilenet_1.0_128", keras_url!("1_0_128"), 1.0, 128, Some(64.4)),
    keras("keras_mobilenet_0.75_224", keras_url!("7_5_224"), 0.75, 224, Some(68.4)),
    keras("keras_mobilenet_0.75_192", keras_url!("7_5_192"), 0.75, 192, None),
    keras("keras_mobilenet_0.75_160", keras_url!("7_5_160"), 0.75, 160, None),
    keras("keras_mobilenet_0.75_128", keras_url!("7_5_128"), 0.75, 128, None),
    keras("keras_mobilenet_0.5_224", keras_url!("5_0_224"), 0.5, 224, Some(63.7)),
    keras("keras_mobilenet_0.5_192", keras_url!("5_0_192"), 0.5, 192, None),
    keras("keras_mobilenet_0.5_160", keras_url!("5_0_160"), 0.5, 160, None),
    keras("keras_mobilenet_0.5_128", keras_url!("5_0_128"), 0.5, 128, None),
    keras("keras_mobilenet_0.25_224", keras_url!("2_5_224"), 0.25, 224, Some(50.6)),
    keras("keras_mobilenet_0.25_192", keras_url!("2_5_192"), 0.25, 192, None),
    keras("keras_mobilenet_0.25_160", keras_url!("2_5_160"), 0.25, 160, None),
    keras("keras_mobilenet_0.25_128", keras_url!("2_5_128"), 0.25, 128, None),
    tfjs("tfjs_mobilenet_v1_1.0_224", tfjs_url!("1.0_224"), 1.0),
    tfjs("tfjs_mobilenet_v1_0.75_224", tfjs_url!("0.75_224"), 0.75),
    tfjs("tfjs_mobilenet_v1_0.5_224", tfjs_url!("0.50_224"), 0.5),
    tfjs("tfjs_mobilenet_v1_0.25_224", tfjs_url!("0.25_224"), 0.25),
    timm("mobilenetv1_100.ra4_e3600_r224_in1k", timm_url!("mobilenetv1_100.ra4_e3600_r224_in1k"), 1.0, 0.875, 75.382),
    timm("mobilenetv1_125.ra4_e3600_r224_in1k", timm_url!("mobilenetv1_125.ra4_e3600_r224_in1k"), 1.25, 0.9, 76.924),
];
