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
use sha2::{Digest, Sha256};

use crate::error::{BoxError, Error, Result};

/// The limit in bytes for the state of a training: larger than any net and all that training keeps of it.
pub(crate) const MAX_STATE_BYTES: u64 = 1 << 33;

/// One kind of tensor file.
pub(crate) struct TensorFormat {
    /// What such a file is called in messages, with its article.
    pub(crate) name: &'static str,
    /// The metadata key of the description.
    pub(crate) key: &'static str,
    /// The version that this program writes, and the only one that it reads.
    pub(crate) version: u32,
    /// The largest file that is read, in bytes.
    pub(crate) limit: u64,
    /// Whether the file ends with the SHA-256 of all that comes before.
    pub(crate) sealed: bool,
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
        let metadata = [(self.key.to_string(), json)].into_iter().collect();
        let views: Result<Vec<_>, _> = tensors.tensors.iter().map(Tensor::view).collect();
        let mut bytes = views
            .and_then(|views| safetensors::serialize(views, Some(metadata)))
            .map_err(|e| self.caused(path, "its tensors cannot be written: ", e))?;
        if self.sealed {
            bytes.extend(Sha256::digest(&bytes));
        }
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
        let name = self.name;
        let bytes = if self.sealed {
            let damaged = || self.error(path, format!("damaged, cut short, or not {name}"));
            unsealed(bytes).ok_or_else(damaged)?
        } else {
            bytes
        };
        let (_, header) = SafeTensors::read_metadata(bytes)
            .map_err(|e| self.caused(path, &format!("not {name}: no safetensors header: "), e))?;
        let json = header.metadata().as_ref().and_then(|m| m.get(self.key));
        let json = json.ok_or_else(|| {
            let message = format!("not {name}: no `{}` in its metadata", self.key);
            self.error(path, message)
        })?;
        let damaged = |e: serde_json::Error| self.caused(path, "its description is damaged: ", e);
        let identity: Identity = serde_json::from_str(json).map_err(damaged)?;
        if identity.version != self.version {
            let (found, known) = (identity.version, self.version);
            let message = format!("version {found} of the format; this program reads {known}");
            return Err(self.error(path, message));
        }
        if identity.run != run {
            return Err(self.error(path, self.other_run.into()));
        }
        let description = serde_json::from_str(json).map_err(damaged)?;
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|e| self.caused(path, "its tensors are damaged: ", e))?;
        let left = tensors.names().into_iter().map(String::from).collect();
        let reader = TensorReader {
            format: self,
            path,
            tensors,
            left: RefCell::new(left),
        };
        Ok((description, reader))
    }

    fn error(&self, path: &Path, message: String) -> Error {
        Error::file(path, message + self.advice)
    }

    fn caused(&self, path: &Path, what: &str, cause: impl Into<BoxError>) -> Error {
        let cause = cause.into();
        Error::file_caused(path, format!("{what}{cause}{}", self.advice), cause)
    }
}

/// Without the digest at the end; `None` if it is not that of the bytes before it.
fn unsealed(bytes: &[u8]) -> Option<&[u8]> {
    let (bytes, digest) = bytes.split_last_chunk::<32>()?;
    (Sha256::digest(bytes)[..] == digest[..]).then_some(bytes)
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
                let what = self.format.name;
                Err(self.error(format!("tensor `{name}` has no place in {what} like this")))
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
