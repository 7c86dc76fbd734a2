use std::sync::{Arc, Mutex, PoisonError};

use driftless_core::ports::{Clock, Observer, PortError, Progress};
use serde_json::{Map, Value, json};

use crate::failure::port_error;

/// Namespace of the metrics; template.yaml's alarms and dashboard read it.
const NAMESPACE: &str = "Driftless";

/// Source of the events; template.yaml's rule reads it.
const SOURCE: &str = "driftless";

/// Events of one PutEvents (docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html, 2026-11).
const EVENTS_MAX: usize = 10;

/// Writes progress into the log and, by CloudWatch's embedded metric format, into metrics: names and counts, never what
/// is in a row. What others want to know at once becomes an event, which [`Self::send_events`] sends.
pub struct StackObserver {
    stack: String,
    bus: String,
    client: aws_sdk_eventbridge::Client,
    clock: Arc<dyn Clock>,
    events: Mutex<Vec<(&'static str, Value)>>,
}

impl StackObserver {
    /// For a stack and a bus.
    pub fn new(stack: String, bus: String, client: aws_sdk_eventbridge::Client, clock: Arc<dyn Clock>) -> Self {
        Self { stack, bus, client, clock, events: Mutex::default() }
    }

    /// Sends what has happened since the last time. A process that dies before loses them: alarms do not depend on them.
    pub async fn send_events(&self) -> Result<(), PortError> {
        let events = std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner));
        for events in events.chunks(EVENTS_MAX) {
            let mut put = self.client.put_events();
            for (kind, detail) in events {
                let entry = aws_sdk_eventbridge::types::PutEventsRequestEntry::builder()
                    .source(SOURCE)
                    .detail_type(*kind)
                    .detail(detail.to_string())
                    .event_bus_name(&self.bus);
                put = put.entries(entry.build());
            }
            put.send().await.map_err(|error| port_error("sending events", error))?;
        }
        Ok(())
    }

    fn event(&self, kind: &'static str, mut detail: Value) {
        detail["stack"] = json!(self.stack);
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push((kind, detail));
    }

    /// One line in the embedded metric format
    /// (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html, 2026-11).
    fn metrics(&self, sync: &str, counts: &[(&str, u64)]) -> Value {
        let metrics: Vec<Value> = counts.iter().map(|(name, _)| json!({ "Name": name, "Unit": "Count" })).collect();
        let mut line = Map::from_iter(counts.iter().map(|(name, count)| (name.to_string(), json!(count))));
        line.insert("Stack".to_string(), json!(self.stack));
        line.insert("sync".to_string(), json!(sync));
        let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [["Stack"]], "Metrics": metrics });
        line.insert("_aws".to_string(), json!({ "Timestamp": self.clock.now_ms(), "CloudWatchMetrics": [directive] }));
        Value::Object(line)
    }

    fn count(&self, sync: &str, counts: &[(&str, u64)]) {
        println!("{}", self.metrics(sync, counts));
    }
}

impl Observer for StackObserver {
    fn note(&self, progress: Progress<'_>) {
        match progress {
            // Every block would be a line.
            Progress::Read { .. } => {}
            Progress::Planned { sync, rows, batches } => tracing::info!(sync, rows, batches, "planned"),
            Progress::Delivered { sync, rows } => {
                tracing::info!(sync, rows, "delivered");
                self.count(sync, &[("RowsDelivered", rows)]);
            }
            Progress::Finished { sync, report } => {
                let counts = &report.counts;
                let run = report.run.0;
                // Of what is not billed, nothing is.
                let billable = if report.plan.billable > 0 { report.settled.events_sent } else { 0 };
                tracing::info!(sync, run, read = counts.read, rejected = counts.rejected, "finished");
                self.count(
                    sync,
                    &[
                        ("RunsFinished", 1),
                        ("RowsRead", counts.read),
                        ("RowsRejected", counts.rejected),
                        ("BillableMutations", billable),
                    ],
                );
                self.event("Run finished", json!({ "sync": sync, "run": run, "counts": counts }));
            }
            Progress::Held { sync, run, holds } => {
                let reasons: Vec<String> = holds.iter().map(ToString::to_string).collect();
                let reason = reasons.join("; ");
                tracing::warn!(sync, run = run.0, reason, "held for approval");
                self.count(sync, &[("RunsHeld", 1)]);
                self.event("Run held", json!({ "sync": sync, "run": run, "reason": reason }));
            }
            Progress::Stopped { sync, reason } => {
                tracing::error!(sync, reason, "stopped");
                self.count(sync, &[("RunsFailed", 1)]);
                self.event("Sync stopped", json!({ "sync": sync, "reason": reason }));
            }
            Progress::BackingOff { sync, wait_ms, cause } => tracing::warn!(sync, wait_ms, cause, "backing off"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_metric_format() {
        let config =
            aws_sdk_eventbridge::Config::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
        let client = aws_sdk_eventbridge::Client::from_conf(config);
        let clock = Arc::new(driftless_host::SystemClock);
        let observer = StackObserver::new("prod".to_string(), "default".to_string(), client, clock);
        let line = observer.metrics("orders", &[("RunsHeld", 1)]);
        assert_eq!((&line["Stack"], &line["RunsHeld"], &line["sync"]), (&json!("prod"), &json!(1), &json!("orders")));
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([["Stack"]]));
        assert_eq!(directive["Metrics"], json!([{"Name": "RunsHeld", "Unit": "Count"}]));
        assert!(line["_aws"]["Timestamp"].is_i64());
    }
}
