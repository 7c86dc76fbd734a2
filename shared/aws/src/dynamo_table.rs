use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use driftless_core::ports::{Item, PortError, Put, Table};

use crate::failure::port_error;
use crate::table_names::{BODY, MEMBERS, PARTITION, REVISION, SORT, TOKEN};

type Attributes = HashMap<String, AttributeValue>;

/// Items of the one DynamoDB table. Every read is strongly consistent.
///
/// A conditional write whose answer was lost is sent again by the SDK and then fails its own condition: the conflict
/// returns the current item, by whose token the caller knows its own write.
#[derive(Clone, Debug)]
pub struct DynamoTable {
    client: Client,
    table: String,
}

impl DynamoTable {
    /// The table of that name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
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
            .send()
            .await
            .map_err(|error| port_error(&what, error))?;
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
        let write = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(PARTITION, text(partition))
            .key(SORT, text(sort))
            .update_expression("SET #revision = :revision, #token = :token, #body = :body")
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_names("#body", BODY)
            .expression_attribute_values(":revision", number(revision))
            .expression_attribute_values(":token", text(token))
            .expression_attribute_values(":body", AttributeValue::B(Blob::new(body)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let write = match expected {
            None => write.condition_expression("attribute_not_exists(#revision)"),
            Some(expected) => write
                .condition_expression("#revision = :expected")
                .expression_attribute_values(":expected", number(expected)),
        };
        let error = match write.send().await {
            Ok(_) => return Ok(Put::Done(revision)),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(service) if service.is_conditional_check_failed_exception() => {}
            _ => return Err(port_error(what, error)),
        }
        let current = match error.into_service_error() {
            aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(failed) => {
                failed.item.filter(is_item)
            }
            _ => None,
        };
        Ok(Put::Conflict(current.map(|attributes| item_of(&what, attributes)).transpose()?))
    }

    async fn put_fact(&self, partition: &str, sort: &str, body: &[u8]) -> Result<(), PortError> {
        // The SDK may apply it twice; a revision that grew by two is as good as one that grew by one.
        self.client
            .update_item()
            .table_name(&self.table)
            .key(PARTITION, text(partition))
            .key(SORT, text(sort))
            .update_expression("SET #token = :token, #body = :body ADD #revision :one")
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_names("#body", BODY)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":token", text("fact"))
            .expression_attribute_values(":body", AttributeValue::B(Blob::new(body)))
            .send()
            .await
            .map_err(|error| port_error(format!("writing {partition}"), error))?;
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
        self.client
            .delete_item()
            .table_name(&self.table)
            .key(PARTITION, text(partition))
            .key(SORT, text(sort))
            .send()
            .await
            .map_err(|error| port_error(format!("deleting from {partition}"), error))?;
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
            .send()
            .await
            .map_err(|error| port_error(&what, error))?;
        match updated.attributes.as_ref().and_then(|attributes| attributes.get(MEMBERS)) {
            Some(AttributeValue::Ns(members)) => Ok(u32::try_from(members.len()).unwrap_or(u32::MAX)),
            _ => Err(unreadable(&what)),
        }
    }
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
    match (revision, attributes.remove(TOKEN), attributes.remove(BODY)) {
        (Some(revision), Some(AttributeValue::S(token)), Some(AttributeValue::B(body))) => {
            Ok(Item { revision, token, body: body.into_inner() })
        }
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
