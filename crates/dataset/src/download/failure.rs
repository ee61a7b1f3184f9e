//! Why a URL gave no image.

use std::error::Error;
use std::time::Duration;

use super::address::NotPublic;
use super::options::PUBLIC_ONLY;

/// Why an attempt gave no image, and whether another attempt may.
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) retry: bool,
    /// See [`Record::refused_by`](super::Record::refused_by).
    pub(super) refused_by: Option<String>,
    /// How long the server asks to wait.
    pub(super) pause: Option<Duration>,
}

impl Failure {
    /// Another attempt would fail as well.
    pub(super) fn permanent(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            retry: false,
            refused_by: None,
            pause: None,
        }
    }

    /// Another attempt would fail as well, as long as this option has its value.
    pub(super) fn refused(by: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            refused_by: Some(by.into()),
            ..Self::permanent(reason)
        }
    }

    /// Another attempt may succeed.
    pub(super) fn temporary(reason: impl Into<String>) -> Self {
        Self {
            retry: true,
            ..Self::permanent(reason)
        }
    }

    /// A request that could not be sent, or had no response.
    pub(super) fn request(error: &reqwest::Error) -> Self {
        // The causes say more than reqwest's own message.
        let mut reason = error.to_string();
        let mut not_public = false;
        for cause in causes(error) {
            reason = format!("{reason}: {cause}");
            not_public |= cause.is::<NotPublic>();
        }
        if not_public {
            return Self::refused(PUBLIC_ONLY, reason);
        }
        if error.is_builder() {
            return Self::permanent(reason);
        }
        Self::temporary(reason)
    }

    /// A response whose body ended before its time, after this many bytes.
    pub(super) fn broken_off(length: u64, error: &std::io::Error) -> Self {
        let cause = error.get_ref().and_then(|e| e.source());
        let cause = cause
            .map(|source| format!(": {source}"))
            .unwrap_or_default();
        Self::temporary(format!("broken off after {length} bytes: {error}{cause}"))
    }
}

/// The cause of an error, the cause of that, and so on.
fn causes<'a>(error: &'a dyn Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}
