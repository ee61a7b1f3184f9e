use dataset::{DecodeOptions, Error, ImageFolder, ImageProblem, SkipReason, decode_file};
use image::ImageFormat;

use crate::common::{encode, gradient, put};

#[test]
fn content_decides_and_what_is_left_out_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let jpeg = encode(&gradient(8, 8), ImageFormat::Jpeg);
    put(root.join("b/x.thumbnail"), &jpeg);
    put(root.join("b/really a jpeg.png"), &jpeg);
    put(root.join("b/Thumbs.db"), b"\xd0\xcf\x11\xe0 not an image");
    put(root.join("b/empty.jpg"), b"");
    put(root.join("b/notes.jpg"), b"\xd0\xcf\x11\xe0 not an image");
    put(root.join("b/.hidden.jpg"), &jpeg);
    put(root.join("b/inner/y.jpg"), &jpeg);
    put(
        root.join("a/y.gif"),
        encode(&gradient(8, 8), ImageFormat::Gif),
    );
    put(root.join("README.txt"), b"hello");
    put(root.join(".git/config"), b"hello");
    let folder = ImageFolder::open(root).unwrap();
    assert_eq!(folder.classes(), ["a", "b"]);
    let names: Vec<_> = folder
        .images()
        .iter()
        .map(|i| (i.name.as_str(), i.class))
        .collect();
    assert_eq!(
        names,
        [
            ("a/y.gif", 0),
            ("b/inner/y.jpg", 1),
            ("b/really a jpeg.png", 1),
            ("b/x.thumbnail", 1)
        ]
    );
    let skipped: Vec<_> = folder
        .skipped()
        .iter()
        .map(|s| s.path.strip_prefix(root).unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        skipped,
        [
            ".git",
            "README.txt",
            "b/.hidden.jpg",
            "b/Thumbs.db",
            "b/empty.jpg",
            "b/notes.jpg"
        ]
    );
    assert!(matches!(
        folder.skipped()[4].reason,
        SkipReason::Image(ImageProblem::Empty)
    ));
    assert!(
        folder.skipped()[5]
            .reason
            .to_string()
            .contains("\\xd0\\xcf\\x11")
    );
    assert_eq!(folder.skipped()[5].bytes, 17);
    assert!(folder.skipped()[3].reason.is_passed_over());
}

#[test]
fn folders_that_are_no_task_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let missing = ImageFolder::open(dir.path().join("nowhere")).unwrap_err();
    assert!(missing.to_string().contains("nowhere"), "{missing}");
    let none = ImageFolder::open(dir.path()).unwrap_err();
    assert!(matches!(none, Error::NoClasses { .. }));
    put(
        dir.path().join("a/x.png"),
        encode(&gradient(2, 2), ImageFormat::Png),
    );
    put(dir.path().join("b/x.png"), b"no image");
    let empty = ImageFolder::open(dir.path()).unwrap_err();
    assert!(
        matches!(&empty, Error::EmptyClass { class, skipped, .. } if class == "b" && skipped.len() == 1)
    );
    let message = empty.to_string();
    assert!(
        message.contains("1 of 1 file: not an image of a known format"),
        "{message}"
    );
    assert_eq!(ImageFolder::list(dir.path()).unwrap().counts(), [1, 0]);
    std::fs::create_dir(dir.path().join(".git")).unwrap();
    let listed = ImageFolder::list(dir.path()).unwrap();
    let hidden = listed.skipped().iter().find(|s| s.path.ends_with(".git"));
    assert_eq!(hidden.unwrap().bytes, 0);
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let odd = dir.path().join(std::ffi::OsStr::from_bytes(b"a\xe9"));
        put(odd.join("x.png"), b"no image");
        let empty = ImageFolder::open(dir.path()).unwrap_err();
        assert!(
            matches!(&empty, Error::EmptyClass { path, skipped, .. } if *path == odd && skipped.len() == 1),
            "{empty}"
        );
    }
}

#[cfg(unix)]
#[test]
fn strange_names_and_links() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let dir = tempfile::tempdir().unwrap();
    let png = encode(&gradient(2, 2), ImageFormat::Png);
    let names: [&[u8]; 8] = [
        b"with space.png",
        b"100%25.png",
        b"new\nline.png",
        "\u{26f5}.png".as_bytes(),
        "\u{fc}.png".as_bytes(),
        "u\u{308}.png".as_bytes(),
        b"latin-\xfc.png",
        b"latin-\\xfc.png",
    ];
    let class = dir.path().join("kl\u{e4}sse 1");
    for name in names {
        put(class.join(OsStr::from_bytes(name)), &png);
    }
    symlink(&class, class.join("loop")).unwrap();
    symlink(dir.path(), dir.path().join("up")).unwrap();
    symlink("nothing", class.join("dangling.png")).unwrap();
    symlink("self", class.join("self")).unwrap();
    symlink("someone@host", class.join(".#lock")).unwrap();
    symlink("knot", dir.path().join("knot")).unwrap();
    let folder = ImageFolder::list(dir.path()).unwrap();
    assert_eq!(folder.images().len(), names.len());
    for item in folder.images() {
        decode_file(&item.path, &DecodeOptions::default()).unwrap();
    }
    let mut shown: Vec<_> = folder.images().iter().map(|item| &item.name).collect();
    assert!(
        shown
            .iter()
            .any(|name| name.ends_with("latin-\u{fffd}fc.png"))
    );
    shown.dedup();
    assert_eq!(shown.len(), names.len());
    // loop, dangling, self, knot, and the class folder seen through `up`.
    assert!(folder.skipped().len() >= 5, "{:?}", folder.skipped());
    let skipped = |name: &str| {
        let of_name = folder.skipped().iter().filter(|s| s.path.ends_with(name));
        of_name.map(|s| &s.reason).collect::<Vec<_>>()
    };
    // What cannot be read was meant to be an image for all anyone knows: an audit must tell.
    let findings = dataset::audit::run(&[&folder]).unwrap();
    for name in ["dangling.png", "self", "knot"] {
        let reasons = skipped(name);
        assert!(!reasons.is_empty(), "{name}");
        for reason in reasons {
            assert!(
                matches!(reason, SkipReason::Unreadable(_)),
                "{name}: {reason:?}"
            );
        }
        let told = findings
            .iter()
            .find(|finding| finding.paths[0].ends_with(name));
        let told = told.unwrap_or_else(|| panic!("{name} is in no finding"));
        assert_eq!(told.kind, dataset::audit::Kind::Unreadable);
        assert!(told.detail.contains("cannot be read"), "{}", told.detail);
    }
    for name in ["loop", ".#lock"] {
        assert!(skipped(name)[0].is_by_rule(), "{name}");
        assert!(
            findings.iter().all(|f| !f.paths[0].ends_with(name)),
            "{name}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_class_that_cannot_be_read_is_an_error() {
    use std::fs::{Permissions, read_dir, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    let dir = tempfile::tempdir().unwrap();
    put(
        dir.path().join("a/x.png"),
        encode(&gradient(2, 2), ImageFormat::Png),
    );
    let locked = dir.path().join("locked");
    put(
        locked.join("x.png"),
        encode(&gradient(2, 2), ImageFormat::Png),
    );
    set_permissions(&locked, Permissions::from_mode(0o000)).unwrap();
    if read_dir(&locked).is_ok() {
        // Root may read everything: ask as somebody else.
        set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let asked = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "folder::child_that_may_not_read", "--nocapture"])
            .env("LOCKED_FOLDER", dir.path())
            .uid(65534)
            .gid(65534)
            .output();
        match asked {
            Ok(output) if output.status.success() => {
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                assert!(
                    text.contains("refused: ") && text.contains("locked"),
                    "{text}"
                );
            }
            other => eprintln!("skipped: this user may read everything, and {other:?}"),
        }
    } else {
        let error = ImageFolder::open(dir.path()).unwrap_err();
        assert!(error.to_string().contains("locked"), "{error}");
    }
    set_permissions(&locked, Permissions::from_mode(0o700)).unwrap();
}

/// Run by the test above as another user; does nothing otherwise.
#[test]
fn child_that_may_not_read() {
    if let Some(folder) = std::env::var_os("LOCKED_FOLDER") {
        let error = ImageFolder::open(folder).unwrap_err();
        println!("refused: {error}");
    }
}
