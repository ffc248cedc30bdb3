//! How answers look: plain words for people, JSON for programs.

use crate::text::{count, date, harmless, short, target};
use parv::{CommitId, DeviceId, HeldFork, Uri, Wake};
use parv_daemon::answer::*;
use parv_daemon::{Answer, Notice, notice::Change};
use std::io::{self, Write};

/// Writes one JSON document on a line of its own.
pub fn json(out: &mut impl Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out)
}

/// Writes an answer for a person.
pub fn answer(out: &mut impl Write, answer: &Answer) -> io::Result<()> {
    match answer {
        Answer::Account(view) => account(out, view),
        Answer::Conversation(view) => conversation(out, view),
        Answer::Conversations(views) if views.is_empty() => {
            writeln!(out, "no conversations; begin one with: parv new")
        }
        Answer::Conversations(views) => views.iter().try_for_each(|view| conversation(out, view)),
        Answer::Requests(views) if views.is_empty() => writeln!(out, "no invitations"),
        Answer::Requests(views) => views.iter().try_for_each(|view| request(out, view)),
        Answer::Written(view) => written(out, view),
        Answer::Done { conversation } => writeln!(out, "done: {}", short(conversation)),
        Answer::Blocked(people) if people.is_empty() => writeln!(out, "nobody is blocked"),
        Answer::Blocked(people) => people.iter().try_for_each(|uri| writeln!(out, "blocked {uri}")),
        Answer::Log(view) => view.entries.iter().try_for_each(|view| entry(out, view)),
        Answer::Members(view) => members(out, view),
        Answer::Moderated(view) => moderated(out, view),
        Answer::Connected { address } => writeln!(out, "connected to {}", harmless(address, "")),
        Answer::Peers(views) if views.is_empty() => writeln!(out, "no devices are connected"),
        Answer::Peers(views) => views.iter().try_for_each(|view| match &view.account {
            Some(account) => writeln!(out, "device {}  of {account}", short(&view.device)),
            None => writeln!(out, "device {}  has not said whose it is", short(&view.device)),
        }),
        Answer::Network(view) => network(out, view),
        Answer::Push(view) => push(out, view),
        Answer::PushNews(news) => {
            let (conversation, commit) = (short(&news.conversation), short(&news.commit));
            writeln!(out, "{conversation}  commit {commit} is new, device {} has it", short(&news.device))
        }
        Answer::Following => Ok(()),
    }
}

fn account(out: &mut impl Write, view: &AccountView) -> io::Result<()> {
    writeln!(out, "name    {}", harmless(&view.name, "        "))?;
    writeln!(out, "uri     {}", view.uri)?;
    writeln!(out, "device  {}", view.device)?;
    writeln!(out, "folder  {}", view.folder.display())?;
    view.addresses.iter().try_for_each(|address| writeln!(out, "address {address}"))
}

fn network(out: &mut impl Write, view: &NetworkView) -> io::Result<()> {
    let reachability = match view.reachability.as_str() {
        "public" => "others reach this device",
        "private" => "others do not reach this device without help",
        _ => "nobody has tried yet whether others reach this device",
    };
    writeln!(out, "device    {}", view.device)?;
    writeln!(out, "reached   {reachability}")?;
    view.external.iter().try_for_each(|address| writeln!(out, "external  {address}"))?;
    view.listening.iter().try_for_each(|address| writeln!(out, "listening {address}"))?;
    view.relays.iter().try_for_each(|relay| writeln!(out, "relay     {}", short(relay)))?;
    for node in &view.bootstrap {
        let state = if node.connected { "connected" } else { "not connected" };
        writeln!(out, "bootstrap {}  {state}", short(&node.device))?;
    }
    let (providers, places, letters) = (view.provider_records, view.address_records, count(view.letters, "letter"));
    let peers = count(view.table_peers, "peer");
    writeln!(out, "table     {peers}, {providers} provider and {places} address records, {letters}")?;
    for connection in &view.connections {
        let way = if connection.relayed { "through a relay" } else { "directly" };
        let whose = connection.account.map_or_else(|| "nobody known".to_owned(), |account| short(&account));
        let address = harmless(&connection.address, "");
        writeln!(out, "connected {}  of {whose}  {way}  {address}", short(&connection.device))?;
    }
    Ok(())
}

fn push(out: &mut impl Write, view: &PushView) -> io::Result<()> {
    match &view.subscription {
        None => writeln!(out, "nobody can wake this device; subscribe with: parv push subscribe")?,
        Some(subscription) => {
            writeln!(out, "endpoint  {}", harmless(&subscription.endpoint, ""))?;
            writeln!(out, "p256dh    {}", subscription.p256dh)?;
            writeln!(out, "auth      {}", subscription.auth)?;
            writeln!(out, "vapid     {}", subscription.vapid)?;
        }
    }
    for holder in &view.holders {
        let expires = date(i64::try_from(holder.expires).unwrap_or(i64::MAX));
        let (first, second, state) = (holder.first, holder.second, harmless(&holder.state, ""));
        let device = short(&holder.device);
        writeln!(out, "woken by  {device}  {state}, until {expires}, first for {first} and second for {second}")?;
    }
    view.sleepers.iter().try_for_each(|device| writeln!(out, "wakes     {}", short(device)))
}

fn conversation(out: &mut impl Write, view: &ConversationView) -> io::Result<()> {
    write!(out, "{}  {:<18}  {}", view.id, view.mode.name(), count(view.members, "member"))?;
    if view.syncing {
        write!(out, ", still being fetched")?;
    } else {
        write!(out, ", {} in the log", count(view.messages, "entry").replace("entrys", "entries"))?;
    }
    if view.heads > 1 {
        write!(out, ", {} branches that the next one who writes makes one", view.heads)?;
    }
    match &view.title {
        Some(title) => writeln!(out, "  {}", harmless(title, "  ")),
        None => writeln!(out),
    }
}

fn request(out: &mut impl Write, view: &RequestView) -> io::Result<()> {
    writeln!(out, "{}  {:<18}  from {}  {}", view.id, view.mode.name(), view.from, date(view.received))?;
    for text in [&view.title, &view.description].into_iter().flatten() {
        writeln!(out, "  {}", harmless(text, "  "))?;
    }
    Ok(())
}

fn written(out: &mut impl Write, view: &Written) -> io::Result<()> {
    writeln!(out, "commit {}", view.commit)?;
    delivery(out, view.delivery)
}

fn delivery(out: &mut impl Write, delivery: Delivery) -> io::Result<()> {
    match delivery {
        Delivery::Running | Delivery::Nobody => Ok(()),
        Delivery::Done => writeln!(out, "delivered"),
        Delivery::Left => writeln!(out, "left for when they come online"),
        Delivery::Later => writeln!(
            out,
            "written and safe on disk, but nobody whom it concerns could be reached now: it is delivered as soon as a \
             node of yours meets one of theirs (parv daemon keeps one running)"
        ),
    }
}

/// Writes one entry of a log.
pub fn entry(out: &mut impl Write, view: &EntryView) -> io::Result<()> {
    let role = view.role.map_or("stranger".to_owned(), |role| role.to_string());
    let name = harmless(&view.name, "");
    let flag = match view.content.as_deref() {
        Some("hidden") => "[hidden: banned at the time] ",
        Some(_) => "[banned at the time] ",
        None => "",
    };
    let words = harmless(&parv::words::message(&view.message), "    ");
    writeln!(out, "{}  {}  {name} ({role})  {flag}{words}", date(view.time), short(&view.id))
}

fn members(out: &mut impl Write, view: &MembersView) -> io::Result<()> {
    for member in &view.members {
        person(out, member)?;
    }
    for vote in &view.votes {
        let voters: Vec<String> = vote.voters.iter().map(short).collect();
        let state = if vote.majority { "a majority" } else { "no majority yet" };
        writeln!(out, "open vote to {} {}: {} ({state})", vote.kind, target(&vote.target), voters.join(", "))?;
    }
    view.undecided.iter().try_for_each(|view| undecided(out, view))?;
    let forked = &view.equivocations;
    forked.iter().try_for_each(|view| equivocation(out, &view.device, &view.account, &view.commits))?;
    view.held.iter().try_for_each(|fork| held(out, fork))
}

fn undecided(out: &mut impl Write, view: &ConflictView) -> io::Result<()> {
    let (kind, target, by, commit) = (view.kind, target(&view.target), short(&view.by), short(&view.commit));
    let rest = "stands against another of equal weight: neither holds until the admins vote again";
    writeln!(out, "undecided: {kind} {target} (by {by}, commit {commit}) {rest}")
}

fn held(out: &mut impl Write, fork: &HeldFork) -> io::Result<()> {
    let (head, by, from) = (short(&fork.head), short(&fork.by), short(&fork.from));
    let rest = "forks from far behind and waits: parv let-in takes it in";
    writeln!(out, "held: commit {head} of {by} (from device {from}, {}) {rest}", date(fork.since))
}

/// A device that forked.
pub fn equivocation(out: &mut impl Write, device: &DeviceId, account: &Uri, commits: &[CommitId; 2]) -> io::Result<()> {
    let [one, other] = commits.each_ref().map(short);
    let rest = "neither knows the other: it was copied, restored from an old backup, or it lies";
    writeln!(out, "device {} of {} signed commits {one} and {other}, and {rest}", short(device), short(account))
}

fn person(out: &mut impl Write, view: &MemberView) -> io::Result<()> {
    writeln!(out, "{:<8} {}", view.role.to_string(), view.uri)?;
    view.devices.iter().try_for_each(|device| writeln!(out, "           device {}", short(device)))?;
    view.banned_devices.iter().try_for_each(|device| writeln!(out, "           device {} (banned)", short(device)))
}

fn moderated(out: &mut impl Write, view: &ModerationView) -> io::Result<()> {
    let (kind, target) = (view.kind, target(&view.target));
    match (view.vote, view.resolution) {
        (Some(_), _) => writeln!(out, "voted to {kind} {target}: {} of {} admins so far", view.votes, view.admins)?,
        (None, _) => {
            writeln!(out, "your vote to {kind} {target} was cast before: {} of {} admins", view.votes, view.admins)?
        }
    }
    match view.resolution {
        Some(commit) => writeln!(out, "that is more than half, and it is done: commit {commit}")?,
        None => writeln!(out, "more than half of the admins must agree; it is done as soon as they do")?,
    }
    delivery(out, view.delivery)
}

/// Writes one event for a person.
pub fn notice(out: &mut impl Write, notice: &Notice) -> io::Result<()> {
    match notice {
        Notice::RequestReceived(view) => {
            write!(out, "invitation  ")?;
            request(out, view)
        }
        Notice::ConversationReady { conversation } => writeln!(out, "{}  is here", short(conversation)),
        Notice::ConversationRemoved { conversation } => writeln!(out, "{}  is left", short(conversation)),
        Notice::Message { conversation, entry: view } => {
            write!(out, "{}  ", short(conversation))?;
            entry(out, view)
        }
        Notice::Member { conversation, uri, by, change, .. } => {
            let what = match change {
                Change::Added => "was invited",
                Change::Joined => "joined",
                Change::Left => "left",
                Change::Banned => "was banned",
                Change::Unbanned => "may come back",
                Change::Promoted => "became an admin",
                Change::Demoted => "is no longer an admin",
            };
            write!(out, "{}  {} {what}", short(conversation), short(uri))?;
            if by != uri {
                write!(out, " (by {})", short(by))?;
            }
            writeln!(out)
        }
        Notice::Vote { conversation, by, kind, target: whom, .. } => {
            writeln!(out, "{}  {} voted to {kind} {}", short(conversation), short(by), target(whom))
        }
        Notice::Device { conversation, device, by, change, .. } => {
            let what = if *change == Change::Unbanned { "may write again" } else { "was banned" };
            writeln!(out, "{}  device {} {what} (by {})", short(conversation), short(device), short(by))
        }
        Notice::Undecided { conversation, conflict } => {
            write!(out, "{}  ", short(conversation))?;
            undecided(out, conflict)
        }
        Notice::Equivocation { conversation, proof } => {
            write!(out, "{}  ", short(conversation))?;
            equivocation(out, &proof.device, &proof.account, &proof.commits)
        }
        Notice::Held { conversation, fork } => {
            write!(out, "{}  ", short(conversation))?;
            held(out, fork)
        }
        Notice::Content { conversation, commit, content } => {
            let how = match content.as_deref() {
                Some("hidden") => "is hidden: its author was banned at the time, and nobody took it up",
                Some(_) => "is flagged: its author was banned at the time, and somebody took it up",
                None => "is shown like everything else",
            };
            writeln!(out, "{}  what commit {} says {how}", short(conversation), short(commit))
        }
        Notice::Profile { conversation, by, .. } => {
            writeln!(out, "{}  {} changed the profile", short(conversation), short(by))
        }
        Notice::Merged { conversation, commit } => {
            writeln!(out, "{}  branches became one in commit {}", short(conversation), short(commit))
        }
        Notice::Refused { conversation, peer, refusal } => {
            let (commit, why) = (short(&refusal.commit), harmless(&refusal.why, "  "));
            let rule = harmless(&refusal.rule, "");
            writeln!(out, "{}  refused commit {commit} of device {} ({rule}): {why}", short(conversation), short(peer))
        }
        Notice::RefusedByPeer { conversation, peer, commit, rule, why } => {
            let (commit, why, rule) = (short(commit), harmless(why, "  "), harmless(rule, ""));
            writeln!(out, "{}  device {} refused our commit {commit} ({rule}): {why}", short(conversation), short(peer))
        }
        Notice::FetchFailed { conversation, peer, why } => {
            let why = harmless(why, "  ");
            writeln!(out, "{}  could not fetch from device {}: {why}", short(conversation), short(peer))
        }
        Notice::Connected { device, account } => writeln!(out, "device {} of {account} connected", short(device)),
        Notice::Disconnected { device } => writeln!(out, "device {} disconnected", short(device)),
        Notice::LeaseAnswered { device, refused: None } => writeln!(out, "device {} wakes this one", short(device)),
        Notice::LeaseAnswered { device, refused: Some(why) } => {
            writeln!(out, "device {} does not wake this one: {}", short(device), harmless(why, "  "))
        }
        Notice::Wake { conversation, device, outcome } => {
            write!(out, "{}  device {} ", short(conversation), short(device))?;
            match outcome {
                Wake::Sent => writeln!(out, "is woken"),
                Wake::Failed { why } => writeln!(out, "is not woken: {}", harmless(why, "  ")),
            }
        }
        Notice::InviteLeft { conversation, uri, .. } => {
            writeln!(out, "{}  an invitation waits for {}", short(conversation), short(uri))
        }
        Notice::InviteDelivered { conversation, uri, .. } => {
            writeln!(out, "{}  the invitation reached {}", short(conversation), short(uri))
        }
        Notice::Fetched { conversation, device, .. } => {
            writeln!(out, "{}  device {} has it all", short(conversation), short(device))
        }
        Notice::Other { text } => writeln!(out, "{}", harmless(text, "  ")),
        Notice::Missed { count } => writeln!(out, "({count} events came too fast to be shown)"),
    }
}
