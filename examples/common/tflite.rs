//! How programs of other languages ask a TensorFlow Lite model.

use std::path::Path;

use transfer::Classifier;
use transfer::export::PixelInput;

const SNIPPETS: &str = include_str!("tflite.txt");

/// Prints what the model takes, and a few lines for each language.
pub fn say(classifier: &Classifier, input: PixelInput, output: &Path) {
    let backbone = classifier.backbone();
    let config = backbone.weights().config();
    let kind = match input {
        PixelInput::Byte => "uint8 levels 0 to 255".into(),
        PixelInput::SignedByte => "int8: levels 0 to 255 less 128".into(),
        _ => {
            // An integer net's zero is a whole level.
            let (mean, std) = match backbone.integers() {
                Some(net) => (f64::from(net.input.zero_point), net.config.std),
                None => (config.mean, config.std),
            };
            format!("float32 (level - {mean}) / {std}")
        }
    };
    crate::say!("input: {kind}, red green blue");
    let name = |part: Option<&std::ffi::OsStr>| {
        let name = part.unwrap_or_default().to_string_lossy();
        files::shown_path(Path::new(&*name)).to_string()
    };
    let text = SNIPPETS
        .replace("FILE", &name(output.file_name()))
        .replace("STEM", &name(output.file_stem()))
        .replace("OUTPUT", "probabilities")
        .replace("TYPE", &kind)
        .replace("RESIZE", &backbone.resize().to_string())
        .replace("SIZE", &backbone.size().to_string());
    crate::say!("\n{}", text.trim_end());
}
