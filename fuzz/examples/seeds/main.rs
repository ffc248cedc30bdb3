//! Writes the seeds of all targets below `seeds/`: real certificates, commits, messages and conversations between
//! devices, and recipes of histories and packs. Names say what they are; what a fuzzer found later stays.

mod jami;
mod overheard;
mod recipes;

use parv_fuzz::sample::Sample;
use parv_fuzz::{announcement, hello, sshsig, wire};
use parv_identity::certificate::Serial;
use parv_identity::{Crl, sshsig as armour};
use parv_model::{Commit, Message};
use std::fs;
use std::path::Path;

type Done = Result<(), Box<dyn std::error::Error>>;

fn main() -> Done {
    let sample = Sample::make();
    certificates(&sample)?;
    commits(&sample)?;
    armours()?;
    drawn()?;
    jami::conversations()?;
    recipes::histories()?;
    recipes::packs(&sample)?;
    overheard::conversations(&sample)?;
    frames(&sample)?;
    words(&sample)
}

fn put(target: &str, name: &str, bytes: &[u8]) -> Done {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join(name), bytes)?)
}

/// Each as a PEM text, and as what is inside it.
fn certificates(sample: &Sample) -> Done {
    let person = &sample.world.people[0];
    let account = &person.credentials.account;
    let both = |target: &str, name: &str, text: &[u8]| -> Done {
        put(target, &format!("{name}.pem"), text)?;
        put(target, &format!("{name}.der"), pem::parse(text)?.contents())
    };
    both("certificate", "account", account.pem())?;
    both("certificate", "device", person.credentials.device.pem())?;
    for count in [0_u8, 3] {
        let revoked = (1..=count).filter_map(|number| Serial::from_bytes(&[number])).collect();
        let crl = Crl::issue(&person.account_key, account, count.into(), &revoked, 1_000_000, 2_000_000)?;
        both("crl", &format!("list-of-{count}"), crl.pem())?;
    }
    Ok(())
}

/// One of each kind that the conversation has, and its message.
fn commits(sample: &Sample) -> Done {
    for id in &sample.commits {
        let bytes = sample.world.objects.commit(id);
        let (commit, _) = Commit::decode(bytes)?;
        let message = Message::decode(&commit.message)?;
        let name = match message {
            Message::Add(_) => "add".to_owned(),
            Message::Join(_) => "join".to_owned(),
            Message::Resolve(kind, _) => kind.to_string(),
            other => other.kind().replace('/', "-"),
        };
        put("commit", &name, bytes)?;
        put("message", &name, &commit.message)?;
    }
    let id = "01".repeat(20);
    for (name, text) in [
        ("reply", format!(r#"{{"body":"yes","reply-to":"{id}","type":"text/plain"}}"#)),
        ("edited", format!(r#"{{"body":"","edit":"{id}","type":"application/edited-message"}}"#)),
        ("escapes", r#"{"body":"\"\\\b\f\n\r\t\u0001é🐝","type":"text/plain"}"#.to_owned()),
    ] {
        put("message", name, text.as_bytes())?;
    }
    Ok(())
}

fn armours() -> Done {
    put("sshsig", "ours", armour::sign(&sshsig::signer(), sshsig::PAYLOAD).as_bytes())?;
    let openssh = include_bytes!("../../../crates/parv-identity/tests/samples/good.sig");
    put("sshsig", "openssh", openssh.trim_ascii_end())
}

/// For targets that make anything at all out of bytes: bytes that hit every kind.
fn drawn() -> Done {
    for number in 0..15_u8 {
        let mut bytes: Vec<u8> =
            (0..4_u8).flat_map(|part| sha1dc::digest(&[number, part]).expect("no collision").to_bytes()).collect();
        bytes.extend(format!("a text \"{number}\" é\n🐝\u{1}").as_bytes());
        put("json", &format!("drawn-{number:02}"), &bytes)?;
    }
    for (name, from, to, names) in [
        ("plain", 0_i64, 4_000_000_000_i64, ["Ann", "phone"]),
        ("after-2050", 2_524_607_999, 253_402_300_799, ["Žofie 🐝", "a device with a long name"]),
        ("one-second", 7, 7, ["x", "y"]),
        ("odd-names", 1, 2, ["a,b=c+d#e\"f\\", " leading"]),
    ] {
        let mut bytes = vec![1, 2, 3, 0x7f, 0, 1, 9];
        bytes.extend(from.to_le_bytes());
        bytes.extend(to.to_le_bytes());
        bytes.extend(77_u64.to_le_bytes());
        bytes.extend([2, 0, 5, 1, 1, 0]); // two serial numbers: 5 and 256
        bytes.extend(names.concat().as_bytes());
        bytes.extend([names[1].len() as u8, names[0].len() as u8]); // lengths are read from the end
        put("issue", name, &bytes)?;
    }
    Ok(())
}

fn frames(sample: &Sample) -> Done {
    let (id, device) = (sample.commits[0], sample.world.people[0].device());
    let notice = format!(r#"{{"id":"{id}","commit":"{id}","deviceId":"{device}"}}"#);
    put("wire", "notice", &wire::frame_of("application/im-gitmessage-id", notice.as_bytes()))?;
    let invite = format!(r#"{{"conversationId":"{id}","mode":2,"commit":"{id}","members":[]}}"#);
    put("wire", "invite", &wire::frame_of("application/invite+json", invite.as_bytes()))?;
    // As a later version might write it, with a field that is not known yet.
    put("wire", "later", b"\0\0\0\x19\xa3\x64body\x42hi\x64mime\x63a/b\x65later\x07")?;
    put("wire", "empty", &wire::frame_of("a/b", b""))
}

/// What devices tell each other, and what people ask of theirs.
fn words(sample: &Sample) -> Done {
    put("announcement", "plain", &announcement::plain())?;
    put("announcement", "another-device", br#"{"id":"01","commit":"02","deviceId":"03"}"#)?;
    put("hello", "real", &hello::real())?;
    let other = &sample.world.people[1].credentials;
    let text = |pem: &[u8]| String::from_utf8_lossy(pem).into_owned();
    let (account, device) = (text(other.account.pem()), text(other.device.pem()));
    put("hello", "another-account", serde_json::json!({"account": account, "device": device}).to_string().as_bytes())?;
    let (id, uri) = (sample.commits[0], sample.world.people[1].uri());
    let asked = [
        r#"{"verb":"account"}"#.to_owned(),
        r#"{"verb":"new","mode":2}"#.to_owned(),
        format!(r#"{{"verb":"new","mode":0,"with":"{uri}"}}"#),
        format!(r#"{{"verb":"invite","conversation":"{id}","uri":"{uri}"}}"#),
        format!(r#"{{"verb":"send","conversation":"{id}","text":"Grüße \\n"}}"#),
        format!(r#"{{"verb":"log","conversation":"{id}","limit":3,"before":"{id}","hidden":true}}"#),
        format!(r#"{{"verb":"moderate","conversation":"{id}","kind":"ban","target":"{uri}","device":false}}"#),
        r#"{"verb":"push-subscribe","endpoint":"https://push.example/a","contact":"mailto:a@b.example"}"#.to_owned(),
        r#"{"verb":"push-open","body":[1,2,3]}"#.to_owned(),
        r#"{"verb":"dance"}"#.to_owned(),
    ];
    put("request", "many", (asked.join("\n") + "\n").as_bytes())?;
    asked
        .iter()
        .enumerate()
        .try_for_each(|(number, line)| put("request", &format!("line-{number}"), (line.clone() + "\n").as_bytes()))
}
