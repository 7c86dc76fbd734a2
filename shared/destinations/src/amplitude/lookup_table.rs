use bytes::Bytes;
use driftless_core::config::LookupTableConfig;
use driftless_core::model::{Identity, SchemaLock};
use driftless_core::ports::{
    BatchLimits, Delivery, Destination, Notes, PayloadName, Request, Response, RowEncoder, SignIn, TransportError,
};
use driftless_core::protocol::limits::REQUEST_TIMEOUT_MS;
use serde_json::Value;

use super::limits::{LOOKUP_TABLE_BYTES, LOOKUP_TABLE_ROWS, TEXT_CHARACTERS, THROTTLED_WAIT_MS};
use super::status::{error_of, read_status};
use super::target::AmplitudeTarget;
use crate::gzip::{gunzip, gzip};
use crate::table_encoder::{TableEncoder, table_header};

/// A lookup table of an Amplitude project: `PUT /api/3/lookup_table/NAME` replaces it whole or not at all
/// (amplitude.com/docs/apis/analytics/lookup-table-2, 2026-03-13).
pub struct AmplitudeLookupTable {
    target: AmplitudeTarget,
    config: LookupTableConfig,
}

impl AmplitudeLookupTable {
    /// The table that the mapping names.
    pub fn new(target: AmplitudeTarget, config: LookupTableConfig) -> Self {
        Self { target, config }
    }
}

impl Destination for AmplitudeLookupTable {
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
        Box::new(TableEncoder::new(&self.config, lock, TEXT_CHARACTERS))
    }

    fn preamble(&self, lock: &SchemaLock) -> Vec<u8> {
        table_header(&self.config, lock)
    }

    fn tombstone(&self, _: &Identity, _: &SchemaLock, _: &mut Vec<u8>) {}

    fn notes(&self) -> Notes {
        Notes::default()
    }

    fn compress(&self, lines: &[u8], out: &mut Vec<u8>) {
        gzip(lines, out);
    }

    fn decompress(&self, body: &[u8], bytes: u64) -> Result<Vec<u8>, String> {
        gunzip(body, bytes)
    }

    /// A form of one file. Its boundary is the hash of the table, which the table cannot hold.
    fn request(&self, _: PayloadName<'_>, body: Bytes) -> Request {
        let boundary = blake3::hash(&body).to_hex();
        let mut form = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"table.csv\"\r\ncontent-type: text/csv\r\n\r\n"
        )
        .into_bytes();
        // The body was compressed by this very destination; a broken one is refused by Amplitude as an empty file.
        form.extend_from_slice(&gunzip(&body, LOOKUP_TABLE_BYTES * 2).unwrap_or_default());
        form.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let name = percent_encoding::utf8_percent_encode(&self.config.id, percent_encoding::NON_ALPHANUMERIC);
        Request {
            destination: self.target.name.clone(),
            method: "PUT",
            url: format!("{}/api/3/lookup_table/{name}", self.target.data_url),
            headers: vec![("content-type", format!("multipart/form-data; boundary={boundary}"))],
            body: form.into(),
            sign_in: SignIn::ApiKeyBasic,
            timeout_ms: REQUEST_TIMEOUT_MS,
        }
    }

    fn read(&self, _: u32, answer: Result<Response, TransportError>) -> Delivery {
        if matches!(&answer, Ok(response) if response.status == 404) {
            return Delivery::Halt {
                cause: format!("Amplitude has no lookup table {}", self.config.id),
                remedy:
                    "make the table in Amplitude Data (Catalog, Lookup Tables) and put its name into lookup_table.id"
                        .into(),
            };
        }
        let response = match read_status(answer) {
            Ok(response) => response,
            Err(Delivery::TooLarge) => {
                return Delivery::Halt {
                    cause: "Amplitude finds the table too large (413)".into(),
                    remedy: "leave columns or rows out; a table has at most 100 MB and 1,000,000 rows".into(),
                };
            }
            Err(delivery) => return delivery,
        };
        match response.status {
            400 => {
                let body: Option<Value> = serde_json::from_slice(&response.body).ok();
                Delivery::Halt {
                    cause: format!("Amplitude refuses the table (status 400): {}", error_of(body.as_ref())),
                    remedy: "correct the export; nothing of the table was replaced".into(),
                }
            }
            429 => Delivery::RetryAfter {
                wait_ms: Some(THROTTLED_WAIT_MS),
                cause: "Amplitude asks to slow down (429)".into(),
            },
            _ => Delivery::Accepted,
        }
    }
}
