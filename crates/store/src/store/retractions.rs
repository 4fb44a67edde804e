//! Keeps `retracted_rows`: the items of feedback that were taken back, written down in the loader's transaction.
//!
//! Whatever reads feedback leaves them out, some answers at four places, and finding them joins all items with all retractions. Nothing
//! that was taken back comes again, so a commit only adds those that it takes back, and those of its own that were taken back before
//! they came. The table is always what [`selected`] says over all items, whatever the order of arrival.

use duckdb::{Connection, params};

use super::keys::{Keys, list, numbered, read_keys};
use crate::StoreError;

/// The table; see [`crate::schema`].
pub(crate) const CREATE: &str = "CREATE TABLE retracted_rows (project VARCHAR, item_id VARCHAR)";

/// Of some items those that were taken back. `items` is a relation of project and item id.
pub(super) fn selected(items: &str) -> String {
    let by = |name: &str| {
        format!(
            "SELECT item.project, item.item_id
             FROM feedback_facts item
             JOIN feedback_facts retraction ON retraction.project = item.project AND retraction.of_item = item.{name}
             WHERE retraction.kind = 'retraction' AND item.kind <> 'retraction' AND (item.project, item.item_id) IN {items}"
        )
    };
    format!("{} UNION {}", by("item_id"), by("idempotency_key"))
}

/// Adds what is taken back now, after the new items were written. Gives the items that retractions among the new ones name.
pub(super) fn refresh(connection: &Connection, new: &Keys) -> Result<Keys, StoreError> {
    let sql = |e| StoreError::sql("keeping what is retracted", e);
    if new.is_empty() {
        return Ok(Keys::new());
    }
    let named = "SELECT project, of_item FROM feedback_facts WHERE kind = 'retraction' AND (project, item_id) IN $new";
    let named = read_keys(connection, &named.replace("$new", &numbered(1)), params![list(new)]).map_err(sql)?;
    let mut items = new.clone();
    let mut retracted = Keys::new();
    if !named.is_empty() {
        let of = "SELECT project, item_id FROM feedback_facts
                  WHERE (project, item_id) IN $named OR (project, idempotency_key) IN $named";
        retracted = read_keys(connection, &of.replace("$named", &numbered(1)), params![list(&named)]).map_err(sql)?;
        items.extend(retracted.iter().cloned());
    }
    let insert = format!(
        "INSERT INTO retracted_rows FROM ({}) taken ANTI JOIN retracted_rows USING (project, item_id) ORDER BY ALL",
        selected(&numbered(1))
    );
    connection.prepare_cached(&insert).and_then(|mut known| known.execute(params![list(&items)])).map_err(sql)?;
    Ok(retracted)
}
