use bytes::Bytes;
use driftless_core::config::LookupTableConfig;
use driftless_core::model::{Identity, SchemaLock};
use driftless_core::ports::{
    BatchLimits, Delivery, Destination, Notes, PayloadName, Request, Response, RowEncoder, SignIn, TransportError,
};
use driftless_core::protocol::limits::REQUEST_TIMEOUT_MS;
use serde_json::Value as Json;

use super::answer::{error_of, read_status};
use super::limits::{LOOKUP_TABLE_BYTES, LOOKUP_TABLE_ROWS};
use super::target::MixpanelTarget;
use crate::answers::safe_words;
use crate::gzip::{gunzip, gzip};
use crate::table_encoder::{TableEncoder, table_header};

/// A lookup table of a Mixpanel project: `PUT /lookup-tables/{id}` replaces it whole or not at all
/// (docs.mixpanel.com/reference/replace-lookup-table, 2026-08-21).
pub struct MixpanelLookupTable {
    target: MixpanelTarget,
    config: LookupTableConfig,
}

impl MixpanelLookupTable {
    /// The table that the mapping names.
    pub fn new(target: MixpanelTarget, config: LookupTableConfig) -> Self {
        Self { target, config }
    }
}

impl Destination for MixpanelLookupTable {
    fn limits(&self) -> BatchLimits {
        BatchLimits {
            lines_max: LOOKUP_TABLE_ROWS,
            bytes_max: LOOKUP_TABLE_BYTES,
            hot_shard_rows: u64::MAX,
            event_names_max: usize::MAX,
            text_max: "",
            bytes_min: 0,
        }
    }

    fn time_bounds(&self, _: i64) -> (i64, i64) {
        (i64::MIN, i64::MAX)
    }

    fn encoder(&self, lock: &SchemaLock) -> Box<dyn RowEncoder> {
        Box::new(TableEncoder::new(&self.config, lock, usize::MAX))
    }

    fn preamble(&self, lock: &SchemaLock) -> Vec<u8> {
        table_header(&self.config, lock)
    }

    fn tombstone(&self, _: &Identity, _: &SchemaLock, _: &mut Vec<u8>) {}

    fn compress(&self, lines: &[u8], out: &mut Vec<u8>) {
        gzip(lines, out);
    }

    fn decompress(&self, body: &[u8], bytes: u64) -> Result<Vec<u8>, String> {
        gunzip(body, bytes)
    }

    fn notes(&self) -> Notes {
        Notes::default()
    }

    fn request(&self, _: PayloadName<'_>, body: Bytes) -> Request {
        let project = self.target.project_id.as_ref().map(|id| format!("?project_id={id}")).unwrap_or_default();
        Request {
            destination: self.target.name.clone(),
            method: "PUT",
            url: format!("{}/lookup-tables/{}{project}", self.target.url, self.config.id),
            headers: vec![
                ("content-type", "text/csv".to_string()),
                ("content-encoding", "gzip".to_string()),
                ("accept", "application/json".to_string()),
            ],
            body,
            sign_in: SignIn::Basic,
            timeout_ms: REQUEST_TIMEOUT_MS,
        }
    }

    /// Mixpanel names at most ten bad rows, and takes none: there is nothing to settle row by row.
    fn read(&self, _: u32, answer: Result<Response, TransportError>) -> Delivery {
        let is_missing = matches!(&answer, Ok(response) if response.status == 404);
        if is_missing {
            return Delivery::Halt {
                cause: format!("Mixpanel has no lookup table {}", self.config.id),
                remedy: "make the table in the project's settings and put its id into lookup_table.id".into(),
            };
        }
        let response = match read_status(answer) {
            Ok(response) => response,
            Err(Delivery::TooLarge) => {
                return Delivery::Halt {
                    cause: "Mixpanel finds the table too large (413)".into(),
                    remedy: "leave columns or rows out; a table has at most 100 MB".into(),
                };
            }
            Err(delivery) => return delivery,
        };
        let body: Option<Json> = serde_json::from_slice(&response.body).ok();
        let is_ok = body.as_ref().is_some_and(|body| body["status"] == "OK" || body["code"] == 200);
        match response.status {
            200 if is_ok => Delivery::Accepted,
            200 => Delivery::Ambiguous { cause: "the answer is not Mixpanel's".into() },
            _ => {
                let named = body.as_ref().and_then(|body| body["failed_records"][0]["message"].as_str());
                let said = safe_words(named.unwrap_or(error_of(body.as_ref())));
                Delivery::Halt {
                    cause: format!("Mixpanel refuses the table (status 400): {said}"),
                    remedy: "correct the export; nothing of the table was replaced".into(),
                }
            }
        }
    }
}
