use super::*;

/// Guarantees: both bounds hold, a refusal takes nothing, and what was held is given back.
#[test]
fn both_pools_bound_and_get_back_what_was_held() {
    let all = Pool::of_all(100);
    let (one, other) = (Pool::of_connection(60), Pool::of_connection(60));
    let mut first = Held::nothing(&all, &one);
    first.grow(50).expect("room");
    assert_eq!(first.grow(11).expect_err("beyond the connection's share").code, ErrorCode::Busy);
    assert_eq!((all.used_bytes(), one.used_bytes()), (50, 50));
    let mut second = Held::nothing(&all, &other);
    assert_eq!(second.grow(51).expect_err("beyond what is left of all").code, ErrorCode::Busy);
    assert_eq!((all.used_bytes(), other.used_bytes()), (50, 0));
    second.grow(50).expect("room");
    second.shrink_to(20);
    assert_eq!((all.used_bytes(), other.used_bytes()), (70, 20));
    drop(first);
    drop(second);
    assert_eq!((all.used_bytes(), one.used_bytes(), other.used_bytes()), (0, 0, 0));
}
