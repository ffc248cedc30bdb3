//! What a `profile.vcf` says of a conversation: as much of vCard as that takes.

/// Title, description and picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) avatar: Option<String>,
}

impl Profile {
    /// Reads a vCard: `FN` or `TITLE` is the title, `DESCRIPTION` or `NOTE` the description, `PHOTO` the picture. What is
    /// not understood is passed over.
    pub(crate) fn read(vcard: &[u8]) -> Self {
        let text = String::from_utf8_lossy(vcard).replace("\r\n", "\n");
        // RFC 6350 §3.2: a line that begins with a blank goes on where the one before ended.
        let unfolded = text.replace("\n ", "").replace("\n\t", "");
        let mut profile = Self::default();
        for line in unfolded.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let name = name.split(';').next().unwrap_or_default().to_ascii_uppercase();
            let place = match name.as_str() {
                "FN" | "TITLE" => &mut profile.title,
                "DESCRIPTION" | "NOTE" => &mut profile.description,
                "PHOTO" => &mut profile.avatar,
                _ => continue,
            };
            if place.is_none() && !value.trim().is_empty() {
                *place = Some(unescape(value.trim()));
            }
        }
        profile
    }
}

/// RFC 6350 §3.4: `\n`, `\,`, `\;` and `\\`.
fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(other) => text.push(other),
                None => text.push('\\'),
            },
            _ => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vcard_is_read() {
        let card = b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Bees\\, all\r\nDESCRIPTION;LANGUAGE=en:one\\ntw\r\n o\r\nPHOTO;ENCODING=b:\
            QUJD\r\nEND:VCARD\r\n";
        let profile = Profile::read(card);
        assert_eq!(profile.title.as_deref(), Some("Bees, all"));
        assert_eq!(profile.description.as_deref(), Some("one\ntwo"));
        assert_eq!(profile.avatar.as_deref(), Some("QUJD"));
    }

    #[test]
    fn nonsense_is_an_empty_profile() {
        for card in [&b""[..], b"\xff\xfe", b"::::", b"FN:\nTITLE:  \n", b"\\"] {
            assert_eq!(Profile::read(card), Profile::default());
        }
    }
}
