//! Options as the scripts of *TensorFlow for Poets* have them: with underscores, and some without a meaning here.

use std::ffi::OsString;

use clap::Command;

/// Options of `retrain.py`, of `label_image.py` and of other programs that are not taken, and what is in their place.
const EXPLAINED: [(&str, &str); 22] = [
    (
        "model-dir",
        "the bundled weights need no folder; others are given as --weights",
    ),
    (
        "output-graph",
        "one file holds network, head and labels: --output; the command export writes a graph of it",
    ),
    (
        "output-labels",
        "the names of the classes are in the classifier file: --output",
    ),
    (
        "intermediate-output-graphs-dir",
        "the state of a training is kept beside --output, and continued after an interruption",
    ),
    (
        "intermediate-store-frequency",
        "the state of a training is kept beside --output, and continued after an interruption",
    ),
    (
        "final-tensor-name",
        "the classifier file needs no names of tensors",
    ),
    ("test-batch-size", "all test images are measured"),
    ("tfhub-module", "the network is given as --weights"),
    (
        "saved-model-dir",
        "the command export writes a classifier for other programs",
    ),
    (
        "graph",
        "a retrained_graph.pb is given as --classifier, with its labels beside it or as --labels-file",
    ),
    ("labels", "a file of labels is given as --labels-file"),
    ("image", "images are given without an option"),
    (
        "epochs",
        "the head is fitted to its optimum, not in epochs; --recipe parity has --how-many-training-steps, and the command \
         finetune has --epochs",
    ),
    (
        "batch-size",
        "the head is fitted on all images at once; --recipe parity has --train-batch-size, and the command finetune has --batch",
    ),
    (
        "data-dir",
        "the folder of the images is given as --image-dir",
    ),
    (
        "train-dir",
        "the folder of the images is given as --image-dir; with sub-folders train, val and test it is divided already",
    ),
    ("input-layer", "the layers of the network are found"),
    ("output-layer", "the layers of the network are found"),
    ("input-height", "the size of the images is in the file"),
    ("input-width", "the size of the images is in the file"),
    ("input-mean", "the normalization is in the file"),
    ("input-std", "the normalization is in the file"),
];

/// The arguments of a command line with `-` in place of `_` in the names of options.
///
/// # Errors
/// Where an option of the original has no meaning here: what is in its place.
pub fn arguments(
    command: &Command,
    given: impl IntoIterator<Item = OsString>,
) -> Result<Vec<OsString>, String> {
    let given: Vec<OsString> = given.into_iter().collect();
    let sub_command = given.get(1).and_then(|name| command.find_subcommand(name));
    let command = sub_command.unwrap_or(command);
    let mut arguments = Vec::with_capacity(given.len());
    let mut plain = false;
    for argument in given {
        plain |= argument == "--";
        match argument
            .to_str()
            .filter(|_| !plain)
            .and_then(|text| text.strip_prefix("--"))
        {
            Some(option) if !option.is_empty() => {
                arguments.push(of_option(command, option)?.into());
            }
            _ => arguments.push(argument),
        }
    }
    Ok(arguments)
}

fn of_option(command: &Command, option: &str) -> Result<String, String> {
    let (name, value) = match option.split_once('=') {
        Some((name, value)) => (name, format!("={value}")),
        None => (option, String::new()),
    };
    let kebab = name.replace('_', "-");
    let known = command.get_arguments().any(|argument| {
        let aliases = argument.get_all_aliases().unwrap_or_default();
        argument.get_long() == Some(&kebab) || aliases.contains(&&*kebab)
    });
    let explained = EXPLAINED.iter().find(|(name, _)| *name == kebab);
    match explained {
        Some((_, words)) if !known => Err(format!("--{name} has no meaning here: {words}")),
        _ if known => Ok(format!("--{kebab}{value}")),
        _ => Ok(format!("--{option}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    fn of(given: &[&str]) -> Result<Vec<String>, String> {
        let retrain = Command::new("retrain")
            .arg(Arg::new("image_dir").long("image-dir"))
            .arg(
                Arg::new("cache")
                    .long("cache")
                    .visible_alias("bottleneck-dir"),
            );
        let command = Command::new("program").subcommand(retrain);
        let given = given.iter().map(OsString::from);
        let arguments = arguments(&command, given)?;
        Ok(arguments
            .into_iter()
            .map(|text| text.into_string().unwrap())
            .collect())
    }

    #[test]
    fn underscores_are_taken_in_names_of_options_alone() {
        let given = [
            "program",
            "retrain",
            "--image_dir=my_photos",
            "--bottleneck_dir",
            "a_b",
            "--",
            "--image_dir",
        ];
        let expected = [
            "program",
            "retrain",
            "--image-dir=my_photos",
            "--bottleneck-dir",
            "a_b",
            "--",
            "--image_dir",
        ];
        assert_eq!(of(&given).unwrap(), expected);
    }

    #[test]
    fn options_of_the_original_are_explained_by_name() {
        let error = of(&["program", "retrain", "--output_graph", "a.pb"]).unwrap_err();
        assert!(
            error.contains("--output_graph") && error.contains("--output"),
            "{error}"
        );
        // What is no option of either is for the parser to refuse, as it was written.
        assert_eq!(
            of(&["program", "retrain", "--no_such"]).unwrap()[2],
            "--no_such"
        );
    }
}
