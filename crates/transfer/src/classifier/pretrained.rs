use super::classify::Classifier;
use crate::backbone::Backbone;
use crate::error::{Error, Result};
use crate::head::{Dense, Head};

impl Classifier {
    /// A classifier of ImageNet's classes, from a network that was trained on them:
    /// [`pretrained`](Self::pretrained) with the names of [`mobilenet::imagenet`].
    ///
    /// ```
    /// # fn main() -> transfer::Result<()> {
    /// use transfer::{Backbone, Classifier};
    /// let backbone = Backbone::new(mobilenet::Weights::open("bundled")?)?;
    /// let classifier = Classifier::imagenet(backbone)?;
    /// assert_eq!(classifier.classes()[1], "tench, Tinca tinca");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the network has neither 1000 classes nor 1001, of which the first is the background.
    pub fn imagenet(backbone: Backbone) -> Result<Self> {
        let weights = backbone.weights();
        let found = weights.config().classes;
        let names = mobilenet::imagenet::classes(weights.background());
        let names: Vec<String> = names.map(String::from).collect();
        if found != names.len() {
            return Err(Error::mismatch(
                format!("classes of {}", weights.source()),
                "the 1000 of ImageNet, or 1001 with the background",
                found,
            ));
        }
        Self::pretrained(backbone, &names)
    }

    /// A classifier for the classes that a published network was trained on, for example ImageNet's: the last layer of
    /// the network becomes the head. `classes` are the names in the order of the weights (ImageNet's 1000, or 1001 with
    /// the background first). Names that occur more than once get their index appended, as in `crane (134)`. Images are
    /// resized as [`Backbone::new`] does; for another resize policy, configure the backbone first
    /// ([`Backbone::with_resize`]).
    ///
    /// ```no_run
    /// # fn main() -> transfer::Result<()> {
    /// use mobilenet::Weights;
    /// use transfer::{Backbone, Classifier};
    /// let backbone = Backbone::new(Weights::open("bundled")?)?;
    /// let classes: Vec<String> = (0..1001).map(|k| format!("class {k}")).collect();
    /// let classifier = Classifier::pretrained(backbone, &classes)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the network has no classification layer, or `classes` has another length than its output.
    pub fn pretrained(backbone: Backbone, classes: &[String]) -> Result<Self> {
        let weights = backbone.weights();
        let find = |wanted: &str| {
            let found = weights.tensors().find(|(name, ..)| *name == wanted);
            found.ok_or_else(|| {
                Error::mismatch(
                    "a network with a classification layer",
                    wanted,
                    "no such tensor",
                )
            })
        };
        let ((_, _, weight), (_, _, bias)) = (find("classifier.weight")?, find("classifier.bias")?);
        let (outputs, inputs) = (bias.len(), weight.len() / bias.len());
        // The network keeps one column per class, a head one row per class.
        let rows = (0..outputs).flat_map(|class| (0..inputs).map(move |i| i * outputs + class));
        let rows = rows.map(|at| weight[at]).collect();
        let head = Head::new(vec![Dense::new(inputs, rows, bias.to_vec())?])?;
        let mut seen = std::collections::HashMap::new();
        for name in classes {
            *seen.entry(name).or_insert(0) += 1;
        }
        let named = classes
            .iter()
            .enumerate()
            .map(|(k, name)| match seen[name] {
                1 => name.clone(),
                _ => format!("{name} ({k})"),
            });
        let named = named.collect();
        Self::new(backbone, head, named)
    }
}
