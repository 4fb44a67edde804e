use super::*;

fn key(known: &KnownContents, n: usize) -> Key {
    known.key("p", &format!("{n:064x}"))
}

/// Guarantees: it denies nothing that was added, of late or long ago; of new ones it admits next to none, also when it is full.
#[test]
fn what_is_there_is_never_new() {
    let mut known = KnownContents::for_contents(0);
    for n in 0..MIN_CONTENTS {
        let key = key(&known, n);
        if n % 2 == 0 { known.add(key) } else { known.add_stored(key) }
    }
    assert!(!known.is_full());
    for n in 0..MIN_CONTENTS {
        let key = key(&known, n);
        assert_ne!(known.look(key), Known::New);
    }
    let late = key(&known, MIN_CONTENTS - 2);
    assert_eq!(known.look(late), Known::There);
    assert_eq!(known.look(known.key("q", &format!("{:064x}", 0))), Known::New);
    let admitted = (0..200_000).filter(|n| {
        let key = key(&known, MIN_CONTENTS + n);
        known.look(key) != Known::New
    });
    assert!(admitted.count() < 30);
    known.add(late);
    assert!(known.is_full());
    assert!(!KnownContents::for_contents(usize::MAX).is_full());
}
