//! Finding the one thing that a prefix of an id names.

use crate::failure::{Failure, FailureKind};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

/// The one candidate whose id begins with `text`. `what` is "conversation" or "person"; `where_to_look` tells which verb
/// lists the candidates.
pub fn one<Id>(
    text: &str,
    what: &str,
    where_to_look: &str,
    candidates: impl IntoIterator<Item = Id>,
) -> Result<Id, Failure>
where
    Id: Copy + Ord + Display + FromStr<Err = parv::ParseIdError>,
{
    if text.is_empty() || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        let shown: String = text.chars().take(80).collect();
        let message =
            format!("{shown:?} is not the id of a {what}: expected lowercase hex digits, or the first few of them");
        return Err(Failure::new(FailureKind::Usage, message));
    }
    let fitting: BTreeSet<Id> = candidates.into_iter().filter(|id| id.to_string().starts_with(text)).collect();
    match fitting.len() {
        1 => Ok(*fitting.first().expect("it has one")),
        0 => Err(Failure::new(FailureKind::Unknown, format!("there is no {what} {text}; {where_to_look}"))),
        many => {
            let message = format!("{many} {what}s begin with {text}: give more digits; {where_to_look}");
            Err(Failure::new(FailureKind::Ambiguous, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parv::Uri;

    #[test]
    fn a_prefix_names_one_or_none() {
        let people = [Uri::from_bytes([0xaa; 32]), Uri::from_bytes([0xab; 32])];
        let find = |text: &str| one(text, "person", "see parv members", people).map_err(|failure| failure.kind);
        assert_eq!(find("aa"), Ok(people[0]));
        assert_eq!(find(&people[1].to_string()), Ok(people[1]));
        assert_eq!(find("a"), Err(FailureKind::Ambiguous));
        assert_eq!(find("b"), Err(FailureKind::Unknown));
        for wrong in ["", "AA", "aa ", "../aa", "xyz"] {
            assert_eq!(find(wrong), Err(FailureKind::Usage), "{wrong:?}");
        }
    }
}
