//! `application/update-profile`: the conversation's title, description and picture as a vCard (seed, "profile"; R10).

use super::{Case, profile_entry};
use crate::authority;
use crate::source::BlobSource;
use parv_model::{BlobId, Refusal, limits};

pub(super) fn check(case: &Case<'_>, source: &dyn BlobSource) -> Result<BlobId, Refusal> {
    case.require_admin("change the profile")?;
    let blob = profile_entry(case, source)?;
    if Some(blob) != case.before.profile() {
        let bytes = authority::read(case.commit, source, &blob, limits::MAX_PROFILE_BYTES)?;
        case.require(is_vcard(&bytes), || "profile.vcf is not a vCard".into())?;
    }
    Ok(blob)
}

/// Whether these bytes are one vCard as far as the rules care: its first and last lines, in UTF-8.
fn is_vcard(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let mut lines = text.lines();
    lines.next() == Some("BEGIN:VCARD") && text.lines().count() > 1 && text.lines().last() == Some("END:VCARD")
}

#[cfg(test)]
mod tests {
    use super::is_vcard;

    #[test]
    fn a_vcard_is_told_from_other_bytes() {
        assert!(is_vcard(b"BEGIN:VCARD\nVERSION:2.1\nFN:TITLE\nEND:VCARD"));
        assert!(is_vcard(b"BEGIN:VCARD\r\nVERSION:2.1\r\nEND:VCARD\r\n"));
        for other in [&b""[..], b"BEGIN:VCARD", b"END:VCARD", b"BEGIN:VCARD\nFN:x", b"\xff", b"#!/bin/sh\nEND:VCARD"] {
            assert!(!is_vcard(other), "{other:?}");
        }
    }
}
