//! Histories as JSON that another implementation can read (fixtures/README.md is the format).

use crate::World;
use crate::model::{Deed, Event, History, Papers, State};
use parv_model::{CommitId, Message, Mode, VoteKind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A history and what it comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixture {
    /// The mode of the conversation, by number.
    pub mode: u8,
    /// How many people there are.
    pub people: usize,
    /// How many devices each of them has.
    pub devices: usize,
    /// What happened, each event after its parents.
    pub events: Vec<Step>,
    /// What some of its parts come to.
    pub outcomes: Vec<Outcome>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its author.
    pub who: usize,
    /// The device; left out for the first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub device: usize,
    /// What it does: a word.
    pub does: String,
    /// What a vote is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whom: Option<usize>,
    /// Which of that person's devices a vote is about, if it is about a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whose_device: Option<usize>,
    /// Its parents, by number.
    pub on: Vec<usize>,
    /// Its commit id, where one is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
}

/// The state of some heads with everything behind them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The heads, by number.
    pub heads: Vec<usize>,
    /// The admins, the most senior first.
    pub admins: Vec<usize>,
    /// Members who are no admins.
    pub members: BTreeSet<usize>,
    /// Who may join.
    pub invited: BTreeSet<usize>,
    /// Who is banned, with the folder.
    pub banned: BTreeMap<usize, String>,
    /// The devices that are banned, as person and device.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub banned_devices: BTreeSet<(usize, usize)>,
    /// Who has left.
    pub left: BTreeSet<usize>,
    /// Resolutions without effect because others of equal weight contradict them.
    pub undecided: BTreeSet<usize>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn lines<T: Serialize>(items: &[T]) -> String {
    let line = |item| serde_json::to_string(item).expect("numbers and words are always JSON");
    items.iter().map(line).collect::<Vec<_>>().join(",\n    ")
}

impl Outcome {
    /// What the heads come to.
    pub fn new(heads: Vec<usize>, state: &State) -> Self {
        let state = state.clone();
        let banned_devices = state.banned_devices.into_keys().collect();
        let banned = state.banned.into_iter().map(|(who, category)| (who, category.folder().to_owned())).collect();
        let State { admins, members, invited, left, undecided, .. } = state;
        Self { heads, admins, members, invited, banned, banned_devices, left, undecided }
    }
}

impl Step {
    fn new(event: Event) -> Self {
        let (does, kind, whom) = match event.deed {
            Deed::Begin(_, named) => ("begin", None, named),
            Deed::Text => ("text", None, None),
            Deed::Add(whom) => ("add", None, Some(whom)),
            Deed::Join => ("join", None, None),
            Deed::Leave => ("leave", None, None),
            Deed::Vote(kind, whom) => ("vote", Some(kind.name().to_owned()), Some(whom)),
            Deed::Resolve(kind, whom) => (kind.name(), None, Some(whom)),
            Deed::VoteOnDevice(kind, (whom, _)) => ("vote", Some(kind.name().to_owned()), Some(whom)),
            Deed::ResolveOnDevice(kind, (whom, _)) => (kind.name(), None, Some(whom)),
            Deed::Profile => ("profile", None, None),
            Deed::Merge => ("merge", None, None),
        };
        let whose_device = match event.deed {
            Deed::VoteOnDevice(_, (_, device)) | Deed::ResolveOnDevice(_, (_, device)) => Some(device),
            _ => None,
        };
        let Event { who, device, parents, id, .. } = event;
        Self { who, device, does: does.to_owned(), kind, whom, whose_device, on: parents, id }
    }

    fn deed(&self, mode: Mode) -> Result<Deed, String> {
        let whom = || self.whom.ok_or_else(|| format!("{:?} needs \"whom\"", self.does));
        let kind = || self.kind.as_deref().and_then(VoteKind::from_name).ok_or("a vote needs \"kind\"".to_owned());
        Ok(match self.does.as_str() {
            "begin" => Deed::Begin(mode, self.whom),
            "text" => Deed::Text,
            "add" => Deed::Add(whom()?),
            "join" => Deed::Join,
            "leave" => Deed::Leave,
            "vote" => match self.whose_device {
                Some(device) => Deed::VoteOnDevice(kind()?, (whom()?, device)),
                None => Deed::Vote(kind()?, whom()?),
            },
            "profile" => Deed::Profile,
            "merge" => Deed::Merge,
            other => {
                let kind = VoteKind::from_name(other).ok_or(format!("unknown deed {other:?}"))?;
                match self.whose_device {
                    Some(device) => Deed::ResolveOnDevice(kind, (whom()?, device)),
                    None => Deed::Resolve(kind, whom()?),
                }
            }
        })
    }
}

impl Fixture {
    /// Everything that happened in a world, and what these heads come to.
    pub fn of(world: &mut World, people: usize, outcomes: &[&[CommitId]]) -> Self {
        let mode = world.replica.state(&[]).mode().number();
        let events = world.history.iter().map(|id| Step::new(world.event_of(id))).collect();
        let outcome = |world: &mut World, heads: &[CommitId]| {
            let places = heads.iter().map(|head| world.place(head)).collect();
            Outcome::new(places, &world.observe(heads))
        };
        let outcomes = outcomes.iter().map(|heads| outcome(world, heads)).collect();
        Self { mode, people, devices: world.people.len() / people, events, outcomes }
    }

    /// The same without commit ids, which are others every time.
    pub fn without_ids(mut self) -> Self {
        self.events.iter_mut().for_each(|step| step.id.clear());
        self
    }

    /// The file's text: an event or outcome on each line.
    ///
    /// # Panics
    /// Never: everything in it is numbers and words.
    pub fn to_json(&self) -> String {
        let (events, outcomes) = (lines(&self.events), lines(&self.outcomes));
        let Self { mode, people, devices, .. } = self;
        format!(
            "{{\n  \"mode\": {mode}, \"people\": {people}, \"devices\": {devices},\n  \"events\": [\n    {events}\n  ],\n  \
             \"outcomes\": [\n    {outcomes}\n  ]\n}}\n"
        )
    }

    fn the_mode(&self) -> Result<Mode, String> {
        Mode::from_number(self.mode.into()).ok_or(format!("there is no mode {}", self.mode))
    }

    /// The model's history.
    ///
    /// # Errors
    /// What is wrong with the fixture.
    pub fn model(&self) -> Result<History, String> {
        let mut model = History::default();
        for (place, step) in self.events.iter().enumerate() {
            let Step { who, device, on, .. } = step.clone();
            let deed = step.deed(self.the_mode()?)?;
            let time = i64::try_from(place).map_err(|_| "too many events".to_owned())?;
            let mut event =
                Event { who, device, deed, parents: on, time, papers: Papers::default(), id: format!("{place:08}") };
            event.papers = model.first_papers(&event);
            if !model.allowed(&event) {
                return Err(format!("event {place} is not allowed: {event:?}"));
            }
            model.push(event);
        }
        Ok(model)
    }

    /// The same with real keys, commits and trees, judged by the validator.
    ///
    /// # Errors
    /// What is wrong with the fixture, or what the validator refuses.
    pub fn world(&self) -> Result<World, String> {
        let people = u8::try_from(self.people).map_err(|_| "too many people".to_owned())?;
        let named = self.events[0].whom.and_then(|whom| u8::try_from(whom).ok());
        let mut world = World::new(people, self.the_mode()?, named);
        world.bring_devices(self.devices);
        for (place, step) in self.events.iter().enumerate().skip(1) {
            let writer = step.device * self.people + step.who;
            let message = match step.deed(self.the_mode()?)? {
                Deed::Begin(..) => return Err("a history begins once".into()),
                Deed::Text => crate::text("hello"),
                Deed::Add(whom) => Message::Add(world.uri(whom)),
                Deed::Join => Message::Join(world.uri(writer)),
                Deed::Leave => Message::Leave(world.uri(writer)),
                Deed::Vote(kind, whom) => Message::Vote(kind, world.uri(whom).into()),
                Deed::Resolve(kind, whom) => Message::Resolve(kind, world.uri(whom).into()),
                Deed::VoteOnDevice(kind, (whom, device)) => {
                    Message::Vote(kind, world.people[device * self.people + whom].device().into())
                }
                Deed::ResolveOnDevice(kind, (whom, device)) => {
                    Message::Resolve(kind, world.people[device * self.people + whom].device().into())
                }
                Deed::Profile => Message::UpdateProfile,
                Deed::Merge => Message::Merge,
            };
            let parents: Vec<CommitId> = step.on.iter().map(|&parent| world.history[parent]).collect();
            world.write(writer, &parents, message).map_err(|refusal| format!("event {place}: {refusal}"))?;
        }
        Ok(world)
    }
}
