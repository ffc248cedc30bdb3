//! Hellos, by which a device shows whose it is; and the same certificates, sealed, in its address record.

use crate::sample::person;
use certificates::Certificates;
use greeting::Greeting;

#[path = "../../crates/parv/src/engine/certificates.rs"]
mod certificates;
#[path = "../../crates/parv/src/engine/greeting.rs"]
mod greeting;

/// When it is heard, in seconds since 1970.
const NOW: i64 = 1_700_000_000;

/// A real hello.
pub fn real() -> Vec<u8> {
    Greeting::own(&person().credentials, true).bytes()
}

/// Whether a hello of that somebody's device is believed.
pub fn is_believed(bytes: &[u8]) -> bool {
    Greeting::read(bytes, person().device(), NOW).is_ok()
}

/// Nobody is taken for somebody else: a device that is believed is its owner's. What nobody sealed is not opened.
pub fn hold(bytes: &[u8]) {
    let person = person();
    if let Ok((account, _)) = Greeting::read(bytes, person.device(), NOW) {
        assert_eq!(account, person.uri());
    }
    assert!(Certificates::prove(bytes, &person.uri(), person.device(), NOW).is_err(), "nobody has sealed this");
    if let Ok(shown) = serde_json::from_slice::<Certificates>(bytes) {
        let sealed = shown.seal(&person.uri(), person.device()).expect("the system gives randomness");
        let opened = Certificates::prove(&sealed, &person.uri(), person.device(), NOW);
        let holds = shown.account_of(person.device(), NOW).is_ok_and(|account| account == person.uri());
        assert_eq!(opened.is_ok(), holds, "sealed or not, they prove the same");
    }
}
