//! How a picture becomes the input of an exported network: as JSON, and as a program in Python.

use dataset::ResizePolicy;
use mobilenet::weights::{ModelMetadata, PixelInput, WeightsFormat};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::backbone::Backbone;

/// The part of the program that is the same for every classifier; it reads the constants that [`python`] writes before it.
const FUNCTIONS: &str = include_str!("preprocess.py");
/// What runs an ONNX model with ONNX Runtime, behind [`FUNCTIONS`].
const RUN_ONNX: &str = include_str!("run_onnx.py");

/// What runs a TensorFlow Lite model with LiteRT, behind [`FUNCTIONS`].
const RUN_TFLITE: &str = include_str!("run_tflite.py");

/// All that is needed to prepare a picture, as the metadata of exports have it.
pub(crate) fn describe(backbone: &Backbone, input: PixelInput) -> Value {
    let config = backbone.weights().config();
    json!({
        "resize": backbone.resize(),
        "filter": backbone.filter(),
        "size": backbone.size(),
        "mean": config.mean,
        "std": config.std,
        "channels": "RGB",
        // As `ResizePolicy::decode_options`.
        "upright": backbone.resize() != ResizePolicy::Tf1Squash,
        "bands": backbone.bands(),
        "background": BACKGROUND,
        "crop": CROP,
        "fill": FILL,
        "normalization": match input {
            PixelInput::Normalized => "by the caller: (level - mean) / std",
            _ => "in the network, which takes levels 0 to 255",
        },
    })
}

/// The resize policy in the metadata of an exported classifier, as [`describe`] writes them.
pub(crate) fn resize_in(metadata: &ModelMetadata) -> Option<ResizePolicy> {
    ResizePolicy::deserialize(&metadata.preprocessing["resize"]).ok()
}

/// What a transparent pixel is laid over: the default of `DecodeOptions`.
const BACKGROUND: [u8; 3] = [255; 3];
/// The part of the short side that `ResizePolicy::CenterCrop` keeps.
const CROP: f64 = 0.875;
/// The level beside the picture in `ResizePolicy::Letterbox`.
const FILL: u8 = 128;

/// How the programs that run the network begin.
const ASKING_ONNX: &str = "\
Asks an exported network about pictures, with ONNX Runtime: python THIS_FILE MODEL.onnx PICTURE ...

";
const ASKING_TFLITE: &str = "\
Asks an exported network about pictures, with LiteRT: python THIS_FILE MODEL.tflite PICTURE ...

";

/// A program with a function `load(path)`, which gives the input of a network in this format for one picture. For ONNX
/// and TensorFlow Lite it runs the network, too.
pub(crate) fn python(backbone: &Backbone, input: PixelInput, format: WeightsFormat) -> String {
    let about = describe(backbone, input);
    let literal = |value: bool| if value { "True" } else { "False" };
    let normalize = input == PixelInput::Normalized;
    let channels_first =
        normalize && matches!(format, WeightsFormat::Onnx | WeightsFormat::TimmSafetensors);
    let kind = match input {
        PixelInput::Byte | PixelInput::SignedByte => "uint8",
        _ => "float32",
    };
    let [r, g, b] = BACKGROUND;
    let (what, run) = match format {
        WeightsFormat::Onnx => (ASKING_ONNX, RUN_ONNX),
        WeightsFormat::Tflite => (ASKING_TFLITE, RUN_TFLITE),
        _ => ("", ""),
    };
    format!(
        r#""""{what}How a picture becomes the input of the network, with Pillow and NumPy: `load(path)[None]` is a batch of one.

The pixels are those of the classifier to within one level, but for JPEGs: its decoder rounds the colors between those that a
JPEG stores in another way than libjpeg does (0.2 levels on average, 4 at most), which moved the probabilities of photographs
by up to 0.016.
"""

import json
import math
import sys

import numpy as np
from PIL import Image, ImageOps

RESIZE = {resize}
FILTER = {filter}
SIZE = {size}
UPRIGHT = {upright}
BACKGROUND = ({r}, {g}, {b})
CROP = {CROP}
FILL = {FILL}
MEAN, STD = {mean:?}, {std:?}
NORMALIZE = {normalize}
CHANNELS_FIRST = {channels_first}
DTYPE = np.{kind}
{FUNCTIONS}{run}"#,
        resize = about["resize"],
        filter = about["filter"],
        size = backbone.size(),
        upright = literal(backbone.resize() != ResizePolicy::Tf1Squash),
        mean = backbone.weights().config().mean,
        std = backbone.weights().config().std,
        normalize = literal(normalize),
        channels_first = literal(channels_first),
    )
}

#[cfg(test)]
mod tests {
    use dataset::{DecodeOptions, RgbImage};
    use mobilenet::Weights;

    use super::*;

    /// The constants are those that the loader works with.
    #[test]
    fn the_constants_are_the_loaders() {
        let gray = ResizePolicy::Letterbox.apply(&RgbImage::new(40, 4), 16);
        assert_eq!(gray.get_pixel(0, 0).0, [FILL; 3]);
        let short = ResizePolicy::CenterCrop.needed_side(224);
        assert_eq!(short, Some((224.0 / CROP).round() as u32));
        for policy in [ResizePolicy::Squash, ResizePolicy::Tf1Squash] {
            let weights = Weights::open("bundled").unwrap();
            let backbone = Backbone::new(weights).unwrap().with_resize(policy);
            let options = policy.decode_options(224);
            let about = describe(&backbone, PixelInput::Normalized);
            let upright = about["upright"].as_bool().unwrap();
            assert_eq!(options.clone().with_upright(upright), options);
            assert_eq!(options.clone().with_background(BACKGROUND), options);
            assert_ne!(options, DecodeOptions::default().with_upright(!upright));
        }
    }

    #[test]
    fn the_program_fits_the_format() {
        let backbone = Backbone::new(Weights::open("bundled").unwrap()).unwrap();
        let text = |input, format| python(&backbone, input, format);
        let normal = text(PixelInput::Normalized, WeightsFormat::Onnx);
        for line in [
            "RESIZE = \"squash\"\n",
            "UPRIGHT = True\n",
            "BACKGROUND = (255, 255, 255)\n",
            "MEAN, STD = 127.5, 127.5\n",
            "CHANNELS_FIRST = True\n",
            "DTYPE = np.float32\n",
        ] {
            assert!(normal.contains(line), "{line}");
        }
        let bytes = text(PixelInput::Byte, WeightsFormat::Onnx);
        assert!(bytes.contains("NORMALIZE = False\nCHANNELS_FIRST = False\nDTYPE = np.uint8\n"));
        assert!(normal.contains("onnxruntime.InferenceSession"));
        let graph = text(PixelInput::Normalized, WeightsFormat::FrozenGraph);
        assert!(!graph.contains("onnxruntime"));
        assert!(graph.contains("NORMALIZE = True\nCHANNELS_FIRST = False\n"));
    }
}
