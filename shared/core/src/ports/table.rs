use async_trait::async_trait;

use super::PortError;

/// One stored item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Grows by one with each write, from 1.
    pub revision: u64,
    /// The token of the write that made this revision: by it a writer whose answer was lost knows its own write.
    pub token: String,
    /// JSON.
    pub body: Vec<u8>,
}

/// What became of a conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// Written, with this revision.
    Done(u64),
    /// The condition did not hold; this is what is there.
    Conflict(Option<Item>),
}

/// Items by (partition, sort key) with compare-and-swap: one DynamoDB table, one SQLite table, one map.
#[async_trait]
pub trait Table: Send + Sync {
    /// Strongly consistent read.
    async fn get(&self, partition: &str, sort: &str) -> Result<Option<Item>, PortError>;

    /// Writes if the item's revision is `expected` (`None`: if there is no item). A conflict returns the current item.
    async fn put(
        &self,
        partition: &str,
        sort: &str,
        expected: Option<u64>,
        token: &str,
        body: &[u8],
    ) -> Result<Put, PortError>;

    /// Writes without a condition: for facts that every writer writes alike.
    async fn put_fact(&self, partition: &str, sort: &str, body: &[u8]) -> Result<(), PortError>;

    /// Items of a partition in sort order, with sort keys greater than `after`, at most `limit`.
    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<(String, Item)>, PortError>;

    /// Deletes an item; deleting a missing one succeeds.
    async fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError>;

    /// Adds a member to a set and returns the set's size. Adding twice changes nothing, so it may be tried again.
    async fn add_member(&self, partition: &str, sort: &str, member: u32) -> Result<u32, PortError>;
}
