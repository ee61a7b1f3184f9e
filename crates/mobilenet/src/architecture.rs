//! The names of networks in `retrain.py`.

use crate::config::MobileNetConfig;
use crate::error::{Error, Result};

impl MobileNetConfig {
    /// The name of a network in `retrain.py`, made from its width multiplier and its input size: `mobilenet_0.50_224`.
    /// It is the value of the option `--architecture` of that script, and a part of the names of its bottleneck files.
    ///
    /// ```
    /// use mobilenet::MobileNetConfig;
    /// assert_eq!(MobileNetConfig::new().with_alpha(0.5).architecture(), "mobilenet_0.50_224");
    /// assert_eq!(MobileNetConfig::new().architecture(), "mobilenet_1.0_224");
    /// ```
    pub fn architecture(&self) -> String {
        let size = self.input_size;
        match self.alpha {
            1.0 => format!("mobilenet_1.0_{size}"),
            alpha => format!("mobilenet_{alpha:.2}_{size}"),
        }
    }

    /// The configuration of the network that has this name in `retrain.py`. Everything except the width multiplier and
    /// the input size is as in [`MobileNetConfig::new`].
    ///
    /// ```
    /// use mobilenet::MobileNetConfig;
    /// let config = MobileNetConfig::from_architecture("mobilenet_0.25_128")?;
    /// assert_eq!((config.alpha, config.input_size), (0.25, 128));
    /// # Ok::<(), mobilenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] if the name has another form, or one of its numbers is out of range.
    pub fn from_architecture(name: &str) -> Result<Self> {
        let numbers = name.strip_prefix("mobilenet_");
        let numbers = numbers.and_then(|rest| rest.split_once('_'));
        let numbers =
            numbers.and_then(|(alpha, size)| Some((alpha.parse().ok()?, size.parse().ok()?)));
        let (alpha, size) = numbers.ok_or_else(|| {
            let expected = "mobilenet_ALPHA_SIZE, such as mobilenet_1.0_224";
            Error::setting("architecture", name, expected)
        })?;
        let config = Self::new().with_alpha(alpha).with_input_size(size);
        config.check()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (alpha, size) in [(0.25, 128), (0.5, 160), (0.75, 192), (1.0, 224)] {
            let config = MobileNetConfig::new()
                .with_alpha(alpha)
                .with_input_size(size);
            let name = config.architecture();
            assert_eq!(MobileNetConfig::from_architecture(&name).unwrap(), config);
        }
        for name in [
            "resnet",
            "mobilenet_1.0",
            "mobilenet_x_224",
            "mobilenet_0_224",
        ] {
            let error = MobileNetConfig::from_architecture(name).unwrap_err();
            assert!(matches!(error, Error::Setting { .. }), "{name}: {error}");
        }
    }
}
