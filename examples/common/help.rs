//! How the programs explain themselves: common uses come first, then the options, in groups.

use clap::{Arg, ArgAction, Command};

/// The groups in the order of the help, and the options of each. An option that is not here is in the group that it names where
/// it is defined, as those do that are in different groups of different programs. (A `next_help_heading` of clap's goes on beyond
/// the struct that has it: what comes after must be here.)
const GROUPS: [(&str, &[&str]); 12] = [
    (
        "Input",
        &[
            "arrow_stream",
            "calibration_dir",
            "calibration_images",
            "class",
            "classes",
            "classifier",
            "corrections",
            "file_column",
            "group_column",
            "image_dir",
            "import_bottlenecks",
            "include_training",
            "label_column",
            "labels",
            "labels_file",
            "merge",
            "name_column",
            "parts_are_classes",
            "pictures",
            "predictions",
            "probabilities",
            "require_signature",
            "scores",
            "shard",
            "split",
            "split_column",
            "target_column",
            "test_dir",
            "test_labels",
            "testing_percentage",
            "urls",
            "validation_percentage",
            "weight_column",
        ],
    ),
    (
        "Network",
        &[
            "alpha",
            "architecture",
            "bands",
            "cache",
            "device",
            "input_size",
            "layer",
            "max_pixels",
            "offline",
            "precision",
            "resize",
            "size",
            "weights",
        ],
    ),
    ("Explanation", &["target"]),
    ("Questions", &["copies", "doubtful", "suspects", "top"]),
    (
        "Downloads",
        &[
            "allow_private_addresses",
            "deadline",
            "jobs",
            "keep",
            "lowest_rate",
            "min_bytes",
        ],
    ),
    ("Training", &["from", "learning_curve", "no_reject"]),
    ("Distortions of training images", &[]),
    ("Parity recipe", &[]),
    (
        "Measurement",
        &[
            "deny",
            "repeat",
            "replicates",
            "seconds",
            "task",
            "zero_division",
        ],
    ),
    (
        "Output",
        &[
            "answers",
            "card",
            "csv",
            "date",
            "dtype",
            "explain",
            "export_bottlenecks",
            "find_rate",
            "format",
            "gamma",
            "io",
            "json",
            "license",
            "map",
            "metrics",
            "output",
            "page",
            "pairs",
            "per_class",
            "print_misclassified_test_images",
            "quality",
            "report",
            "report_on",
            "side",
            "snippet",
            "summaries_dir",
            "tensors",
            "timings",
            "title",
            "with_preprocessing",
            "without_pictures",
        ],
    ),
    (
        "Quantization",
        &["equalization", "no_bias_correction", "weight_bits"],
    ),
    ("General", &["help", "quiet", "verbose", "version"]),
];

/// The common uses stand before the options.
const TEMPLATE: &str = "{about}{after-help}\n\n{usage-heading} {usage}\n\n{all-args}";

/// The common uses of a program, the most common first: what for, and the command, as `retrain --image-dir photos`. The text is
/// the `after_help` of its options, and stands before them.
pub fn uses(commands: &[(&str, &str)]) -> String {
    let lines = commands
        .iter()
        .map(|(what, command)| format!("\n  {what}:\n    {command}"));
    format!("Common uses:{}", lines.collect::<String>())
}

/// A command line with all that the programs have in common, ready to be read.
pub fn arranged(command: Command) -> Command {
    let quiet = Arg::new("quiet")
        .long("quiet")
        .short('q')
        .global(true)
        .action(ArgAction::SetTrue)
        .help("Show no progress");
    // Clap keeps them for ever.
    let [version, long] =
        [crate::version::line(), crate::version::lines()].map(|text| &*text.leak());
    let mut command = sorted(command, None)
        .arg(quiet)
        .version(version)
        .long_version(long);
    // Commands get the options that they share with the whole.
    command.build();
    grouped(command)
}

/// The options in the order of their groups, with the common uses before them. `of`: the program of which this is a command.
fn sorted(command: Command, of: Option<&str>) -> Command {
    let mut arguments: Vec<Arg> = command.get_arguments().cloned().collect();
    arguments.sort_by_key(|argument| group(argument).map(|(place, _)| place));
    let mut arguments = arguments.into_iter();
    let command = command.mut_args(|argument| arguments.next().unwrap_or(argument));
    let name = command.get_name().to_string();
    let wanted = command.get_after_help().map(ToString::to_string);
    let command = match (of, wanted) {
        (Some(program), Some(text)) => command.after_help(as_command(&text, program, &name)),
        _ => command,
    };
    let command = command.help_template(TEMPLATE);
    command.mut_subcommands(|command| sorted(command, Some(&name)))
}

/// The commands of a program of its own as those of a command: `retrain --from x` is `mobilenet-transfer retrain --from x`.
fn as_command(text: &str, program: &str, command: &str) -> String {
    let example = command.replace('-', "_");
    // Each is on a line of its own.
    text.replace(
        &format!("\n    {example}"),
        &format!("\n    {program} {command}"),
    )
}

fn grouped(command: Command) -> Command {
    let command = command.mut_args(|argument| {
        let heading = group(&argument).map(|(_, heading)| heading);
        if heading.is_some() || argument.is_positional() {
            argument.help_heading(heading)
        } else {
            argument
        }
    });
    command.mut_subcommands(grouped)
}

/// The place and the heading of the group of an option. What has no dashes needs none.
fn group(argument: &Arg) -> Option<(usize, &'static str)> {
    if argument.is_positional() {
        return None;
    }
    let (id, named) = (argument.get_id().as_str(), argument.get_help_heading());
    let listed = GROUPS.iter().position(|(_, options)| options.contains(&id));
    let place = listed.or_else(|| {
        GROUPS
            .iter()
            .position(|(heading, _)| Some(*heading) == named)
    })?;
    Some((place, GROUPS[place].0))
}
