use bytes::Bytes;

use super::limits::PAGE;
use super::names;
use super::store::encode;
use crate::model::QuarantinedRow;
use crate::ports::{PortError, Ports};

/// One blob of quarantined rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineFile {
    /// Blob key.
    pub blob: String,
    /// Run, as in the history.
    pub run: String,
    /// Its rows.
    pub rows: Vec<QuarantinedRow>,
}

/// Stores rejected rows as JSON lines. The name and content follow from the run alone, so writing twice changes nothing.
pub(super) async fn write(ports: &Ports, blob: &str, rows: &[QuarantinedRow]) -> Result<(), PortError> {
    let mut text = Vec::new();
    for row in rows {
        text.extend(encode(row)?);
        text.push(b'\n');
    }
    ports.blobs.put(blob, Bytes::from(text)).await
}

/// The quarantine of a sync, oldest run first, at most `files_max` files.
pub async fn read_quarantine(ports: &Ports, sync: &str, files_max: usize) -> Result<Vec<QuarantineFile>, PortError> {
    let prefix = names::quarantine_prefix(sync);
    let mut after: Option<String> = None;
    let mut files = Vec::new();
    loop {
        let page = ports.blobs.list(&prefix, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(files) };
        after = Some(last.clone());
        for blob in page {
            if files.len() == files_max {
                return Ok(files);
            }
            let Some(bytes) = ports.blobs.get(&blob).await? else { continue };
            let rows = bytes
                .split(|b| *b == b'\n')
                .filter(|line| !line.is_empty())
                .map(|line| super::store::decode(&blob, line))
                .collect::<Result<_, _>>()?;
            let run = blob[prefix.len()..].split('/').next().unwrap_or_default();
            let run = run.split('-').next().unwrap_or_default().to_string();
            files.push(QuarantineFile { blob, run, rows });
        }
    }
}
