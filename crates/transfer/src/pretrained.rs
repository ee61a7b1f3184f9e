use crate::{Backbone, Classifier, Dense, Error, Head, Result};

impl Classifier {
    /// A net as it was published, with its own classes: its last layer is the head. `classes` are names in the order of
    /// the weights (ImageNet's 1000, or 1001 with the background first); equal names get their index, ` (134)`, behind
    /// them. Images are resized as [`Backbone::new`] has it; how else is the `backbone`'s business.
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
    /// Where the net has no classifier (it was cut, or is one without), or another number of classes.
    pub fn pretrained(backbone: Backbone, classes: &[String]) -> Result<Self> {
        let weights = backbone.weights();
        let find = |wanted: &str| {
            let found = weights.tensors().find(|(name, ..)| *name == wanted);
            found.ok_or_else(|| {
                Error::mismatch("a net with its own classes", wanted, "no such tensor")
            })
        };
        let ((_, _, weight), (_, _, bias)) = (find("classifier.weight")?, find("classifier.bias")?);
        let (outputs, inputs) = (bias.len(), weight.len() / bias.len());
        // The net has a column a class, a head a row.
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
