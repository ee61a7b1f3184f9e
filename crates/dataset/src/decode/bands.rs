//! Which bands of a picture with more than four become red, green and blue.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Which three bands of a picture with several become red, green and blue, and which of their numbers are black and white.
/// Satellites take such pictures: of Sentinel-2's 13 bands, 4, 3 and 2 are red, green and blue.
///
/// As text, which `FromStr`, `Display` and files have: the numbers of the bands, from 1, and behind `:` the numbers that
/// become level 0 and level 255. Those between are spread evenly, and those outside become 0 or 255.
///
/// ```
/// let bands: dataset::decode::Bands = "4,3,2:0-2750".parse()?;
/// assert_eq!(bands.rgb(), [4, 3, 2]);
/// assert_eq!(bands.range(), Some([0.0, 2750.0]));
/// # Ok::<(), dataset::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bands {
    rgb: [u16; 3],
    range: Option<[f64; 2]>,
}

impl Bands {
    /// The bands that become red, green and blue, numbered from 1.
    ///
    /// # Errors
    /// [`Error::Setting`] if a number is 0.
    pub fn new(rgb: [u16; 3]) -> Result<Self> {
        if rgb.contains(&0) {
            return Err(Error::setting("number of a band", 0, "1 or more"));
        }
        Ok(Self { rgb, range: None })
    }

    /// The numbers that become level 0 and level 255. Without them, bands of 8 bits stay as they are, and others are refused,
    /// because what their numbers mean depends on the camera.
    ///
    /// # Errors
    /// [`Error::Setting`] if the first is not below the second, or one of them is not finite.
    pub fn with_range(mut self, black: f64, white: f64) -> Result<Self> {
        if !(black < white && black.is_finite() && white.is_finite()) {
            let found = format!("{black}-{white}");
            let expected = "two numbers, the smaller one first";
            return Err(Error::setting("range of bands", found, expected));
        }
        self.range = Some([black, white]);
        Ok(self)
    }

    /// The bands that become red, green and blue, numbered from 1.
    pub fn rgb(&self) -> [u16; 3] {
        self.rgb
    }

    /// The numbers that become level 0 and level 255.
    pub fn range(&self) -> Option<[f64; 2]> {
        self.range
    }
}

impl fmt::Display for Bands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.rgb;
        match self.range {
            None => write!(f, "{r},{g},{b}"),
            Some([black, white]) => write!(f, "{r},{g},{b}:{black}-{white}"),
        }
    }
}

impl FromStr for Bands {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            let expected = "three numbers of bands, from 1, and perhaps the numbers of black and white, as 4,3,2:0-2750";
            Error::setting("bands", format!("'{text}'"), expected)
        };
        let (bands, range) = match text.split_once(':') {
            Some((bands, range)) => (bands, Some(range)),
            None => (text, None),
        };
        let bands: Vec<u16> = bands
            .split(',')
            .map(|band| band.trim().parse().map_err(|_| wrong()))
            .collect::<Result<_>>()?;
        let bands = Self::new(bands.try_into().map_err(|_| wrong())?)?;
        let Some(range) = range else {
            return Ok(bands);
        };
        // The first number may begin with a minus.
        let at = range.char_indices().skip(1).find(|(_, c)| *c == '-');
        let (at, _) = at.ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong());
        bands.with_range(number(&range[..at])?, number(&range[at + 1..])?)
    }
}

impl TryFrom<String> for Bands {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Bands> for String {
    fn from(bands: Bands) -> Self {
        bands.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_back_and_others_are_refused() {
        for text in ["4,3,2", "1,1,1:0-2750", "4,3,2:-1.5-0.25"] {
            let bands: Bands = text.parse().unwrap();
            assert_eq!(bands.to_string(), text);
            let json = serde_json::to_string(&bands).unwrap();
            assert_eq!(serde_json::from_str::<Bands>(&json).unwrap(), bands);
        }
        for text in [
            "",
            "4,3",
            "0,1,2",
            "4,3,2:",
            "4,3,2:5-5",
            "4,3,2:0-inf",
            "4,3,2:1",
            "a,b,c",
        ] {
            assert!(text.parse::<Bands>().is_err(), "{text}");
        }
    }
}
