//! The other two forms of `reward`: every score in force, and every ranking as a list.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    ExportError, Options, Reason, Rows,
    answer::{Answer, Answers, Judged, prompt},
    conversation::ChatMessage,
    dataset::{RANKINGS, SCORES},
    provenance::Provenance,
    read::{self, RankingRow},
    sft::characters,
    writer::{Writer, rounded, row_id},
};

#[derive(Serialize)]
struct ScoreLine<'a> {
    prompt: &'a [ChatMessage],
    completion: [&'a ChatMessage; 1],
    tools: &'a [Value],
    score: f64,
    criterion: Option<&'a str>,
    reviewer: Option<&'a str>,
    source: &'a str,
    id: &'a str,
    session_id: &'a str,
    attempt_id: &'a str,
    trace_id: Option<&'a String>,
    evaluation_id: &'a str,
    prompt_characters: usize,
    completion_characters: usize,
    metadata: String,
}

/// One row per numeric score in force of an attempt within the filters.
pub(crate) fn write_scores(options: &Options, answers: &Answers, writer: &mut Writer<'_>) -> Result<(), ExportError> {
    writer.begin(&SCORES)?;
    for row in &answers.scores {
        let (Some(score), Some(judged)) = (row.score.map(rounded), answers.by_attempt.get(&row.attempt_id)) else {
            continue;
        };
        let mut provenance = Provenance::of(&judged.attempt);
        provenance.add_score(row);
        let answer = match &judged.answer {
            Ok(answer) => answer,
            Err(reason) => {
                writer.candidate(Err::<(String, ScoreLine<'_>), _>(*reason), &provenance)?;
                continue;
            }
        };
        let (prompt, tools) = prompt(&[answer], answer, options);
        let completion = ChatMessage::text("assistant", answer.text.as_str());
        let (criterion, reviewer, source) = (row.criterion.as_deref(), row.reviewer.as_deref(), row.source.as_str());
        let content = json!({
            "prompt": prompt, "completion": [completion], "tools": tools,
            "score": score, "criterion": criterion, "reviewer": reviewer, "source": source,
        });
        let id = row_id(&SCORES, &content);
        let line = ScoreLine {
            prompt: &prompt,
            completion: [&completion],
            tools: &tools,
            score,
            criterion,
            reviewer,
            source,
            id: &id,
            session_id: &judged.attempt.session_id,
            attempt_id: &judged.attempt.attempt_id,
            trace_id: judged.attempt.trace_ids.first(),
            evaluation_id: &row.evaluation_id,
            prompt_characters: characters(&prompt),
            completion_characters: completion.characters(),
            metadata: provenance.to_json(),
        };
        writer.candidate(Ok((id.clone(), line)), &provenance)?;
    }
    Ok(())
}

#[derive(Serialize)]
struct RankingLine<'a> {
    prompt: &'a [ChatMessage],
    completions: Vec<[ChatMessage; 1]>,
    ranks: &'a [i64],
    tools: &'a [Value],
    criterion: Option<&'a str>,
    reviewer: Option<&'a str>,
    source: &'a str,
    id: &'a str,
    session_id: &'a str,
    comparison_id: &'a str,
    omitted_entries: usize,
    metadata: String,
}

/// One row per ranking of which at least one entry is within the filters.
pub(crate) fn write_rankings(
    rows: &dyn Rows,
    options: &Options,
    answers: &Answers,
    writer: &mut Writer<'_>,
) -> Result<(), ExportError> {
    writer.begin(&RANKINGS)?;
    for ranking in read::rankings(rows, options)? {
        let judged: Vec<(&Judged, i64)> = ranking
            .entries
            .iter()
            .filter_map(|(id, rank)| Some((answers.by_attempt.get(id.as_ref()?)?, *rank)))
            .collect();
        if judged.is_empty() {
            continue;
        }
        let mut provenance = Provenance::default();
        judged.iter().for_each(|(judged, _)| provenance.add_attempt(&judged.attempt));
        provenance.add_ranking(&ranking);
        write_ranking(&ranking, &judged, options, &provenance, writer)?;
    }
    Ok(())
}

fn write_ranking(
    ranking: &RankingRow,
    judged: &[(&Judged, i64)],
    options: &Options,
    provenance: &Provenance,
    writer: &mut Writer<'_>,
) -> Result<(), ExportError> {
    let listed: Vec<(&Answer, i64)> =
        judged.iter().filter_map(|(judged, rank)| Some((judged.answer.as_ref().ok()?, *rank))).collect();
    if let Err(reason) = check_list(&listed) {
        return writer.candidate(Err::<(String, RankingLine<'_>), _>(reason), provenance);
    }
    let answers: Vec<&Answer> = listed.iter().map(|(answer, _)| *answer).collect();
    let ranks: Vec<i64> = listed.iter().map(|(_, rank)| *rank).collect();
    let (prompt, tools) = prompt(&answers, answers[0], options);
    let completions: Vec<[ChatMessage; 1]> =
        answers.iter().map(|answer| [ChatMessage::text("assistant", answer.text.as_str())]).collect();
    let (criterion, reviewer) = (ranking.criterion.as_deref(), ranking.reviewer.as_deref());
    let source = ranking.source.as_str();
    let content = json!({
        "prompt": prompt, "completions": completions, "ranks": ranks, "tools": tools,
        "criterion": criterion, "reviewer": reviewer, "source": source,
    });
    let id = row_id(&RANKINGS, &content);
    let line = RankingLine {
        prompt: &prompt,
        completions,
        ranks: &ranks,
        tools: &tools,
        criterion,
        reviewer,
        source,
        id: &id,
        session_id: &provenance.session_id,
        comparison_id: &ranking.comparison_id,
        omitted_entries: ranking.entries.len() - listed.len(),
        metadata: provenance.to_json(),
    };
    writer.candidate(Ok((id.clone(), line)), provenance)
}

fn check_list(listed: &[(&Answer, i64)]) -> Result<(), Reason> {
    let [(first, _), rest @ ..] = listed else { return Err(Reason::TooFewCompletions) };
    if rest.is_empty() {
        return Err(Reason::TooFewCompletions);
    }
    let same = rest.iter().all(|(other, _)| other.question_hash == first.question_hash);
    if same { Ok(()) } else { Err(Reason::PromptsDiffer) }
}

#[cfg(test)]
mod tests;
