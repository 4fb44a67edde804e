//! The queries of an export, over the public relations.
//!
//! Pure: options in, text and parameters out. Values are bound; the caller's `--where` is put in as it stands, since the
//! caller has checked it.

use serde_json::Value;

use crate::{Kind, Options, Reasoning, Shape};

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

/// JSON columns come as their text, which is read into types without a step between.
const COLUMNS: &str = "a.attempt_id, a.project, a.session_id, a.lineage_id, a.agent_definition_id, \
     to_json(a.trace_ids) AS trace_ids, to_json(s.span_ids) AS span_ids, a.status, a.output_text, \
     left(a.start_key, 20) AS started, a.input_messages::VARCHAR AS question_messages, a.history_complete AS question_complete, \
     a.input_text, d.system_prompt AS definition_system_prompt, d.tools::VARCHAR AS definition_tools, d.model, d.agent_name, \
     d.version_labels ->> '$[0]' AS version, c.system_prompt, c.input_messages::VARCHAR AS input_messages, c.history_complete, \
     c.output_messages::VARCHAR AS output_messages, \
     c.output_text AS call_output_text, c.tool_definitions::VARCHAR AS tool_definitions, \
     s.agent_tools::VARCHAR AS agent_tools, f.feedback::VARCHAR AS feedback, s.is_truncated, \
     contains(c.source_keys::VARCHAR, '\"truncated\"') AS conversation_truncated";

const DEFINITION: &str =
    "LEFT JOIN agent_definitions d ON d.agent_definition_id = a.agent_definition_id AND d.project = a.project";

/// The spans that an attempt is made of, whether content of one of them was cut off, and the tools that its first agent span
/// declares. Duplicates are told better by another span.
const SPANS: &str = "LEFT JOIN (SELECT attempt_id, \
     list(span_id ORDER BY span_id) FILTER (kind IN ('llm', 'tool')) AS span_ids, \
     bool_or(kind = 'llm' AND contains(source_keys::VARCHAR, '\"truncated\"')) AS is_truncated, \
     arg_min(tool_definitions, start_time_unix_nano) FILTER (kind = 'agent' AND tool_definitions IS NOT NULL) AS agent_tools \
     FROM execution_spans WHERE duplicate_of IS NULL AND kind IN ('llm', 'tool', 'agent') GROUP BY attempt_id) s \
     ON s.attempt_id = a.attempt_id";

const CONVERSATION: &str = "LEFT JOIN execution_spans c ON c.attempt_id = a.attempt_id AND c.project = a.project \
     AND c.span_id = a.conversation_span_id AND c.trace_id = a.conversation_trace_id AND c.duplicate_of IS NULL";

/// Outputs that show reasoning; where rows are judged by it, those with hidden reasoning too, which costs reading all outputs.
fn thoughts(policy: Reasoning) -> String {
    let shown = match policy {
        Reasoning::Keep | Reasoning::Drop => "reasoning_text IS NOT NULL",
        _ => "(reasoning_text IS NOT NULL OR contains(output_messages::VARCHAR, '\"encrypted\"'))",
    };
    format!(
        "LEFT JOIN (SELECT attempt_id, to_json(list(output_messages ORDER BY start_time_unix_nano, span_id)) \
         AS thoughtful FROM execution_spans WHERE duplicate_of IS NULL AND kind = 'llm' AND {shown} \
         AND output_messages IS NOT NULL GROUP BY attempt_id) t ON t.attempt_id = a.attempt_id"
    )
}

/// What was declared; a final answer is known from the attempt.
const ARTIFACT: &str = "LEFT JOIN (SELECT attempt_id, arg_max(content, row(created_at, artifact_id)) AS artifact FROM artifacts \
     WHERE origin <> 'final_answer' AND content IS NOT NULL GROUP BY attempt_id) r ON r.attempt_id = a.attempt_id \
     LEFT JOIN sessions n ON n.session_id = a.session_id AND n.project = a.project";

const COMPARED: &str = "SELECT chosen_attempt_id FROM preference_pairs UNION ALL SELECT rejected_attempt_id FROM preference_pairs \
     UNION ALL SELECT attempt_id FROM comparison_entries";

const SCORED: &str =
    "SELECT attempt_id FROM evaluations WHERE in_force AND (score IS NOT NULL OR correction IS NOT NULL)";

/// Any attempt of a lineage (or session) that a directive was given to can be one that it led to.
const DIRECTED: &str = "SELECT o.attempt_id FROM attempts o JOIN (\
     SELECT g.project, g.lineage_id FROM directives g WHERE g.lineage_id IS NOT NULL \
     UNION SELECT n.project, n.lineage_id FROM directives g JOIN attempts n ON n.project = g.project AND n.session_id = g.session_id \
     WHERE g.lineage_id IS NULL) l ON l.project = o.project AND l.lineage_id = o.lineage_id";

pub(crate) fn attempts(options: &Options, wanted: &Wanted) -> (String, Vec<Value>) {
    let (filter, mut params) = attempt_filter(options, wanted);
    let mut columns = COLUMNS.to_owned();
    let mut joins = format!("{DEFINITION} {SPANS} {CONVERSATION}");
    if wanted.compared || wanted.directed {
        columns.push_str(", a.attempt_id IN (SELECT attempt_id FROM compared) AS is_compared");
    } else {
        columns.push_str(", false AS is_compared");
    }
    if wanted.thoughts {
        columns.push_str(", t.thoughtful::VARCHAR AS thoughtful");
        joins = format!("{joins} {}", thoughts(options.reasoning));
    }
    if wanted.task {
        columns.push_str(", r.artifact, n.need");
        joins = format!("{joins} {ARTIFACT}");
    }
    let (mut sources, mut source_params) = sources_filter(options, "source");
    sources.push_str(&options.select.of_feedback("", &mut source_params));
    sources.push_str(&options.select.of_criterion("", &mut source_params));
    params.splice(0..0, source_params);
    let sql = format!(
        "WITH {}, feedback AS (SELECT attempt_id, to_json(list({{evaluation_id: evaluation_id, criterion: criterion, \
         score: score, correction: correction, comment: comment, reviewer: reviewer, source: source}} \
         ORDER BY created_at, evaluation_id)) AS feedback FROM evaluations WHERE in_force AND attempt_id IS NOT NULL \
         AND (score IS NOT NULL OR correction IS NOT NULL) AND {sources} GROUP BY attempt_id) \
         SELECT {columns} FROM attempts a {joins} LEFT JOIN feedback f ON f.attempt_id = a.attempt_id WHERE {filter}",
        spoken_of(wanted)
    );
    (sql, params)
}

pub(crate) fn count_attempts(options: &Options, wanted: &Wanted) -> (String, Vec<Value>) {
    let (filter, params) = attempt_filter(options, wanted);
    (format!("WITH {} SELECT count(*) AS attempts FROM attempts a WHERE {filter}", spoken_of(wanted)), params)
}

/// The attempts that are compared, and those that are compared or scored.
fn spoken_of(wanted: &Wanted) -> String {
    let union = |is_wanted: bool, sql: &str| if is_wanted { format!(" UNION ALL {sql}") } else { String::new() };
    let (directed, scored) = (union(wanted.directed, DIRECTED), union(wanted.scored, SCORED));
    let compared = if wanted.compared { COMPARED } else { "SELECT NULL::VARCHAR WHERE false" };
    format!(
        "compared AS MATERIALIZED (SELECT DISTINCT * FROM ({compared}{directed}) AS t (attempt_id) \
         WHERE attempt_id IS NOT NULL), \
         spoken_of AS (SELECT attempt_id FROM compared{scored})"
    )
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

/// Pairs of a session follow each other.
pub(crate) fn pairs(options: &Options) -> (String, Vec<Value>) {
    let (mut filter, mut params) = filters(options, "p");
    filter.push_str(&options.select.of_criterion("p", &mut params));
    let sql = format!(
        "SELECT p.project, p.session_id, p.chosen_attempt_id, p.rejected_attempt_id, p.rule, p.margin, p.reviewer, p.source, \
         to_json(p.evidence) AS evidence FROM preference_pairs p WHERE {filter} ORDER BY p.project, p.session_id, p.pair_id"
    );
    (sql, params)
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
