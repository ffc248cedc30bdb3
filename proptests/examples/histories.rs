//! Prints random histories, one JSON object a line (fixtures/README.md), with the validator's answer after every event and
//! over all heads. For other implementations to be compared with: `histories FROM TO [unban]`.

use parv_model::{CommitId, Mode, VoteKind};
use parv_proptests::fixture::Fixture;
use parv_proptests::random::{PEOPLE, attempts_of, play};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = [0, 1].map(|n| arguments.get(n).and_then(|text| text.parse::<u64>().ok()));
    let (from, to) = from.zip(to).ok_or("usage: histories FROM TO [unban]")?;
    let with_unban = arguments.get(2).is_some_and(|word| word == "unban");
    let few = [VoteKind::Ban, VoteKind::Promote, VoteKind::Demote];
    let kinds = if with_unban { &VoteKind::ALL[..] } else { &few };
    for number in from..to {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let attempts = attempts_of(kinds, 40).new_tree(&mut runner).map_err(|why| why.to_string())?.current();
        let mut world = play(Mode::InvitesOnly, &attempts);
        let history = world.history.clone();
        let heads = world.replica.maximal(&history);
        let mut outcomes: Vec<&[CommitId]> = history.iter().map(std::slice::from_ref).collect();
        outcomes.push(&heads);
        println!("{}", serde_json::to_string(&Fixture::of(&mut world, PEOPLE, &outcomes))?);
    }
    Ok(())
}
