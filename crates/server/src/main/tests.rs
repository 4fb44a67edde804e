use anyhow::anyhow;

use super::*;

#[test]
fn a_cause_that_was_told_is_not_told_again() {
    let error = anyhow!("out of memory").context("querying failed: out of memory").context("cannot export");
    assert_eq!(told(&error), "cannot export: querying failed: out of memory");
    assert_eq!(told(&anyhow!("no such file").context("cannot read")), "cannot read: no such file");
}
