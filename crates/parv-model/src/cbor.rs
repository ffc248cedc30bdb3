//! The deterministic encoding of CBOR (RFC 8949 §4.2.1): one value has one spelling.

pub use ciborium::Value;

/// Why bytes are not taken for a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// They are no CBOR.
    #[error("not cbor: {0}")]
    Malformed(String),
    /// They are another spelling of a value, or have bytes left over.
    #[error("not in deterministic cbor")]
    NotDeterministic,
}

/// The value with these bytes. Refused: what is no CBOR, what has bytes left over, and every spelling but the
/// deterministic one.
pub fn decode(bytes: &[u8]) -> Result<Value, CborError> {
    let value: Value = ciborium::from_reader(bytes).map_err(|error| CborError::Malformed(error.to_string()))?;
    if !is_sorted(&value) || encode(&value) != bytes {
        return Err(CborError::NotDeterministic);
    }
    Ok(value)
}

/// The bytes of a value whose maps are sorted.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("a value can be written to memory");
    bytes
}

/// A map with these fields; they must be in ascending order of their keys' bytes: shorter keys first.
pub fn map<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Map(fields.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
}

/// Whether every map inside has its keys in ascending order of their bytes, none twice.
fn is_sorted(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(is_sorted),
        Value::Tag(_, inner) => is_sorted(inner),
        Value::Map(fields) => {
            let keys: Vec<_> = fields.iter().map(|(key, _)| encode(key)).collect();
            keys.is_sorted_by(|a, b| a < b) && fields.iter().all(|(key, value)| is_sorted(key) && is_sorted(value))
        }
        _ => true,
    }
}
