use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
};
use driftless_core::ports::{Item, PortError, Put, Table};

use crate::failure::port_error;
use crate::meter::StackMeter;
use crate::table_names::{BODY, MEMBERS, PACKED, PARTITION, REVISION, SORT, TOKEN};

/// A body from which on it is compressed: a write request unit is 1 KB.
const PACK_BYTES_MIN: usize = 1_024;
/// Fast, and not much larger than the higher ones for names and tags.
const PACK_LEVEL: i32 = 3;
/// Longest body, compressed: an item is at most 400 KB with its keys
/// (docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html, 2026-11).
const ITEM_BYTES_MAX: usize = 395 << 10;
/// Longest body: what is read back is bounded.
const BODY_BYTES_MAX: usize = 16 << 20;

type Attributes = HashMap<String, AttributeValue>;

/// Items of the one DynamoDB table. Every read is strongly consistent.
///
/// A conditional write whose answer was lost is sent again by the SDK and then fails its own condition: the conflict
/// returns the current item, by whose token the caller knows its own write.
#[derive(Clone, Debug)]
pub struct DynamoTable {
    client: Client,
    table: String,
    meter: Arc<StackMeter>,
}

impl DynamoTable {
    /// The table of that name.
    pub fn new(client: Client, table: String, meter: Arc<StackMeter>) -> Self {
        Self { client, table, meter }
    }
}

#[async_trait]
impl Table for DynamoTable {
    async fn get(&self, partition: &str, sort: &str) -> Result<Option<Item>, PortError> {
        let what = format!("reading {partition}");
        let got = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(PARTITION, text(partition))
            .key(SORT, text(sort))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| port_error(&what, error))?;
        self.meter.read_units(got.consumed_capacity.as_ref());
        got.item.filter(is_item).map(|attributes| item_of(&what, attributes)).transpose()
    }

    async fn put(
        &self,
        partition: &str,
        sort: &str,
        expected: Option<u64>,
        token: &str,
        body: &[u8],
    ) -> Result<Put, PortError> {
        let what = format!("writing {partition}");
        let revision = expected.unwrap_or(0).wrapping_add(1);
        let body = stored(&what, body)?;
        let write = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(PARTITION, text(partition))
            .key(SORT, text(sort))
            .update_expression("SET #revision = :revision, #token = :token, #body = :body REMOVE #other")
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_names("#body", body.name)
            .expression_attribute_names("#other", body.other)
            .expression_attribute_values(":revision", number(revision))
            .expression_attribute_values(":token", text(token))
            .expression_attribute_values(":body", body.value)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let write = match expected {
            None => write.condition_expression("attribute_not_exists(#revision)"),
            Some(expected) => write
                .condition_expression("#revision = :expected")
                .expression_attribute_values(":expected", number(expected)),
        };
        let error = match write.send().await {
            Ok(done) => {
                self.meter.write_units(done.consumed_capacity.as_ref());
                return Ok(Put::Done(revision));
            }
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(service) if service.is_conditional_check_failed_exception() => {}
            _ => return Err(port_error(what, error)),
        }
        self.meter.failed_write();
        let current = match error.into_service_error() {
            aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(failed) => {
                failed.item.filter(is_item)
            }
            _ => None,
        };
        Ok(Put::Conflict(current.map(|attributes| item_of(&what, attributes)).transpose()?))
    }

    async fn put_fact(&self, partition: &str, sort: &str, body: &[u8]) -> Result<(), PortError> {
        let what = format!("writing {partition}");
        let body = stored(&what, body)?;
        // The SDK may apply it twice; a revision that grew by two is as good as one that grew by one.
        let done = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(PARTITION, text(partition))
            .key(SORT, text(sort))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .update_expression("SET #token = :token, #body = :body REMOVE #other ADD #revision :one")
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_names("#body", body.name)
            .expression_attribute_names("#other", body.other)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":token", text("fact"))
            .expression_attribute_values(":body", body.value)
            .send()
            .await
            .map_err(|error| port_error(what, error))?;
        self.meter.write_units(done.consumed_capacity.as_ref());
        Ok(())
    }

    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<(String, Item)>, PortError> {
        let what = format!("listing {partition}");
        let mut items = Vec::new();
        let mut start = None;
        while items.len() < limit {
            let mut query = self
                .client
                .query()
                .table_name(&self.table)
                .expression_attribute_names("#pk", PARTITION)
                .expression_attribute_values(":pk", text(partition))
                .expression_attribute_names("#revision", REVISION)
                .filter_expression("attribute_exists(#revision)")
                .consistent_read(true)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .limit(i32::try_from(limit - items.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            // A key must not be empty, not even in a condition.
            query = if after.is_empty() {
                query.key_condition_expression("#pk = :pk")
            } else {
                query
                    .key_condition_expression("#pk = :pk AND #sk > :after")
                    .expression_attribute_names("#sk", SORT)
                    .expression_attribute_values(":after", text(after))
            };
            let page = query.send().await.map_err(|error| port_error(&what, error))?;
            self.meter.read_units(page.consumed_capacity.as_ref());
            for attributes in page.items.unwrap_or_default() {
                let sort = match attributes.get(SORT) {
                    Some(AttributeValue::S(sort)) => sort.clone(),
                    _ => return Err(unreadable(&what)),
                };
                items.push((sort, item_of(&what, attributes)?));
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(items)
    }

    async fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError> {
        let done = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(PARTITION, text(partition))
            .key(SORT, text(sort))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| port_error(format!("deleting from {partition}"), error))?;
        self.meter.write_units(done.consumed_capacity.as_ref());
        Ok(())
    }

    async fn add_member(&self, partition: &str, sort: &str, member: u32) -> Result<u32, PortError> {
        let what = format!("adding to {partition}");
        // Adding to a set, unlike adding to a number, may be applied twice.
        let updated = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(PARTITION, text(partition))
            .key(SORT, text(sort))
            .update_expression("ADD #members :member")
            .expression_attribute_names("#members", MEMBERS)
            .expression_attribute_values(":member", AttributeValue::Ns(vec![member.to_string()]))
            .return_values(ReturnValue::UpdatedNew)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| port_error(&what, error))?;
        self.meter.write_units(updated.consumed_capacity.as_ref());
        match updated.attributes.as_ref().and_then(|attributes| attributes.get(MEMBERS)) {
            Some(AttributeValue::Ns(members)) => Ok(u32::try_from(members.len()).unwrap_or(u32::MAX)),
            _ => Err(unreadable(&what)),
        }
    }
}

/// The attribute that a body is stored in.
struct Stored {
    name: &'static str,
    /// The one that it is not stored in.
    other: &'static str,
    value: AttributeValue,
}

fn stored(what: &str, body: &[u8]) -> Result<Stored, PortError> {
    if body.len() < PACK_BYTES_MIN {
        return Ok(Stored { name: BODY, other: PACKED, value: AttributeValue::B(Blob::new(body)) });
    }
    let packed =
        zstd::encode_all(body, PACK_LEVEL).map_err(|error| PortError::halt(what, error, "Report this as a defect"))?;
    if body.len() > BODY_BYTES_MAX || packed.len() > ITEM_BYTES_MAX {
        let remedy = "Let the warehouse write fewer and larger files with shorter names, or lower run.rows_max";
        return Err(PortError::halt(what, format!("{} bytes are too many for one item", body.len()), remedy));
    }
    Ok(Stored { name: PACKED, other: BODY, value: AttributeValue::B(Blob::new(packed)) })
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn is_item(attributes: &Attributes) -> bool {
    attributes.contains_key(REVISION)
}

fn item_of(what: &str, mut attributes: Attributes) -> Result<Item, PortError> {
    let revision = match attributes.get(REVISION) {
        Some(AttributeValue::N(revision)) => revision.parse().ok(),
        _ => None,
    };
    let body = match (attributes.remove(BODY), attributes.remove(PACKED)) {
        (Some(AttributeValue::B(body)), None) => Some(body.into_inner()),
        (None, Some(AttributeValue::B(packed))) => zstd::bulk::decompress(packed.as_ref(), BODY_BYTES_MAX).ok(),
        _ => None,
    };
    match (revision, attributes.remove(TOKEN), body) {
        (Some(revision), Some(AttributeValue::S(token)), Some(body)) => Ok(Item { revision, token, body }),
        _ => Err(unreadable(what)),
    }
}

fn unreadable(what: &str) -> PortError {
    PortError::halt(
        what,
        "an item is not one of driftless",
        "Restore the table to a point in time before it was changed",
    )
}
