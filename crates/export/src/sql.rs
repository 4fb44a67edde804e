//! The queries of an export, over the public relations.
//!
//! Pure: options in, text and parameters out. Values are bound; the caller's `--where` is put in as it stands, since the
//! caller has checked it.

use serde_json::Value;

use crate::{Kind, Options, Reasoning, Shape, read::Page};

/// Which attempts and columns the kinds asked for need.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Attempts that nobody spoke of, too.
    pub(crate) all: bool,
    /// Attempts that pairs, rankings and directives speak of.
    pub(crate) compared: bool,
    /// Attempts with a score or a correction.
    pub(crate) scored: bool,
    /// Attempts of lineages that were given directives.
    pub(crate) directed: bool,
    /// The outputs of earlier calls, for the reasoning that the history leaves out.
    pub(crate) thoughts: bool,
    /// The user's need, and the declared artifact.
    pub(crate) task: bool,
}

impl Wanted {
    pub(crate) fn of(kinds: &[Kind], options: &Options) -> Self {
        let any = |wanted: &[Kind]| kinds.iter().any(|kind| wanted.contains(kind));
        let is_shaped = |shape| kinds.iter().any(|kind| options.shape_of(*kind) == shape);
        Self {
            all: any(&[Kind::Trajectory, Kind::Prompts]),
            compared: any(&[Kind::Preference, Kind::Reward]),
            scored: any(&[Kind::Sft, Kind::Kto, Kind::Reward, Kind::Revisions]),
            directed: any(&[Kind::Revisions]),
            thoughts: options.reasoning != Reasoning::Drop
                && (any(&[Kind::Trajectory]) || options.shape.is_some_and(|s| s != Shape::Task)),
            task: is_shaped(Shape::Task),
        }
    }
}

/// Long texts come as ids of their pieces; see `read::texts`. Plain ones that are seldom asked for are not here; see [`plain_texts`].
const COLUMNS: &str = "a.attempt_id, a.project, a.session_id, a.lineage_id, a.agent_definition_id, a.trace_ids, s.span_ids, a.status, \
     a.output_text, left(a.start_key, 20) AS started, a.input_messages_pieces AS question, \
     a.history_messages::VARCHAR AS question_history, a.history_complete AS question_complete, \
     c.system_prompt_pieces AS system_prompt, c.input_messages_pieces AS input, c.history_messages::VARCHAR AS input_history, \
     c.history_complete, c.output_messages_pieces AS output, \
     c.tool_definitions_pieces AS tool_definitions, s.agent_tools, s.source_keys, c.source_keys_pieces AS call_source_keys, \
     coalesce(s.has_model, false) AS has_model";

/// What is told of the spans that an attempt is made of, and the tools that its first agent span declares. Duplicates are told better
/// by another span.
const SPANS: &str = "list(span_id) FILTER (kind IN ('llm', 'tool')) AS span_ids, \
     bool_or(kind IN ('llm', 'agent')) AS has_model, list(source_keys_pieces) FILTER (kind = 'llm') AS source_keys, \
     arg_min(tool_definitions_pieces, start_time_unix_nano) \
     FILTER (kind = 'agent' AND tool_definitions_pieces IS NOT NULL) AS agent_tools";

/// Outputs that show reasoning; where rows are judged by it, all of them, since hidden reasoning is told by the output alone.
fn outputs(policy: Reasoning) -> String {
    let shown = match policy {
        Reasoning::Keep | Reasoning::Drop => " AND reasoning_text_pieces IS NOT NULL",
        _ => "",
    };
    let of_calls = format!(
        "ORDER BY start_time_unix_nano, span_id) FILTER (kind = 'llm' AND output_messages_pieces IS NOT NULL{shown})"
    );
    format!(
        ", list(output_messages_pieces {of_calls} AS outputs, list(reasoning_text_pieces IS NOT NULL {of_calls} AS outputs_think"
    )
}

const COMPARED: &str = "SELECT chosen_attempt_id FROM preference_pairs UNION ALL SELECT rejected_attempt_id FROM preference_pairs \
     UNION ALL SELECT attempt_id FROM comparison_entries";

const SCORED: &str =
    "SELECT attempt_id FROM evaluations WHERE in_force AND (score IS NOT NULL OR correction IS NOT NULL)";

/// Scores of one criterion make pairs too, where it is asked for.
const RATED: &str = "SELECT attempt_id FROM evaluations WHERE in_force AND score IS NOT NULL AND criterion = ?";

/// Any attempt of a lineage (or session) that a directive was given to can be one that it led to.
const DIRECTED: &str = "SELECT o.attempt_id FROM attempts o JOIN (\
     SELECT g.project, g.lineage_id FROM directives g WHERE g.lineage_id IS NOT NULL \
     UNION SELECT n.project, n.lineage_id FROM directives g JOIN attempts n ON n.project = g.project AND n.session_id = g.session_id \
     WHERE g.lineage_id IS NULL) l ON l.project = o.project AND l.lineage_id = o.lineage_id";

/// The attempts within the filters, as ids: those of one trace with the time of recording, in its order; then the others.
pub(crate) fn chosen(options: &Options, wanted: &Wanted) -> (String, Vec<Value>) {
    let (spoken_of, mut params) = spoken_of(options, wanted);
    let (filter, filter_params) = attempt_filter(options, wanted);
    params.extend(filter_params);
    let is_compared = match wanted.compared || wanted.directed {
        true => "a.attempt_id IN (SELECT attempt_id FROM compared)",
        false => "false",
    };
    let sql = format!(
        "WITH {spoken_of} SELECT a.attempt_id, {is_compared} AS is_compared, \
         CASE WHEN json_array_length(a.trace_ids) = 1 THEN epoch_us(a.recorded_at) END AS recorded_us \
         FROM attempts a WHERE {filter} ORDER BY recorded_us NULLS LAST, a.attempt_id"
    );
    (sql, params)
}

/// Everything of some attempts that a page holds. Both the attempts and their spans are looked for in the time of recording.
pub(crate) fn page(options: &Options, wanted: &Wanted, page: &Page) -> (String, Vec<Value>) {
    let mut params = vec![Value::from(page.attempt_ids.clone())];
    let mut recorded = |table| recorded(page, table, &mut params);
    let (of_spans, of_calls, of_attempts) = (recorded("e"), recorded("e"), recorded("a"));
    let (columns, outputs) = match wanted.thoughts {
        true => (format!("{COLUMNS}, s.outputs, s.outputs_think"), outputs(options.reasoning)),
        false => (COLUMNS.to_owned(), String::new()),
    };
    let sql = format!(
        "WITH {PAGE} SELECT {columns} FROM attempts_in_pieces a LEFT JOIN (\
         SELECT attempt_id, {SPANS}{outputs} FROM spans_in_pieces e WHERE e.duplicate_of IS NULL{of_spans} \
         AND e.kind IN ('llm', 'tool', 'agent') AND e.attempt_id IN (SELECT attempt_id FROM page) GROUP BY attempt_id\
         ) s ON s.attempt_id = a.attempt_id LEFT JOIN (\
         SELECT * FROM spans_in_pieces e WHERE e.duplicate_of IS NULL{of_calls}\
         ) c ON {LAST_CALL} WHERE a.attempt_id IN (SELECT attempt_id FROM page){of_attempts}"
    );
    (sql, params)
}

/// What some attempts of a page were asked and what their last calls answered, as plain text: of those that recorded no messages.
pub(crate) fn plain_texts(page: &Page, attempt_ids: &[&str]) -> (String, Vec<Value>) {
    let mut params = vec![Value::from(attempt_ids)];
    let mut recorded = |table| recorded(page, table, &mut params);
    let (of_calls, of_attempts) = (recorded("e"), recorded("a"));
    let sql = format!(
        "WITH {PAGE} SELECT a.attempt_id, a.input_text, c.output_text AS call_output_text FROM attempts_in_pieces a LEFT JOIN (\
         SELECT project, attempt_id, trace_id, span_id, output_text FROM spans_in_pieces e WHERE e.duplicate_of IS NULL{of_calls}\
         ) c ON {LAST_CALL} WHERE a.attempt_id IN (SELECT attempt_id FROM page){of_attempts}"
    );
    (sql, params)
}

const PAGE: &str = "page AS MATERIALIZED (SELECT unnest(from_json(?, '[\"VARCHAR\"]')) AS attempt_id)";

const LAST_CALL: &str = "c.attempt_id = a.attempt_id AND c.project = a.project AND c.span_id = a.conversation_span_id \
     AND c.trace_id = a.conversation_trace_id";

/// A condition on the time of recording, where the page has one.
fn recorded(page: &Page, table: &str, params: &mut Vec<Value>) -> String {
    let Some((first, last)) = page.recorded_us else { return String::new() };
    params.extend([Value::from(first), Value::from(last)]);
    format!(" AND {table}.recorded_at BETWEEN make_timestamp(?) AND make_timestamp(?)")
}

/// Scores and corrections in force, those of an attempt together, from the earliest to the latest.
pub(crate) fn feedback(options: &Options) -> (String, Vec<Value>) {
    let (mut filter, mut params) = filters(options, "e");
    filter.push_str(&options.select.of_criterion("e", &mut params));
    let sql = format!(
        "SELECT e.attempt_id, e.evaluation_id, e.criterion, e.score, e.correction, e.comment, e.reviewer, e.source \
         FROM evaluations e WHERE e.in_force AND e.attempt_id IS NOT NULL \
         AND (e.score IS NOT NULL OR e.correction IS NOT NULL) AND {filter} \
         ORDER BY e.attempt_id, e.created_at, e.evaluation_id"
    );
    (sql, params)
}

pub(crate) fn definitions(options: &Options) -> (String, Vec<Value>) {
    let (filter, params) = project_filter(options, "d");
    let sql = format!(
        "SELECT d.project, d.agent_definition_id, d.system_prompt, d.tools::VARCHAR AS tools, d.model, d.agent_name, \
         d.version_labels ->> '$[0]' AS version FROM agent_definitions d WHERE {filter}"
    );
    (sql, params)
}

/// What users need, by session.
pub(crate) fn needs(options: &Options) -> (String, Vec<Value>) {
    let (filter, params) = project_filter(options, "n");
    (format!("SELECT n.project, n.session_id, n.need FROM sessions n WHERE n.need IS NOT NULL AND {filter}"), params)
}

/// What was declared last; a final answer is known from the attempt.
pub(crate) fn artifacts(options: &Options) -> (String, Vec<Value>) {
    let (filter, params) = project_filter(options, "r");
    let sql = format!(
        "SELECT r.attempt_id, arg_max(r.content, row(r.created_at, r.artifact_id)) AS artifact FROM artifacts r \
         WHERE r.origin <> 'final_answer' AND r.content IS NOT NULL AND r.attempt_id IS NOT NULL AND {filter} GROUP BY r.attempt_id"
    );
    (sql, params)
}

/// The attempts that are compared, and those that are compared or scored.
fn spoken_of(options: &Options, wanted: &Wanted) -> (String, Vec<Value>) {
    let union = |is_wanted: bool, sql: &str| if is_wanted { format!(" UNION ALL {sql}") } else { String::new() };
    let (directed, scored) = (union(wanted.directed, DIRECTED), union(wanted.scored, SCORED));
    let compared = if wanted.compared { COMPARED } else { "SELECT NULL::VARCHAR WHERE false" };
    let criterion = options.select.criterion.as_deref().filter(|_| wanted.compared);
    let rated = union(criterion.is_some(), RATED);
    let sql = format!(
        "compared AS MATERIALIZED (SELECT DISTINCT * FROM ({compared}{rated}{directed}) AS t (attempt_id) \
         WHERE attempt_id IS NOT NULL), \
         spoken_of AS (SELECT attempt_id FROM compared{scored})"
    );
    (sql, criterion.into_iter().map(Value::from).collect())
}

/// How often each reviewer gave each score, in an order of its own.
pub(crate) fn score_counts(options: &Options) -> (String, Vec<Value>) {
    let (mut filter, mut params) = filters(options, "e");
    match &options.select.criterion {
        None => filter.push_str(" AND e.criterion IS NULL"),
        Some(_) => filter.push_str(&options.select.of_criterion("e", &mut params)),
    }
    let sql = format!(
        "SELECT e.reviewer, e.source, e.score, count(*) AS scores FROM evaluations e WHERE {filter} AND e.in_force \
         AND e.score IS NOT NULL GROUP BY ALL ORDER BY e.reviewer NULLS FIRST, e.source, e.score"
    );
    (sql, params)
}

/// Of each session the question of the attempt that started first.
pub(crate) fn first_questions(options: &Options) -> (String, Vec<Value>) {
    let (filter, params) = project_filter(options, "a");
    let sql = format!(
        "SELECT a.project, a.session_id, arg_min(a.prompt_hash, row(a.start_key, a.attempt_id)) AS prompt_hash \
         FROM attempts a WHERE {filter} AND a.prompt_hash IS NOT NULL AND a.session_id IS NOT NULL \
         GROUP BY a.project, a.session_id ORDER BY a.project, a.session_id"
    );
    (sql, params)
}

/// Of scores by one criterion: comparison attempts of different lineages, same session, cycle and reviewer, and a gap as wide
/// as overall scores need (the view's rule).
const RATED_PAIRS: &str = "WITH comparison_attempt AS (\
     SELECT project, session_id, lineage_id, cycle, arg_max(attempt_id, row(attempt_number, start_key, attempt_id)) AS attempt_id \
     FROM attempts WHERE status = 'ok' AND attempt_number IS NOT NULL GROUP BY project, session_id, lineage_id, cycle), \
     rated AS (SELECT e.project, e.evaluation_id, e.attempt_id, e.score, e.reviewer, e.source, \
     o.session_id, o.lineage_id, o.cycle FROM evaluations e JOIN comparison_attempt o \
     ON o.project = e.project AND o.attempt_id = e.attempt_id \
     WHERE e.in_force AND e.score IS NOT NULL AND e.criterion = ?), \
     rated_pair AS (SELECT better.project, better.session_id, better.attempt_id AS chosen_attempt_id, \
     worse.attempt_id AS rejected_attempt_id, 'score' AS rule, better.score - worse.score AS margin, better.reviewer, \
     better.source, better.evaluation_id || worse.evaluation_id AS pair_id, \
     to_json([better.evaluation_id, worse.evaluation_id]) AS evidence \
     FROM rated better JOIN rated worse ON worse.project = better.project AND worse.session_id = better.session_id \
     AND worse.cycle = better.cycle AND worse.lineage_id <> better.lineage_id \
     AND worse.reviewer IS NOT DISTINCT FROM better.reviewer \
     WHERE better.score - worse.score >= (SELECT min_score_gap FROM read_settings) \
     AND (better.reviewer IS NOT NULL OR better.source = worse.source))";

/// Pairs of a session follow each other. The view's score pairs are of overall scores: where a criterion is asked for, those
/// of its scores stand beside the comparisons by it.
pub(crate) fn pairs(options: &Options) -> (String, Vec<Value>) {
    const COLUMNS: &str = "project, session_id, chosen_attempt_id, rejected_attempt_id, rule, margin, reviewer, source, pair_id, \
         to_json(evidence) AS evidence";
    let (filter, filter_params) = filters(options, "p");
    let order = "ORDER BY project, session_id, pair_id";
    match &options.select.criterion {
        // What is better by one criterion is not better over all. A correction is of the whole output, whatever it came with.
        None => {
            let overall = "(p.criterion IS NULL OR p.rule = 'correction')";
            (format!("SELECT {COLUMNS} FROM preference_pairs p WHERE {filter} AND {overall} {order}"), filter_params)
        }
        Some(criterion) => {
            let mut params = vec![Value::from(criterion.as_str()); 2];
            params.extend(filter_params);
            let by_criterion = format!(
                "SELECT {COLUMNS} FROM preference_pairs p WHERE p.criterion = ? UNION ALL BY NAME SELECT {COLUMNS} FROM rated_pair"
            );
            (format!("{RATED_PAIRS} SELECT {COLUMNS} FROM ({by_criterion}) p WHERE {filter} {order}"), params)
        }
    }
}

pub(crate) fn rankings(options: &Options) -> (String, Vec<Value>) {
    let (mut filter, mut params) = filters(options, "c");
    filter.push_str(&options.select.of_criterion("c", &mut params));
    let sql = format!(
        "SELECT c.comparison_id, c.criterion, c.reviewer, c.source, e.attempt_id, e.rank FROM comparisons c \
         JOIN comparison_entries e ON e.comparison_id = c.comparison_id AND e.project = c.project \
         WHERE {filter} AND c.kind = 'ranking' ORDER BY c.comparison_id, e.rank, e.attempt_id"
    );
    (sql, params)
}

/// A directive speaks of the attempt it names, else of the last attempt that had ended well in each lineage it was given
/// to. What came of it is the lineage's next attempt that ended well: of the next cycle that has one the last, as in
/// comparisons; within a cycle the next retry.
pub(crate) fn revisions(options: &Options) -> (String, Vec<Value>) {
    let (filter, params) = filters(options, "g");
    let sql = format!(
        "WITH directive AS (SELECT g.* FROM directives g WHERE {filter}), \
         ended AS (SELECT project, session_id, lineage_id, attempt_id, cycle, attempt_number, started_at, status FROM attempts), \
         given AS (\
         SELECT g.project, g.directive_id, g.text, g.reviewer, g.source, g.created_at, g.cycle, o.lineage_id, \
         g.attempt_id AS named FROM directive g JOIN ended o ON o.project = g.project AND o.attempt_id = g.attempt_id \
         UNION ALL \
         SELECT g.project, g.directive_id, g.text, g.reviewer, g.source, g.created_at, g.cycle, g.lineage_id, NULL \
         FROM directive g WHERE g.attempt_id IS NULL AND g.lineage_id IS NOT NULL \
         UNION ALL \
         SELECT g.project, g.directive_id, g.text, g.reviewer, g.source, g.created_at, g.cycle, o.lineage_id, NULL \
         FROM directive g JOIN (SELECT DISTINCT project, session_id, lineage_id FROM ended) o \
         ON o.project = g.project AND o.session_id = g.session_id WHERE g.attempt_id IS NULL AND g.lineage_id IS NULL), \
         spoken AS (SELECT v.project, v.directive_id, v.text, v.reviewer, v.source, v.lineage_id, \
         arg_max(struct_pack(attempt_id := o.attempt_id, cycle := o.cycle, attempt_number := o.attempt_number), \
         row(o.cycle, o.attempt_number, o.attempt_id)) AS was \
         FROM given v JOIN ended o ON o.project = v.project AND o.lineage_id = v.lineage_id AND (o.attempt_id = v.named \
         OR (v.named IS NULL AND o.status = 'ok' AND o.started_at <= v.created_at AND (v.cycle IS NULL OR o.cycle = v.cycle))) \
         GROUP BY ALL) \
         SELECT v.directive_id, v.text, v.reviewer, v.source, v.was.attempt_id AS attempt_id, \
         arg_min(o.attempt_id, row(o.cycle, CASE WHEN o.cycle = v.was.cycle THEN o.attempt_number ELSE -o.attempt_number END, \
         o.attempt_id)) AS next_attempt_id \
         FROM spoken v LEFT JOIN ended o ON o.project = v.project AND o.lineage_id = v.lineage_id AND o.status = 'ok' \
         AND (o.cycle > v.was.cycle OR (o.cycle = v.was.cycle AND o.attempt_number > v.was.attempt_number)) \
         GROUP BY ALL ORDER BY v.directive_id, v.was.attempt_id"
    );
    (sql, params)
}

fn filters(options: &Options, table: &str) -> (String, Vec<Value>) {
    let (project, mut params) = project_filter(options, table);
    let (sources, more) = sources_filter(options, &format!("{table}.source"));
    params.extend(more);
    let reviewers = options.select.of_feedback(table, &mut params);
    (format!("{project} AND {sources}{reviewers}"), params)
}

fn project_filter(options: &Options, table: &str) -> (String, Vec<Value>) {
    match &options.project {
        Some(project) => (format!("{table}.project = ?"), vec![Value::from(project.as_str())]),
        None => ("TRUE".to_owned(), Vec::new()),
    }
}

fn sources_filter(options: &Options, column: &str) -> (String, Vec<Value>) {
    if options.sources.is_empty() {
        return ("TRUE".to_owned(), Vec::new());
    }
    let marks = vec!["?"; options.sources.len()].join(", ");
    (format!("{column} IN ({marks})"), options.sources.iter().map(|source| Value::from(source.as_str())).collect())
}

fn attempt_filter(options: &Options, wanted: &Wanted) -> (String, Vec<Value>) {
    let (mut filter, mut params) = project_filter(options, "a");
    filter.push_str(&options.select.of_attempts(&mut params));
    if !wanted.all {
        filter.push_str(" AND a.attempt_id IN (SELECT attempt_id FROM spoken_of)");
    }
    if let Some(condition) = &options.where_sql {
        // The line breaks keep a comment at the end of the condition from swallowing the brackets.
        filter.push_str(" AND a.attempt_id IN (SELECT attempt_id FROM attempts WHERE (\n");
        filter.push_str(condition);
        filter.push_str("\n))");
    }
    (filter, params)
}
