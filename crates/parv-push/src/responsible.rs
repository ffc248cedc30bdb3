//! Who wakes a device: the two devices of a conversation that are closest to it.

use parv_model::DeviceId;

/// The device at whose place in the id space a message goes to first, and the one that makes sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Responsible {
    /// The closest: it wakes at once.
    pub first: Option<DeviceId>,
    /// The second closest: it wakes when the first one has not.
    pub second: Option<DeviceId>,
}

/// The two of these devices whose ids are closest to the device's own, by the XOR metric (as in Kademlia). Itself does not
/// count.
pub fn responsible(device: &DeviceId, others: impl IntoIterator<Item = DeviceId>) -> Responsible {
    let mut nearest: Vec<_> = others.into_iter().filter(|other| other != device).collect();
    nearest.sort_by_cached_key(|other| distance(device, other));
    nearest.dedup();
    Responsible { first: nearest.first().copied(), second: nearest.get(1).copied() }
}

fn distance(a: &DeviceId, b: &DeviceId) -> [u8; 32] {
    std::array::from_fn(|at| a.as_bytes()[at] ^ b.as_bytes()[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_closest_are_responsible_and_the_order_of_hearing_does_not_matter() {
        let id = |byte| DeviceId::from_bytes([byte; 32]);
        let device = id(0b1000);
        // Distances 1, 8, 16 and 0.
        let (near, second, far) = (id(0b1001), id(0b0000), id(0b11000));
        let both = Responsible { first: Some(near), second: Some(second) };
        assert_eq!(responsible(&device, [far, second, device, near, near]), both);
        assert_eq!(responsible(&device, [near, second, far]), both);
        assert_eq!(responsible(&device, [device, far]), Responsible { first: Some(far), second: None });
        assert_eq!(responsible(&device, []), Responsible::default());
    }
}
