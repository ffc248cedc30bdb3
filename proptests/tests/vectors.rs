//! Published vectors of RFC 8785 (canonical JSON). A message is an object of texts, and of one small whole number in the
//! first one; the RFC's examples that are something else are refused, in their canonical form too. The vectors of RFC
//! 8032 and of Wycheproof are in `parv-identity`.

use parv_model::{Call, CommitId, DeviceId, EditForm, FileAnnouncement, Message, MessageError, Mode, Uri, VoteKind};

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

/// RFC 8785 §3.2.2 to §3.2.4: the whole sample, as it is written there and in its canonical form, byte for byte.
#[test]
fn rfc_8785_sample_is_canonical_and_still_no_message() {
    let written = r#"{
      "numbers": [333333333.33333329, 1E30, 4.50,
                  2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }"#;
    // §3.2.4, in hex as it stands there.
    let canonical = "7b 22 6c 69 74 65 72 61 6c 73 22 3a 5b 6e 75 6c 6c 2c 74 72 75 65 2c 66 61 6c 73 65 5d 2c 22 6e 75 6d 62 \
                     65 72 73 22 3a 5b 33 33 33 33 33 33 33 33 33 2e 33 33 33 33 33 33 33 2c 31 65 2b 33 30 2c 34 2e 35 2c 30 \
                     2e 30 30 32 2c 31 65 2d 32 37 5d 2c 22 73 74 72 69 6e 67 22 3a 22 e2 82 ac 24 5c 75 30 30 30 66 5c 6e 41 \
                     27 42 5c 22 5c 5c 5c 5c 5c 22 2f 22 7d";
    let canonical: Vec<u8> =
        canonical.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("two hex digits")).collect();
    for bytes in [written.as_bytes(), &canonical] {
        assert!(matches!(Message::decode(bytes), Err(MessageError::NotJson(_))));
    }
    // The part of it that a message may hold is spelled as the sample spells it.
    let sample = std::str::from_utf8(&canonical).expect("UTF-8");
    let string = sample.split_once(r#""string":"#).expect("the sample has it").1.trim_end_matches('}');
    let message = format!(r#"{{"body":{string},"type":"text/plain"}}"#);
    assert!(Message::decode(message.as_bytes()).is_ok());
    for value in ["[333333333.3333333,1e+30,4.5,0.002,1e-27]", "[null,true,false]", "null", "true", "4.5", "{}"] {
        let message = format!(r#"{{"body":{value},"type":"text/plain"}}"#);
        assert!(matches!(Message::decode(message.as_bytes()), Err(MessageError::Malformed { .. })), "{message}");
        let message = format!(r#"{{"body":"","extra":{value},"type":"text/plain"}}"#);
        assert!(matches!(Message::decode(message.as_bytes()), Err(MessageError::Malformed { .. })), "{message}");
    }
}

/// RFC 8785 §3.2.3: names are sorted by their UTF-16 units. Every name of ours is ASCII, and every message has them so.
#[test]
fn rfc_8785_names_are_sorted() {
    let (uri, id, device) = (Uri::from_bytes([7; 32]), CommitId::from_bytes([8; 20]), DeviceId::from_bytes([9; 32]));
    let body = String::new;
    let file = FileAnnouncement { tid: "t".into(), display_name: "n".into(), total_size: 1, sha3sum: [0; 64] };
    let mut messages = vec![
        Message::Initial { mode: Mode::OneToOne, invited: Some(uri) },
        Message::Text { body: body() },
        Message::Reply { to: id, body: body() },
        Message::Reaction { to: id, body: body() },
        Message::Edit { of: id, body: body(), form: EditForm::Edited },
        Message::Edit { of: id, body: body(), form: EditForm::Text },
        Message::File(file),
        Message::Call(Call::Ended { to: uri, duration: 7 }),
        Message::Call(Call::Hosted { uri, device, conference: "c".into(), duration: Some(7) }),
        Message::Add(uri),
        Message::Join(uri),
        Message::Leave(uri),
        Message::UpdateProfile,
        Message::Merge,
    ];
    for kind in VoteKind::ALL {
        messages.extend([Message::Vote(kind, uri.into()), Message::Resolve(kind, uri.into())]);
    }
    messages.extend([Message::Vote(VoteKind::Ban, device.into()), Message::Resolve(VoteKind::Unban, device.into())]);
    for message in messages {
        let bytes = message.encode();
        assert_eq!(Message::decode(&bytes), Ok(message));
        // None of these values holds a quotation mark or a comma, so the names can be cut out by hand.
        let text = std::str::from_utf8(&bytes).expect("UTF-8").trim_matches(['{', '}']).to_owned();
        let names: Vec<Vec<u16>> =
            text.split(',').map(|field| field.split('"').nth(1).expect("a name").encode_utf16().collect()).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{text}");
        // Any other order of its fields is another spelling.
        if let Some((first, rest)) = text.split_once(',') {
            let turned = format!("{{{rest},{first}}}");
            assert_eq!(Message::decode(turned.as_bytes()), Err(MessageError::NotCanonical), "{turned}");
        }
    }
}

/// RFC 8785 §3.2.2.3 and appendix B: of its numbers, messages have 0, 1, 2 and 3, as a mode, in one spelling each.
#[test]
fn rfc_8785_numbers() {
    let initial = |number: &str| Message::decode(format!(r#"{{"mode":{number},"type":"initial"}}"#).as_bytes());
    for mode in [Mode::OneToOne, Mode::AdminInvitesOnly, Mode::InvitesOnly, Mode::Public] {
        assert_eq!(initial(&mode.number().to_string()), Ok(Message::Initial { mode, invited: None }));
    }
    // Appendix B, third column; and those that stand for no number there.
    for number in [
        "5e-324",
        "-5e-324",
        "1.7976931348623157e+308",
        "-1.7976931348623157e+308",
        "9007199254740992",
        "-9007199254740992",
        "295147905179352830000",
        "9.999999999999997e+22",
        "1e+23",
        "1.0000000000000001e+23",
        "999999999999999700000",
        "999999999999999900000",
        "1e+21",
        "9.999999999999997e-7",
        "0.000001",
        "333333333.3333332",
        "333333333.33333325",
        "333333333.3333333",
        "333333333.3333334",
        "333333333.33333343",
        "-0.0000033333333333333333",
        "1424953923781206.2",
        "NaN",
        "Infinity",
        "-Infinity",
    ] {
        assert!(initial(number).is_err(), "{number}");
    }
    // Other spellings of the modes' numbers; appendix B has -0 as a second spelling of 0.
    for number in
        ["-0", "0.0", "00", "0e0", "0E0", "1.0", "1e0", "1E0", "1e+0", "10e-1", "+1", "01", "0x1", "2.", "\"2\""]
    {
        assert!(initial(number).is_err(), "{number}");
    }
    // What has larger numbers carries them as texts, with the digits of the one form that whole numbers have there.
    for (digits, good) in [
        ("0", true),
        ("18446744073709551615", true),
        ("18446744073709551616", false),
        ("-0", false),
        ("1e3", false),
        ("00", false),
        ("+7", false),
        ("7.0", false),
        ("", false),
        (" 7", false),
    ] {
        let to = Uri::from_bytes([7; 32]);
        let call = format!(r#"{{"duration":"{digits}","to":"{to}","type":"application/call-history+json"}}"#);
        assert_eq!(Message::decode(call.as_bytes()).is_ok(), good, "{digits:?}");
    }
}

/// RFC 8785 §3.2.2.2: a lone surrogate stops the making of canonical JSON; a pair is one character.
#[test]
fn rfc_8785_surrogates() {
    for (escaped, good) in [(r"\ud83d\ude00", true), (r"\ude00\ud83d", false), (r"\ud83d", false), (r"\ude00", false)] {
        let message = format!(r#"{{"body":"{escaped}","type":"text/plain"}}"#);
        let expected = if good { MessageError::NotCanonical } else { MessageError::NotJson(String::new()) };
        let found = Message::decode(message.as_bytes()).expect_err("not written as itself");
        assert_eq!(std::mem::discriminant(&found), std::mem::discriminant(&expected), "{escaped}: {found}");
    }
}
