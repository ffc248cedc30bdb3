//! Merges whose sides ban each other.

use crate::group::{Failure, Group};
use crate::sample;
use crate::table::{Goal, Row};
use parv_model::{Message, VoteKind};

/// Control events on both sides together, and how long a merge of them may take.
const EVENTS: usize = 100;

/// The merge of a hundred conflicting events, and how its cost grows with twice and four times as many.
pub fn rows() -> Result<Vec<Row>, Failure> {
    let sizes = [EVENTS, 2 * EVENTS, 4 * EVENTS];
    let times: Vec<f64> = sizes.into_iter().map(merge_ms).collect::<Result<_, _>>()?;
    Ok(vec![
        Row {
            key: "resolve_conflict_100_ms",
            what: format!("resolving and rendering a merge whose sides conflict over {EVENTS} control events"),
            figure: times[0],
            unit: "ms",
            goal: Goal::AtMost(10.0),
            detail: format!("{:.2} ms with {} events, {:.2} ms with {}", times[1], sizes[1], times[2], sizes[2]),
        },
        Row {
            key: "resolve_conflict_growth",
            what: "how much longer a merge takes with four times as many conflicting events".into(),
            figure: times[2] / times[0],
            unit: "×",
            goal: Goal::AtMost(16.0),
            detail: "no more than the square of the conflict".into(),
        },
    ])
}

/// The median processor time in milliseconds of a merge of two sides with so many control events in all. Admins 0 and 1 ban members
/// and admin 3 on one side, admins 3 and 4 members and admin 0 on the other; admin 2 votes on both.
fn merge_ms(events: usize) -> Result<f64, Failure> {
    let bans = events / 8;
    let mut group = Group::new(5 + 2 * bans, |_, _| {})?;
    group.promote(4)?;
    let mut sides = Vec::new();
    for (voters, rival, members) in [([0, 1, 2], 3, 5..5 + bans), ([3, 4, 2], 0, 5 + bans..5 + 2 * bans)] {
        let mut head = group.head;
        for target in members.skip(1).chain([rival]) {
            head = group.decide(&voters, VoteKind::Ban, target, head)?;
        }
        sides.push(head);
    }
    let mut times = Vec::new();
    let mut tree = None;
    for _ in 0..9 {
        let mut fresh = group.replica.clone();
        let start = sample::thread_seconds();
        tree = Some(fresh.state(&sides).tree());
        times.push((sample::thread_seconds() - start) * 1000.0);
    }
    // Admin 1 is on one side and banned by neither, so whichever prevails, they can merge.
    let (merge, _) = group.compose(1, &sides, Message::Merge)?;
    assert_eq!(Some(merge.tree()), tree);
    Ok(sample::median(times))
}
