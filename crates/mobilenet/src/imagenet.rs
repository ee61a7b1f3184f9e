//! The classes that the published weights were trained on.

const NAMES: &str = include_str!("imagenet_classes.txt");

/// Names of the 1000 classes of ImageNet, in the order of the weights; `tench` is the first. Some names occur twice,
/// such as `crane` (a bird and a machine). With `background`, the name `background` comes first, as in the weights with
/// 1001 classes: see [`Weights::background`](crate::Weights::background).
///
/// ```
/// let names: Vec<_> = mobilenet::imagenet::classes(true).collect();
/// assert_eq!(names.len(), 1001);
/// assert_eq!(names[..2], ["background", "tench, Tinca tinca"]);
/// ```
pub fn classes(background: bool) -> impl Iterator<Item = &'static str> {
    background
        .then_some("background")
        .into_iter()
        .chain(NAMES.lines())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_a_thousand() {
        assert_eq!(classes(false).count(), 1000);
        assert!(classes(false).all(|name| !name.is_empty() && name.trim() == name));
    }
}
