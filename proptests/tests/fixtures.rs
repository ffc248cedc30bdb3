//! Every fixture, played with real commits through the validator and without any through the model.

use parv_model::CommitId;
use parv_proptests::fixture::{Fixture, Outcome};
use std::path::Path;

#[test]
fn the_validator_and_the_model_come_to_what_the_fixtures_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut played = 0;
    for file in std::fs::read_dir(folder).expect("the fixtures' folder") {
        let path = file.expect("a readable folder").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let fixture: Fixture = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{path:?}: {why}"));
        let model = fixture.model().unwrap_or_else(|why| panic!("{path:?}, model: {why}"));
        let mut world = fixture.world().unwrap_or_else(|why| panic!("{path:?}, validator: {why}"));
        for expected in &fixture.outcomes {
            let heads: Vec<CommitId> = expected.heads.iter().map(|&head| world.history[head]).collect();
            let validator = Outcome::new(expected.heads.clone(), &world.observe(&heads));
            let model = Outcome::new(expected.heads.clone(), &model.state(&expected.heads));
            assert_eq!(&validator, expected, "{path:?}, validator");
            assert_eq!(&model, expected, "{path:?}, model");
        }
        played += 1;
    }
    assert!(played >= 12, "only {played} fixtures were found");
}
