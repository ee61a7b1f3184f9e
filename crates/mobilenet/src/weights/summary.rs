//! Weights in words.

use std::fmt;

use super::model_weights::Weights;
use super::registry::Published;

/// A variance below this comes from a channel that never varied: it is off.
const LEAST_VARIANCE: f32 = 1e-20;

/// What the weights are, in several lines: source and format, the net, the preprocessing, the digest, the number of
/// tensors.
impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (config, view) = (self.config(), self.preprocessing());
        writeln!(f, "{}: {}", self.source(), self.format().title())?;
        let (alpha, classes, epsilon) = (config.alpha, config.classes, config.epsilon);
        writeln!(f, "alpha {alpha}, {classes} classes, epsilon {epsilon}")?;
        let (padding, size) = (config.padding, view.input_size);
        writeln!(
            f,
            "padding of stride 2: {padding:?}; images of {size} x {size} pixels"
        )?;
        writeln!(
            f,
            "input: (pixel - {}) / {}; the crop keeps {}, the resize is {:?}",
            view.mean, view.std, view.crop, view.filter
        )?;
        writeln!(f, "digest {}", self.digest())?;
        let variances = self
            .tensors()
            .filter(|(name, ..)| name.ends_with("running_var"));
        let off: usize = variances
            .map(|(.., values)| values.iter().filter(|v| **v < LEAST_VARIANCE).count())
            .sum();
        write!(
            f,
            "{} tensors; {off} channels are off (their variance is below {LEAST_VARIANCE:e})",
            self.tensors().count()
        )?;
        if let Some(head) = self.head() {
            let (inputs, outputs) = (head.inputs(), head.outputs());
            write!(
                f,
                "\nbehind the net: a trained layer of {inputs} inputs and {outputs} classes"
            )?;
        }
        Ok(())
    }
}

/// One line: name, width multiplier, input size, number of classes, accuracy, format. The lines of several publications
/// are aligned.
impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (alpha, size, classes) = (
            self.config.alpha,
            self.config.input_size,
            self.config.classes,
        );
        let top1 = match self.top1 {
            Some(top1) => format!("top-1 {top1:.1} %"),
            None => "top-1 unknown".into(),
        };
        write!(
            f,
            "{:<38}  alpha {alpha:<4}  {size} px  {classes} classes  {top1:<13}  {}{}",
            self.name,
            self.format.title(),
            if self.quantized { ", int8" } else { "" }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publication_is_a_line() {
        let line = Weights::all()[0].to_string();
        let name = "mobilenet_v1_1.0_224";
        let rest = "alpha 1     224 px  1001 classes  top-1 70.9 %   ";
        assert!(line.starts_with(&format!("{name:<38}  {rest}")), "{line}");
    }

    #[cfg(feature = "bundled")]
    #[test]
    fn weights_are_described() {
        let text = Weights::open("bundled").unwrap().to_string();
        assert!(text.starts_with("bundled: "), "{text}");
        assert!(text.contains("alpha 1, 1001 classes"), "{text}");
        assert!(text.contains("images of 224 x 224 pixels"), "{text}");
        assert_eq!(text.lines().count(), 6);
    }
}
