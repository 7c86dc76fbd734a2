use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use driftless_core::config::{SyncConfig, parse_project};
use driftless_core::model::{Identity, Observed, Row, RowError, SchemaLock};
use driftless_core::ports::{
    BatchLimits, Delivery, Destination, Mutation, Notes, PayloadName, Request, Response, RowEncoder, TransportError,
};
use driftless_destinations::sync_of;

use super::Mutant;

/// The real destination with batches of a few lines, so that a run has several; and with a guard removed for a mutant.
pub struct SmallBatches {
    real: Arc<dyn Destination>,
    mutant: Option<Mutant>,
    counter: Arc<AtomicU64>,
}

impl SmallBatches {
    pub fn new(config: &SyncConfig, is_amplitude: bool, mutant: Option<Mutant>) -> Self {
        let destination = if is_amplitude {
            "{ type: amplitude, api_key: 'env:T', min_id_length: 1, mutation_files: { to: files/, window_minutes: 1 } }"
        } else {
            "{ type: mixpanel, token: 'env:T' }"
        };
        let project = &format!("exports: ./x\ndestinations: {{ product: {destination} }}");
        let project = parse_project("driftless.yaml", project).expect("a valid project");
        let real = sync_of(config, &project, String::new()).expect("a valid mapping").destination;
        Self { real, mutant, counter: Arc::default() }
    }
}

impl Destination for SmallBatches {
    fn limits(&self) -> BatchLimits {
        BatchLimits { lines_max: 3, ..self.real.limits() }
    }

    fn time_bounds(&self, now_ms: i64) -> (i64, i64) {
        self.real.time_bounds(now_ms)
    }

    fn encoder(&self, lock: &SchemaLock) -> Box<dyn RowEncoder> {
        Box::new(MutantEncoder { real: self.real.encoder(lock), mutant: self.mutant, counter: self.counter.clone() })
    }

    fn tombstone(&self, identity: &Identity, lock: &SchemaLock, out: &mut Vec<u8>) {
        self.real.tombstone(identity, lock, out);
    }

    fn compress(&self, lines: &[u8], out: &mut Vec<u8>) {
        self.real.compress(lines, out)
    }

    fn decompress(&self, body: &[u8], bytes: u64) -> Result<Vec<u8>, String> {
        self.real.decompress(body, bytes)
    }

    fn revives_identities(&self) -> bool {
        self.real.revives_identities()
    }

    fn rest_ms(&self) -> i64 {
        if self.mutant == Some(Mutant::NoRest) { 0 } else { self.real.rest_ms() }
    }

    fn dedupe_window_ms(&self) -> Option<i64> {
        self.real.dedupe_window_ms()
    }

    fn notes(&self) -> Notes {
        self.real.notes()
    }

    fn request(&self, name: PayloadName<'_>, body: Bytes) -> Request {
        self.real.request(name, body)
    }

    fn read(&self, lines: u32, answer: Result<Response, TransportError>) -> Delivery {
        match (self.mutant, self.real.read(lines, answer)) {
            (Some(Mutant::PartialIsSuccess), Delivery::Partly(_)) => Delivery::Accepted,
            (Some(Mutant::PartialIsRetried), Delivery::Partly(_)) => {
                Delivery::RetryAfter { wait_ms: None, cause: "mutant".into() }
            }
            (Some(Mutant::NoneButIsPartly), Delivery::NoneBut(refused)) => Delivery::Partly(refused),
            (Some(Mutant::UnclearIsSuccess), Delivery::Ambiguous { .. }) => Delivery::Accepted,
            (_, delivery) => delivery,
        }
    }
}

struct MutantEncoder {
    real: Box<dyn RowEncoder>,
    mutant: Option<Mutant>,
    counter: Arc<AtomicU64>,
}

impl RowEncoder for MutantEncoder {
    fn encode(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<i64, RowError> {
        self.real.encode(row, out)
    }

    fn fingerprint(&self, encoded: &[u8]) -> u64 {
        if self.mutant == Some(Mutant::FingerprintIsBlind) { 7 } else { self.real.fingerprint(encoded) }
    }

    fn clearing(&self, out: &mut Vec<u8>) {
        self.real.clearing(out);
    }

    fn clears_within_line(&self) -> bool {
        self.real.clears_within_line()
    }

    fn identity_parts(&self) -> (&str, &str) {
        self.real.identity_parts()
    }

    fn names_user(&self) -> bool {
        self.real.names_user()
    }

    fn check_insert_id(&self, id: &str) -> Result<(), &'static str> {
        self.real.check_insert_id(id)
    }

    fn close(&self, insert_id: &str, mutation: Mutation<'_>, out: &mut Vec<u8>) {
        match self.mutant {
            Some(Mutant::RandomInsertId) => {
                let n = self.counter.fetch_add(1, Ordering::Relaxed);
                self.real.close(&format!("{}{n:08}", &insert_id[..24]), mutation, out);
            }
            Some(Mutant::ConstantInsertId) => self.real.close("00000000000000000000000000000001", mutation, out),
            _ => self.real.close(insert_id, mutation, out),
        }
    }

    fn take_observed(&mut self) -> Observed {
        self.real.take_observed()
    }
}
