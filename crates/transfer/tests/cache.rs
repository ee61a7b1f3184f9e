//! The cache on disk: torn, damaged, shared, merged.

use std::fs::{self, OpenOptions};
use std::io::Write;
#[cfg(target_os = "linux")]
use std::process::Command;

use transfer::EmbeddingCache;
use transfer::cache::Key;

fn key(i: u8) -> Key {
    Key::new(&[i; 32], &[7; 32])
}

fn row(i: u8) -> Vec<f32> {
    (0..5).map(|j| f32::from(i) + j as f32 / 8.0).collect()
}

fn fill(cache: &EmbeddingCache, images: std::ops::Range<u8>) {
    for i in images {
        cache.append([(key(i), &row(i)[..])]).unwrap();
    }
}

#[test]
fn cut_anywhere_every_whole_record_is_used_and_the_rerun_writes_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let cache = EmbeddingCache::open(folder.path()).unwrap();
    fill(&cache, 0..4);
    let path = cache.path().to_path_buf();
    let whole = fs::read(&path).unwrap();
    drop(cache);
    let record = (whole.len() - 16) / 4;
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let cache = EmbeddingCache::open(folder.path()).unwrap();
        assert_eq!(cache.len(), cut.saturating_sub(16) / record, "cut at {cut}");
        for i in 0..cache.len() as u8 {
            assert_eq!(cache.get(&key(i)).unwrap(), Some(row(i)));
        }
        fill(&cache, 0..4);
        assert_eq!(fs::read(&path).unwrap(), whole, "cut at {cut}");
    }
}

/// Where nothing can be written, what is there serves, what is new is kept while the cache is open, and both are told.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_or_read_only_still_serves() {
    let exe = std::env::current_exe().unwrap();
    for (options, child) in [
        ("size=16k", "on_a_full_disk"),
        ("size=1m", "on_a_read_only_disk"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(
            "mount -t tmpfs -o {options} none \"$0\" && cd \"$0\" && exec \"$1\" --exact {child} --ignored"
        );
        let output = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", &script])
            .args([folder.path(), exe.as_path()])
            .output();
        match output {
            Ok(output) if String::from_utf8_lossy(&output.stdout).contains("running 1 test") => {
                assert!(output.status.success(), "{output:?}");
            }
            output => eprintln!("SKIPPED: no disk can be mounted here: {output:?}"),
        }
    }
}

#[test]
#[ignore = "run by another test, in a folder on a small disk"]
fn on_a_full_disk() {
    let cache = EmbeddingCache::open("cache").unwrap();
    fill(&cache, 0..4);
    assert!(cache.unwritten().is_none());
    let long = vec![0.5; 10_000];
    cache
        .append([(key(4), &long[..]), (key(5), &row(5)[..])])
        .unwrap();
    let why = cache.unwritten().unwrap().to_string();
    assert!(why.contains("cache/embeddings.bin"), "{why}");
    fill(&cache, 6..8);
    for i in [0, 3, 5, 7] {
        assert_eq!(cache.get(&key(i)).unwrap(), Some(row(i)), "{i}");
    }
    assert_eq!(cache.get(&key(4)).unwrap(), Some(long));
    // What is known comes no second time, wherever it is.
    fill(&cache, 0..8);
    assert_eq!(cache.len(), 8);
    cache.sync().unwrap();
    let other = EmbeddingCache::temporary().unwrap();
    fill(&other, 0..9);
    assert!(cache.merge(&other).is_err(), "a merge is for the file");
    drop(cache);
    // Nothing half written is left.
    let cache = EmbeddingCache::open("cache").unwrap();
    assert_eq!(
        (cache.len(), cache.get(&key(3)).unwrap()),
        (4, Some(row(3)))
    );
    assert!(cache.unwritten().is_none());
}

#[test]
#[ignore = "run by another test, in a folder on a disk of its own"]
fn on_a_read_only_disk() {
    let whole = EmbeddingCache::open("cache").unwrap();
    fill(&whole, 0..4);
    let bytes = fs::read(whole.path()).unwrap();
    drop(whole);
    // Half a record at the end, and another cache without the file that is locked.
    fs::create_dir("cut").unwrap();
    fs::write("cut/embeddings.bin", &bytes[..bytes.len() - 1]).unwrap();
    let mount = Command::new("mount")
        .args(["-o", "remount,ro", "."])
        .status();
    assert!(mount.unwrap().success());
    for (folder, known) in [("cache", 4), ("cut", 3), ("missing", 0)] {
        let cache = EmbeddingCache::open(folder).unwrap();
        assert_eq!(cache.len(), known, "{folder}");
        fill(&cache, 0..known as u8);
        assert!(cache.unwritten().is_none(), "{folder}: nothing is lost");
        fill(&cache, 0..6);
        assert_eq!(cache.len(), 6, "{folder}");
        for i in 0..6 {
            assert_eq!(cache.get(&key(i)).unwrap(), Some(row(i)), "{folder}: {i}");
        }
        let why = cache.unwritten().unwrap().to_string();
        assert!(why.contains(folder), "{why}");
        cache.sync().unwrap();
    }
}

#[test]
fn a_damaged_record_counts_as_missing() {
    let folder = tempfile::tempdir().unwrap();
    let cache = EmbeddingCache::open(folder.path()).unwrap();
    fill(&cache, 0..3);
    let path = cache.path().to_path_buf();
    drop(cache);
    let mut bytes = fs::read(&path).unwrap();
    let record = (bytes.len() - 16) / 3;
    bytes[16 + record + 45] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let cache = EmbeddingCache::open(folder.path()).unwrap();
    assert_eq!(cache.get(&key(1)).unwrap(), None);
    fill(&cache, 1..2);
    assert_eq!(cache.get(&key(1)).unwrap(), Some(row(1)));
    assert_eq!(cache.get(&key(2)).unwrap(), Some(row(2)));
}

#[test]
fn damage_in_a_records_head_costs_that_record_alone() {
    let folder = tempfile::tempdir().unwrap();
    let cache = EmbeddingCache::open(folder.path()).unwrap();
    fill(&cache, 0..4);
    let path = cache.path().to_path_buf();
    drop(cache);
    let whole = fs::read(&path).unwrap();
    let record = (whole.len() - 16) / 4;
    // Every byte of key, number of values and checksum; of one record, and of two that are neighbors.
    for (place, damaged) in (0..40).flat_map(|place| [(place, 1..2), (place, 1..3)]) {
        let mut bytes = whole.clone();
        for i in damaged.clone() {
            bytes[16 + i * record + place] ^= 4;
        }
        fs::write(&path, &bytes).unwrap();
        let cache = EmbeddingCache::open(folder.path()).unwrap();
        for i in 0..4 {
            let expected = (!damaged.contains(&usize::from(i))).then(|| row(i));
            assert_eq!(cache.get(&key(i)).unwrap(), expected, "byte {place}");
        }
        fill(&cache, 0..4);
        drop(cache);
        assert_eq!(fs::read(&path).unwrap()[..whole.len()], bytes);
        let again = EmbeddingCache::open(folder.path()).unwrap();
        assert!((0..4).all(|i| again.get(&key(i)).unwrap() == Some(row(i))));
    }
    // Behind the last record's head nothing is whole.
    let mut bytes = whole.clone();
    bytes[16 + 3 * record] ^= 4;
    fs::write(&path, &bytes).unwrap();
    let cache = EmbeddingCache::open(folder.path()).unwrap();
    assert_eq!(cache.len(), 3);
    fill(&cache, 0..4);
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn the_record_after_a_long_damage_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let cache = EmbeddingCache::open(folder.path()).unwrap();
    // The damage is longer than what is looked through at once, and the next head lies across the border.
    let long = vec![0.5; (1 << 18) - 16];
    cache.append([(key(0), &long[..])]).unwrap();
    fill(&cache, 1..3);
    let path = cache.path().to_path_buf();
    drop(cache);
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let cache = EmbeddingCache::open(folder.path()).unwrap();
    assert_eq!(cache.len(), 2);
    assert_eq!(cache.get(&key(2)).unwrap(), Some(row(2)));
}

#[test]
fn two_at_once_see_each_others_records() {
    let folder = tempfile::tempdir().unwrap();
    let one = EmbeddingCache::open(folder.path()).unwrap();
    let two = EmbeddingCache::open(folder.path()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| fill(&one, 0..100));
        scope.spawn(|| fill(&two, 50..150));
    });
    let both = EmbeddingCache::open(folder.path()).unwrap();
    assert_eq!(both.len(), 150);
    assert!((0..150).all(|i| both.get(&key(i)).unwrap() == Some(row(i))));
}

#[test]
fn the_same_image_twice_is_one_record() {
    let cache = EmbeddingCache::temporary().unwrap();
    let (a, b) = (row(1), row(2));
    cache
        .append([(key(1), &a[..]), (key(2), &b[..]), (key(1), &a[..])])
        .unwrap();
    let length = fs::metadata(cache.path()).unwrap().len();
    assert_eq!(length, 16 + 2 * (44 + 4 * 5));
}

#[test]
fn merged_shards_are_the_bytes_of_one() {
    let [alone, first, second, merged] = [(); 4].map(|()| EmbeddingCache::temporary().unwrap());
    fill(&alone, 0..20);
    fill(&first, 0..12);
    fill(&second, 10..20);
    assert_eq!(merged.merge(&first).unwrap().added, 12);
    let last = merged.merge(&second).unwrap();
    assert_eq!((last.added, last.known, last.broken), (8, 2, 0));
    assert_eq!(
        fs::read(merged.path()).unwrap(),
        fs::read(alone.path()).unwrap()
    );
}

#[test]
fn another_file_of_that_name_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("embeddings.bin");
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .unwrap();
    file.write_all(b"my thesis").unwrap();
    let error = EmbeddingCache::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("not an embedding cache"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"my thesis");
}

/// Memory that this process has held at most, in bytes.
#[cfg(target_os = "linux")]
fn peak_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.trim().parse::<usize>().unwrap() * 1024
}

/// With `CACHE_DIM=1024` the files are as large as those of 200,000 real images: 820 MB each.
#[cfg(target_os = "linux")]
#[test]
fn memory_grows_by_a_few_dozen_bytes_a_record() {
    const RECORDS: u32 = 200_000;
    let dim = std::env::var("CACHE_DIM").map_or(8, |dim| dim.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let key = |i: u32| {
        let mut image = [0; 32];
        image[..4].copy_from_slice(&i.to_le_bytes());
        Key::new(&image, &[7; 32])
    };
    let before = peak_memory();
    let row = |i: u32| vec![i as f32; dim];
    let cache = EmbeddingCache::open(folder.path()).unwrap();
    for start in (0..RECORDS).step_by(32) {
        let rows: Vec<_> = (start..start + 32).map(|i| (key(i), row(i))).collect();
        let records = rows.iter().map(|(key, row)| (*key, &row[..]));
        cache.append(records).unwrap();
    }
    drop(cache);
    let cache = EmbeddingCache::open(folder.path()).unwrap();
    assert_eq!(cache.len(), RECORDS as usize);
    for i in (0..RECORDS).step_by(97) {
        assert_eq!(cache.get(&key(i)).unwrap(), Some(row(i)));
    }
    let copy = EmbeddingCache::temporary().unwrap();
    assert_eq!(copy.merge(&cache).unwrap().added, RECORDS as usize);
    let grown = peak_memory() - before;
    eprintln!(
        "{RECORDS} records of {dim} values, twice: {} MB more",
        grown >> 20
    );
    assert!(grown < 100 << 20, "{grown} bytes");
}
