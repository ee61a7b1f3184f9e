//! Files that are no weights of a MobileNetV1, by name: what they are, and what can be done.

use memchr::memmem;

/// A kind of file, and what can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Foreign {
    pub what: &'static str,
    pub remedy: &'static str,
}

const fn foreign(what: &'static str, remedy: &'static str) -> Foreign {
    Foreign { what, remedy }
}

const AGAIN: &str = "download the file again, and look at what its address gives";
const NO_WEIGHTS: &str = "give weights of a MobileNetV1, or a classifier file where one is wanted";

/// What a file is that no reader here takes, by its first bytes; `None` where a reader may take it, or nothing is known.
pub(super) fn kind(bytes: &[u8]) -> Option<Foreign> {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let has = |text: &str| memmem::find(bytes, text.as_bytes()).is_some();
    Some(match () {
        () if bytes.is_empty() => foreign("an empty file", AGAIN),
        () if is_web_page(bytes) => foreign("a web page, perhaps of an error", AGAIN),
        () if starts(b"version https://git-lfs.github.com/spec/") => foreign(
            "a pointer of Git LFS, not the file itself",
            "fetch the file with `git lfs pull`",
        ),
        () if starts(b"PK\x03\x04") => return of_zip(bytes),
        () if starts(b"\x08\x01\x12") && (has("saved_model") || has("serve")) => foreign(
            "a SavedModel of TensorFlow",
            "freeze it (`convert_variables_to_constants_v2`), or convert it to TFLite in float or to TensorFlow.js",
        ),
        () if starts(b"\x08") && has("coremltools") => foreign(
            "a Core ML model",
            "take the model that it was converted from",
        ),
        () if bytes.get(4..8) == Some(b"TFL3") && has("edgetpu-custom-op") => foreign(
            "a TFLite model that is compiled for the Edge TPU",
            "take the model as it was before the Edge TPU compiler",
        ),
        () if bytes.len() > 1 && bytes[0] == 0x80 && (3..=5).contains(&bytes[1]) => foreign(
            "a Python pickle",
            "save a state dict (`torch.save(model.state_dict(), ..)`) or safetensors",
        ),
        () if starts(b"\xff\xd8\xff") => foreign("a JPEG image", NO_WEIGHTS),
        () if starts(b"\x89PNG") => foreign("a PNG image", NO_WEIGHTS),
        () if starts(b"%PDF-") => foreign("a PDF", NO_WEIGHTS),
        () if starts(b"7z\xbc\xaf") || starts(b"Rar!") => {
            foreign("an archive (7z, RAR)", "unpack it first")
        }
        () => return None,
    })
}

/// What a zip is, by the names of its members; a state dict of PyTorch is one, too.
fn of_zip(bytes: &[u8]) -> Option<Foreign> {
    let has = |text: &str| memmem::find(bytes, text.as_bytes()).is_some();
    Some(match () {
        () if has("constants.pkl") && has("/code/") => foreign(
            "a TorchScript program",
            "save the state dict of the model that it was made of (`torch.save(model.state_dict(), ..)`)",
        ),
        () if has("data.pkl") => return None,
        () if has("model.weights.h5") => foreign(
            "a model of Keras 3 (.keras)",
            "save it as .h5 (`model.save(\"model.h5\")`)",
        ),
        () if has("keras_model.h5") || has("labels.txt") => foreign(
            "a zip of Teachable Machine",
            "unpack it, and give keras_model.h5 or model.json; labels.txt beside it has the names",
        ),
        () if has(".mlmodel") => foreign(
            "a Core ML package",
            "take the model that it was converted from",
        ),
        () if has("saved_model.pb") => foreign(
            "a zip of a SavedModel of TensorFlow",
            "convert the model to TFLite in float, or to TensorFlow.js",
        ),
        () => foreign("a zip archive", "unpack it, and give the weights in it"),
    })
}

/// Names of parts that other architectures have, and no MobileNetV1 has. The first row that fits counts.
const ARCHITECTURES: &[(&str, &[&str])] = &[
    (
        "a detector (SSD)",
        &[
            "TFLite_Detection_PostProcess",
            "BoxPredictor",
            "FeatureExtractor/Mobilenet",
        ],
    ),
    ("MobileNetV3", &["MobilenetV3", "mobilenetv3"]),
    (
        "MobileNetV2",
        &[
            "MobilenetV2",
            "mobilenetv2",
            "expanded_conv",
            "block_16_depthwise",
        ],
    ),
    (
        "Inception",
        &["InceptionV", "inception_v", "mixed_10", "mixed10"],
    ),
    ("EfficientNet", &["efficientnet", "EfficientNet"]),
    (
        "ResNet",
        &["resnet", "ResNet", "layer4.1.conv1", "conv5_block3"],
    ),
    ("NASNet", &["nasnet", "NASNet"]),
    ("a vision transformer", &["encoder_layer", "patch_embed"]),
];

/// The architecture of a net that is no MobileNetV1, by the names in its file.
pub(super) fn architecture(bytes: &[u8]) -> Option<&'static str> {
    let has = |name: &str| memmem::find(bytes, name.as_bytes()).is_some();
    let fits = |row: &&(&'static str, &[&str])| row.1.iter().any(|name| has(name));
    ARCHITECTURES.iter().find(fits).map(|row| row.0)
}

fn is_web_page(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    text.first() == Some(&b'<')
        && text
            .get(1)
            .is_some_and(|next| matches!(next, b'!' | b'?') || next.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_with_what_can_be_done() {
        for (bytes, name) in [
            (&b"\n<!DOCTYPE html><title>404"[..], "web page"),
            (
                b"version https://git-lfs.github.com/spec/v1\noid",
                "git lfs pull",
            ),
            (
                b"PK\x03\x04..net/code/..net/constants.pkl..net/data.pkl",
                "TorchScript",
            ),
            (b"PK\x03\x04..config.json..model.weights.h5", "Keras 3"),
            (
                b"PK\x03\x04..keras_model.h5..labels.txt",
                "Teachable Machine",
            ),
            (b"PK\x03\x04..net.mlpackage/Data/net.mlmodel", "Core ML"),
            (b"PK\x03\x04..a.jpg", "zip archive"),
            (b"\x08\x01\x12\x10\x0a\x05serve saved_model", "SavedModel"),
            (
                b"\x08\x04\x12 com.github.apple.coremltools.version",
                "Core ML",
            ),
            (b"\x1c\0\0\0TFL3 edgetpu-custom-op", "Edge TPU"),
            (b"\x80\x04\x95\0", "pickle"),
            (b"\xff\xd8\xff\xe0", "JPEG"),
            (b"", "empty"),
        ] {
            let found = kind(bytes).unwrap_or(Foreign {
                what: "",
                remedy: "",
            });
            assert!(
                found.what.contains(name) || found.remedy.contains(name),
                "{name}: {found:?}"
            );
        }
        for bytes in [
            &b"PK\x03\x04..archive/data.pkl"[..],
            b"\x08\x08\x12\x07pytorch",
            b"\x80\x02\x8a",
        ] {
            assert_eq!(kind(bytes), None);
        }
    }

    #[test]
    fn other_architectures_are_told_by_their_names() {
        for (bytes, name) in [
            (
                &b"..MobilenetV2/expanded_conv_3/project.."[..],
                Some("MobileNetV2"),
            ),
            (
                b"..FeatureExtractor/MobilenetV1..BoxPredictor_0..",
                Some("a detector (SSD)"),
            ),
            (b"..MobilenetV1/Conv2d_0/weights..", None),
        ] {
            assert_eq!(architecture(bytes), name);
        }
    }
}
