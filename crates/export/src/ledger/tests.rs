use proptest::prelude::*;

use super::*;

fn place() -> impl Strategy<Value = Place> {
    any::<(u64, u32)>().prop_map(|(offset, bytes)| Place::new(offset, bytes))
}

fn noted() -> impl Strategy<Value = Noted> {
    let opinion = any::<(u128, bool, Vec<u64>)>().prop_map(|(content, is_first, reviewers)| Opinion {
        content,
        is_first,
        reviewers,
    });
    let held = (place(), any::<u32>()).prop_map(|(row, provenance_bytes)| Held { row, provenance_bytes });
    (any::<u128>(), any::<Tie>(), 0..16_u8, held, prop::option::of(opinion)).prop_map(
        |(id, tie, kinds, held, opinion)| Noted { id, tie, reasoning: Kinds::from_bits(kinds), held, opinion },
    )
}

fn rejected() -> impl Strategy<Value = Rejected> {
    (any::<Tie>(), prop::sample::select(Reason::ALL.to_vec()), place()).prop_map(|(tie, reason, provenance)| Rejected {
        tie,
        reason,
        provenance,
        id: None,
        kept: None,
    })
}

proptest! {
    /// What was noted comes back whole, whatever came in between.
    #[test]
    fn notes_come_back(
        notes in prop::collection::vec(prop_oneof![noted().prop_map(Ok), rejected().prop_map(Err)], 0..20)
    ) {
        let mut ledger = Ledger::new(Spool::new(None).expect("opens"));
        for note in &notes {
            match note {
                Ok(row) => drop(ledger.note(row).expect("notes")),
                Err(no) => ledger.reject(no.tie, no.reason, no.provenance).expect("notes"),
            }
        }
        let rows: Vec<&Noted> = notes.iter().filter_map(|note| note.as_ref().ok()).collect();
        let expected_rejected: Vec<&Rejected> = notes.iter().filter_map(|note| note.as_ref().err()).collect();
        let Notes { entries, rows: held, mut opinions, rejected } = ledger.read().expect("reads");
        opinions.resize(rows.len(), None);
        let opinions = opinions.into_iter().map(|opinion| opinion.map(|boxed| *boxed));
        let read: Vec<Noted> = entries.iter().zip(held).zip(opinions).map(|((entry, held), opinion)| {
            Noted { id: entry.id, tie: entry.tie, reasoning: entry.reasoning, held, opinion }
        }).collect();
        prop_assert_eq!(read.iter().collect::<Vec<_>>(), rows);
        prop_assert_eq!(rejected.iter().collect::<Vec<_>>(), expected_rejected);
        prop_assert!(entries.iter().zip(0..).all(|(entry, number)| entry.number == number));
    }
}
