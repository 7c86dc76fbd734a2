use serde::{Deserialize, Serialize};

/// What AWS bills by use. All zero on one machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// S3 requests that write or list. Deletes are free.
    pub s3_writes: u64,
    /// S3 requests that read.
    pub s3_reads: u64,
    /// DynamoDB requests.
    pub dynamodb_requests: u64,
    /// DynamoDB write request units.
    pub dynamodb_write_units: f64,
    /// DynamoDB read request units.
    pub dynamodb_read_units: f64,
    /// SQS requests, those that Lambda makes for a message included.
    pub sqs_requests: u64,
    /// Events put on EventBridge.
    pub events: u64,
    /// Calls of functions.
    pub lambda_calls: u64,
    /// Their duration times their memory, in MB x ms; starts included.
    pub lambda_mb_ms: f64,
}

impl Usage {
    /// Adds what was used elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.s3_writes += other.s3_writes;
        self.s3_reads += other.s3_reads;
        self.dynamodb_requests += other.dynamodb_requests;
        self.dynamodb_write_units += other.dynamodb_write_units;
        self.dynamodb_read_units += other.dynamodb_read_units;
        self.sqs_requests += other.sqs_requests;
        self.events += other.events;
        self.lambda_calls += other.lambda_calls;
        self.lambda_mb_ms += other.lambda_mb_ms;
    }
}

/// List prices in dollars, us-east-1, x86_64, without free tiers: aws.amazon.com/s3/pricing, /dynamodb/pricing/on-demand,
/// /sqs/pricing, /eventbridge/pricing, /lambda/pricing, /ec2/pricing/on-demand (data transfer), 2026-11.
mod prices {
    pub const S3_WRITE: f64 = 5.0 / 1e6;
    pub const S3_READ: f64 = 0.40 / 1e6;
    pub const DYNAMODB_WRITE_UNIT: f64 = 0.625 / 1e6;
    pub const DYNAMODB_READ_UNIT: f64 = 0.125 / 1e6;
    pub const SQS_REQUEST: f64 = 0.40 / 1e6;
    pub const EVENT: f64 = 1.0 / 1e6;
    pub const LAMBDA_CALL: f64 = 0.20 / 1e6;
    pub const LAMBDA_GB_S: f64 = 0.000_016_666_7;
    pub const EGRESS_GB: f64 = 0.09;
}

/// What a run cost in AWS, in dollars at list prices. Storage, logs and metrics are not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cost {
    /// S3 requests.
    pub s3: f64,
    /// DynamoDB request units.
    pub dynamodb: f64,
    /// SQS requests.
    pub sqs: f64,
    /// EventBridge events.
    pub eventbridge: f64,
    /// Lambda calls and time.
    pub lambda: f64,
    /// Bytes sent to the destination over the internet.
    pub egress: f64,
    /// All of it.
    pub total: f64,
}

impl Cost {
    /// Prices what was used and the bytes that were sent to the destination.
    pub fn of(usage: &Usage, sent_bytes: u64) -> Self {
        let s3 = usage.s3_writes as f64 * prices::S3_WRITE + usage.s3_reads as f64 * prices::S3_READ;
        let dynamodb = usage.dynamodb_write_units * prices::DYNAMODB_WRITE_UNIT
            + usage.dynamodb_read_units * prices::DYNAMODB_READ_UNIT;
        let sqs = usage.sqs_requests as f64 * prices::SQS_REQUEST;
        let eventbridge = usage.events as f64 * prices::EVENT;
        let gb_s = usage.lambda_mb_ms / 1_024.0 / 1_000.0;
        let lambda = usage.lambda_calls as f64 * prices::LAMBDA_CALL + gb_s * prices::LAMBDA_GB_S;
        let egress = sent_bytes as f64 / 1e9 * prices::EGRESS_GB;
        Self {
            s3,
            dynamodb,
            sqs,
            eventbridge,
            lambda,
            egress,
            total: s3 + dynamodb + sqs + eventbridge + lambda + egress,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_row_states_cost_what_the_price_table_says() {
        let usage = Usage { dynamodb_write_units: 1e6, dynamodb_read_units: 1e6, ..Usage::default() };
        assert!((Cost::of(&usage, 0).total - 0.75).abs() < 1e-9);
        let usage = Usage { lambda_mb_ms: 1_024.0 * 1_000.0, lambda_calls: 1, ..Usage::default() };
        assert!((Cost::of(&usage, 1_000_000_000).total - (0.000_016_866_7 + 0.09)).abs() < 1e-9);
    }
}
