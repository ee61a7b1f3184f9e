//! How the head is trained, as options: `retrain.py`'s under their names, in kebab case.

use clap::{Args, ValueEnum};
use dataset::split::BesideTestFolder;
use transfer::HeadConfig;
use transfer::head::{GradientDescent, LogisticRegression};
use transfer::retrain::Variants;
use transfer::variation::Variation;

use crate::ranges::{number, whole};
use crate::variation::VariationOptions;

/// The recipes by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RecipeName {
    /// Logistic regression to its optimum, regularization chosen by cross-validation.
    Converged,
    /// What `retrain.py` did: 4000 steps of gradient descent.
    Parity,
}

/// Any option of the training loop implies the parity recipe.
#[derive(Args)]
#[command(next_help_heading = "Training")]
pub struct RecipeOptions {
    /// How the head is trained [default: converged]
    #[arg(long, value_enum)]
    recipe: Option<RecipeName>,
    /// Seed of everything random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    variation: VariationOptions,
    /// Steps of the parity recipe [default: 4000]
    #[arg(long, help_heading = "Parity recipe", value_parser = whole(1..=1_000_000_000))]
    how_many_training_steps: Option<usize>,
    /// Learning rate of the parity recipe [default: 0.01]
    #[arg(long, help_heading = "Parity recipe", value_parser = number(1e-12..=1e6))]
    learning_rate: Option<f64>,
    /// Images per step [default: 100]
    #[arg(long, help_heading = "Parity recipe", value_parser = whole(1..=1_000_000))]
    train_batch_size: Option<usize>,
    /// Validation images drawn for each evaluation; -1 takes all [default: 100]
    #[arg(long, help_heading = "Parity recipe", allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(-1..=1_000_000_000))]
    validation_batch_size: Option<i64>,
    /// Steps between two evaluations on the validation images [default: 10]
    #[arg(long, help_heading = "Parity recipe", value_parser = whole(1..=1_000_000_000))]
    eval_step_interval: Option<usize>,
}

impl RecipeOptions {
    /// Whether the head is trained as `retrain.py` did.
    pub fn is_parity(&self) -> bool {
        self.recipe
            .map_or(self.of_the_loop(), |recipe| recipe == RecipeName::Parity)
    }

    /// What becomes of the test images of the split beside a test folder.
    pub fn beside(&self) -> BesideTestFolder {
        if self.is_parity() {
            BesideTestFolder::SetAside
        } else {
            BesideTestFolder::Training
        }
    }

    /// How the head is trained.
    ///
    /// # Errors
    /// Where options contradict each other.
    pub fn config(&self) -> Result<HeadConfig, String> {
        let config = HeadConfig::new().with_seed(self.seed);
        if self.is_parity() {
            return Ok(config.with_recipe(self.steps()));
        }
        if self.of_the_loop() {
            return Err(
                "the converged recipe has no steps: leave out --recipe, or the options of the training loop"
                    .into(),
            );
        }
        Ok(config.with_recipe(LogisticRegression::new()))
    }

    /// How training images are varied, if they are.
    ///
    /// # Errors
    /// Where options contradict each other.
    pub fn variation(&self) -> Result<Option<(Variation, Variants)>, String> {
        self.variation.variation(self.is_parity())
    }

    fn of_the_loop(&self) -> bool {
        self.how_many_training_steps.is_some()
            || self.learning_rate.is_some()
            || self.train_batch_size.is_some()
            || self.validation_batch_size.is_some()
            || self.eval_step_interval.is_some()
    }

    fn steps(&self) -> GradientDescent {
        let mut steps = GradientDescent::parity();
        if let Some(n) = self.how_many_training_steps {
            steps = steps.with_steps(n);
        }
        if let Some(rate) = self.learning_rate {
            steps = steps.with_learning_rate(rate as f32);
        }
        if let Some(n) = self.train_batch_size {
            steps = steps.with_batch(n);
        }
        if let Some(n) = self.validation_batch_size {
            steps = steps.with_validation_batch(usize::try_from(n).ok());
        }
        if let Some(n) = self.eval_step_interval {
            steps = steps.with_eval_interval(n);
        }
        steps
    }
}
