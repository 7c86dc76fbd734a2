use serde::{Deserialize, Serialize};

use super::{RowKey, RowPosition, RowState, RunId};

/// The pointer that travels through the queue: never row data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchRef {
    /// Sync.
    pub sync: String,
    /// Run.
    pub run: RunId,
    /// Number of the batch in its run, from 0.
    pub batch: u32,
    /// Version of the configuration of the run.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub config: String,
}

/// What a change does to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangeKind {
    /// A key that is not at the destination.
    Insert,
    /// A key with other content.
    Update,
    /// A delete that a row asked for.
    Delete,
    /// A delete because a complete snapshot no longer has the key.
    DeleteByAbsence,
}

/// The row-state side of a change: what to remember once the destination has answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyedChange {
    /// Key.
    pub key: RowKey,
    /// The state if the destination takes it.
    pub after: RowState,
    /// The state before, of which a refusal keeps the visible copy.
    pub before: Option<RowState>,
}

/// One change of a batch, in the order of the payload's lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedChange {
    /// Kind.
    pub kind: ChangeKind,
    /// Lines of the payload that belong to it: 2 for a changed identity (tombstone, new event), else 1.
    pub lines: u8,
    /// Where the row came from; a delete by absence has no row.
    pub at: Option<RowPosition>,
    /// Absent where no row state is kept.
    pub keyed: Option<Box<KeyedChange>>,
}

/// A batch as it lies in the state bucket: the payload exactly as it will be sent, and what to remember of each change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedBatch {
    /// The changes, in payload order.
    pub changes: Vec<StagedChange>,
    /// Row states to write without sending anything (a newer version with the same content, a delete of an unknown key).
    pub quiet_states: Vec<(RowKey, RowState)>,
    /// Lines of the payload.
    pub lines: u32,
    /// Uncompressed bytes of the payload.
    pub payload_bytes: u64,
    /// The payload, compressed as the destination takes it.
    #[serde(skip)]
    pub body: bytes::Bytes,
}

impl StagedBatch {
    /// One blob: length of the head, head, and the payload that `append_body` writes (`body` itself is not looked at).
    pub fn to_bytes(&self, append_body: impl FnOnce(&mut Vec<u8>)) -> Result<Vec<u8>, postcard::Error> {
        let mut bytes = postcard::to_extend(self, vec![0; 8])?;
        let head = (bytes.len() - 8) as u64;
        bytes[..8].copy_from_slice(&head.to_le_bytes());
        append_body(&mut bytes);
        Ok(bytes)
    }

    /// The reverse of [`Self::to_bytes`].
    pub fn from_bytes(bytes: &bytes::Bytes) -> Result<Self, postcard::Error> {
        let length = bytes.get(..8).ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        let mut first = [0u8; 8];
        first.copy_from_slice(length);
        let end =
            8usize.checked_add(u64::from_le_bytes(first) as usize).ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        let head = bytes.get(8..end).ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        let mut batch: Self = postcard::from_bytes(head)?;
        batch.body = bytes.slice(end..);
        Ok(batch)
    }
}
