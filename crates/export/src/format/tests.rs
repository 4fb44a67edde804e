use serde_json::{Value, json};

use crate::{
    Format, Kind, Options, Shape,
    tests::{
        exported, lines,
        memory::{MemoryRows, answers, attempt, calls, correction, pair, score, searching_attempt},
    },
};

/// Attempt `a` searched twice and thought; `b` answered at once; both were scored, `b` was corrected.
fn rows() -> MemoryRows {
    let mut searching = searching_attempt("a", "q", "39");
    searching["definition_tools"] = searching["tool_definitions"].clone();
    searching["agent_name"] = json!("shop");
    MemoryRows {
        attempts: vec![searching, attempt("b", "q", "fourty")],
        evaluations: vec![
            score("e1", "a", "mara", 9.0),
            score("e2", "b", "mara", 9.0),
            correction("e3", "b", "jonas", "forty"),
        ],
        pairs: vec![pair("a", "b", "ranking", Some(1.0), "mara")],
        ..MemoryRows::default()
    }
}

fn written(format: Format, kind: Kind, rows: &MemoryRows) -> (Vec<Value>, Vec<Value>) {
    let options = Options { format, ..Options::new(kind) };
    let (_, files) = exported(rows, &[kind], &options);
    (lines(&files, &format!("{}.jsonl", kind.as_str())), lines(&files, "rejected.jsonl"))
}

/// The row of attempt `a`: the one with a tool call.
fn of_a(format: Format, kind: Kind) -> Value {
    let (rows, _) = written(format, kind, &rows());
    rows.into_iter().find(|row| row.to_string().contains("call_1") || row.to_string().contains("price")).expect("a row")
}

fn roles(messages: &Value, key: &str) -> Vec<String> {
    messages.as_array().expect("a list").iter().map(|m| m[key].as_str().expect("text").to_owned()).collect()
}

#[test]
fn openai_rows_hold_strings_weights_and_nothing_else() {
    let row = of_a(Format::Openai, Kind::Sft);
    assert_eq!(row.as_object().expect("an object").keys().collect::<Vec<_>>(), ["messages", "tools"]);
    let messages = row["messages"].as_array().expect("a list");
    let call = &messages[2]["tool_calls"][0];
    assert_eq!(call["function"]["arguments"], "{\"query\":\"price\"}");
    let id = call["id"].as_str().expect("text");
    assert!(id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");
    assert_eq!(messages[3]["tool_call_id"], id);
    let weights: Vec<&Value> = messages.iter().filter(|m| m["role"] == "assistant").map(|m| &m["weight"]).collect();
    assert_eq!(weights, [&json!(0), &json!(0), &json!(1)]);
    assert!(messages.iter().all(|m| m.get("reasoning_content").is_none() && m.get("name").is_none()));
}

#[test]
fn openai_pairs_have_one_message_a_side_and_prompts_end_with_the_user() {
    let (pairs, _) = written(Format::Openai, Kind::Preference, &rows());
    assert_eq!(pairs[0]["preferred_output"], json!([{"role": "assistant", "content": "39"}]));
    assert_eq!(pairs[0]["non_preferred_output"], json!([{"role": "assistant", "content": "fourty"}]));
    assert_eq!(pairs[0]["input"]["messages"][0]["role"], "system");
    let options = Options { format: Format::Openai, shape: Some(Shape::Step), ..Options::new(Kind::Prompts) };
    let (_, files) = exported(&rows(), &[Kind::Prompts], &options);
    assert_eq!(lines(&files, "prompts.jsonl").len(), 2, "the others end with a tool's result");
    assert!(lines(&files, "rejected.jsonl").iter().any(|line| line["reason"] == "not_expressible"));
}

#[test]
fn sharegpt_turns_alternate_and_parallel_results_are_one() {
    let mut parallel = rows();
    let mut both = calls("Two at once.", "x", json!({"query": "one"}));
    let second = calls("", "y", json!({"query": "two"}))["parts"][1].clone();
    both["parts"].as_array_mut().expect("parts").push(second);
    let input = json!([{"role": "user", "parts": [{"type": "text", "content": "q"}]}, both,
        answers("x", json!("1")), answers("y", json!("2"))]);
    parallel.attempts[0]["input_messages"] = json!(input.to_string());
    let (written, _) = written(Format::Sharegpt, Kind::Trajectory, &parallel);
    let row = written.iter().find(|row| row["tools"] != "").expect("a row");
    assert_eq!(roles(&row["conversations"], "from"), ["human", "function_call", "observation", "gpt"]);
    let call = row["conversations"][1]["value"].as_str().expect("text");
    let (thought, list) = call.rsplit_once("</think>\n\n").expect("a thought");
    assert_eq!(thought, "<think>\nTwo at once.\n");
    assert_eq!(
        serde_json::from_str::<Value>(list).expect("JSON"),
        json!([{"name": "search", "arguments": {"query": "one"}}, {"name": "search", "arguments": {"query": "two"}}])
    );
    assert_eq!(row["conversations"][2]["value"], "1\n</tool_response>\n<tool_response>\n2");
    assert_eq!(row["system"], "Be brief.");
    let tools: Value = serde_json::from_str(row["tools"].as_str().expect("text")).expect("JSON");
    assert_eq!(tools[0]["name"], "search");
}

#[test]
fn sharegpt_names_its_files_and_leaves_out_text_beside_a_call() {
    let options = Options { format: Format::Sharegpt, ..Options::new(Kind::Sft) };
    let (_, files) = exported(&rows(), &[Kind::Sft, Kind::Preference, Kind::Kto], &options);
    let info: Value = serde_json::from_slice(&files["dataset_info.json"]).expect("JSON");
    assert_eq!(info["preference"]["ranking"], true);
    assert_eq!(info["kto"]["columns"]["kto_tag"], "kto_tag");
    assert_eq!(info["sft"]["file_name"], "sft.jsonl");
    let mut talking = rows();
    let mut message = calls("", "x", json!({}));
    message["parts"].as_array_mut().expect("parts").push(json!({"type": "text", "content": "Let me see."}));
    let input =
        json!([{"role": "user", "parts": [{"type": "text", "content": "q"}]}, message, answers("x", json!("1"))]);
    talking.attempts[0]["input_messages"] = json!(input.to_string());
    let (_, rejected) = written(Format::Sharegpt, Kind::Trajectory, &talking);
    assert_eq!(rejected[0]["reason"], "not_expressible");
}

#[test]
fn axolotl_marks_what_to_train_and_takes_only_texts_in_pairs() {
    let row = of_a(Format::Axolotl, Kind::Sft);
    let trained: Vec<&Value> = row["messages"].as_array().expect("a list").iter().map(|m| &m["train"]).collect();
    assert_eq!(trained.iter().filter(|train| **train == &json!(true)).count(), 1);
    assert_eq!(trained.last(), Some(&&json!(true)));
    let (pairs, _) = written(Format::Axolotl, Kind::Preference, &rows());
    assert_eq!(pairs[0]["chosen"], json!({"role": "assistant", "content": "39"}));
}

#[test]
fn nemo_rl_ranks_two_completions_and_tinker_labels_the_first() {
    let (nemo, _) = written(Format::NemoRl, Kind::Preference, &rows());
    assert_eq!(
        nemo[0]["completions"],
        json!([{"rank": 0, "completion": [{"role": "assistant", "content": "39"}]},
            {"rank": 1, "completion": [{"role": "assistant", "content": "fourty"}]}])
    );
    let (tinker, _) = written(Format::Tinker, Kind::Preference, &rows());
    assert_eq!(
        (&tinker[0]["label"], &tinker[0]["comparison"]["completion_B"][0]["content"]),
        (&json!("A"), &json!([{"type": "text", "text": "fourty"}]))
    );
    let row = of_a(Format::Tinker, Kind::Trajectory);
    let first = &row["messages"][2];
    assert_eq!(first["content"], json!([{"type": "thinking", "thinking": "I should look it up first."}]));
    assert_eq!(first["tool_calls"][0]["function"]["arguments"], "{\"query\":\"price\"}");
    assert_eq!((&first["trainable"], &row["messages"][1]["trainable"]), (&json!(true), &json!(false)));
}

#[test]
fn atif_steps_are_numbered_and_results_lie_with_their_calls() {
    let row = of_a(Format::Atif, Kind::Trajectory);
    assert_eq!((&row["schema_version"], &row["agent"]["name"]), (&json!("ATIF-v1.8"), &json!("shop")));
    let steps = row["steps"].as_array().expect("a list");
    assert_eq!(roles(&row["steps"], "source"), ["system", "user", "agent", "agent", "agent"]);
    let numbers: Vec<u64> = steps.iter().filter_map(|step| step["step_id"].as_u64()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!(steps[2]["observation"]["results"], json!([{"source_call_id": "call_1", "content": "39 pounds"}]));
    assert_eq!(steps[2]["tool_calls"][0]["arguments"], json!({"query": "price"}));
    assert!(steps.iter().all(|step| step.get("is_copied_context").is_none()));
    assert_eq!(row["extra"]["provenance"]["attempt_ids"], json!(["a"]));
}

/// Guarantees: where a format's rows cannot hold it, the provenance of each is beside them, in their order.
#[test]
fn provenance_is_beside_rows_that_cannot_hold_it() {
    for format in Format::ALL.into_iter().filter(|format| !matches!(format, Format::Trl | Format::Verl)) {
        let kind = if format == Format::Atif { Kind::Trajectory } else { Kind::Sft };
        let (_, files) = exported(&rows(), &[kind], &Options { format, ..Options::new(kind) });
        let (rows, beside) = (lines(&files, &format!("{}.jsonl", kind.as_str())), lines(&files, "provenance.jsonl"));
        assert_eq!(rows.len(), beside.len(), "{format:?}");
        for (row, beside) in rows.iter().zip(&beside) {
            assert_eq!(row.to_string().contains("search"), beside["attempt_ids"] == json!(["a"]), "{format:?}");
        }
    }
}

/// Guarantees: every row of every format has only columns that the card declares.
#[test]
fn rows_of_every_format_have_declared_columns_alone() {
    for format in Format::ALL {
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Sql && format.takes(*kind)) {
            if format == Format::Verl {
                continue;
            }
            let (_, files) = exported(&rows(), &[kind], &Options { format, ..Options::new(kind) });
            let main = crate::dataset::Dataset::main(kind, Shape::Attempt).expect("a dataset");
            let declared: Vec<&str> = format.columns(main).expect("columns").iter().map(|(name, _)| *name).collect();
            for row in lines(&files, &format!("{}.jsonl", kind.as_str())) {
                for key in row.as_object().expect("an object").keys() {
                    assert!(declared.contains(&key.as_str()), "{format:?} {kind:?} {key}");
                }
            }
        }
    }
}
