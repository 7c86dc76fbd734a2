use super::context::PlanContext;
use super::draft::Draft;
use crate::config::{Complete, Feed, Kind, Mode};
use crate::model::Warning;

/// Adds to a draft what is worth knowing and stops nothing.
pub(super) fn add_warnings(context: &PlanContext, draft: &mut Draft) {
    let limits = context.sync.destination.limits();
    let mut found = Vec::new();
    let mut warn = |code: &str, text: String| found.push(Warning { code: code.to_string(), text });
    if draft.observed.event_names.len() > limits.event_names_max {
        warn(
            "event_names",
            format!(
                "more than {} event names: the destination takes them but no longer lists them",
                limits.event_names_max
            ),
        );
    }
    let hot = draft.observed.hot_shards(limits.hot_shard_rows);
    if hot > 0 {
        warn(
            "hot_shard",
            format!(
                "{hot} users have more than {} events on one day: the destination hides what is over; send events of systems without a user id",
                limits.hot_shard_rows
            ),
        );
    }
    for (column, count) in &draft.observed.truncated {
        warn("truncated", format!("column {column}: {count} texts are cut to the destination's 255 bytes"));
    }
    if draft.identity_changes > 0 {
        warn(
            "identity_changes",
            format!(
                "{} updates change event, user or time: each costs a tombstone and a new event, because Mixpanel cannot change these of an event",
                draft.identity_changes
            ),
        );
    }
    if draft.deletes > 0 && context.sync.config.kind == Kind::Events {
        warn(
            "deletes",
            format!(
                "{} deletes are sent as tombstones (driftless_deleted: true), because Mixpanel has no public delete of one event; filter them out in reports",
                draft.deletes
            ),
        );
    }
    if let Some(events) = &context.sync.config.events
        && events.time.timezone.is_none()
        && draft.observed.bare_times
    {
        warn(
            "timezone",
            format!("times in column {} without a zone are read as UTC (events.time.timezone)", events.time.column),
        );
    }
    if context.sync.feed(&context.lock) == Feed::Snapshot
        && context.sync.config.mode == Mode::Mirror
        && !draft.snapshot_complete
        && context.sync.config.source.complete == Complete::Auto
    {
        warn("no_proof", "nothing proves that this snapshot is complete, so rows missing from it are not deleted; set source.complete".to_string());
    }
    found.append(&mut draft.warnings);
    draft.warnings = found;
}
