//! The two classes of the sample.

/// The two classes of the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A boat at sea.
    Boat,
    /// Clouds above the sea.
    Cloud,
}

impl Subject {
    /// Both classes, in the order of their folders.
    pub const ALL: [Self; 2] = [Self::Boat, Self::Cloud];

    /// The name of the class and of its folder: `boat` or `cloud`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boat => "boat",
            Self::Cloud => "cloud",
        }
    }
}
