//! Scenes for the structured targets, in the bytes that these read.

use crate::{Done, put};
use parv_fuzz::history::deed::*;
use parv_fuzz::history::{DEVICE, Step};
use parv_fuzz::pack::{self, Recipe};
use parv_fuzz::sample::Sample;
use parv_model::VoteKind;

/// A kind of vote as the upper half of what a step is about.
fn kind(kind: VoteKind) -> u8 {
    VoteKind::ALL.iter().position(|other| *other == kind).unwrap_or_default() as u8 * 16
}

/// Scenes of people in partitions: writer, place, deed, and whom or what it is about.
pub fn histories() -> Done {
    let (ban, unban) = (kind(VoteKind::Ban), kind(VoteKind::Unban));
    let (promote, demote) = (kind(VoteKind::Promote), kind(VoteKind::Demote));
    let scenes: [(&str, &[[u8; 4]]); 14] = [
        ("texts", &[[0, 0, TEXT, 0], [1, 0, TEXT, 0], [6, 0, TEXT, 0], [3, 1, TEXT, 0], [0, 0, MERGE, 1]]),
        (
            "ban-in-one-half",
            &[[0, 0, DECIDE, ban + 3], [3, 1, TEXT, 0], [3, 1, ADD, 4], [4, 1, JOIN, 0], [1, 0, MERGE, 1]],
        ),
        (
            "duel",
            &[
                [0, 0, VOTE, ban + 1],
                [2, 0, VOTE, ban + 1],
                [0, 0, RESOLVE, ban + 1],
                [1, 1, VOTE, ban],
                [2, 1, VOTE, ban],
                [1, 1, RESOLVE, ban],
                [2, 0, MERGE, 1],
                [2, 0, TEXT, 0],
                [0, 0, TEXT, 0],
            ],
        ),
        (
            "votes-of-two-halves",
            &[
                [0, 0, VOTE, ban + 3],
                [1, 1, VOTE, ban + 3],
                [2, 0, MERGE, 1],
                [2, 0, RESOLVE, ban + 3],
                [3, 0, TEXT, 0],
            ],
        ),
        ("leave-and-ban", &[[3, 0, LEAVE, 0], [0, 1, DECIDE, ban + 3], [1, 1, MERGE, 0], [0, 1, DECIDE, unban + 3]]),
        (
            "demoted-while-voting",
            &[
                [0, 0, DECIDE, demote + 1],
                [1, 1, VOTE, promote + 3],
                [0, 1, VOTE, promote + 3],
                [1, 1, RESOLVE, promote + 3],
                [2, 0, MERGE, 1],
            ],
        ),
        (
            "backdated",
            &[
                [0, 0, DECIDE, ban + 1],
                [2, 0, TEXT, 0],
                [1, 8, ADD, 4],
                [4, 3, JOIN, 0],
                [1, 9, VOTE, ban],
                [0, 0, MERGE, 3],
            ],
        ),
        ("profiles", &[[0, 0, PROFILE, 0], [1, 1, PROFILE, 0], [3, 2, PROFILE, 0], [2, 0, MERGE, 1]]),
        (
            "forgers",
            &[
                [3, 0, TEXT, 0],
                [3, 0, FOREIGN_TREE, 5],
                [4, 0, FOREIGN_TREE, 4],
                [0, 0, VOTE, ban + 3],
                [1, 0, EMPTY_WORDS, 0],
                [1, 0, FOREIGN_TREE, 3],
                [3, 0, FOREIGN_SIGNATURE, 1],
                [0, 0, FLIPPED, 99],
                [2, 0, ANY_MERGE, 7],
                [0, 1, TEXT, 0],
                [4, 0, ANY_MERGE, 1],
                [1, 0, OTHER_TIME, 5],
                [2, 0, TEXT, 0],
            ],
        ),
        (
            "second-devices",
            &[[6, 0, TEXT, 0], [9, 1, TEXT, 0], [0, 0, DECIDE, ban + 3], [9, 1, ADD, 5], [7, 0, MERGE, 1]],
        ),
        (
            "no-admins",
            &[
                [0, 0, LEAVE, 0],
                [1, 0, LEAVE, 0],
                [2, 0, LEAVE, 0],
                [3, 0, TEXT, 0],
                [3, 0, ADD, 4],
                [4, 0, JOIN, 0],
                [3, 0, VOTE, ban + 4],
            ],
        ),
        (
            "a-banned-device",
            &[
                [9, 0, TEXT, 0],
                [0, 0, DECIDE, ban + DEVICE + 9],
                [9, 1, TEXT, 0],
                [3, 1, TEXT, 0],
                [1, 0, MERGE, 1],
                [9, 0, TEXT, 0],
                [0, 0, DECIDE, unban + DEVICE + 9],
                [9, 0, TEXT, 0],
            ],
        ),
        (
            "a-revoked-device",
            &[
                [7, 0, TEXT, 0],
                [1, 0, REVOKE, 1],
                [7, 1, DECIDE, ban + 3],
                [7, 2, TEXT, 0],
                [2, 2, TEXT, 0],
                [0, 0, MERGE, 1],
                [0, 0, MERGE, 2],
                [1, 0, REVOKE, 0],
            ],
        ),
        (
            "three-ways",
            &[
                [0, 0, DECIDE, ban + 3],
                [1, 1, DECIDE, promote + 3],
                [2, 2, DECIDE, demote],
                [3, 1, VOTE, ban],
                [0, 0, MERGE, 1],
                [1, 0, MERGE, 2],
                [2, 2, TEXT, 0],
                [2, 0, MERGE, 2],
                [0, 0, TEXT, 0],
            ],
        ),
    ];
    for (number, (name, steps)) in scenes.iter().enumerate() {
        let mut bytes = vec![number as u8];
        for [writer, place, deed, about] in steps.iter().copied() {
            bytes.extend(Step { writer, place, deed, about }.bytes());
        }
        put("history", name, &bytes)?;
    }
    Ok(())
}

/// Packs of the sample's objects, and of what is not quite like them.
pub fn packs(sample: &Sample) -> Done {
    use pack::Step::{Delta, Longer, Made, Named, Raw, Real, Zeros};
    let all: Vec<pack::Step> = (0..sample.objects.len()).map(|place| Real(place as u8)).collect();
    let with = |more: &[pack::Step]| [&all[..], more].concat();
    let last = (sample.commits.len() - 1) as u8;
    let recipe = |steps: Vec<pack::Step>| Recipe { head: last, piece: 50, miscount: 0, steps };
    for (name, recipe) in [
        ("whole", recipe(all.clone())),
        ("whole-byte-by-byte", Recipe { piece: 1, ..recipe(all.clone()) }),
        ("half", recipe(all[..all.len() / 2].to_vec())),
        ("too-many", Recipe { miscount: -1, ..recipe(all.clone()) }),
        ("too-few", Recipe { miscount: 1, ..recipe(all.clone()) }),
        ("unneeded-file", recipe(with(&[Made(3, 0, b"smuggled".to_vec())]))),
        ("delta", recipe(with(&[Longer(0, b"more".to_vec())]))),
        ("deltas-on-deltas", recipe((0..70).map(|_| Longer(0, b"x".to_vec())).collect())),
        ("bad-delta", recipe(with(&[Delta(0, 0, vec![9, 1, 0xff, 0xff, 0xff])]))),
        ("delta-of-itself", recipe(vec![Delta(200, 0, vec![4, 4, 0x90, 4])])),
        ("named-base", recipe(with(&[Named(0, vec![9, 1, 1, b'z'])]))),
        ("lies", recipe(vec![Made(3, 1, b"short".to_vec()), Made(3, -1, b"long".to_vec())])),
        ("tag", recipe(with(&[Made(4, 0, b"object x".to_vec())]))),
        ("zeros", recipe(vec![Zeros(255), Zeros(255)])),
        ("rubbish", recipe(with(&[Raw(b"rubbish".to_vec())]))),
    ] {
        put("pack", name, &recipe.bytes())?;
    }
    Ok(())
}
