use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, PutRequest, ReturnConsumedCapacity, WriteRequest};
use driftless_core::model::{RowKey, RowState};
use driftless_core::ports::{Clock, Ids, PortError, RowStates};
use futures::stream::{self, StreamExt, TryStreamExt};
use std::sync::Arc;

use crate::failure::port_error;
use crate::meter::StackMeter;
use crate::table_names::{EXPIRES, PARTITION, ROW_SORT, SORT, STATE, row_partition};

/// Items of one BatchGetItem (docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html, 2026-11).
const GET_MAX: usize = 100;
/// Items of one BatchWriteItem (same, API_BatchWriteItem.html).
const WRITE_MAX: usize = 25;
/// Requests under way at once.
const WIDTH: usize = 16;
/// How often what was left unprocessed is asked for again, and the wait before it, doubled each time up to the longest.
const ATTEMPTS_MAX: u32 = 10;
const WAIT_FIRST_MS: u64 = 50;
const WAIT_MAX_MS: u64 = 5_000;

type Attributes = HashMap<String, AttributeValue>;

/// Row states, one item each, in the one DynamoDB table. What is expired is deleted by the table's own time-to-live, free
/// of charge and within days: the caller compares the time.
#[derive(Clone)]
pub struct DynamoRowStates {
    client: Client,
    table: String,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    meter: Arc<StackMeter>,
}

impl DynamoRowStates {
    /// In the table of that name.
    pub fn new(
        client: Client,
        table: String,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        meter: Arc<StackMeter>,
    ) -> Self {
        Self { client, table, clock, ids, meter }
    }

    /// Gets up to [`GET_MAX`] distinct keys.
    async fn get_some(&self, sync: &str, keys: Vec<RowKey>) -> Result<Vec<(RowKey, RowState)>, PortError> {
        let mut open = keys.iter().map(|key| item_key(sync, *key)).collect::<Vec<_>>();
        let mut found = Vec::new();
        for attempt in 0..ATTEMPTS_MAX {
            self.back_off(attempt).await;
            let asked = open.len();
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(open))
                .consistent_read(true)
                .build()
                .map_err(|error| PortError::halt(GETTING, error, "Report this as a defect"))?;
            let get = self.client.batch_get_item().request_items(&self.table, wanted);
            let answer = get.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
            let mut answer = answer.map_err(|error| port_error(GETTING, error))?;
            self.meter.read_units_of(answer.consumed_capacity(), asked);
            for item in answer.responses.as_mut().and_then(|tables| tables.remove(&self.table)).unwrap_or_default() {
                found.push(state_of(&item)?);
            }
            let left = answer.unprocessed_keys.as_mut().and_then(|tables| tables.remove(&self.table));
            match left {
                Some(left) if !left.keys.is_empty() => open = left.keys,
                _ => return Ok(found),
            }
        }
        Err(PortError::retry(GETTING, "the table is throttled"))
    }

    /// Puts up to [`WRITE_MAX`] states of distinct keys.
    async fn put_some(&self, requests: Vec<WriteRequest>) -> Result<(), PortError> {
        let mut open = requests;
        for attempt in 0..ATTEMPTS_MAX {
            self.back_off(attempt).await;
            let write = self.client.batch_write_item().request_items(&self.table, open);
            let answer = write.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
            let mut answer = answer.map_err(|error| port_error(PUTTING, error))?;
            answer.consumed_capacity().iter().for_each(|consumed| self.meter.write_units(Some(consumed)));
            match answer.unprocessed_items.as_mut().and_then(|tables| tables.remove(&self.table)) {
                Some(left) if !left.is_empty() => open = left,
                _ => return Ok(()),
            }
        }
        Err(PortError::retry(PUTTING, "the table is throttled"))
    }

    async fn back_off(&self, attempt: u32) {
        if attempt > 0 {
            let longest = (WAIT_FIRST_MS << (attempt - 1)).min(WAIT_MAX_MS);
            let wait_ms = longest / 2 + self.ids.jitter(longest / 2 + 1);
            self.clock.sleep_ms(i64::try_from(wait_ms).unwrap_or(0)).await;
        }
    }
}

const GETTING: &str = "reading row states";
const PUTTING: &str = "writing row states";

#[async_trait]
impl RowStates for DynamoRowStates {
    async fn get(&self, sync: &str, keys: &[RowKey]) -> Result<Vec<Option<RowState>>, PortError> {
        // A key twice in one request is an error.
        let mut distinct = keys.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let parts: Vec<Vec<RowKey>> = distinct.chunks(GET_MAX).map(<[RowKey]>::to_vec).collect();
        let found: Vec<Vec<(RowKey, RowState)>> =
            stream::iter(parts).map(|part| self.get_some(sync, part)).buffer_unordered(WIDTH).try_collect().await?;
        let found: HashMap<RowKey, RowState> = found.into_iter().flatten().collect();
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }

    async fn put(&self, sync: &str, states: &[(RowKey, RowState)]) -> Result<(), PortError> {
        // The last state of a key counts; a key twice in one request is an error.
        let distinct: BTreeMap<RowKey, &RowState> = states.iter().map(|(key, state)| (*key, state)).collect();
        let mut requests = Vec::with_capacity(distinct.len());
        for (key, state) in distinct {
            requests.push(write_of(sync, key, state)?);
        }
        let parts: Vec<Vec<WriteRequest>> = requests.chunks(WRITE_MAX).map(<[WriteRequest]>::to_vec).collect();
        stream::iter(parts).map(|part| self.put_some(part)).buffer_unordered(WIDTH).try_collect::<()>().await
    }

    async fn expire(&self, _sync: &str, _now_ms: i64, _limit: usize) -> Result<usize, PortError> {
        Ok(0)
    }
}

fn item_key(sync: &str, key: RowKey) -> Attributes {
    HashMap::from([
        (PARTITION.to_string(), AttributeValue::S(row_partition(sync, key.hex_digits().as_str()))),
        (SORT.to_string(), AttributeValue::S(ROW_SORT.to_string())),
    ])
}

fn write_of(sync: &str, key: RowKey, state: &RowState) -> Result<WriteRequest, PortError> {
    let defect = "Report this as a defect";
    let bytes = postcard::to_stdvec(state).map_err(|error| PortError::halt(PUTTING, error, defect))?;
    let mut item = item_key(sync, key);
    item.insert(STATE.to_string(), AttributeValue::B(Blob::new(bytes)));
    if let Some(at_ms) = state.expires_at_ms {
        // Rounded up: not deleted before its time.
        let at_s = at_ms.div_euclid(1_000).saturating_add(1);
        item.insert(EXPIRES.to_string(), AttributeValue::N(at_s.to_string()));
    }
    let put = PutRequest::builder().set_item(Some(item)).build();
    let put = put.map_err(|error| PortError::halt(PUTTING, error, defect))?;
    Ok(WriteRequest::builder().put_request(put).build())
}

fn state_of(item: &Attributes) -> Result<(RowKey, RowState), PortError> {
    let key = match item.get(PARTITION) {
        Some(AttributeValue::S(partition)) => partition.rsplit('/').next().and_then(RowKey::from_hex),
        _ => None,
    };
    let state = match item.get(STATE) {
        Some(AttributeValue::B(state)) => postcard::from_bytes(state.as_ref()).ok(),
        _ => None,
    };
    key.zip(state).ok_or_else(|| {
        let remedy = "Use the version of driftless that wrote it, or restore the table to a point in time";
        PortError::halt(GETTING, "a row state cannot be read", remedy)
    })
}
