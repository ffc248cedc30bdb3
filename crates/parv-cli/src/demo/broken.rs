//! A step of the story that did not hold.

use parv_daemon::failure::chain;

/// Why a step did not hold. Any error will do; it is only ever shown.
#[derive(Debug)]
pub struct Broken(pub String);

impl Broken {
    /// A step that did not hold for that reason.
    pub fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl<E: std::error::Error> From<E> for Broken {
    fn from(error: E) -> Self {
        Self(chain(&error))
    }
}

/// Claims something; what is claimed is the error if it is not so.
pub fn claim(holds: bool, claimed: &str) -> Result<(), Broken> {
    match holds {
        true => Ok(()),
        false => Err(Broken::because(format!("it is not so that {claimed}"))),
    }
}
