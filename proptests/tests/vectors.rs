//! Published vectors: RFC 8785 (canonical JSON) as far as messages use it, and the keys of RFC 8032 (Ed25519).

use parv_identity::DeviceKey;
use parv_model::{Message, MessageError};

/// RFC 8785 §3.2.2.2: which characters are escaped, and how; §3.2.2.4: everything else is UTF-8 as it is.
#[test]
fn rfc_8785_strings_have_one_spelling() {
    // The string of the example in §3.2.2: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/".
    let body = "\u{20ac}$\u{f}\nA'B\"\\\\\"/".to_owned();
    let canonical = r#"{"body":"€$\u000f\nA'B\"\\\\\"/","type":"text/plain"}"#;
    assert_eq!(Message::Text { body: body.clone() }.encode(), canonical.as_bytes());
    assert_eq!(Message::decode(canonical.as_bytes()), Ok(Message::Text { body }));
    let as_written = r#"{"body":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","type":"text/plain"}"#;
    assert_eq!(Message::decode(as_written.as_bytes()), Err(MessageError::NotCanonical));
}

#[test]
fn rfc_8785_control_characters() {
    for code in 0..0x20u8 {
        let short = match code {
            8 => r"\b".to_owned(),
            9 => r"\t".to_owned(),
            10 => r"\n".to_owned(),
            12 => r"\f".to_owned(),
            13 => r"\r".to_owned(),
            _ => format!("\\u{code:04x}"),
        };
        let canonical = format!(r#"{{"body":"{short}","type":"text/plain"}}"#);
        let message = Message::Text { body: char::from(code).to_string() };
        assert_eq!(message.encode(), canonical.as_bytes(), "U+{code:04X}");
        assert_eq!(Message::decode(canonical.as_bytes()), Ok(message));
    }
}

/// RFC 8785 §3.2.3 sorts by UTF-16 units, and strings are not normalised: the sample's values, which come in that order.
#[test]
fn rfc_8785_characters_beyond_ascii_stay_as_they_are() {
    for text in ["\r", "1", "\u{80}", "\u{f6}", "\u{20ac}", "\u{1f600}", "\u{fb33}", "A\u{30a}", "\u{2028}", "\u{7f}"] {
        let message = Message::Text { body: text.to_owned() };
        assert_eq!(Message::decode(&message.encode()), Ok(message), "{text:?}");
    }
    // A lone surrogate is no text.
    assert!(Message::decode(br#"{"body":"\udead","type":"text/plain"}"#).is_err());
}

/// RFC 8032 §7.1, tests 1 to 3: the public key of each secret key.
#[test]
fn rfc_8032_keys() {
    for (secret, public) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        ),
    ] {
        let byte = |i: usize| u8::from_str_radix(&secret[2 * i..2 * i + 2], 16).expect("two hex digits");
        let key = DeviceKey::from_seed(std::array::from_fn(byte));
        assert_eq!(key.device_id().to_string(), public);
    }
}
