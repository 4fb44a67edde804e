//! The subcommands of `gleaner feedback`, one per kind of item, and the items that they make.

mod words;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use gleaner_wire::feedback::{
    Artifact, Comparison, Directive, Evaluation, Evolution, EvolutionOutcome, Insight, Lock, Pairwise, Ranking,
    Retraction, Session, comparison, evaluation, item,
};
use words::{TargetArgs, definition, lineage, parse_ranking, side};

#[derive(Debug, Subcommand)]
pub(super) enum Kind {
    /// Score an output from 1 to 10.
    Score {
        #[command(flatten)]
        target: TargetArgs,
        /// 1 to 10, decimals allowed.
        score: f64,
        /// What was judged; overall without it.
        #[arg(long)]
        criterion: Option<String>,
        /// Why.
        #[arg(long)]
        comment: Option<String>,
    },
    /// Say something else of an output than a score: a boolean, number or label under a criterion, or a comment.
    #[command(group(clap::ArgGroup::new("said").required(true).multiple(true)))]
    Evaluate {
        #[command(flatten)]
        target: TargetArgs,
        /// What was judged; needed for a boolean, number or label.
        #[arg(long)]
        criterion: Option<String>,
        /// true or false.
        #[arg(long, group = "said", conflicts_with_all = ["value", "label"])]
        boolean: Option<bool>,
        /// Any number.
        #[arg(long, group = "said", conflicts_with = "label", allow_negative_numbers = true)]
        value: Option<f64>,
        /// A word of your own, e.g. "hallucinated".
        #[arg(long, group = "said")]
        label: Option<String>,
        /// In words.
        #[arg(long, group = "said")]
        comment: Option<String>,
    },
    /// Give a better output than the agent's.
    Correct {
        #[command(flatten)]
        target: TargetArgs,
        /// The whole better output.
        text: String,
    },
    /// Rank the lineages of one session and cycle, best first: "A > D > B = C".
    Compare {
        /// Session id, as the agent sent it.
        #[arg(long)]
        session: String,
        /// Cycle, from 1.
        #[arg(long, default_value_t = 1)]
        cycle: u32,
        /// Lineage labels, `>` between better and worse, `=` between equals.
        ranking: String,
        /// Labels in the order in which they were shown, so that position bias can be measured.
        #[arg(long, value_delimiter = ',')]
        shown: Vec<String>,
        /// What was judged; overall without it.
        #[arg(long)]
        criterion: Option<String>,
        /// Why.
        #[arg(long)]
        comment: Option<String>,
    },
    /// Prefer one of two outputs. Each is a lineage's label, or attempt:ID, trace:ID or response:ID.
    Prefer {
        /// Session of lineages that are named by label.
        #[arg(long)]
        session: Option<String>,
        /// Their cycle, from 1.
        #[arg(long, default_value_t = 1)]
        cycle: u32,
        /// The better one.
        preferred: String,
        /// The other.
        rejected: String,
        /// Both are equally good.
        #[arg(long)]
        tie: bool,
        /// Why.
        #[arg(long)]
        comment: Option<String>,
    },
    /// Keep lineages: the locked beat the others of their cycle.
    Lock {
        /// Session id, as the agent sent it.
        #[arg(long)]
        session: String,
        /// Cycle, from 1.
        #[arg(long, default_value_t = 1)]
        cycle: u32,
        /// Labels of the kept lineages.
        #[arg(required = true)]
        locked: Vec<String>,
        /// Labels of the others; every other lineage without it.
        #[arg(long, value_delimiter = ',')]
        over: Vec<String>,
    },
    /// Say what should change.
    Direct {
        #[command(flatten)]
        target: TargetArgs,
        /// The wish.
        text: String,
        /// From now on, not only for the next cycle.
        #[arg(long)]
        sticky: bool,
    },
    /// Declare an output, e.g. a file that the agent wrote.
    Artifact {
        #[command(flatten)]
        target: TargetArgs,
        /// The file; `-` is standard input.
        file: PathBuf,
        /// Name; the file's own without it.
        #[arg(long)]
        name: Option<String>,
        /// Media type, e.g. text/markdown.
        #[arg(long = "type")]
        r#type: Option<String>,
    },
    /// Record that an agent was changed, and why. Definitions: an id, AGENT@VERSION, or cycle:N.
    Evolve {
        /// Session id, as the agent sent it.
        #[arg(long)]
        session: String,
        /// A lineage's label in that session.
        #[arg(long)]
        lineage: String,
        /// Definition before.
        #[arg(long)]
        from: String,
        /// Definition after.
        #[arg(long)]
        to: String,
        /// What was changed, in words.
        #[arg(long)]
        changes: Option<String>,
        /// What it is hoped to do.
        #[arg(long)]
        hypothesis: Option<String>,
    },
    /// State how a change turned out.
    Outcome {
        /// Item id or idempotency key of the change.
        of: String,
        /// Whether the hypothesis held.
        #[arg(long)]
        validated: Option<bool>,
        /// Score before, 1 to 10.
        #[arg(long)]
        before: Option<f64>,
        /// Score after, 1 to 10.
        #[arg(long)]
        after: Option<f64>,
        /// In words.
        #[arg(long)]
        comment: Option<String>,
    },
    /// Record a pattern that works.
    Insight {
        /// The pattern, in words.
        text: String,
        /// What it holds for, e.g. a family of tasks.
        #[arg(long)]
        scope: Option<String>,
        /// Item ids or idempotency keys that it rests on.
        #[arg(long, value_delimiter = ',')]
        evidence: Vec<String>,
        /// 0 to 1.
        #[arg(long)]
        confidence: Option<f64>,
    },
    /// Say what a session is about.
    Session {
        /// Session id, as the agent sent it.
        session: String,
        /// The user's need.
        #[arg(long)]
        need: Option<String>,
        /// Constraints.
        #[arg(long)]
        constraints: Option<String>,
        /// Context.
        #[arg(long)]
        context: Option<String>,
    },
    /// Take an earlier item back.
    Retract {
        /// Its item id or idempotency key.
        of: String,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
}

impl Kind {
    /// The item that it says.
    pub(super) fn into_item(self) -> anyhow::Result<item::Kind> {
        Ok(match self {
            Kind::Score { target, score, criterion, comment } => item::Kind::Evaluation(Evaluation {
                target: Some(target.into()),
                criterion: criterion.unwrap_or_default(),
                comment: comment.unwrap_or_default(),
                correction: String::new(),
                value: Some(evaluation::Value::Score(score)),
            }),
            Kind::Evaluate { target, criterion, boolean, value, label, comment } => {
                item::Kind::Evaluation(Evaluation {
                    target: Some(target.into()),
                    criterion: criterion.unwrap_or_default(),
                    comment: comment.unwrap_or_default(),
                    correction: String::new(),
                    value: boolean
                        .map(evaluation::Value::Boolean)
                        .or(value.map(evaluation::Value::Number))
                        .or(label.map(evaluation::Value::Label)),
                })
            }
            Kind::Correct { target, text } => item::Kind::Evaluation(Evaluation {
                target: Some(target.into()),
                correction: text,
                ..Evaluation::default()
            }),
            Kind::Compare { session, cycle, ranking, shown, criterion, comment } => {
                let shown_order = shown.iter().map(|label| lineage(label.trim())).collect();
                item::Kind::Comparison(Comparison {
                    session,
                    cycle,
                    criterion: criterion.unwrap_or_default(),
                    comment: comment.unwrap_or_default(),
                    form: Some(comparison::Form::Ranking(Ranking { shown_order, ..parse_ranking(&ranking)? })),
                })
            }
            Kind::Prefer { session, cycle, preferred, rejected, tie, comment } => {
                let session = session.unwrap_or_default();
                item::Kind::Comparison(Comparison {
                    // A cycle without a session names nothing.
                    cycle: if session.is_empty() { 0 } else { cycle },
                    session,
                    comment: comment.unwrap_or_default(),
                    form: Some(comparison::Form::Pairwise(Pairwise {
                        preferred: Some(side(&preferred)),
                        rejected: Some(side(&rejected)),
                        tie,
                    })),
                    ..Comparison::default()
                })
            }
            Kind::Lock { session, cycle, locked, over } => item::Kind::Comparison(Comparison {
                session,
                cycle,
                form: Some(comparison::Form::Lock(Lock {
                    locked: locked.iter().map(|l| lineage(l)).collect(),
                    over: over.iter().map(|l| lineage(l)).collect(),
                })),
                ..Comparison::default()
            }),
            Kind::Direct { target, text, sticky } => {
                use gleaner_wire::feedback::directive::Kind as DirectiveKind;
                let kind = if sticky { DirectiveKind::Sticky } else { DirectiveKind::Once };
                item::Kind::Directive(Directive { target: Some(target.into()), text, kind: kind.into() })
            }
            Kind::Artifact { target, file, name, r#type } => {
                let content = if file.as_os_str() == "-" {
                    std::io::read_to_string(std::io::stdin()).context("cannot read standard input")?
                } else {
                    std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?
                };
                let own_name =
                    file.file_name().filter(|name| *name != "-").map(|name| name.to_string_lossy().into_owned());
                item::Kind::Artifact(Artifact {
                    target: Some(target.into()),
                    name: name.or(own_name).unwrap_or_default(),
                    r#type: r#type.unwrap_or_default(),
                    content,
                })
            }
            Kind::Evolve { session, lineage, from, to, changes, hypothesis } => item::Kind::Evolution(Evolution {
                session,
                lineage,
                from: Some(definition(&from)?),
                to: Some(definition(&to)?),
                changes: changes.unwrap_or_default(),
                hypothesis: hypothesis.unwrap_or_default(),
            }),
            Kind::Outcome { of, validated, before, after, comment } => item::Kind::EvolutionOutcome(EvolutionOutcome {
                of,
                hypothesis_validated: validated,
                score_before: before,
                score_after: after,
                comment: comment.unwrap_or_default(),
            }),
            Kind::Insight { text, scope, evidence, confidence } => {
                item::Kind::Insight(Insight { scope: scope.unwrap_or_default(), text, evidence, confidence })
            }
            Kind::Session { session, need, constraints, context } => item::Kind::Session(Session {
                session,
                need: need.unwrap_or_default(),
                constraints: constraints.unwrap_or_default(),
                context: context.unwrap_or_default(),
                metadata: None,
            }),
            Kind::Retract { of, reason } => {
                item::Kind::Retraction(Retraction { of, reason: reason.unwrap_or_default() })
            }
        })
    }
}

#[cfg(test)]
mod tests;
