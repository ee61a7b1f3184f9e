//! What programs for phones read of a TensorFlow Lite model beside its graph (`metadata_schema.fbs`): how pixels become its
//! input, and the names of the classes, which lie in a zip archive behind the model.

use super::flatbuffer::{self, Field, Table};
use super::tflite_quantization::inverse;
use crate::config::MobileNetConfig;
use crate::quantized::net::Activation;
use crate::weights::net::Net;

/// The name under which those programs look for it.
pub(super) const METADATA: &str = "TFLITE_METADATA";
/// The name of what this crate's own reader wants to know, JSON.
pub(super) const OWN_METADATA: &str = "mobilenet";
/// The file with the names of the classes.
pub(super) const LABELS: &str = "labels.txt";
/// The oldest version of their readers that knows all fields.
const MIN_PARSER_VERSION: &str = "1.0.0";

// Numbers of the schema's enums and unions.
const TENSOR_AXIS_LABELS: u8 = 2;
const IMAGE_PROPERTIES: u8 = 2;
const FEATURE_PROPERTIES: u8 = 1;
const RGB: u8 = 1;
const NORMALIZATION_OPTIONS: u8 = 1;

/// The real number of a pixel level: `(level - mean) / std`.
pub(super) struct Range {
    mean: f64,
    std: f64,
}

impl From<&MobileNetConfig> for Range {
    fn from(config: &MobileNetConfig) -> Self {
        Self {
            mean: config.mean,
            std: config.std,
        }
    }
}

impl From<Activation> for Range {
    fn from(input: Activation) -> Self {
        Self {
            mean: f64::from(input.zero_point),
            std: inverse(input.scale),
        }
    }
}

/// The metadata of a net whose output has this name.
pub(super) fn write(net: &Net<'_>, range: Range, output: &str, labeled: bool) -> Vec<u8> {
    let text = |text: &str| Field::Text(text.into());
    let ends = [0.0, 255.0].map(|level| ((level - range.mean) / range.std) as f32);
    let stats = |low: f32, high: f32| {
        let limits = [
            (0, Field::Floats(vec![high])),
            (1, Field::Floats(vec![low])),
        ];
        Field::Table(Table::new(limits))
    };
    let size = [0, 1].map(|number| (number, Field::Int(net.side as u32)));
    let image = Table::new([(0, Field::Byte(RGB)), (1, Field::Table(Table::new(size)))]);
    let content = |kind: u8, properties: Table| {
        let fields = [(0, Field::Byte(kind)), (1, Field::Table(properties))];
        Field::Table(Table::new(fields))
    };
    let normalization = [range.mean, range.std].map(|v| Field::Floats(vec![v as f32]));
    let normalization = Table::new(normalization.into_iter().enumerate());
    let unit = [
        (0, Field::Byte(NORMALIZATION_OPTIONS)),
        (1, Field::Table(normalization)),
    ];
    let input = Table::new([
        (0, text("image")),
        (1, Field::Text(pixels(net, &range))),
        (3, content(IMAGE_PROPERTIES, image)),
        (4, Field::Tables(vec![Table::new(unit)])),
        (5, stats(ends[0], ends[1])),
    ]);
    let mut fields = vec![
        (0, text(output)),
        (3, content(FEATURE_PROPERTIES, Table::default())),
    ];
    if labeled {
        let file = Table::new([
            (0, text(LABELS)),
            (1, text("The names of the classes, one a line")),
            (2, Field::Byte(TENSOR_AXIS_LABELS)),
        ]);
        let about = "A probability for each class";
        fields.extend([
            (1, text(about)),
            (5, stats(0.0, 1.0)),
            (6, Field::Tables(vec![file])),
        ]);
    }
    let graph = Table::new([
        (2, Field::Tables(vec![input])),
        (3, Field::Tables(vec![Table::new(fields)])),
    ]);
    let (program, version) = net.producer;
    let mut root = vec![
        (0, text("MobileNetV1")),
        (2, text(version)),
        (3, Field::Tables(vec![graph])),
        (4, text(program)),
        (7, text(MIN_PARSER_VERSION)),
    ];
    for (number, known) in [(1, net.description), (5, net.license)] {
        root.extend((!known.is_empty()).then(|| (number, text(known))));
    }
    flatbuffer::file(*b"M001", Table::new(root))
}

/// How an image becomes the input, for people.
fn pixels(net: &Net<'_>, range: &Range) -> String {
    let resize = net.preprocessing["resize"].as_str();
    let resize = resize.map(|policy| format!("; images become squares by {policy}"));
    format!(
        "RGB, {side} x {side}: (level - {}) / {}, or the levels themselves where the input is of bytes{}",
        range.mean,
        range.std,
        resize.unwrap_or_default(),
        side = net.side,
    )
}

/// Appends a zip archive with one file, not compressed, to what is there.
pub(super) fn append(bytes: &mut Vec<u8>, name: &str, content: &[u8]) {
    let local = bytes.len() as u32;
    let (size, length) = (content.len() as u32, name.len() as u16);
    // Version 2.0, no flags, stored, 1980-01-01 00:00.
    let about = || {
        let mut about = Vec::new();
        about.extend(
            [20u16, 0, 0, 0, 0x21]
                .into_iter()
                .flat_map(u16::to_le_bytes),
        );
        about.extend(
            [crc32(content), size, size]
                .into_iter()
                .flat_map(u32::to_le_bytes),
        );
        about.extend([length, 0].into_iter().flat_map(u16::to_le_bytes));
        about
    };
    bytes.extend(b"PK\x03\x04");
    bytes.extend(about());
    bytes.extend(name.as_bytes());
    bytes.extend(content);
    let directory = bytes.len() as u32;
    bytes.extend(b"PK\x01\x02");
    bytes.extend(20u16.to_le_bytes());
    bytes.extend(about());
    // No comment, the first disk, no attributes.
    bytes.extend([0; 10]);
    bytes.extend(local.to_le_bytes());
    bytes.extend(name.as_bytes());
    let end = bytes.len() as u32;
    bytes.extend(b"PK\x05\x06");
    bytes.extend([0u16, 0, 1, 1].into_iter().flat_map(u16::to_le_bytes));
    bytes.extend(
        [end - directory, directory]
            .into_iter()
            .flat_map(u32::to_le_bytes),
    );
    bytes.extend([0; 2]);
}

/// The checksum of zip archives.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, &byte: &u8| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
        })
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
