//! What the guard passes is one query that changes nothing and shows no file, where DuckDB itself would allow both; and the same query in
//! DuckDB's own words gets the same verdict.
#![no_main]

use gleaner_query::{Checked, QueryError, check};
use libfuzzer_sys::fuzz_target;

use crate::against_duckdb::House;

#[path = "../../crates/query/src/guard/against_duckdb.rs"]
mod against_duckdb;

thread_local! {
    static HOUSE: House = House::open();
}

fuzz_target!(|text: &str| {
    HOUSE.with(|house| house.judge(&house.with_canary(text)).unwrap_or_else(|wrong| panic!("{wrong}")));
});
