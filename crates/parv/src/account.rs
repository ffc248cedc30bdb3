//! An account on this device: a folder with its keys and everything that belongs to it.
use crate::Error;
use parv_model::{DeviceId, Uri};
use std::path::Path;

/// What a new account is made from.
#[derive(Debug, Clone, Default)]
pub struct NewAccount {
    /// What others see as the author's name.
    pub name: String,
    /// What the account key is sealed with.
    pub password: Option<String>,
}

/// An account, opened by this process alone.
#[derive(Debug)]
pub struct Account {}

impl Account {
    /// Makes a new account in the data folder `home`.
    pub fn create(home: &Path, new: NewAccount) -> Result<Self, Error> {
        let _ = (home, new);
        todo!()
    }
    /// Opens an account of the data folder `home`: the one that is named, else the only one.
    pub fn open(home: &Path, which: Option<Uri>) -> Result<Self, Error> {
        let _ = (home, which);
        todo!()
    }
    /// The account's address.
    pub fn uri(&self) -> Uri {
        todo!()
    }
    /// This device.
    pub fn device_id(&self) -> DeviceId {
        todo!()
    }
    /// What others see as the author's name.
    pub fn name(&self) -> &str {
        todo!()
    }
    /// Where everything of the account lies: `<home>/<uri>`.
    pub fn folder(&self) -> &Path {
        todo!()
    }
}
