//! What a conversation says of itself: `profile.vcf`, a vCard, as the daemon reads it.

use std::collections::BTreeMap;

/// The largest profile that is read, in bytes: it may hold a picture.
pub const MAX_PROFILE_BYTES: usize = 16 * 1024 * 1024;

/// The fields of a vCard that have a name in Jami: `title`, `description`, `avatar`, `rdvAccount`, `rdvDevice`.
///
/// A line is `property:value`, and of two with the same property the first counts; what follows a semicolon in a property is a
/// parameter. Lines without a colon say nothing.
pub fn of_vcard(vcard: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(vcard);
    let mut properties = BTreeMap::new();
    for (property, value) in text.split('\n').filter_map(|line| line.split_once(':')) {
        properties.entry(property).or_insert(value);
    }
    let mut infos = BTreeMap::new();
    for (property, value) in properties {
        let name = match property {
            "FN" => "title",
            "DESCRIPTION" => "description",
            _ if property.starts_with("PHOTO") => "avatar",
            _ if property.starts_with("RDV_ACCOUNT") => "rdvAccount",
            _ if property.starts_with("RDV_DEVICE") => "rdvDevice",
            _ => continue,
        };
        infos.insert(name.to_owned(), value.to_owned());
    }
    infos
}

#[cfg(test)]
mod tests {
    use super::of_vcard;

    #[test]
    fn known_properties_are_read_and_empty_pictures_are_none() {
        let vcard = b"BEGIN:VCARD\nVERSION:2.1\nFN:A: b\nDESCRIPTION:x\nPHOTO;ENCODING=BASE64\n\n\nEND:VCARD";
        let infos: Vec<_> = of_vcard(vcard).into_iter().collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(infos, [pair("description", "x"), pair("title", "A: b")]);
        assert_eq!(of_vcard(b"PHOTO;ENCODING=BASE64:aGk=\nFN:one\nFN:two")["title"], "one");
    }
}
