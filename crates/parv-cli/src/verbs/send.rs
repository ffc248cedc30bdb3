//! `parv send`: where the text comes from.

use crate::failure::Failure;
use std::io::Read;

/// The most that is read from standard input, in bytes; a message may have less, and the engine says how much.
const MAX_INPUT_BYTES: u64 = 128 * 1024;

/// The text that was typed, its words joined by blanks; a single "-" stands for standard input.
pub fn text(words: &[String]) -> Result<String, Failure> {
    let text = match words {
        [dash] if dash == "-" => read_input()?,
        words => words.join(" "),
    };
    match text.is_empty() {
        true => Err(Failure::Usage("there is nothing to send".into())),
        false => Ok(text),
    }
}

/// Standard input to its end, without the last line end.
fn read_input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let fail = |why: &dyn std::fmt::Display| Failure::error(format!("cannot read standard input: {why}"));
    std::io::stdin().lock().take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes).map_err(|error| fail(&error))?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        return Err(fail(&format!("it is longer than any message may be ({MAX_INPUT_BYTES} bytes were read)")));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| fail(&"it is not UTF-8 text"))?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}
