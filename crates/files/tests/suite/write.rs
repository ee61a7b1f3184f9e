//! Whole writes: what happens to each kind of target, and what is left after an error.

#![cfg(unix)]

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use files::{write_bytes, write_whole};

/// Names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_file_has_the_permissions_of_any_new_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, plain) = (folder.path().join("new"), folder.path().join("plain"));
    write_bytes(&path, b"whole").unwrap();
    fs::write(&plain, b"").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"whole");
    assert_eq!(mode(&path), mode(&plain));
    assert_eq!(names(folder.path()), ["new", "plain"]);
}

#[test]
fn a_file_is_replaced_and_its_permissions_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, b"old and longer").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let before = fs::metadata(&path).unwrap().ino();
    write_whole(&path, |file| {
        file.write_all(b"n")?;
        assert_eq!(fs::read(&path)?, b"old and longer");
        file.write_all(b"ew")
    })
    .unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(mode(&path), 0o640);
    assert_ne!(fs::metadata(&path).unwrap().ino(), before);
}

#[test]
fn an_error_while_writing_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, b"old").unwrap();
    for path in [&path, &folder.path().join("new")] {
        let error = write_whole(path, |file| {
            file.write_all(&vec![0; 100_000])?;
            Err(io::Error::other("the writer failed"))
        });
        let message = error.unwrap_err().to_string();
        assert_eq!(message, format!("{}: the writer failed", path.display()));
    }
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn links_stay_and_their_targets_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("other")).unwrap();
    fs::write(at("other/target"), b"old").unwrap();
    symlink("other/target", at("link")).unwrap();
    symlink("link", at("link to the link")).unwrap();
    symlink(at("other/missing"), at("dangling")).unwrap();
    write_bytes(at("link to the link"), b"new").unwrap();
    write_bytes(at("dangling"), b"made").unwrap();
    assert_eq!(fs::read(at("other/target")).unwrap(), b"new");
    assert_eq!(fs::read(at("other/missing")).unwrap(), b"made");
    for link in ["link", "link to the link", "dangling"] {
        assert!(at(link).is_symlink(), "{link}");
    }
    symlink("circle", at("circle")).unwrap();
    write_bytes(at("circle"), b"").unwrap_err();
    assert_eq!(names(&at("other")), ["missing", "target"]);
    assert_eq!(names(folder.path()).len(), 5);
}

#[test]
fn devices_and_pipes_are_written_into() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let reader = {
        let pipe = pipe.clone();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            fs::File::open(pipe)
                .unwrap()
                .read_to_end(&mut bytes)
                .map(|_| bytes)
        })
    };
    write_bytes(&pipe, b"through the pipe").unwrap();
    assert_eq!(reader.join().unwrap().unwrap(), b"through the pipe");
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(names(folder.path()), ["pipe"]);

    let null = Path::new("/dev/null");
    let link = folder.path().join("link");
    symlink(null, &link).unwrap();
    for path in [null, &link] {
        write_bytes(path, b"nothing").unwrap();
    }
    assert!(fs::metadata(null).unwrap().file_type().is_char_device());
    assert!(link.is_symlink());
}

#[cfg(target_os = "linux")]
#[test]
fn standard_output_is_written_into_wherever_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("output");
    let exe = std::env::current_exe().unwrap();
    let script =
        format!("echo before; {exe:?} --exact write::to_stdout --ignored --nocapture; echo after");
    let sh = || {
        let mut sh = Command::new("sh");
        sh.args(["-c", &script]);
        sh
    };
    let piped = String::from_utf8(sh().output().unwrap().stdout).unwrap();
    let file = fs::File::options().create(true).append(true).open(&path);
    assert!(sh().stdout(file.unwrap()).status().unwrap().success());
    for text in [piped, fs::read_to_string(&path).unwrap()] {
        let order = ["before", "written whole", "after"].map(|word| text.find(word));
        assert!(order[0].is_some() && order.is_sorted(), "{text}");
    }
    assert!(Path::new("/dev/stdout").is_symlink());
    assert_eq!(names(folder.path()), ["output"]);
}

#[test]
#[ignore = "run by another test"]
fn to_stdout() {
    write_bytes("/dev/stdout", b"written whole\n").unwrap();
}

#[test]
fn folders_are_refused_and_missing_folders_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = write_bytes(folder.path(), b"").unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::IsADirectory);
    assert_eq!(error.path, folder.path());
    let missing = folder.path().join("missing");
    let error = write_bytes(missing.join("file"), b"").unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::NotFound);
    assert_eq!(error.path, missing);
    files::create_parent_folder(missing.join("deep/file")).unwrap();
    write_bytes(missing.join("deep/file"), b"").unwrap();
    // A file where a folder should be.
    let error = write_bytes(missing.join("deep/file/file"), b"").unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::NotADirectory);
}

#[test]
fn a_read_only_folder_is_named_and_what_is_in_it_stays() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), b"old").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    // The administrator may write even here; nobody may in /sys.
    let own = fs::write(folder.path().join("probe"), b"").is_err();
    let read_only = if own {
        folder.path()
    } else {
        Path::new("/sys/kernel")
    };
    if own || read_only.is_dir() {
        let error = write_bytes(read_only.join("file"), b"new").unwrap_err();
        assert_eq!(error.path, read_only);
        assert_eq!(error.source.kind(), io::ErrorKind::PermissionDenied);
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(fs::read(folder.path().join("file")).unwrap(), b"old");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_reported() {
    let error = write_bytes("/dev/full", b"too much").unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
    assert_eq!(error.path, Path::new("/dev/full"));
}

/// On a disk of 64 KiB, which is mounted in a namespace of its own.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let exe = std::env::current_exe().unwrap();
    let script = "mount -t tmpfs -o size=64k none \"$0\" && cd \"$0\" && exec \"$1\" --exact write::fill_the_disk --ignored";
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .args([folder.path(), exe.as_path()])
        .output();
    match output {
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains("running 1 test") => {
            assert!(output.status.success(), "{output:?}");
        }
        output => println!("SKIPPED: no disk can be mounted here: {output:?}"),
    }
}

#[test]
#[ignore = "run by another test, in a folder on a small disk"]
fn fill_the_disk() {
    fs::write("file", b"old").unwrap();
    let error = write_bytes("file", &vec![1; 1 << 17]).unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
    assert_eq!(fs::read("file").unwrap(), b"old");
    assert_eq!(names(Path::new(".")), ["file"]);
}

#[test]
fn what_a_killed_program_left_is_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for name in [".part-0123", "part-1", "picture.jpg"] {
        fs::write(folder.path().join(name), b"").unwrap();
    }
    files::remove_unfinished(folder.path()).unwrap();
    assert_eq!(names(folder.path()), ["part-1", "picture.jpg"]);
}

#[test]
fn reading_stops_at_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, [7; 100]).unwrap();
    assert_eq!(files::read_at_most(&path, 100).unwrap(), [7; 100]);
    for path in [&path, Path::new("/dev/zero")] {
        let error = files::read_at_most(path, 99).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::FileTooLarge);
        assert!(
            error.to_string().contains("larger than 99 bytes"),
            "{error}"
        );
    }
}
