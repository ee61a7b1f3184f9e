//! Downloads the images of lists of URLs into a folder, with a manifest that has a record for every URL.
//!
//! The four rules of the download script that belongs to `retrain.py` are options here, with the script's values as
//! defaults: the URL contains `flickr`, the status is 200, the content type is that of an image, and the file has more
//! than 10,000 bytes. In addition, every file is decoded before it counts as an image. Addresses that are not public
//! are refused, for the first request and after every redirect, and TLS certificates are always verified. Proxies are
//! not used, because the address behind a proxy could not be checked.
//!
//! ```no_run
//! use dataset::download::{Download, read_list};
//! let entries = read_list("boats.txt")?; // one URL per line, or a table
//! let records = Download::new().run(&entries, "boat", "photos", |_| ())?;
//! println!("{} images", dataset::download::Counts::of(&records).images);
//! for record in records.iter().filter(|record| record.path.is_none()) {
//!     println!("{}: {}", record.url, record.reason.as_deref().unwrap_or_default());
//! }
//! # Ok::<(), dataset::Error>(())
//! ```

mod address;
mod counts;
mod digest;
mod failure;
mod fetch;
mod layout;
mod list;
mod manifest;
mod options;
mod queue;
mod run;
mod stems;

pub use counts::Counts;
pub use digest::Expected;
pub use list::{Entry, UrlList, read_list};
pub use manifest::{Dimensions, Record, read_manifest};
pub use options::Download;
