//! What became of the URLs of a download, in numbers.

use super::manifest::Record;

/// What became of the URLs of a download, in numbers.
///
/// ```
/// use dataset::download::{Counts, Record};
/// let mut record = Record::default();
/// record.retry = true;
/// assert_eq!(Counts::of(&[record]).to_be_retried, 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// All URLs.
    pub urls: usize,
    /// URLs that gave an image.
    pub images: usize,
    /// URLs that were not asked, because the filter of URLs refuses them
    /// ([`Download::with_url_filter`](super::Download::with_url_filter)).
    pub filtered_out: usize,
    /// URLs that failed for a cause that may pass: the same download again tries them again.
    pub to_be_retried: usize,
}

impl Counts {
    /// Counts the records of a download.
    pub fn of(records: &[Record]) -> Self {
        let count = |is: fn(&Record) -> bool| records.iter().filter(|record| is(record)).count();
        Self {
            urls: records.len(),
            images: count(|record| record.path.is_some()),
            filtered_out: count(Record::is_filtered_out),
            to_be_retried: count(|record| record.retry),
        }
    }
}
