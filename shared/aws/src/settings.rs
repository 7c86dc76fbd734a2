use std::collections::BTreeMap;

use driftless_core::ports::QueueName;

/// What the template tells a function through its environment, read once when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of the stack: the dimension of its metrics.
    pub stack: String,
    /// Bucket of staged batches, ledgers, quarantine, reports and configuration.
    pub state_bucket: String,
    /// The one DynamoDB table.
    pub table: String,
    /// Bucket of exports.
    pub exports_bucket: String,
    /// What all exports' keys start with: empty, or ending with a slash.
    pub exports_prefix: String,
    /// The queues.
    pub queues: QueueUrls,
    /// Bus for events about runs.
    pub event_bus: String,
}

/// URLs of the queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueUrls {
    /// "Look at this sync", and S3's own notices.
    pub notices: String,
    /// "Plan this sync".
    pub plans: String,
    /// "Deliver this batch".
    pub batches: String,
}

impl QueueUrls {
    /// The URL of a queue.
    pub fn of(&self, queue: QueueName) -> &str {
        match queue {
            QueueName::Notices => &self.notices,
            QueueName::Plans => &self.plans,
            QueueName::Batches => &self.batches,
        }
    }
}

/// Settings that are missing or wrong, all of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("settings of the function: {}. Deploy the template as it is, or set them as it does", .0.join("; "))]
pub struct SettingsError(pub Vec<String>);

impl Settings {
    /// Names of the environment variables, as template.yaml sets them.
    pub const NAMES: [&str; 9] = [
        "DRIFTLESS_STACK",
        "DRIFTLESS_STATE_BUCKET",
        "DRIFTLESS_TABLE",
        "DRIFTLESS_EXPORTS_BUCKET",
        "DRIFTLESS_EXPORTS_PREFIX",
        "DRIFTLESS_NOTICES_QUEUE_URL",
        "DRIFTLESS_PLANS_QUEUE_URL",
        "DRIFTLESS_BATCHES_QUEUE_URL",
        "DRIFTLESS_EVENT_BUS",
    ];

    /// From the environment, which the caller read.
    pub fn read(environment: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let mut problems = Vec::new();
        let mut needed = |name: &str| match environment.get(name).filter(|value| !value.is_empty()) {
            Some(value) => value.clone(),
            None => {
                problems.push(format!("{name} is not set"));
                String::new()
            }
        };
        let [stack, state_bucket, table, exports_bucket, prefix_name, notices, plans, batches, event_bus] = Self::NAMES;
        let settings = Self {
            stack: needed(stack),
            state_bucket: needed(state_bucket),
            table: needed(table),
            exports_bucket: needed(exports_bucket),
            exports_prefix: environment.get(prefix_name).cloned().unwrap_or_default(),
            queues: QueueUrls { notices: needed(notices), plans: needed(plans), batches: needed(batches) },
            event_bus: needed(event_bus),
        };
        if !settings.exports_prefix.is_empty() && !settings.exports_prefix.ends_with('/') {
            problems.push(format!("{prefix_name} must end with a slash"));
        }
        if settings.exports_bucket == settings.state_bucket {
            problems.push(
                "exports and state must be in different buckets: what is written would be read again".to_string(),
            );
        }
        if problems.is_empty() { Ok(settings) } else { Err(SettingsError(problems)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_told_at_once() {
        let error = Settings::read(&BTreeMap::new()).unwrap_err();
        assert_eq!(error.0.len(), 9, "{error}");
        let mut environment: BTreeMap<String, String> =
            Settings::NAMES.iter().map(|name| ((*name).to_string(), format!("x{name}"))).collect();
        let error = Settings::read(&environment).unwrap_err().to_string();
        assert!(error.contains("DRIFTLESS_EXPORTS_PREFIX must end with a slash"), "{error}");
        environment.insert("DRIFTLESS_EXPORTS_PREFIX".to_string(), String::new());
        assert!(Settings::read(&environment).is_ok());
    }
}
