use super::{Key, roots};

fn key(project: &str, artifact_id: &str) -> Key {
    (project.to_owned(), artifact_id.to_owned())
}

/// Guarantees: every link of a chain leads to its end, wherever it stands in the list; circles, and what leads into one, lead
/// nowhere; projects are apart.
#[test]
fn chains_end_where_no_link_goes_on() {
    let links: Vec<(Key, String)> = [
        ("p", "a", "x"),
        ("p", "c", "b"),
        ("p", "b", "a"),
        ("p", "circle", "back"),
        ("p", "back", "circle"),
        ("p", "into", "circle"),
        ("q", "x", "y"),
        ("p", "itself", "itself"),
    ]
    .map(|(project, artifact_id, on)| (key(project, artifact_id), on.to_owned()))
    .into();
    let found: Vec<(&str, &str)> = roots(&links).into_iter().map(|(key, root)| (key.1.as_str(), root)).collect();
    assert_eq!(found, [("a", "x"), ("c", "x"), ("b", "x"), ("x", "y")]);
}

#[test]
fn a_long_chain_takes_one_step_a_link() {
    let links: Vec<(Key, String)> =
        (0..50_000).map(|number| (key("p", &number.to_string()), (number + 1).to_string())).collect();
    let found = roots(&links);
    assert_eq!(found.len(), 50_000);
    assert!(found.iter().all(|(_, root)| *root == "50000"));
}
