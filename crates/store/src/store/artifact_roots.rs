//! Keeps `artifact_roots`: for every artifact that feedback declared on an artifact, the artifact at the end of that chain,
//! which was declared on something else (an attempt, a span, a final answer).
//!
//! The artifacts may come in any order, so the table is a function of all items, and is made anew by a commit that brings such
//! an item. It is a table since DuckDB cannot run a recursion inside of a correlated subquery, and feedback is often asked for
//! in one (measured on 1.5.5). Chains that run in a circle have no end and no row.

use std::collections::HashMap;

use duckdb::{Connection, params};
use gleaner_model::FeedbackBody;
use serde_json::{Value, json};

use super::Commit;
use crate::StoreError;

/// The table; see [`crate::schema`].
pub(crate) const CREATE: &str =
    "CREATE TABLE artifact_roots (project VARCHAR, artifact_id VARCHAR, root_artifact_id VARCHAR)";

/// (project, artifact id).
type Key = (String, String);

/// Makes the chains anew, after the items of the commit were written, if one of them can have changed a chain; tells whether.
pub(super) fn refresh(connection: &Connection, commit: &Commit) -> Result<bool, StoreError> {
    let carried = commit.facts.iter().flat_map(|fact| &fact.feedback);
    let mut items = commit.feedback.iter().map(|(_, _, item)| item).chain(carried);
    if !items.any(|item| matches!(&item.body, FeedbackBody::Artifact(made) if made.target.artifact_id.is_some())) {
        return Ok(false);
    }
    let sql = |e| StoreError::sql("keeping the chains of artifacts", e);
    let mut statement = connection
        .prepare_cached(
            "SELECT project, item_id, target.artifact_id
             FROM feedback_targets target
             JOIN feedback_facts item USING (project, item_id)
             WHERE item.kind = 'artifact' AND target.artifact_id IS NOT NULL
             ORDER BY ALL",
        )
        .map_err(sql)?;
    let links = statement
        .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))
        .and_then(Iterator::collect::<Result<Vec<(Key, String)>, _>>)
        .map_err(sql)?;
    let rows: Vec<Value> = roots(&links)
        .into_iter()
        .map(|((project, artifact_id), root)| json!({"project": project, "artifact_id": artifact_id, "root": root}))
        .collect();
    connection.execute_batch("DELETE FROM artifact_roots").map_err(sql)?;
    connection
        .execute(
            "INSERT INTO artifact_roots
             SELECT link.project, link.artifact_id, link.root
             FROM (SELECT unnest(from_json(?,
                 '[{\"project\": \"VARCHAR\", \"artifact_id\": \"VARCHAR\", \"root\": \"VARCHAR\"}]')) AS link)",
            params![Value::Array(rows).to_string()],
        )
        .map_err(sql)?;
    Ok(true)
}

/// An artifact that was declared on another: in the order of the links, with the end of each chain. Linear in the links.
fn roots(links: &[(Key, String)]) -> Vec<(&Key, &str)> {
    let next: HashMap<&Key, &str> = links.iter().map(|(key, on)| (key, on.as_str())).collect();
    let mut known: HashMap<Key, Option<&str>> = HashMap::new();
    let mut found = Vec::with_capacity(links.len());
    for (key, _) in links {
        let mut chain: Vec<Key> = Vec::new();
        let mut at = key.clone();
        let root = loop {
            if let Some(root) = known.get(&at) {
                break *root;
            }
            let Some(on) = next.get(&at) else { break chain.last().and_then(|last| next.get(last).copied()) };
            // Until its end is found, a link leads nowhere: that ends a circle.
            known.insert(at.clone(), None);
            chain.push(std::mem::replace(&mut at, (key.0.clone(), (*on).to_owned())));
        };
        for link in chain {
            known.insert(link, root);
        }
        found.extend(root.map(|root| (key, root)));
    }
    found
}

#[cfg(test)]
mod tests;
