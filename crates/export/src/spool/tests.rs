use super::*;

#[test]
fn records_read_back_in_any_order_between_writes() {
    let mut spool = Spool::new(None).expect("opens");
    let first = spool.put(b"one").expect("writes");
    let empty = spool.put(b"").expect("writes");
    assert_eq!(spool.get(first).expect("reads"), b"one");
    let second = spool.put(b"second").expect("writes");
    assert_eq!(spool.get(second).expect("reads"), b"second");
    assert_eq!(spool.get(first).expect("reads"), b"one");
    assert_eq!(spool.get(empty).expect("reads"), b"");
}

#[test]
fn nothing_of_it_is_seen_in_its_folder() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut spool = Spool::new(Some(dir.path())).expect("opens");
    spool.put(b"text").expect("writes");
    assert_eq!(std::fs::read_dir(dir.path()).expect("lists").count(), 0);
}
