//! The swarm task's end of the event channel: never blocks, never grows without bound.

use crate::event::Event;
use crate::limits::MAX_BACKLOG;
use parv_model::DeviceId;
use std::collections::VecDeque;
use tokio::sync::mpsc;

/// Events on their way to the owner.
pub(crate) struct Outbox {
    sender: mpsc::Sender<Event>,
    /// What must not be lost while the channel is full.
    backlog: VecDeque<Event>,
}

impl Outbox {
    pub(crate) fn new(sender: mpsc::Sender<Event>) -> Self {
        Self { sender, backlog: VecDeque::new() }
    }

    /// For tasks that can wait by themselves.
    pub(crate) fn sender(&self) -> mpsc::Sender<Event> {
        self.sender.clone()
    }

    /// Tells something that may be dropped; false if it was.
    pub(crate) fn offer(&mut self, event: Event) -> bool {
        self.backlog.is_empty() && self.sender.try_send(event).is_ok()
    }

    /// Tells something that must not be dropped.
    pub(crate) fn tell(&mut self, event: Event) {
        if !self.backlog.is_empty() {
            return self.keep(event);
        }
        match self.sender.try_send(event) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(event)) => self.keep(event),
        }
    }

    /// Whether something waits for [`Outbox::flush`].
    pub(crate) fn is_behind(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Waits for room in the channel and moves one waiting event into it. May be cancelled at any time.
    pub(crate) async fn flush(&mut self) {
        match self.sender.reserve().await {
            Ok(slot) => {
                if let Some(event) = self.backlog.pop_front() {
                    slot.send(event);
                }
            }
            Err(_) => self.backlog.clear(),
        }
    }

    /// Keeps an event unless the backlog makes it pointless. Connections that come and go leave at most one departure
    /// and one arrival for each device, so these are bounded by the number of connections; the rest by [`MAX_BACKLOG`].
    fn keep(&mut self, event: Event) {
        if let Event::Disconnected(device) = event {
            let came_unseen = self.backlog.iter().any(|kept| matches!(kept, Event::Connected(peer) if *peer == device));
            self.backlog.retain(|kept| !is_void_without(kept, &device));
            if came_unseen {
                return;
            }
        }
        let is_connection = matches!(event, Event::Connected(_) | Event::Disconnected(_));
        if is_connection || self.backlog.len() < MAX_BACKLOG {
            self.backlog.push_back(event);
        }
    }
}

/// Whether an event means nothing once the device has gone.
fn is_void_without(event: &Event, device: &DeviceId) -> bool {
    match event {
        Event::Connected(peer) | Event::Subscribed { peer, .. } => peer == device,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(number: u8) -> DeviceId {
        DeviceId::from_bytes([number; 32])
    }

    fn story(event: &Event) -> String {
        match event {
            Event::Connected(device) => format!("+{}", device.as_bytes()[0]),
            Event::Disconnected(device) => format!("-{}", device.as_bytes()[0]),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_slow_reader_loses_no_connection_and_the_backlog_stays_small() {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut outbox = Outbox::new(sender);
        outbox.tell(Event::Connected(device(1)));
        for _ in 0..1000 {
            outbox.tell(Event::Disconnected(device(1)));
            outbox.tell(Event::Connected(device(1)));
            outbox.tell(Event::Connected(device(2)));
            outbox.tell(Event::Disconnected(device(2)));
            assert!(!outbox.offer(Event::Discovered(device(3))));
            assert!(outbox.backlog.len() <= 3);
        }
        let mut told = Vec::new();
        while outbox.is_behind() {
            told.push(story(&receiver.recv().await.unwrap()));
            outbox.flush().await;
        }
        told.push(story(&receiver.recv().await.unwrap()));
        assert_eq!(told, ["+1", "-1", "+1"]);
        assert!(outbox.offer(Event::Discovered(device(3))));
        drop(receiver);
        outbox.tell(Event::Connected(device(4)));
        assert!(!outbox.is_behind());
    }
}
