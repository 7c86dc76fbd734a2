use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::ConsumedCapacity;
use driftless_core::model::Usage;
use driftless_core::ports::Meter;

/// Requests that Lambda makes for the messages of a call: to receive them, and to delete them.
const REQUESTS_OF_QUEUE: u64 = 2;

/// What calls a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Messages of a queue.
    Queue,
    /// The schedule, or an API: nothing but the call is billed here.
    Other,
}

/// Counts what one environment of a function uses. One call at a time runs in it, so what was used since the last count
/// belongs to the call, but for what the calls before used after theirs.
#[derive(Debug)]
pub struct StackMeter {
    memory_mb: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    usage: Usage,
    /// Since when the call that is under way was not counted.
    running_since: Option<Instant>,
}

impl StackMeter {
    /// Of an environment with so much memory; without any it is not one of Lambda's, and its time is not billed.
    pub fn new(memory_mb: u32) -> Self {
        Self { memory_mb, state: Mutex::default() }
    }

    /// A call begins, `init` after the environment, if it is the first.
    pub(crate) fn call_begins(&self, trigger: Trigger, init: Option<Duration>) {
        let mut state = self.state();
        state.usage.lambda_calls += 1;
        if trigger == Trigger::Queue {
            state.usage.sqs_requests += REQUESTS_OF_QUEUE;
        }
        state.usage.lambda_mb_ms += self.mb_ms(init.unwrap_or_default());
        state.running_since = Some(Instant::now());
    }

    /// The call has ended, its answer aside.
    pub(crate) fn call_ends(&self) {
        self.count_time(&mut self.state());
        self.state().running_since = None;
    }

    /// Units that DynamoDB says it took.
    pub(crate) fn read_units(&self, consumed: Option<&ConsumedCapacity>) {
        self.state().usage.dynamodb_read_units += units(consumed);
    }

    /// Units that DynamoDB says it took to look for so many items: at least one each, found or not
    /// (docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html, 2026-11), though emulators
    /// may count only what they found.
    pub(crate) fn read_units_of(&self, consumed: &[ConsumedCapacity], items: usize) {
        let told: f64 = consumed.iter().map(|consumed| units(Some(consumed))).sum();
        self.state().usage.dynamodb_read_units += told.max(items as f64);
    }

    /// Units that DynamoDB says it took.
    pub(crate) fn write_units(&self, consumed: Option<&ConsumedCapacity>) {
        self.state().usage.dynamodb_write_units += units(consumed);
    }

    /// A write whose condition failed: it is billed by the size of the item, which is not told. Small items take one unit
    /// (docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html, 2026-11).
    pub(crate) fn failed_write(&self) {
        self.state().usage.dynamodb_write_units += 1.0;
    }

    fn mb_ms(&self, time: Duration) -> f64 {
        f64::from(self.memory_mb) * time.as_secs_f64() * 1_000.0
    }

    fn count_time(&self, state: &mut State) {
        if let Some(since) = state.running_since {
            state.usage.lambda_mb_ms += self.mb_ms(since.elapsed());
            state.running_since = Some(Instant::now());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meter for StackMeter {
    fn take(&self) -> Usage {
        let mut state = self.state();
        self.count_time(&mut state);
        std::mem::take(&mut state.usage)
    }
}

fn units(consumed: Option<&ConsumedCapacity>) -> f64 {
    consumed.and_then(|consumed| consumed.capacity_units).unwrap_or(0.0)
}

/// The service that a client talks to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Service {
    S3,
    DynamoDb,
    Sqs,
    EventBridge,
}

/// Counts a client's requests, every attempt of them.
#[derive(Debug)]
pub(crate) struct RequestMeter {
    pub service: Service,
    pub meter: Arc<StackMeter>,
}

impl Intercept for RequestMeter {
    fn name(&self) -> &'static str {
        "RequestMeter"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let mut state = self.meter.state();
        let usage = &mut state.usage;
        match self.service {
            Service::S3 => match request.method() {
                "DELETE" => {}
                "GET" if request.uri().contains("list-type=") => usage.s3_writes += 1,
                "GET" | "HEAD" => usage.s3_reads += 1,
                _ => usage.s3_writes += 1,
            },
            Service::DynamoDb => usage.dynamodb_requests += 1,
            Service::Sqs => usage.sqs_requests += 1,
            Service::EventBridge => usage.events += 1,
        }
        Ok(())
    }
}
