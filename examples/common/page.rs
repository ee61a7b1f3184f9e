//! A classifier as a page: one HTML file with the engine, compiled to WebAssembly, and the classifier inside.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sha2::{Digest, Sha256};
use transfer::Classifier;
use transfer::quantize::{QuantizeConfig, quantize};

use crate::calibration::calibration_images;
use crate::progress::working;

/// The numbers in which a page holds the weights of a network.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
pub enum PagePrecision {
    /// 32 bits: as trained
    #[value(alias = "f32")]
    Float32,
    /// 16 bits: half the bytes; computed with in 32
    Float16,
    /// 8-bit integers, in weights and in what is computed: a quarter of the bytes, and twice as fast
    Int8,
}

/// A block of data, its id and its content.
type Block<'a> = (&'a str, &'a [u8]);

/// The engine, as `web/build` made it: a page takes the first of these that the browser understands.
const MODULES: [Block; 2] = [
    (
        "relaxed-simd",
        include_bytes!("../../web/module/relaxed-simd.wasm.gz"),
    ),
    (
        "simd128",
        include_bytes!("../../web/module/simd128.wasm.gz"),
    ),
];

const STYLE: &str = include_str!("../../web/page/page.css");
const BODY: &str = include_str!("../../web/page/page.html");
const WORKER: &str = include_str!("../../web/page/worker.js");
/// One script in parts; the last one begins.
const SCRIPTS: [&str; 12] = [
    include_str!("../../web/page/text.js"),
    include_str!("../../web/page/state.js"),
    include_str!("../../web/page/engine.js"),
    include_str!("../../web/page/camera.js"),
    include_str!("../../web/page/pictures.js"),
    include_str!("../../web/page/results.js"),
    include_str!("../../web/page/card.js"),
    include_str!("../../web/page/stage.js"),
    include_str!("../../web/page/answer.js"),
    include_str!("../../web/page/live.js"),
    include_str!("../../web/page/files.js"),
    include_str!("../../web/page/page.js"),
];

/// The classifier with weights of this precision. Integers come of `calibration_dir`, the folder that it was trained on
/// ([`calibration_images`]).
///
/// # Errors
/// If floats are wanted of integers, if integers are wanted and there is no folder, and what is wrong with its images.
pub fn in_precision(
    classifier: Classifier,
    precision: PagePrecision,
    calibration_dir: Option<&Path>,
) -> Result<Classifier, Box<dyn Error>> {
    let integers = classifier.backbone().integers().is_some();
    match (precision, integers) {
        (PagePrecision::Float32, false) | (PagePrecision::Int8, true) => Ok(classifier),
        (PagePrecision::Float16, false) => Ok(classifier.with_half_weights()?),
        (PagePrecision::Int8, false) => {
            let folder = calibration_dir.ok_or(
                "--precision int8 needs pictures: give the folder that the classifier was trained on as --calibration-dir, \
                 or a classifier that `quantize` wrote",
            )?;
            let images = calibration_images(&classifier, folder)?;
            let quantized = quantize(&classifier, &images, &QuantizeConfig::new())?;
            for (path, error) in &quantized.failed {
                crate::say!("left out {}: {error}", files::shown_path(path));
            }
            crate::say!("{}", quantized.record);
            Ok(quantized.classifier)
        }
        (_, true) => Err(
            "the classifier's network is one of integers, which do not become floats again: export the classifier that \
             was quantized"
                .into(),
        ),
    }
}

/// Writes the page; without a title it has the name of the file.
///
/// # Errors
/// As [`html`], and where the file cannot be written.
pub fn write(
    classifier: &Classifier,
    title: Option<&str>,
    output: &Path,
) -> Result<(), Box<dyn Error>> {
    let name = output.file_stem().unwrap_or_default().to_string_lossy();
    let title = title.unwrap_or(&name);
    let html = working("making the page", || html(classifier, title))?;
    crate::answers::write(output, &html)?;
    crate::say!(
        "{} bytes: open it in a browser, or put it on any web server (https, for the camera)",
        html.len()
    );
    Ok(())
}

/// The page. It works without a network, and its content security policy forbids the browser to use one. A last layer that
/// the head does not read is left out.
///
/// # Errors
/// If the classifier cannot be written.
pub fn html(classifier: &Classifier, title: &str) -> Result<String, Box<dyn Error>> {
    let file = gzipped(&classifier.without_unread_layer()?.to_bytes()?)?;
    let script = format!("\"use strict\";\n{}", SCRIPTS.join("\n"));
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let policy = format!(
        "default-src 'none'; script-src {} 'wasm-unsafe-eval'; style-src {}; worker-src blob:; img-src blob: data:; \
         base-uri 'none'; form-action 'none'",
        hash(&script),
        hash(STYLE)
    );
    // Text and a name alone: they can always be written.
    let about = json!({"title": title, "name": title}).to_string();
    let about = about.replace('<', "\\u003c");
    let blocks: String = MODULES
        .into_iter()
        .chain([("classifier", &file[..])])
        .map(|(id, bytes)| {
            let text = STANDARD.encode(bytes);
            format!("<script type=\"application/octet-stream\" id=\"{id}\">{text}</script>\n")
        })
        .collect();
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>…</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{BODY}\
         <script type=\"application/json\" id=\"page\">{about}</script>\n\
         <script type=\"text/plain\" id=\"worker\">{WORKER}</script>\n\
         {blocks}<script>{script}</script>\n</body>\n</html>\n"
    ))
}

fn gzipped(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}
