use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Cursor, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use dataset::RgbImage;
use prost::Message;

use super::histogram::histogram;
use super::messages::{
    Content, Dim, Event, Image, Metadata, Plugin, Shape, Summary, Tensor, Value, What,
};
use super::pr_curve::pr_curve;
use super::record::frame;
use crate::error::{Error, Result};

/// Writes one event file into a folder. TensorBoard shows each folder as a run and joins the event files in it, so that
/// a resumed training continues its curves.
///
/// The caller sets the steps; the times are those of the system clock. Events become visible after
/// [`flush`](Self::flush), which also runs when the writer is dropped.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventWriter {
    /// Creates `folder` and a new file `events.out.tfevents.SECONDS.transfer...` in it.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder or the file cannot be made.
    pub fn create(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let seconds = now() as u64;
        let process = std::process::id();
        let mut counter = 0u32;
        let (path, file) = loop {
            let name = format!("events.out.tfevents.{seconds:010}.transfer.{process}.{counter}");
            let path = folder.join(name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => break (path, file),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && counter < 10_000 => {
                    counter += 1;
                }
                Err(e) => return Err(Error::io(path)(e)),
            }
        };
        let file = BufWriter::new(file);
        let mut writer = Self { path, file };
        writer.event(0, What::FileVersion("brain.Event:2".into()))?;
        Ok(writer)
    }

    /// The event file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a number at a step, which is one point of a curve.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written. The other functions of this type return the same error.
    pub fn scalar(&mut self, step: u64, tag: &str, value: f64) -> Result<()> {
        self.value(step, tag, None, Content::Simple(value as f32))
    }

    /// Writes the distribution of values at a step, in the buckets of `tf.summary.histogram`. Values that are not finite are
    /// left out.
    pub fn histogram(&mut self, step: u64, tag: &str, values: &[f32]) -> Result<()> {
        self.value(step, tag, None, Content::Histogram(histogram(values)))
    }

    /// Writes an image at a step.
    pub fn image(&mut self, step: u64, tag: &str, image: &RgbImage) -> Result<()> {
        let mut encoded = Cursor::new(Vec::new());
        image
            .write_to(&mut encoded, image::ImageFormat::Png)
            .map_err(|e| Error::mismatch(format!("picture `{tag}`"), "one that PNG can hold", e))?;
        let content = Content::Image(Image {
            height: image.height() as i32,
            width: image.width() as i32,
            colorspace: 3,
            encoded: encoded.into_inner(),
        });
        self.value(step, tag, None, content)
    }

    /// Writes a text in Markdown at a step, for example a table of the configuration.
    pub fn text(&mut self, step: u64, tag: &str, markdown: &str) -> Result<()> {
        let metadata = Metadata {
            plugin: Some(Plugin {
                name: "text".into(),
                content: Vec::new(),
            }),
            data_class: 2,
        };
        let content = Content::Tensor(Tensor {
            dtype: 7,
            shape: Some(Shape {
                dim: vec![Dim { size: 1 }],
            }),
            floats: Vec::new(),
            strings: vec![markdown.as_bytes().to_vec()],
        });
        self.value(step, tag, Some(metadata), content)
    }

    /// Writes the precision-recall curve of one class against the others, at 201 thresholds from 0 to 1. `scores` are the
    /// probabilities of the class, and `targets` say whether an image belongs to it.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the lengths differ or a score is not in 0 to 1.
    pub fn pr_curve(
        &mut self,
        step: u64,
        tag: &str,
        targets: &[bool],
        scores: &[f64],
    ) -> Result<()> {
        let (metadata, content) = pr_curve(targets, scores)?;
        self.value(step, tag, Some(metadata), content)
    }

    /// Passes all events to the operating system, so that TensorBoard can read them.
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(Error::io(&self.path))
    }

    fn value(
        &mut self,
        step: u64,
        tag: &str,
        metadata: Option<Metadata>,
        content: Content,
    ) -> Result<()> {
        let value = Value {
            tag: tag.into(),
            metadata,
            content: Some(content),
        };
        self.event(step, What::Summary(Summary { value: vec![value] }))
    }

    fn event(&mut self, step: u64, what: What) -> Result<()> {
        let event = Event {
            wall_time: now(),
            step: step as i64,
            what: Some(what),
        };
        let framed = frame(&event.encode_to_vec());
        self.file.write_all(&framed).map_err(Error::io(&self.path))
    }
}

/// Seconds since 1970; 0 where the clock is before that.
fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |t| t.as_secs_f64())
}
