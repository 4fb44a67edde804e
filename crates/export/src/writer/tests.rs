use serde_json::json;

use super::*;
use crate::{MemoryOutput, dataset::SFT};

#[test]
fn a_second_row_of_the_same_id_is_a_duplicate_within_its_file_only() {
    let mut out = MemoryOutput::default();
    let mut progress = |_| ();
    let mut writer = Writer::new(&mut out, &mut progress).expect("opens");
    let provenance = Provenance::default();
    for _ in 0..2 {
        writer.begin(&SFT).expect("begins");
        writer.candidate(Ok(("id".to_owned(), json!({}))), &provenance).expect("writes");
        writer.candidate(Ok(("id".to_owned(), json!({}))), &provenance).expect("writes");
    }
    let counts: Vec<(u64, Option<&u64>)> =
        writer.sections.iter().map(|s| (s.rows, s.rejected.get(&Reason::Duplicate))).collect();
    assert_eq!(counts, [(1, Some(&1)), (1, Some(&1))]);
}

#[test]
fn ids_depend_on_content_and_dataset_not_on_key_order() {
    let one: Value = serde_json::from_str(r#"{"a":1,"b":2}"#).expect("JSON");
    let two: Value = serde_json::from_str(r#"{"b":2,"a":1}"#).expect("JSON");
    assert_eq!(row_id(&SFT, &one), row_id(&SFT, &two));
    assert_ne!(row_id(&SFT, &one), row_id(&crate::dataset::SCORES, &one));
}
