use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use dataset::audit::{self, Kind};
use dataset::review::{Card, ReviewPage, cards};
use dataset::{Error, ImageFolder, sample};

use crate::common::put;

/// What lies between two texts of a page.
fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = page.split_once(start).expect(start);
    rest.split_once(end).expect(end).0
}

fn data(page: &str) -> serde_json::Value {
    let json = between(page, "id=\"data\">", "</script>");
    serde_json::from_str(json).unwrap()
}

/// Runs the script of a page in Node with further lines, and returns what these print. `None` where Node is missing.
fn in_node(page: &str, lines: &str) -> Option<Vec<u8>> {
    let script = between(page, "</script>\n<script>", "</script>");
    let json = between(page, "id=\"data\">", "</script>");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("page.js");
    fs::write(&file, format!("{script}\nconst data = {json};\n{lines}")).unwrap();
    let Ok(output) = Command::new("node").arg(&file).output() else {
        eprintln!("skipped: node is missing");
        return None;
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    Some(output.stdout)
}

fn write(page: &ReviewPage, cards: &[Card]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/review.html");
    page.write(&path, cards).unwrap();
    fs::read_to_string(path).unwrap()
}

#[test]
fn findings_become_cards() {
    let dir = tempfile::tempdir().unwrap();
    sample::write(dir.path(), 3, 1).unwrap();
    let boat = fs::read(dir.path().join("boat/boat_00000.jpg")).unwrap();
    put(dir.path().join("cloud/wrong.jpg"), &boat);
    put(dir.path().join("cloud/cut.jpg"), &boat[..boat.len() / 2]);
    for number in 0..40 {
        put(
            dir.path().join(format!("cloud/again_{number:02}.jpg")),
            &boat,
        );
    }
    let folder = ImageFolder::open(dir.path()).unwrap();
    let findings = audit::run(&[&folder]).unwrap();
    assert_eq!(findings[0].kind, Kind::LabelConflict);
    assert_eq!(findings[0].paths.len(), 42);
    let cards = cards(&findings, &[&folder]);
    let page = write(&ReviewPage::new(folder.classes().to_vec()), &cards);
    let data = data(&page);
    let shown = data["cards"].as_array().unwrap();
    // 24 of the copies, and the damaged one.
    assert_eq!(shown.len(), 25);
    assert_eq!(shown[0]["file"], "boat/boat_00000.jpg");
    assert_eq!(shown[0]["class"], "boat");
    assert_eq!(shown[1]["class"], "cloud");
    assert_eq!(shown[0]["group"], shown[23]["group"]);
    let reason = shown[0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("label-conflict") && reason.contains("24 of 42"),
        "{reason}"
    );
    let picture = shown[0]["image"].as_str().unwrap();
    assert!(picture.starts_with("data:image/jpeg;base64,"), "{picture}");
    assert_eq!(shown[24]["file"], "cloud/cut.jpg");
    assert!(shown[24]["image"].is_null() && shown[24]["group"].is_null());
}

#[test]
fn a_page_is_bounded_and_says_what_it_leaves_out() {
    let dir = tempfile::tempdir().unwrap();
    sample::write(dir.path(), 8, 1).unwrap();
    let folder = ImageFolder::open(dir.path()).unwrap();
    let cards: Vec<_> = folder
        .iter()
        .map(|item| Card::new(&item.path, "a test"))
        .collect();
    let page = ReviewPage::new(folder.classes().to_vec());
    let path = dir.path().join("page.html");
    let written = page
        .clone()
        .with_most_cards(10)
        .write(&path, &cards)
        .unwrap();
    assert_eq!((written.shown, written.left_out), (10, 6));
    let data = data(&fs::read_to_string(&path).unwrap());
    assert_eq!(data["left_out"], 6);
    assert_eq!(data["cards"].as_array().unwrap().len(), 10);
    for wrong in [
        page.clone().with_most_cards(0),
        page.clone().with_most_cards(10_001),
        page.clone().with_thumbnail_side(31),
        page.with_thumbnail_side(513),
    ] {
        let error = wrong.write(&path, &cards).unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error}");
    }
}

/// No name, class or reason ends the script, becomes HTML, or loads something.
#[test]
fn names_are_never_code() {
    let hostile = "</script><img src=x onerror=alert(1)>&\u{2028}\u{202e}";
    let card = Card::new(Path::new("photos").join(hostile).join("1.jpg"), hostile)
        .with_suggestion(hostile);
    let page = ReviewPage::new(vec![hostile.into()]).with_title(hostile);
    let html = write(&page, &[card]);
    assert_eq!(html.matches("</script>").count(), 2);
    assert!(!html.contains("<img") && !html.contains('\u{2028}'));
    assert!(!html.contains("http:") && !html.contains("https:"));
    let data = data(&html);
    assert_eq!(data["title"], hostile);
    assert_eq!(data["cards"][0]["suggestion"], hostile);
    // The policy allows this script and this style alone.
    let policy = between(&html, "Content-Security-Policy\" content=\"", "\"");
    assert!(
        policy.starts_with("default-src 'none'; img-src data:;"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[test]
fn decisions_become_a_table() {
    let cards = [
        Card::new("photos/boat/1.jpg", "a").with_suggestion("cloud"),
        Card::new("photos/boat/2, \"or\" 3.jpg", "b"),
        Card::new("photos/boat/4.jpg", "c"),
        Card::new("photos/boat/5.jpg", "d"),
        Card::new("held-out/boat/1.jpg", "e"),
        Card::new("photos/boat/1.jpg", "another reason"),
    ];
    let html = write(&ReviewPage::new(vec!["boat".into()]), &cards);
    assert_eq!(data(&html)["classes"][1]["name"], "cloud");
    let lines = "const choices = new Map();
        const choose = (at, choice) => choices.set(data.cards[at].path, choice);
        choose(0, 'class cloud'); choose(1, 'leave out'); choose(2, 'keep'); choose(4, 'class cloud');
        process.stdout.write(table(data.cards, choices, data.cards[0].root));
        process.stdout.write(table(data.cards, choices, data.cards[4].root));";
    let Some(printed) = in_node(&html, lines) else {
        return;
    };
    let expected = "file,label\nboat/1.jpg,cloud\n\"boat/2, \"\"or\"\" 3.jpg\",\nboat/4.jpg,boat\n\
                    file,label\nboat/1.jpg,cloud\n";
    assert_eq!(String::from_utf8(printed).unwrap(), expected);
}

/// The script of moves does what was decided in a shell, whatever the names, and overwrites nothing.
#[cfg(unix)]
#[test]
fn decisions_move_files() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("it's photos");
    let names: [&[u8]; 9] = [
        b"plain.jpg",
        b"it's.jpg",
        b"-rf",
        b"$(touch pwned).jpg",
        b"`touch pwned`;\"\\.jpg",
        b"new\nline.jpg",
        b"latin-\xfc.jpg",
        b"literal-\\xfc.jpg",
        b"taken.jpg",
    ];
    let odd = OsStr::from_bytes(b"cl\xe4ss");
    for name in names {
        put(root.join(odd).join(OsStr::from_bytes(name)), name);
    }
    put(root.join("b&w/taken.jpg"), b"another file");
    let mut cards: Vec<_> = names
        .iter()
        .map(|name| Card::new(root.join(odd).join(OsStr::from_bytes(name)), "a test"))
        .collect();
    // Back to the class whose name is not UTF-8, and a file that is gone.
    put(root.join("b&w/back.jpg"), b"back");
    cards.push(Card::new(root.join("b&w/back.jpg"), "a test"));
    cards.push(Card::new(root.join("b&w/gone.jpg"), "a test"));
    let html = write(&ReviewPage::new(Vec::new()), &cards);
    let lines = "const choices = new Map();
        data.cards.forEach((card, at) =>
            choices.set(card.path, at === 0 ? 'leave out' : 'class ' + data.classes[at < 9 ? 1 : 0].name));
        process.stdout.write(bytes(moves(data.cards, choices, data.classes)));";
    let Some(script) = in_node(&html, lines) else {
        return;
    };
    let file = dir.path().join("move.sh");
    fs::write(&file, script).unwrap();
    let output = Command::new("sh")
        .arg(&file)
        .current_dir(&dir)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(
        said.contains("taken.jpg") && said.contains("gone.jpg"),
        "{said}"
    );

    let content = |folder: &Path| -> BTreeMap<Vec<u8>, Vec<u8>> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let files = entries.map(|entry| {
            let name = entry.file_name().as_bytes().to_vec();
            (name, fs::read(entry.path()).unwrap())
        });
        files.collect()
    };
    let mut expected: BTreeMap<_, _> = names[1..8]
        .iter()
        .map(|n| (n.to_vec(), n.to_vec()))
        .collect();
    expected.insert(b"taken.jpg".to_vec(), b"another file".to_vec());
    assert_eq!(content(&root.join("b&w")), expected);
    let stayed = [("back.jpg", "back"), ("taken.jpg", "taken.jpg")];
    let stayed = stayed.map(|(name, bytes)| (name.as_bytes().to_vec(), bytes.as_bytes().to_vec()));
    assert_eq!(content(&root.join(odd)), BTreeMap::from(stayed));
    let left_out = dir.path().join("it's photos-left-out").join(odd);
    assert_eq!(
        content(&left_out),
        BTreeMap::from([(names[0].to_vec(), names[0].to_vec())])
    );
    assert!(!dir.path().join("pwned").exists());
}
