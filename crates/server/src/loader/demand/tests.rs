use std::sync::Arc;
use std::time::Duration;

use super::*;

const LONG: Duration = Duration::from_secs(60);

#[test]
fn whoever_asks_ends_the_wait() {
    let demand = Arc::new(Demand::default());
    let began = Instant::now();
    // Nobody wants more than what is there already.
    demand.ask(7);
    demand.wait_past(7, began + Duration::from_millis(20));
    assert!(began.elapsed() >= Duration::from_millis(20));
    // It was asked before the wait, and is asked during one.
    demand.wait_past(6, began + LONG);
    let asking = demand.clone();
    let asker = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        asking.ask(8);
    });
    demand.wait_past(7, began + LONG);
    asker.join().expect("it asks");
    assert!(began.elapsed() < LONG);
}
