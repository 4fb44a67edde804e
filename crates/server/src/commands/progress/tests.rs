use super::*;

#[test]
fn a_time_left_is_told_only_where_it_is_known() {
    let told = |done, total| told(done, total, 20.4, Duration::from_secs(90), Duration::from_secs(3));
    assert_eq!(told(0, 0), "(3 seconds)");
    assert_eq!(told(7, 0), "7 (20/s, 3 seconds)");
    assert_eq!(told(0, 50), "0/50 (3 seconds)");
    assert_eq!(told(7, 50), "7/50 (20/s, 2 minutes left)");
    assert_eq!(told(50, 50), "50/50 (20/s)");
}

#[test]
fn the_rate_of_a_part_begins_with_the_part() {
    let bar = ProgressBar::hidden();
    tell(&bar, "reading attempts", 100, 100);
    tell(&bar, "writing rows", 0, 10);
    assert_eq!((bar.message().as_str(), bar.position(), bar.length()), ("writing rows", 0, Some(10)));
    tell(&bar, "writing rows", 4, 10);
    assert_eq!((bar.position(), bar.length()), (4, Some(10)));
}
