//! Names that lead out of their folder are refused.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use files::inside;

/// A folder `pictures` with `boats/a.jpg` and `b.jpg`, beside a file `secret`.
fn pictures() -> tempfile::TempDir {
    let around = tempfile::tempdir().unwrap();
    fs::create_dir_all(around.path().join("pictures/boats")).unwrap();
    for name in ["pictures/boats/a.jpg", "pictures/b.jpg", "secret"] {
        fs::write(around.path().join(name), name).unwrap();
    }
    around
}

fn refused(folder: &Path, name: &str) -> String {
    let error = inside(folder, name).unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::InvalidInput, "{name}");
    error.to_string()
}

#[test]
fn names_in_the_folder_are_found() {
    let around = pictures();
    let folder = around.path().join("pictures");
    for (name, content) in [
        ("b.jpg", "pictures/b.jpg"),
        ("boats/a.jpg", "pictures/boats/a.jpg"),
        ("./boats/../b.jpg", "pictures/b.jpg"),
        ("../pictures/b.jpg", "pictures/b.jpg"),
    ] {
        let path = inside(&folder, name).unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), content, "{name}");
    }
    let error = inside(&folder, "c.jpg").unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::NotFound);
    assert_eq!(error.path, folder.join("c.jpg"));
    assert!(inside(around.path().join("missing"), "b.jpg").is_err());
}

#[test]
fn names_that_lead_out_are_refused() {
    let around = pictures();
    let folder = around.path().join("pictures");
    let secret = around.path().join("secret");
    for name in ["../secret", "boats/../../secret", "..", "boats/../.."] {
        let said = refused(&folder, name);
        assert!(said.contains("leads out of the folder"), "{said}");
    }
    for name in [
        secret.to_str().unwrap(),
        "/etc/passwd",
        "//etc/passwd",
        r"C:\Windows\win.ini",
        "c:/boat.jpg",
        r"\\server\share\boat.jpg",
        r"\boat.jpg",
    ] {
        let said = refused(&folder, name);
        assert!(said.contains("not at a root or a drive"), "{said}");
        assert!(said.contains(name), "{said}");
    }
    assert!(refused(&folder, "").contains("the name is empty"));
    // A folder whose name only begins with that of the folder is another folder.
    fs::create_dir(around.path().join("pictures-of-others")).unwrap();
    fs::write(around.path().join("pictures-of-others/c.jpg"), "").unwrap();
    refused(&folder, "../pictures-of-others/c.jpg");
}

#[cfg(unix)]
#[test]
fn links_may_lead_within_the_folder_and_not_out_of_it() {
    use std::os::unix::fs::symlink;
    let around = pictures();
    let folder = around.path().join("pictures");
    symlink("../secret", folder.join("out.jpg")).unwrap();
    symlink(around.path(), folder.join("up")).unwrap();
    symlink("boats/a.jpg", folder.join("in.jpg")).unwrap();
    refused(&folder, "out.jpg");
    refused(&folder, "up/secret");
    let path = inside(&folder, "in.jpg").unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "pictures/boats/a.jpg");
    inside(&folder, "up/pictures/b.jpg").unwrap();
    // The folder itself may be a link.
    symlink(&folder, around.path().join("link")).unwrap();
    inside(around.path().join("link"), "b.jpg").unwrap();
    refused(&around.path().join("link"), "../secret");
}
