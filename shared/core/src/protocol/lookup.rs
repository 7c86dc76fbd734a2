use super::error::ProtocolError;
use super::store::load_checkpoint;
use super::{Sync, read_quarantine};
use crate::ledger::LedgerReader;
use crate::model::{QuarantinedRow, RowKey, RowState};
use crate::ports::Ports;

/// Quarantine files searched for a key.
const FILES_SEARCHED: usize = 1_000;

/// What is known of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownKey {
    /// Its row state.
    pub state: Option<RowState>,
    /// Its rows in the quarantine, with the run.
    pub quarantined: Vec<(String, QuarantinedRow)>,
}

/// Looks a key up in row states, ledger and quarantine.
pub async fn look_up(ports: &Ports, sync: &Sync, key: RowKey) -> Result<KnownKey, ProtocolError> {
    let mut known = KnownKey {
        state: ports.row_states.get(sync.name(), &[key]).await?.into_iter().next().flatten(),
        quarantined: Vec::new(),
    };
    if known.state.is_none() {
        let checkpoint = load_checkpoint(ports, sync.name()).await?;
        let mut parts = Vec::new();
        for part in checkpoint.ledger {
            if let Some(bytes) = ports.blobs.get(&part.blob).await? {
                parts.push((part, bytes));
            }
        }
        let mut ledger = LedgerReader::open(parts)?;
        while let Some((found, state)) = ledger.next_row()? {
            if found >= key {
                known.state = (found == key).then_some(state);
                break;
            }
        }
    }
    let hex = key.to_hex();
    for file in read_quarantine(ports, sync.name(), FILES_SEARCHED).await? {
        let rows = file.rows.into_iter().filter(|row| row.key.as_deref() == Some(&hex));
        known.quarantined.extend(rows.map(|row| (file.run.clone(), row)));
    }
    Ok(known)
}
