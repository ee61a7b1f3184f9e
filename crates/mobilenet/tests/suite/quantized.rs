//! Quantized nets: the same bytes as TensorFlow Lite's kernels, damaged files, and quantizing.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use mobilenet::quantized::{Arithmetic, Fidelity, LayerKind, Quantize};
use mobilenet::{Error, ImageBatch, Layer, MobileNetConfig, QuantizedNet, Weights};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{picture, shared, tiny};

fn fixture(name: &str) -> Vec<u8> {
    let packed = std::fs::read(tiny("quantized").join(format!("{name}.tflite.gz"))).unwrap();
    let mut bytes = Vec::new();
    let mut reader = flate2::read::GzDecoder::new(&packed[..]);
    reader.read_to_end(&mut bytes).unwrap();
    bytes
}

fn json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn bytes_of(values: &Value) -> Vec<u8> {
    let values = values.as_array().unwrap().iter();
    values
        .map(|v| u8::try_from(v.as_u64().unwrap()).unwrap())
        .collect()
}

const ARITHMETICS: [(Arithmetic, &str); 2] = [
    (Arithmetic::LiteRtReference, "reference"),
    (Arithmetic::Xnnpack, "default"),
];

/// Signed and unsigned, whole and cut, each kind of pool, classifier and end.
#[test]
fn outputs_are_those_of_litert() {
    let expected = json(tiny("quantized/expected.json"));
    for (name, facts) in expected.as_object().unwrap() {
        let side = facts["side"].as_u64().unwrap() as usize;
        let net = QuantizedNet::from_bytes(name, &fixture(name)).unwrap();
        assert_eq!(net.config.input_size, side);
        assert_eq!(net.config.alpha, 0.25);
        let pixels = picture(side);
        let image = ImageBatch::from_u8(&pixels, [1, side, side]).unwrap();
        for (arithmetic, kind) in ARITHMETICS {
            let levels = net
                .clone()
                .with_arithmetic(arithmetic)
                .levels(&image)
                .unwrap();
            assert_eq!(levels, bytes_of(&facts[kind]), "{name}, {kind}");
        }
    }
}

/// Google's nets, on pictures that may not be copied: hashes of what LiteRT 2.3.0's default delegate gives.
#[test]
fn googles_nets_give_litert_s_bytes() {
    let Some(shared) = shared("googles_nets_give_litert_s_bytes") else {
        return;
    };
    let hashes = json(tiny("quantized/google.json"));
    for (name, hashes) in hashes.as_object().unwrap() {
        let path = shared.join(format!("quantized/{name}"));
        let expected = json(path.with_file_name(format!("{name}.json")));
        let net = QuantizedNet::open(path.with_file_name(format!("{name}.tflite"))).unwrap();
        let side = net.config.input_size;
        assert_eq!((net.config.mean, net.config.std), (128.0, 128.0));
        assert_eq!(net.config.classes, 1001);
        let pictures: BTreeMap<_, _> = pictures(&shared, side).collect();
        assert_eq!(pictures.len(), 8);
        for (picture, pixels) in pictures {
            let image = ImageBatch::from_u8(&pixels, [1, side, side]).unwrap();
            let reference = net.clone().with_arithmetic(Arithmetic::LiteRtReference);
            let levels = reference.levels(&image).unwrap();
            assert_eq!(
                levels,
                bytes_of(&expected["pictures"][&picture]["output"]),
                "{name}, {picture}"
            );
            let levels = net.levels(&image).unwrap();
            let hash: String = Sha256::digest(&levels)[..8]
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            assert_eq!(
                hash,
                hashes[&picture].as_str().unwrap(),
                "{name}, {picture}, XNNPACK"
            );
        }
    }
}

/// The golden pictures' middle.
fn pictures(shared: &Path, side: usize) -> impl Iterator<Item = (String, Vec<u8>)> {
    let files = std::fs::read_dir(shared.join("golden/pictures")).unwrap();
    files.map(move |file| {
        let path = file.unwrap().path();
        let image = image::open(&path).unwrap().to_rgb8();
        let start = (224 - side as u32) / 2;
        let middle = image::imageops::crop_imm(&image, start, start, side as u32, side as u32);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, middle.to_image().into_raw())
    })
}

#[test]
fn a_batch_gives_what_its_images_give() {
    let net = QuantizedNet::from_bytes("net", &fixture("int8_whole")).unwrap();
    let pixels: Vec<u8> = picture(64)
        .into_iter()
        .chain(vec![7; 64 * 64 * 3])
        .collect();
    let both = net
        .levels(&ImageBatch::from_u8(&pixels, [2, 64, 64]).unwrap())
        .unwrap();
    let half = pixels.len() / 2;
    let second = ImageBatch::from_u8(&pixels[half..], [1, 64, 64]).unwrap();
    assert_eq!(both[40..], net.levels(&second).unwrap());
    // Fractional levels are rounded.
    let floats: Vec<f32> = pixels[half..].iter().map(|&p| f32::from(p) + 0.3).collect();
    let floats = ImageBatch::from_f32(&floats, [1, 64, 64]).unwrap();
    assert_eq!(both[40..], net.levels(&floats).unwrap());
}

#[test]
fn floats_are_what_the_bytes_stand_for() {
    let net = QuantizedNet::from_bytes("net", &fixture("int8_logits")).unwrap();
    let pixels = picture(32);
    let image = ImageBatch::from_u8(&pixels, [1, 32, 32]).unwrap();
    let logits = net.forward(&image, Layer::Logits).unwrap();
    let reals: Vec<f32> = net
        .levels(&image)
        .unwrap()
        .iter()
        .map(|&l| net.output().real(l))
        .collect();
    assert_eq!(logits, reals);
    let wide = QuantizedNet {
        wide_outputs: true,
        ..net.clone()
    };
    let step = net.output().scale;
    for (wide, logit) in wide
        .forward(&image, Layer::Logits)
        .unwrap()
        .iter()
        .zip(&logits)
    {
        assert!((wide - logit).abs() <= 0.51 * step, "{wide}, {logit}");
    }
    let embedding = net.forward(&image, Layer::Embedding).unwrap();
    let joined = net.forward(&image, Layer::joined([13]).unwrap()).unwrap();
    assert_eq!(embedding.len(), 256);
    for (a, b) in embedding.iter().zip(&joined) {
        assert!((a - b).abs() <= 0.51 * net.pooled.scale, "{a}, {b}");
    }
    let map = net.features(&image, 2).unwrap();
    assert_eq!(map.shape, [1, 8, 8, 32]);
    assert!(net.features(&image, 14).is_err());
    let cut = QuantizedNet::from_bytes("net", &fixture("int8_mean")).unwrap();
    let error = cut.forward(&image, Layer::Logits).unwrap_err();
    assert!(error.to_string().contains("no classifier"), "{error}");
}

/// The file says how it is read; as floats it gives nearly the same.
#[test]
fn quantized_files_are_read_as_floats_on_request() {
    for name in [
        "int8_logits",
        "uint8_whole",
        "int8_mean",
        "int8_pool",
        "uint8_pool",
    ] {
        let bytes = fixture(name);
        let error = Weights::from_bytes("net.tflite", &bytes).unwrap_err();
        assert!(matches!(error, Error::Quantized { .. }), "{error}");
        let text = error.to_string();
        for part in [
            "net.tflite",
            "QuantizedNet::open",
            "open_dequantized",
            "--dequantize",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let weights = Weights::from_bytes_dequantized("net.tflite", &bytes).unwrap();
        let net = QuantizedNet::from_bytes("net.tflite", &bytes).unwrap();
        assert_eq!(weights.config(), &net.config);
        let side = net.config.input_size;
        let pixels = picture(side);
        let image = ImageBatch::from_u8(&pixels, [1, side, side]).unwrap();
        let floats = weights.compile().unwrap().embed(&image).unwrap();
        let levels = net.forward(&image, Layer::Embedding).unwrap();
        let found = Fidelity::of(&floats, &levels, floats.len()).unwrap();
        assert!(found.sqnr.unwrap() > 15.0, "{name}: {found:?}");
    }
    // Float files are as they were.
    let half = tiny("half.tflite");
    let (plain, same) = (
        Weights::open(&half).unwrap(),
        Weights::open_dequantized(&half).unwrap(),
    );
    assert_eq!(plain.digest(), same.digest());
    let error = QuantizedNet::open(half).unwrap_err().to_string();
    assert!(error.contains("its weights are floats"), "{error}");
    let error = QuantizedNet::open(tiny("folded.pb"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("it is TensorFlow frozen graph"), "{error}");
}

/// Every prefix, and bytes changed everywhere: an error that names the file, or a net that runs.
#[test]
fn damage_is_an_error_or_a_net() {
    let try_open = |bytes: &[u8]| match QuantizedNet::from_bytes("damaged file", bytes) {
        Ok(net) => {
            let side = net.config.input_size.min(40);
            let pixels = picture(side);
            let image = ImageBatch::from_u8(&pixels, [1, side, side]).unwrap();
            for (arithmetic, _) in ARITHMETICS {
                // Images may be too small for what the net has become.
                let _ = net.clone().with_arithmetic(arithmetic).levels(&image);
            }
            net.dequantize().unwrap();
            1
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("damaged file") && text.len() < 4096, "{text}");
            0
        }
    };
    for name in ["int8_mean", "uint8_pool"] {
        let whole = fixture(name);
        assert_eq!(try_open(&whole), 1);
        let mut opened = 0;
        for at in (0..whole.len()).step_by(17) {
            opened += try_open(&whole[..at]);
        }
        let mut damaged = whole.clone();
        let (mut state, mut tried) = (1u64, 0);
        while tried < 3000 {
            // Knuth's generator: the same places each time.
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let at = (state >> 33) as usize % whole.len();
            let value = [0, 1, 0x7f, 0x80, 0xff, (state >> 20) as u8][(state >> 29) as usize % 6];
            let length = [1, 2, 4, 8][(state >> 26) as usize % 4].min(whole.len() - at);
            damaged[at..at + length].fill(value);
            opened += try_open(&damaged);
            damaged[at..at + length].copy_from_slice(&whole[at..at + length]);
            tried += 1;
        }
        assert!(opened > 100, "{name}: {opened}");
    }
}

#[test]
fn a_net_that_does_not_fit_together_is_refused() {
    let good = QuantizedNet::from_bytes("net", &fixture("int8_whole")).unwrap();
    good.check().unwrap();
    let refused = |change: &dyn Fn(&mut QuantizedNet), what: &str| {
        let mut net = good.clone();
        change(&mut net);
        let error = net.check().unwrap_err().to_string();
        assert!(error.contains(what), "{error}: no {what:?}");
        let pixels = picture(64);
        assert!(
            net.levels(&ImageBatch::from_u8(&pixels, [1, 64, 64]).unwrap())
                .is_err()
        );
    };
    refused(&|n| n.layers.truncate(5), "5 layers; expected 28");
    refused(&|n| n.layers[3].kind = LayerKind::Dense, "layer 3 is Dense");
    refused(&|n| n.layers[4].weights.truncate(9), "9 weights");
    refused(&|n| n.layers[4].bias.truncate(9), "biases");
    refused(&|n| n.layers[4].weight_scales[1] = 0.0, "a scale of 0e0");
    refused(
        &|n| n.layers[4].weight_zero_points[1] = 128,
        "weight zero point of 128",
    );
    refused(&|n| n.layers[0].clamp = (9, 3), "levels 9 to 3");
    refused(&|n| n.pooled.scale = f32::NAN, "pooled has a scale of NaN");
    refused(
        &|n| n.input.zero_point = 256,
        "input has a zero point of 256",
    );
    refused(&|n| n.config.alpha = 0.5, "weights; expected");
    let none = |n: &mut QuantizedNet| {
        n.layers.pop();
        n.config.classes = 0;
    };
    refused(&none, "a softmax, but no classifier");
}

/// A net of random weights, quantized on pictures of noise and gradients.
#[test]
fn bias_correction_brings_a_net_nearer() {
    let config = MobileNetConfig::new()
        .with_alpha(0.25)
        .with_classes(10)
        .with_input_size(64);
    let weights = Weights::random(&config, 7).unwrap();
    let pixels: Vec<u8> = (0..8usize)
        .flat_map(|i| {
            picture(64).into_iter().enumerate().map(move |(at, p)| {
                p.wrapping_mul(i as u8 * 2 + 1) / 2 + (at / 700 * (i + 1) % 128) as u8
            })
        })
        .collect();
    let images = ImageBatch::from_u8(&pixels, [8, 64, 64]).unwrap();
    let compiled = weights.compile().unwrap();
    let reference = compiled.logits(&images).unwrap();
    let sqnr = |quantize: Quantize| {
        let net = quantize.run(&weights, &images).unwrap();
        let logits = net.forward(&images, Layer::Logits).unwrap();
        Fidelity::of(&reference, &logits, 10).unwrap().sqnr.unwrap()
    };
    let plain = sqnr(Quantize::new().with_bias_correction(false));
    let corrected = sqnr(Quantize::new());
    assert!(corrected > plain, "{plain}, {corrected}");
    assert!(corrected > 15.0, "{corrected}");
    let equalized = sqnr(Quantize::new().with_equalization(true));
    assert!(equalized > 15.0, "{equalized}");
    let small = Quantize::new().with_small_weights(true);
    let net = small.run(&weights, &images).unwrap();
    let mut levels = net.layers.iter().flat_map(|layer| &layer.weights);
    assert!(levels.all(|&w| (-63..=63).contains(&w)));
    assert!(
        sqnr(small) > plain,
        "biases are corrected for small weights too"
    );
    let none = ImageBatch::from_u8(&[], [0, 64, 64]).unwrap();
    assert!(Quantize::new().run(&weights, &none).is_err());

    // The integers as floats, whose mean of pixels is no integer.
    let net = Quantize::new().run(&weights, &images).unwrap();
    let floats = net.dequantize().unwrap();
    assert_eq!(floats.config(), weights.config());
    let logits = floats.compile().unwrap().logits(&images).unwrap();
    let found = Fidelity::of(&reference, &logits, 10).unwrap();
    assert!(found.sqnr.unwrap() > 15.0, "{found:?}");
}

/// Our own file: a byte for each weight, the same net again.
#[test]
fn a_saved_net_comes_back() {
    for name in ["int8_whole", "uint8_pool"] {
        let net = QuantizedNet::from_bytes(name, &fixture(name)).unwrap();
        let bytes = net.to_safetensors().unwrap();
        let again = QuantizedNet::from_bytes("again", &bytes).unwrap();
        assert_eq!(again, net);
        assert_eq!(again.digest().unwrap(), net.digest().unwrap());
        let error = Weights::from_bytes("again", &bytes).unwrap_err();
        assert!(matches!(error, Error::Quantized { .. }), "{error}");
        let floats = Weights::from_bytes_dequantized("again", &bytes).unwrap();
        assert_eq!(floats.digest(), net.dequantize().unwrap().digest());
        for at in (0..bytes.len()).step_by(bytes.len() / 50) {
            let error = QuantizedNet::from_bytes("cut short", &bytes[..at]).unwrap_err();
            assert!(error.to_string().contains("cut short"), "{error}");
        }
    }
}
