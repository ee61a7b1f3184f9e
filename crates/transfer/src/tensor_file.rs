//! Files of tensors: safetensors with one description in JSON. The classifier file and the two checkpoints are such files.
//!
//! The description is the value of the only metadata key: several keys would be written in any order, and the same
//! content would not give the same bytes. A description begins with the version of the format.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use files::{read_at_most, write_bytes};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{BoxError, Error, Result};
use crate::file_kind::FileKind;
use crate::seal::{self, Seal};

/// The limit in bytes for the state of a training: larger than any net and all that training keeps of it.
pub(crate) const MAX_STATE_BYTES: u64 = 1 << 33;

/// One kind of tensor file.
pub(crate) struct TensorFormat {
    /// Which kind: its name in messages, and the metadata key of the description.
    pub(crate) kind: FileKind,
    /// The version that this program writes, and the newest one that it reads.
    pub(crate) version: u32,
    /// The oldest version that it reads.
    pub(crate) oldest: u32,
    /// The largest file that is read, in bytes.
    pub(crate) limit: u64,
    /// How all bytes of a file are covered by a digest.
    pub(crate) seal: Seal,
    /// What is said of a file that another run wrote.
    pub(crate) other_run: &'static str,
    /// What to do about a file that is refused, as the end of the message.
    pub(crate) advice: &'static str,
}

/// The fields that every description may have. They are checked before the others are read.
#[derive(Deserialize)]
struct Identity {
    version: u32,
    /// A digest of everything that the result of a run depends on.
    #[serde(default)]
    run: String,
}

impl TensorFormat {
    /// The bytes of a file. The same content gives the same bytes, whatever the order of the tensors. `path` is for
    /// messages.
    pub(crate) fn encode(
        &self,
        path: &Path,
        description: &impl Serialize,
        tensors: &TensorWriter,
    ) -> Result<Vec<u8>> {
        let json = serde_json::to_string(description)
            .map_err(|e| self.caused(path, "its description cannot be written: ", e))?;
        let metadata = [(self.kind.key().to_string(), json)].into_iter().collect();
        let room = [0; seal::LENGTH];
        let last = matches!(self.seal, Seal::LastTensor { .. }).then(|| Tensor {
            name: seal::TENSOR.into(),
            dtype: Dtype::U8,
            shape: vec![seal::LENGTH],
            bytes: room.to_vec(),
        });
        let tensors = tensors.tensors.iter().chain(&last);
        let views: Result<Vec<_>, _> = tensors.map(Tensor::view).collect();
        let mut bytes = views
            .and_then(|views| safetensors::serialize(views, Some(metadata)))
            .map_err(|e| self.caused(path, "its tensors cannot be written: ", e))?;
        if self.seal == Seal::Behind {
            bytes.extend(room);
        } else if !ends_with_seal(&bytes) {
            let message = format!("tensor `{}` is not the last one", seal::TENSOR);
            return Err(self.error(path, message));
        }
        seal::write(&mut bytes);
        Ok(bytes)
    }

    /// Writes a file, which appears under its name only when it is whole.
    pub(crate) fn write(
        &self,
        path: &Path,
        description: &impl Serialize,
        tensors: &TensorWriter,
    ) -> Result<()> {
        Ok(write_bytes(
            path,
            &self.encode(path, description, tensors)?,
        )?)
    }

    /// The bytes of a file; `None` if there is no such file.
    pub(crate) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        match read_at_most(path, self.limit) {
            Err(error) if error.source.kind() == ErrorKind::NotFound => Ok(None),
            bytes => Ok(Some(bytes?)),
        }
    }

    /// The description and the tensors in the bytes of a file, which `run` (empty: no run in particular) must have
    /// written. `path` is for messages.
    pub(crate) fn open<'a, D: DeserializeOwned>(
        &'a self,
        path: &'a Path,
        bytes: &'a [u8],
        run: &str,
    ) -> Result<(D, TensorReader<'a>)> {
        let content = match self.seal {
            Seal::Behind => seal::content(bytes).ok_or_else(|| self.not(path, bytes, None))?,
            Seal::LastTensor { .. } => bytes,
        };
        let (_, header) = SafeTensors::read_metadata(content)
            .map_err(|error| self.not(path, bytes, Some(error.into())))?;
        let sealed = header.info(seal::TENSOR).is_some();
        if sealed && seal::content(bytes).is_none() {
            let message = "damaged: its seal does not match its bytes, so that the file was changed after it was written";
            return Err(self.error(path, message.into()));
        }
        let json = header.metadata().as_ref();
        let json = json.and_then(|metadata| metadata.get(self.kind.key()));
        let json = json.ok_or_else(|| {
            let missing = format!("no `{}` in its metadata", self.kind.key());
            self.not(path, bytes, Some(missing.into()))
        })?;
        let damaged = |e: serde_json::Error| self.caused(path, "its description is damaged: ", e);
        let identity: Identity = serde_json::from_str(json).map_err(damaged)?;
        self.check_version(path, identity.version, sealed)?;
        if identity.run != run {
            return Err(self.error(path, self.other_run.into()));
        }
        let description = serde_json::from_str(json).map_err(damaged)?;
        let tensors = SafeTensors::deserialize(content)
            .map_err(|e| self.caused(path, "its tensors are damaged: ", e))?;
        let names = tensors.names().into_iter();
        let left = names.filter(|name| *name != seal::TENSOR);
        let left = left.map(String::from).collect();
        let reader = TensorReader {
            format: self,
            path,
            tensors,
            left: RefCell::new(left),
        };
        Ok((description, reader))
    }

    /// Refuses versions that this program does not know, and files whose seal was removed.
    fn check_version(&self, path: &Path, found: u32, sealed: bool) -> Result<()> {
        let (oldest, newest) = (self.oldest, self.version);
        if !(oldest..=newest).contains(&found) {
            let known = if oldest == newest {
                newest.to_string()
            } else {
                format!("{oldest} to {newest}")
            };
            let message = format!(
                "the file has version {found} of the format, and this program reads version {known}"
            );
            return Err(self.error(path, message));
        }
        match self.seal {
            Seal::LastTensor { since } if found >= since && !sealed => {
                let message = format!(
                    "damaged: files of version {found} have a seal, and this file has none"
                );
                Err(self.error(path, message))
            }
            _ => Ok(()),
        }
    }

    /// A file that is of another kind, as far as is known. To delete it is no advice, if it is one of ours.
    fn not(&self, path: &Path, bytes: &[u8], cause: Option<BoxError>) -> Error {
        let name = self.kind.name();
        match (FileKind::of_bytes(bytes), cause) {
            (Some(kind), _) if kind != self.kind => {
                let message = format!("not {name}: it is {kind}; {}", kind.taken_by());
                Error::file(path, message)
            }
            (Some(_), Some(cause)) => self.caused(path, "damaged or cut short: ", cause),
            (None, Some(cause)) => self.caused(path, &format!("this is not {name}: "), cause),
            (_, None) => self.error(path, format!("damaged, cut short, or not {name}")),
        }
    }

    fn error(&self, path: &Path, message: String) -> Error {
        Error::file(path, message + self.advice)
    }

    fn caused(&self, path: &Path, what: &str, cause: impl Into<BoxError>) -> Error {
        let cause = cause.into();
        Error::file_caused(path, format!("{what}{cause}{}", self.advice), cause)
    }
}

/// Whether the tensor of the seal takes the last bytes of a file. `safetensors` orders tensors by type and name.
fn ends_with_seal(bytes: &[u8]) -> bool {
    SafeTensors::read_metadata(bytes).is_ok_and(|(header, tensors)| {
        let seal = tensors.info(seal::TENSOR);
        seal.is_some_and(|seal| seal.data_offsets.1 + header + 8 == bytes.len())
    })
}

/// The tensors of a file that is being written.
#[derive(Default)]
pub(crate) struct TensorWriter {
    tensors: Vec<Tensor>,
}

struct Tensor {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    fn view(&self) -> Result<(&str, TensorView<'_>), safetensors::SafeTensorError> {
        let view = TensorView::new(self.dtype, self.shape.clone(), &self.bytes)?;
        Ok((&self.name, view))
    }
}

impl TensorWriter {
    /// Adds a tensor of a shape.
    pub(crate) fn put<T: Element>(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        values: &[T],
    ) {
        self.tensors.push(Tensor {
            name: name.into(),
            dtype: T::DTYPE,
            shape: shape.to_vec(),
            bytes: bytes_of(values),
        });
    }

    /// Adds a tensor of one dimension.
    pub(crate) fn put_list<T: Element>(&mut self, name: impl Into<String>, values: &[T]) {
        self.put(name, &[values.len()], values);
    }

    /// Adds a tensor of another file.
    pub(crate) fn put_view(&mut self, name: impl Into<String>, view: &TensorView<'_>) {
        self.tensors.push(Tensor {
            name: name.into(),
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
            bytes: view.data().to_vec(),
        });
    }
}

/// The tensors of a file that is being read. Each has a meaning: [`finish`](Self::finish) refuses those that nobody
/// asked for.
pub(crate) struct TensorReader<'a> {
    format: &'a TensorFormat,
    path: &'a Path,
    tensors: SafeTensors<'a>,
    /// Names of the tensors that nobody has asked for.
    left: RefCell<BTreeSet<String>>,
}

impl<'a> TensorReader<'a> {
    /// The values of a tensor of this type and shape.
    pub(crate) fn get<T: Element>(&self, name: &str, shape: &[usize]) -> Result<Vec<T>> {
        self.values(name, Some(shape))
    }

    /// The values of a tensor of this type and one dimension of any length.
    pub(crate) fn get_list<T: Element>(&self, name: &str) -> Result<Vec<T>> {
        self.values(name, None)
    }

    fn values<T: Element>(&self, name: &str, shape: Option<&[usize]>) -> Result<Vec<T>> {
        self.left.borrow_mut().remove(name);
        let fits = |view: &TensorView<'_>| {
            let fits = shape.map_or(view.shape().len() == 1, |shape| view.shape() == shape);
            fits && view.dtype() == T::DTYPE
        };
        match self.tensors.tensor(name).ok() {
            Some(view) if fits(&view) => Ok(T::decode(view.data())),
            view => {
                let shape = shape.map_or("[n]".into(), |shape| format!("{shape:?}"));
                let found = view.map_or("none".into(), |view| {
                    format!("{:?} {:?}", view.dtype(), view.shape())
                });
                let (what, expected) = (
                    format!("tensor `{name}`"),
                    format!("{:?} {shape}", T::DTYPE),
                );
                Err(self.caused(Error::mismatch(what, expected, found)))
            }
        }
    }

    /// Whether there is such a tensor.
    #[cfg(feature = "burn")]
    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.tensor(name).is_ok()
    }

    /// All tensors whose names begin with `prefix`, as they are, without the prefix.
    pub(crate) fn with_prefix(&self, prefix: &str) -> Vec<(String, TensorView<'a>)> {
        let found = self.tensors.iter().filter_map(|(name, view)| {
            self.left
                .borrow_mut()
                .remove(name.strip_prefix(prefix).map(|_| name)?);
            Some((name[prefix.len()..].to_string(), view))
        });
        found.collect()
    }

    /// To be called when all has been read.
    pub(crate) fn finish(&self) -> Result<()> {
        match self.left.borrow().first() {
            Some(name) => {
                let what = self.format.kind;
                Err(self.error(format!(
                    "tensor `{name}` does not belong in {what} of this kind"
                )))
            }
            None => Ok(()),
        }
    }

    /// An error that names the file.
    pub(crate) fn error(&self, message: impl Into<String>) -> Error {
        self.format.error(self.path, message.into())
    }

    /// As an error that names the file.
    pub(crate) fn caused(&self, cause: impl Into<BoxError>) -> Error {
        self.format.caused(self.path, "", cause)
    }
}

/// A type of numbers in tensors.
pub(crate) trait Element: Copy {
    /// Its name in safetensors.
    const DTYPE: Dtype;
    /// Little-endian.
    fn encode(self) -> impl IntoIterator<Item = u8>;
    /// From little-endian.
    fn decode(bytes: &[u8]) -> Vec<Self>;
}

macro_rules! elements {
    ($($number:ty: $dtype:ident),*) => {$(
        impl Element for $number {
            const DTYPE: Dtype = Dtype::$dtype;

            fn encode(self) -> impl IntoIterator<Item = u8> {
                self.to_le_bytes()
            }

            fn decode(bytes: &[u8]) -> Vec<Self> {
                let (numbers, _) = bytes.as_chunks();
                numbers.iter().map(|bytes| Self::from_le_bytes(*bytes)).collect()
            }
        }
    )*};
}

elements!(u8: U8, f32: F32, f64: F64);

/// The little-endian bytes of numbers.
pub(crate) fn bytes_of<T: Element>(values: &[T]) -> Vec<u8> {
    values.iter().flat_map(|value| value.encode()).collect()
}
