//! The steps of a tour in words.

/// A step: what is said of it, and what it wrote into the folder of the tour.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// What is done.
    pub title: &'a str,
    /// What it is for.
    pub text: &'a str,
    /// The command that does it, in the name of its example, with the folder of the tour as `TOUR`.
    pub command: &'a str,
    /// A picture that the page shows.
    pub picture: Option<&'a str>,
    /// Files to open, and what each is.
    pub files: &'a [(&'a str, &'a str)],
}

/// Under the title of the page.
pub const INTRO: &str = "The whole job on pictures that were drawn for it. Each step has its command, to be used on pictures of your own.";

/// Pictures to begin with.
pub const DRAW: Step<'_> = Step {
    title: "Draw pictures",
    text: "Boats and clouds are drawn, some to learn from and some to measure with. Yours would be photographs, in one sub-folder \
           for each class.",
    command: "",
    picture: Some("pictures.jpg"),
    files: &[
        ("images", "the pictures to learn from"),
        ("more-images", "other pictures, for the measurement"),
    ],
};

/// `audit`.
pub const AUDIT: Step<'_> = Step {
    title: "Audit them",
    text: "What is wrong with a folder is better known before the training: the same picture in two classes or in both folders, \
           copies, broken files, odd pictures.",
    command: "audit --image-dir TOUR/images --test-dir TOUR/more-images --page TOUR/review.html --json TOUR/findings.json",
    picture: None,
    files: &[
        (
            "review.html",
            "a page on which you decide about each finding",
        ),
        ("findings.json", "the findings, for programs"),
    ],
};

/// `retrain`.
pub const RETRAIN: Step<'_> = Step {
    title: "Retrain",
    text: "The network has learned to see from ImageNet's photographs and stays as it is; a new last layer learns the classes. \
           Cross-validation chooses how strongly it is held back, and a tenth of the pictures is kept for the test.",
    command: "retrain --image-dir TOUR/images --cache TOUR/embedding-cache --output TOUR/classifier.safetensors --metrics TOUR/metrics.json",
    picture: None,
    files: &[
        (
            "classifier.safetensors",
            "the classifier: network, classes and the preparation of pictures in one file",
        ),
        ("metrics.json", "its numbers"),
    ],
};

/// `evaluate`.
pub const EVALUATE: Step<'_> = Step {
    title: "Measure it on other pictures",
    text: "Each number comes with the interval in which it lies, and each mistake with what the network looked at.",
    command: "evaluate --classifier TOUR/classifier.safetensors --image-dir TOUR/more-images --cache TOUR/embedding-cache \
              --report TOUR/report.html --explain --answers TOUR/answers.jsonl",
    picture: None,
    files: &[
        ("report.html", "the report, to be mailed or printed"),
        ("answers.jsonl", "what was answered to each picture"),
    ],
};

/// `label_image`; the text and the picture, which the command ends with, come of the answers.
pub const ASK: Step<'_> = Step {
    title: "Ask it about one picture",
    text: "",
    command: "label_image --classifier TOUR/classifier.safetensors",
    picture: None,
    files: &[],
};

/// `explain`; the command ends with the picture, too.
pub const EXPLAIN: Step<'_> = Step {
    title: "See why it says so",
    text: "Two methods show which pixels speak for the answer: integrated gradients, whose parts add up to the probability, and \
           Grad-CAM, which shows the region.",
    command: "explain --classifier TOUR/classifier.safetensors --compare grad-cam --output TOUR/why",
    picture: Some("why/comparison.png"),
    files: &[
        ("why/panel.png", "the first method alone"),
        (
            "why/explanation.json",
            "its numbers, and how far to trust them",
        ),
    ],
};

/// `export`.
pub const EXPORT: Step<'_> = Step {
    title: "Take it elsewhere",
    text: "ONNX is for most other programs; TensorFlow.js, PyTorch and TensorFlow are further formats.",
    command: "export --classifier TOUR/classifier.safetensors --format onnx --output TOUR/classifier.onnx --snippet TOUR/preprocess.py",
    picture: None,
    files: &[
        (
            "classifier.onnx",
            "the classifier for ONNX Runtime and others",
        ),
        (
            "preprocess.py",
            "how a picture becomes its input, in Python",
        ),
    ],
};
