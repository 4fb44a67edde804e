use super::*;

/// What a directory holds: names, and what is in the files.
fn content(dir: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).expect("inside").display().to_string();
                found.push((name, std::fs::read_to_string(&path).expect("reads")));
            }
        }
    }
    found.sort();
    found
}

/// An old store with a log, and a whole new one beside it.
fn scene() -> tempfile::TempDir {
    let data = tempfile::tempdir().expect("a directory");
    for (name, text) in [("store.duckdb", "old"), ("store.duckdb.wal", "old log"), (REQUESTED, "")] {
        std::fs::write(data.path().join(name), text).expect("writes");
    }
    let dir = make_folder(data.path()).expect("a folder");
    std::fs::write(dir.join("store.duckdb"), "new").expect("writes");
    mark_whole(&dir).expect("writes");
    data
}

/// Guarantees: the new store has the name, a sound old one is gone, another is kept whole in a folder whose name is told.
#[test]
fn an_old_store_is_kept_unless_it_was_sound() {
    let data = scene();
    assert_eq!(put_in_place(data.path(), true).expect("moved"), None);
    forget_request(data.path());
    assert_eq!(content(data.path()), [("store.duckdb".to_owned(), "new".to_owned())]);

    let data = scene();
    let aside = put_in_place(data.path(), false).expect("moved").expect("kept");
    let kept = |name: &str| std::fs::read_to_string(data.path().join(&aside).join(name)).expect("reads");
    assert_eq!((kept("store.duckdb"), kept("store.duckdb.wal")), ("old".to_owned(), "old log".to_owned()));
    // Another in the same second has a name of its own.
    let dir = make_folder(data.path()).expect("a folder");
    std::fs::write(dir.join("store.duckdb"), "newer").expect("writes");
    let second = put_in_place(data.path(), false).expect("moved").expect("kept");
    assert_ne!(second, aside);
    assert_eq!(kept("store.duckdb"), "old");
    assert_eq!(std::fs::read_to_string(data.path().join("store.duckdb")).expect("reads"), "newer");
}

/// Scenario: a kill after each step of the swap, then a start.
/// Guarantees: the new store is in place, whole, without the old log; the old files are all there still; nothing unfinished is left.
#[test]
fn a_swap_that_was_killed_at_any_step_is_finished() {
    let steps: [fn(&Path); 4] = [
        |data| std::fs::create_dir(data.join("store.aside-x")).expect("creates"),
        |data| {
            std::fs::rename(data.join("store.duckdb.wal"), data.join("store.aside-x/store.duckdb.wal"))
                .expect("renames")
        },
        |data| std::fs::rename(data.join("store.duckdb"), data.join("store.aside-x/store.duckdb")).expect("renames"),
        |data| std::fs::rename(data.join(FOLDER).join("store.duckdb"), data.join("store.duckdb")).expect("renames"),
    ];
    for killed_after in 0..=steps.len() {
        let data = scene();
        steps[..killed_after].iter().for_each(|step| step(data.path()));
        finish(data.path()).expect("finishes");
        finish(data.path()).expect("a second time changes nothing");
        let content = content(data.path());
        let holding = |text: &str| -> Vec<&str> {
            content.iter().filter(|(_, found)| found == text).map(|(name, _)| name.as_str()).collect()
        };
        assert_eq!(holding("new"), ["store.duckdb"], "after step {killed_after}");
        let old = [holding("old"), holding("old log")].concat();
        assert!(
            old.len() == 2 && old.iter().all(|name| name.starts_with("store.aside-")),
            "{killed_after}: {content:?}"
        );
        assert!(!data.path().join(FOLDER).exists());
    }
}

/// Guarantees: a store that is not whole never takes the name.
#[test]
fn what_is_unfinished_is_removed() {
    let data = scene();
    std::fs::remove_file(data.path().join(FOLDER).join(WHOLE)).expect("removes");
    finish(data.path()).expect("finishes");
    let names = content(data.path());
    assert_eq!(
        names,
        [("store.duckdb", "old"), ("store.duckdb.wal", "old log"), (REQUESTED, "")]
            .map(|(n, t)| (n.to_owned(), t.to_owned()))
    );
}
