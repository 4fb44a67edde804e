use gleaner_model::Source;

use super::*;

fn score_row(number: f64) -> ScoreRow {
    ScoreRow {
        evaluation_id: "e".into(),
        criterion: None,
        score: Some(number),
        given: None,
        correction: None,
        comment: None,
        reviewer: None,
        source: Source::Human,
    }
}

#[test]
fn the_rules_make_one_score_of_several() {
    let rows = [score_row(9.0), score_row(5.0), score_row(7.0)];
    let rows: Vec<&ScoreRow> = rows.iter().collect();
    let by = |rule| score(&rows, rule);
    assert_eq!(by(ScoreRule::Mean), Some(7.0));
    assert_eq!(by(ScoreRule::Min), Some(5.0));
    assert_eq!((by(ScoreRule::Max), by(ScoreRule::Any)), (Some(9.0), Some(9.0)));
    assert_eq!(by(ScoreRule::Latest), Some(7.0));
    assert_eq!(score(&[], ScoreRule::Mean), None);
}
