use super::*;

#[test]
fn files_appear_only_at_the_end_and_replace_older_ones() {
    let dir = tempfile::tempdir().expect("temp dir");
    fs::write(dir.path().join("sft.jsonl"), "old").expect("writes");
    let mut out = DirOutput::new(dir.path()).expect("opens");
    out.write("sft.jsonl", b"a\n").expect("writes");
    out.write("rejected.jsonl", b"").expect("writes");
    out.write("sft.jsonl", b"b\n").expect("writes");
    assert_eq!(fs::read(dir.path().join("sft.jsonl")).expect("reads"), b"old");
    assert!(!dir.path().join("rejected.jsonl").exists());
    out.finish().expect("finishes");
    drop(out);
    assert_eq!(fs::read(dir.path().join("sft.jsonl")).expect("reads"), b"a\nb\n");
    assert_eq!(fs::read(dir.path().join("rejected.jsonl")).expect("reads"), b"");
    assert_eq!(fs::read_dir(dir.path()).expect("lists").count(), 2);
}

#[test]
fn an_abandoned_export_leaves_nothing() {
    let dir = tempfile::tempdir().expect("temp dir");
    let nested = dir.path().join("a/b");
    let mut out = DirOutput::new(&nested).expect("opens");
    out.write("sft.jsonl", b"half").expect("writes");
    drop(out);
    assert_eq!(fs::read_dir(dir.path()).expect("lists").count(), 0, "nor the folders that were made for it");
}

#[test]
fn what_a_killed_export_left_is_removed_by_the_next() {
    let dir = tempfile::tempdir().expect("temp dir");
    let left = dir.path().join(".export-1-0.partial");
    fs::create_dir(&left).expect("makes");
    fs::write(left.join(LOCK), "").expect("writes");
    fs::write(left.join("sft.jsonl"), "half").expect("writes");
    let held = DirOutput::new(dir.path()).expect("opens");
    assert!(!left.exists());
    let other = DirOutput::new(dir.path()).expect("opens");
    assert!(held.staging.exists() && other.staging.exists(), "one in use stays");
}

#[test]
fn two_exports_into_one_directory_do_not_mix() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (mut one, mut two) = (DirOutput::new(dir.path()).expect("opens"), DirOutput::new(dir.path()).expect("opens"));
    one.write("sft.jsonl", b"1").expect("writes");
    two.write("sft.jsonl", b"2").expect("writes");
    one.finish().expect("finishes");
    two.finish().expect("finishes");
    assert_eq!(fs::read(dir.path().join("sft.jsonl")).expect("reads"), b"2");
}

#[test]
fn an_error_names_the_directory() {
    let dir = tempfile::tempdir().expect("temp dir");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("writes");
    let error = DirOutput::new(&file).expect_err("not a directory").to_string();
    assert!(error.contains(&file.display().to_string()), "{error}");
}
