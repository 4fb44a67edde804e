use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn all_that_is_put_is_taken_in_its_order_and_never_too_much_waits() {
    let waiting = AtomicUsize::new(0);
    let most = AtomicUsize::new(0);
    let take = |taken: &mut Vec<usize>, item: usize| {
        waiting.fetch_sub(10, Ordering::SeqCst);
        taken.push(item);
        Ok(())
    };
    let taken = pipe(Vec::new(), 50, take, |queue| {
        (0..1000).try_for_each(|item| {
            most.fetch_max(waiting.fetch_add(10, Ordering::SeqCst) + 10, Ordering::SeqCst);
            queue.put(item, 10)
        })
    });
    assert_eq!(taken.expect("both end well"), (0..1000).collect::<Vec<_>>());
    // Beside those that wait, one that is being put and one that is being taken are counted.
    assert!(most.into_inner() <= 50 + 20);
}

#[test]
fn an_item_larger_than_the_room_goes_by_itself() {
    let take = |sum: &mut u32, item| {
        *sum += item;
        Ok(())
    };
    let taken = pipe(0, 5, take, |queue| (0..3).try_for_each(|_| queue.put(1, 100)));
    assert_eq!(taken.expect("both end well"), 3);
}

#[test]
fn the_step_that_failed_first_is_told() {
    let failing = |_: &mut (), _| Err(ExportError::TooManyRows { limit: 7 });
    let error = pipe((), 1, failing, |queue| (0..100).try_for_each(|item| queue.put(item, 1))).expect_err("fails");
    assert!(matches!(error, ExportError::TooManyRows { limit: 7 }), "{error}");
    let error = pipe((), 1, |(), _: u32| Ok(()), |_| Err(ExportError::Cancelled)).expect_err("fails");
    assert!(matches!(error, ExportError::Cancelled), "{error}");
}
