//! One canonical PEM form: LF, 64 columns, one block, nothing before or after it.

use crate::IdentityError;
use ::pem::{EncodeConfig, LineEnding, Pem};

/// A kind of file in PEM.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// What it is called in errors.
    pub what: &'static str,
    /// The label between the dashes.
    pub label: &'static str,
    /// The largest size of the PEM text, in bytes.
    pub limit: usize,
}

impl Kind {
    /// The PEM text around `der`.
    pub(crate) fn encode(self, der: Vec<u8>) -> Vec<u8> {
        let config = EncodeConfig::new().set_line_ending(LineEnding::LF).set_line_wrap(64);
        ::pem::encode_config(&Pem::new(self.label, der), config).into_bytes()
    }

    /// The bytes inside such a text; refuses every other spelling of them.
    pub(crate) fn decode(self, text: &[u8]) -> Result<Vec<u8>, IdentityError> {
        if text.len() > self.limit {
            return Err(IdentityError::TooLarge { what: self.what, bytes: text.len(), limit: self.limit });
        }
        let der = ::pem::parse(text).map_err(|_| self.not_pem())?.into_contents();
        if self.encode(der.clone()) != text {
            return Err(self.not_pem());
        }
        Ok(der)
    }

    fn not_pem(self) -> IdentityError {
        IdentityError::NotPem { what: self.what }
    }
}
