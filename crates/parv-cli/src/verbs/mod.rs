//! One function per verb. Most are one request whose answer is shown; the others have a file of their own.

mod account;
mod archive;
mod audit;
mod bootstrap;
mod daemon;
mod export;
mod jami;
mod list;
mod log;
mod push;
mod send;

use crate::args::{AccountVerb, Cli, Global, JamiVerb, Moderation, NetVerb, Verb};
use crate::demo;
use crate::failure::Failure;
use crate::output;
use crate::session::{Reach, Session};
use parv::VoteKind;
use parv_daemon::{Answer, Request};
use std::io::Write;

/// Does what was typed.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    let global = &cli.global;
    match cli.verb {
        Verb::Demo(args) => demo::run(args, global.json).await,
        Verb::Account(AccountVerb::Create { name, password_file }) => account::create(global, name, password_file),
        Verb::Account(AccountVerb::Show) => ask(global, Request::Account).await,
        Verb::New(args) => ask(global, Request::New { mode: args.mode.into(), with: args.with }).await,
        Verb::List => list::print(global).await,
        Verb::Invite { conversation, uri, network } => {
            archive::refuse_changes(global, &conversation.id)?;
            let request = Request::Invite { conversation: conversation.id, uri };
            ask_with(global, Reach::Others(&network), request).await
        }
        Verb::Requests => ask(global, Request::Requests).await,
        Verb::Accept { conversation, network } => {
            let request = Request::Accept { conversation: conversation.id };
            ask_with(global, Reach::Others(&network), request).await
        }
        Verb::Decline { conversation } => ask(global, Request::Decline { conversation: conversation.id }).await,
        Verb::Block { uri: Some(uri) } => ask(global, Request::Block { uri }).await,
        Verb::Block { uri: None } => ask(global, Request::Blocked).await,
        Verb::Unblock { uri } => ask(global, Request::Unblock { uri }).await,
        Verb::Send { conversation, text, network } => {
            archive::refuse_changes(global, &conversation.id)?;
            let request = Request::Send { conversation: conversation.id, text: send::text(&text)? };
            ask_with(global, Reach::Others(&network), request).await
        }
        Verb::Log { conversation, limit, hidden } => log::print(global, &conversation.id, limit, hidden).await,
        Verb::Export { conversation, format } => export::export(global, &conversation.id, format).await,
        Verb::Search { conversation, words } => export::search(global, &conversation.id, &words).await,
        Verb::Jami(JamiVerb::Audit { repository, lenient }) => jami::audit(&repository, lenient, global.json),
        Verb::Jami(JamiVerb::Import { repository, lenient }) => jami::import(global, &repository, lenient),
        Verb::Members { conversation } => match archive::find(global, &conversation.id)? {
            Some(archive) => archive::members(global, &archive),
            None => ask(global, Request::Members { conversation: conversation.id }).await,
        },
        Verb::Vote { conversation, kind, person, device, network } => {
            archive::refuse_changes(global, &conversation.id)?;
            let request = Request::Vote { conversation: conversation.id, kind: kind.into(), target: person, device };
            ask_with(global, Reach::Others(&network), request).await
        }
        Verb::Ban(what) => moderate(global, VoteKind::Ban, what).await,
        Verb::Unban(what) => moderate(global, VoteKind::Unban, what).await,
        Verb::Promote(what) => moderate(global, VoteKind::Promote, what).await,
        Verb::Demote(what) => moderate(global, VoteKind::Demote, what).await,
        Verb::LetIn { conversation, head, network } => {
            archive::refuse_changes(global, &conversation.id)?;
            let request = Request::LetIn { conversation: conversation.id, head };
            ask_with(global, Reach::Others(&network), request).await
        }
        Verb::Leave { conversation, network } => {
            archive::refuse_changes(global, &conversation.id)?;
            let request = Request::Leave { conversation: conversation.id };
            ask_with(global, Reach::Others(&network), request).await
        }
        Verb::Verify { repository } => audit::verify(&repository, global.json),
        Verb::AllowedSigners { repository } => audit::allowed_signers(&repository, global.json),
        Verb::Daemon(args) => daemon::run(global, args).await,
        Verb::Bootstrap(args) => bootstrap::run(global, args).await,
        Verb::Net(NetVerb::Status) => ask_daemon(global, Request::NetStatus).await,
        Verb::Push(verb) => push::run(global, verb).await,
        Verb::Connect { address } => ask_daemon(global, Request::Connect { address: address.to_string() }).await,
        Verb::Peers => ask_daemon(global, Request::Peers).await,
        Verb::Events => daemon::follow(global).await,
    }
}

async fn moderate(global: &Global, kind: VoteKind, what: Moderation) -> Result<(), Failure> {
    archive::refuse_changes(global, &what.conversation.id)?;
    let Moderation { conversation, person, device, network } = what;
    let request = Request::Moderate { conversation: conversation.id, kind, target: person, device };
    ask_with(global, Reach::Others(&network), request).await
}

/// Has a request done for which nobody else is needed, and shows the answer.
async fn ask(global: &Global, request: Request) -> Result<(), Failure> {
    ask_with(global, Reach::Nobody, request).await
}

async fn ask_with(global: &Global, reach: Reach<'_>, request: Request) -> Result<(), Failure> {
    let mut session = Session::open(global, reach).await?;
    let answer = session.call(request).await;
    session.close().await;
    show(global, &answer?)
}

/// Has a request done that only a running daemon can do, and shows the answer.
async fn ask_daemon(global: &Global, request: Request) -> Result<(), Failure> {
    let answer = Session::daemon(global).await?.call(&request).await?;
    show(global, &answer)
}

fn show(global: &Global, answer: &Answer) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match global.json {
        true => output::json(&mut out, &answer.data())?,
        false => output::answer(&mut out, answer)?,
    }
    Ok(out.flush()?)
}
