use super::context::PlanContext;
use super::draft::Draft;
use crate::config::{Complete, Feed, Mode, ProfileHistoryConfig, SchemaChanges};
use crate::model::{SchemaLock, UserOverlap, Warning};

/// Columns in which tables with a history keep the end of a row (dbt snapshots, Fivetran's history mode, and the words
/// that people use).
const END_COLUMNS: [&str; 9] = [
    "dbt_valid_to",
    "_fivetran_end",
    "valid_to",
    "valid_until",
    "end_time",
    "end_date",
    "ended_at",
    "effective_to",
    "effective_end",
];

/// The column with the end of a row, if there is one that nothing else is made of.
fn end_column<'a>(history: &ProfileHistoryConfig, lock: &'a SchemaLock) -> Option<&'a str> {
    let mapped = |column: &str| history.properties.values().any(|property| property.column == column);
    let is_end = |column: &&String| END_COLUMNS.iter().any(|end| end.eq_ignore_ascii_case(column));
    lock.columns.iter().find(is_end).filter(|column| !mapped(column)).map(String::as_str)
}

/// Adds to a draft what is worth knowing and stops nothing.
pub(super) fn add_warnings(context: &PlanContext, draft: &mut Draft) {
    let (limits, notes) = (context.sync.destination.limits(), context.sync.destination.notes());
    let mut found = Vec::new();
    let mut warn = |code: &str, text: String| found.push(Warning { code: code.to_string(), text });
    if draft.observed.event_names.len() > limits.event_names_max {
        warn("event_names", format!("more than {} event names: {}", limits.event_names_max, notes.event_names));
    }
    let hot = draft.observed.hot_shards(limits.hot_shard_rows);
    if hot > 0 {
        warn("hot_shard", format!("{hot} users {}", notes.hot_shard));
    }
    for (column, count) in &draft.observed.truncated {
        warn("truncated", format!("column {column}: {count} texts are cut to the destination's {}", limits.text_max));
    }
    if let Some(users) = draft.users.filter(UserOverlap::is_low) {
        let (of, all) = (users.with_profile, users.users);
        warn(
            "users_apart",
            format!(
                "only {of} of {all} users with events have a profile at the destination; compare the id columns of its syncs (user_id, id)"
            ),
        );
    }
    if draft.identity_changes > 0 {
        warn(
            "identity_changes",
            format!("{} updates change event, user or time: {}", draft.identity_changes, notes.identity_change),
        );
    }
    if draft.deletes > 0
        && let Some(note) = notes.delete
    {
        warn("deletes", format!("{} deletes {note}", draft.deletes));
    }
    let verb = match context.sync.config.schema_changes {
        SchemaChanges::NewRowsOnly => "stay as they were sent",
        _ => "are updated for it",
    };
    match &context.renamed {
        _ if draft.fresh_updates == 0 => {}
        Some(rename) => {
            let (rows, from, to) = (draft.fresh_updates, &rename.from, &rename.to);
            let mapping = context.sync.config.kind.mapping();
            warn(
                "renamed",
                format!(
                    "{rows} rows differ only in that column {from} is called {to} now, and {verb}; to go on under the old name set {mapping}.properties: {{ {from}: {to} }}"
                ),
            );
        }
        None => {
            warn(
                "fresh_updates",
                format!("{} rows differ only in columns that are new, and {verb}", draft.fresh_updates),
            );
        }
    }
    if context.drift.other && draft.updates > 0 {
        let updates = draft.updates;
        warn(
            "schema_updates",
            format!(
                "with columns gone or of another type, or another mapping, {updates} rows that were sent are updated"
            ),
        );
    }
    let payload_bytes = draft.stager.payload_bytes;
    if draft.stager.lines_total > 0 && payload_bytes < limits.bytes_min {
        warn(
            "small_file",
            format!(
                "{} KB to send, and the destination states a minimum of {} KB a file; longer windows gather more",
                payload_bytes.div_ceil(1_000),
                limits.bytes_min / 1_000
            ),
        );
    }
    if let Some((field, time)) = context.sync.config.time()
        && time.timezone.is_none()
        && draft.observed.bare_times
    {
        warn("timezone", format!("times in column {} without a zone are read as UTC ({field}.timezone)", time.column));
    }
    if let Some(history) = &context.sync.config.profile_history {
        warn(
            "experimental",
            "Mixpanel documents no route for profile history; look at what arrived before you rely on it (profile_history.experimental)".to_string(),
        );
        if let Some(end) = end_column(history, &context.lock) {
            warn(
                "end_column",
                format!(
                    "column {end} is not read: Mixpanel takes a value as valid until the next row of its id; where a property ended without one, add a row with that start time and null"
                ),
            );
        }
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
