use super::{
    AmplitudeProfiles, Complete, ConfigError, Dedupe, DestinationConfig, EventsConfig, Feed, IdMerge, Kind,
    MixpanelConfig, Mode, Order, ProjectConfig, Support, SyncConfig, Window, WithoutUser, support,
};
use crate::mapping::{KEY_COLUMNS_MAX, TimeZoneRule, parse_moment};

/// Checks what no single field can tell: whether the parts of a sync fit each other and the project. Returns every
/// problem, so that one look repairs the file.
pub fn check_sync(file: &str, sync: &SyncConfig, project: &ProjectConfig) -> Vec<ConfigError> {
    let mut problems = Vec::new();
    let mut problem = |path: &str, cause: String| problems.push(ConfigError::at(file, path, cause));

    if !project.destinations.contains_key(&sync.destination) {
        let known: Vec<_> = project.destinations.keys().map(String::as_str).collect();
        problem("destination", format!("`{}` is not in driftless.yaml; known: {}", sync.destination, known.join(", ")));
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if sync.name.is_empty() || sync.name.len() > 64 || !sync.name.chars().all(legal) {
        problem("", "the file's name is the sync's name: 1 to 64 letters, digits, - or _".to_string());
    }
    let prefix = &sync.source.prefix;
    if prefix.starts_with('/') || prefix.split('/').any(|part| part == ".." || part == ".") {
        problem("source.prefix", "must lie under `exports`: no leading /, no . or ..".to_string());
    }
    if prefix.starts_with(".driftless") {
        problem("source.prefix", "is the state folder; a sync must not read what it wrote".to_string());
    }
    for (path, cause) in mode_and_feed(sync) {
        problem(path, cause);
    }
    for (path, cause) in kind_and_mapping(sync, project) {
        problem(path, cause);
    }
    if let Some((field, time)) = sync.time()
        && let Some(zone) = &time.timezone
        && let Err(cause) = TimeZoneRule::named(zone)
    {
        problem(&format!("{field}.timezone"), cause);
    }
    for (path, moment) in [("window.from", &sync.window.from), ("window.until", &sync.window.until)] {
        if let Some(moment) = moment
            && parse_moment(moment).is_none()
        {
            problem(path, format!("`{moment}` is no date or time; write 2025-01-01 or 2025-01-01T00:00:00Z"));
        }
    }
    if sync.filter.users_percent.is_some_and(|percent| percent == 0 || percent > 100) {
        problem("filter.users_percent", "must be from 1 to 100".to_string());
    }
    if sync.run.rows_max == Some(0) {
        problem("run.rows_max", "must be at least 1".to_string());
    }
    if let Some(columns) = sync.events.as_ref().and_then(|events| events.insert_id.as_ref())
        && columns.columns().is_empty()
    {
        problem("events.insert_id", "names no column".to_string());
    }
    if sync.key_columns().len() > KEY_COLUMNS_MAX {
        problem("events.insert_id", format!("names more than {KEY_COLUMNS_MAX} columns; join some in the export"));
    }
    if let Some(quote) = &sync.source.csv.quote
        && quote.len() > 1
    {
        problem("source.csv.quote", "must be one ASCII character, or empty for none".to_string());
    }
    for (path, character) in
        [("source.csv.delimiter", sync.source.csv.delimiter), ("source.csv.escape", sync.source.csv.escape)]
    {
        if character.is_some_and(|c| !c.is_ascii()) {
            problem(path, "must be one ASCII character".to_string());
        }
    }
    problems
}

fn kind_and_mapping(sync: &SyncConfig, project: &ProjectConfig) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    let kind = sync.kind.name();
    let wanted = sync.kind.mapping();
    let mappings = [
        ("events", sync.events.is_some()),
        ("profiles", sync.profiles.is_some()),
        ("profile_history", sync.profile_history.is_some()),
        ("lookup_table", sync.lookup_table.is_some()),
        ("identities", sync.identities.is_some()),
    ];
    for (mapping, is_there) in mappings {
        if mapping == wanted && !is_there {
            problems.push((mapping, format!("kind {kind} needs its mapping here")));
        } else if mapping != wanted && is_there {
            problems.push((mapping, format!("is no mapping of kind {kind}; remove it")));
        }
    }
    if sync.kind != Kind::Events {
        if sync.time().is_none() && sync.window != Window::default() {
            problems.push(("window", format!("kind {kind} has no time of its own; remove it")));
        }
        if !sync.filter.events.is_empty() || !sync.filter.exclude_events.is_empty() {
            problems.push(("filter.events", format!("kind {kind} has no events; remove it")));
        }
        if sync.hold.billable_over.is_some() && !sync.kind.is_billed() {
            problems.push(("hold.billable_over", format!("kind {kind} is not billed; remove it")));
        }
    }
    let destination = project.destinations.get(&sync.destination);
    problems.extend(destination.into_iter().flat_map(|destination| at_destination(sync, destination)));
    if sync.lookup_table.is_some() {
        problems.extend(lookup_table(sync, destination));
    }
    if sync.profile_history.as_ref().is_some_and(|history| history.properties.is_empty()) {
        problems.push(("profile_history.properties", "names no property".to_string()));
    }
    let Some(profiles) = &sync.profiles else { return problems };
    match (sync.kind, &profiles.group_key) {
        (Kind::GroupProfiles, None) => problems.push((
            "profiles.group_key",
            "kind group_profiles needs the group key, as the project's settings name it".to_string(),
        )),
        (Kind::UserProfiles, Some(_)) => {
            problems.push(("profiles.group_key", "belongs to kind group_profiles; set that, or remove it".to_string()))
        }
        _ => {}
    }
    if let Some(DestinationConfig::Mixpanel(mixpanel)) = destination
        && mixpanel.token.is_none()
    {
        let cause = format!("kind {kind} needs destinations.{}.token in driftless.yaml", sync.destination);
        problems.push(("destination", cause));
    }
    problems
}

/// What the vendor of the destination asks of a sync.
fn at_destination(sync: &SyncConfig, destination: &DestinationConfig) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    let (kind, mode, name) = (sync.kind.name(), sync.mode.name(), &sync.destination);
    match support(destination, sync.kind, sync.mode) {
        Support::Works => {}
        Support::Refused(why) => problems.push(("mode", why.to_string())),
        Support::Experimental => {
            if !sync.profile_history.as_ref().is_some_and(|history| history.experimental) {
                let cause = "Mixpanel documents no route for profile history: what is used was seen in other tools and may change or stop without notice; set it to true to use it all the same";
                problems.push(("profile_history.experimental", cause.to_string()));
            }
        }
        Support::NeedsMutationFiles => {
            if let DestinationConfig::Amplitude(amplitude) = destination
                && amplitude.mutation_files.is_none()
            {
                let cause = format!(
                    "kind {kind} with mode {mode} goes to Amplitude as mutation files; set destinations.{name}.mutation_files, or use mode: append"
                );
                problems.push(("mode", cause));
            }
        }
    }
    let (events, profiles) = (sync.events.as_ref(), sync.profiles.as_ref());
    match destination {
        DestinationConfig::Mixpanel(mixpanel) => {
            if events.is_some_and(|events| events.amplitude.is_some()) {
                problems.push(("events.amplitude", format!("destination {name} is Mixpanel; remove it")));
            }
            if profiles.is_some_and(|profiles| profiles.amplitude != AmplitudeProfiles::default()) {
                problems.push(("profiles.amplitude", format!("destination {name} is Mixpanel; remove it")));
            }
            if sync.kind == Kind::Identities {
                problems.extend(identities(name, mixpanel));
            }
        }
        DestinationConfig::Amplitude(amplitude) => {
            problems.extend(events.into_iter().flat_map(|events| amplitude_events(sync.mode, events)));
            let as_profiles = profiles.is_some_and(|profiles| profiles.amplitude == AmplitudeProfiles::Profiles);
            if as_profiles && sync.kind == Kind::GroupProfiles {
                let cause = "Amplitude's profiles are of users; leave it out, then groups become group properties";
                problems.push(("profiles.amplitude", cause.to_string()));
            } else if as_profiles && amplitude.mutation_files.is_none() {
                let cause = format!("profiles are mutation files; set destinations.{name}.mutation_files");
                problems.push(("profiles.amplitude", cause));
            }
            if sync.lookup_table.is_some() && amplitude.secret_key.is_none() {
                problems.push(("destination", format!("kind {kind} needs destinations.{name}.secret_key")));
            }
        }
    }
    problems
}

/// Mixpanel takes merges from service accounts, and in projects with Original ID merge only
/// (docs.mixpanel.com/reference/identity-merge, 2026-08-21).
fn identities(name: &str, mixpanel: &MixpanelConfig) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    if mixpanel.id_merge == IdMerge::Simplified {
        let cause = format!(
            "a project with Simplified ID merge joins ids by events that have both, and refuses merges; remove this sync, or set destinations.{name}.id_merge: original if the project's settings say so"
        );
        problems.push(("kind", cause));
    }
    if mixpanel.service_account.is_none() {
        problems.push(("destination", format!("kind identities needs destinations.{name}.service_account")));
    }
    problems
}

/// Group types of an event at Amplitude; it drops those above (amplitude.com/docs/apis/analytics/http-v2, 2026-03-13).
const AMPLITUDE_GROUP_TYPES: usize = 5;

fn amplitude_events(mode: Mode, events: &EventsConfig) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    if events.groups.len() > AMPLITUDE_GROUP_TYPES {
        let cause = format!("Amplitude takes {AMPLITUDE_GROUP_TYPES} group types of an event and drops the others");
        problems.push(("events.groups", cause));
    }
    if events.without_user == WithoutUser::SendBlank {
        problems.push(("events.without_user", "Amplitude takes no event without a user or device id".to_string()));
    }
    if matches!(mode, Mode::Mirror | Mode::Full) && events.user_id.is_none() {
        problems
            .push(("events.user_id", "Amplitude finds the event of a mutation by its user id; name it".to_string()));
    } else if events.user_id.is_none() && events.device_id.is_none() {
        problems.push(("events.user_id", "Amplitude takes no event without a user or device id; name one".to_string()));
    }
    problems
}

/// Mixpanel takes lookup tables from service accounts (docs.mixpanel.com/reference/replace-lookup-table, 2026-08-21).
fn lookup_table(sync: &SyncConfig, destination: Option<&DestinationConfig>) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    if !matches!(sync.source.feed, Feed::Auto | Feed::Snapshot) {
        let cause = "a lookup table is always replaced whole; use feed: snapshot";
        problems.push(("source.feed", cause.to_string()));
    }
    if sync.source.complete == Complete::Auto {
        let cause = "kind lookup_table needs to know when the table is whole: each_file, manifest, success_marker, quiet_minutes or sync_now";
        problems.push(("source.complete", cause.to_string()));
    }
    if let Some(DestinationConfig::Mixpanel(mixpanel)) = destination
        && mixpanel.service_account.is_none()
    {
        let cause = format!("kind lookup_table needs destinations.{}.service_account", sync.destination);
        problems.push(("destination", cause));
    }
    problems
}

fn mode_and_feed(sync: &SyncConfig) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    let mode = sync.mode.name();
    match (sync.mode, sync.source.feed) {
        (Mode::Append | Mode::OneTime, Feed::Change) => problems.push((
            "source.feed",
            format!("mode {mode} sends every row once and cannot follow a change feed; use mode: mirror"),
        )),
        (Mode::Append, Feed::Snapshot) => problems.push((
            "source.feed",
            "mode append cannot read snapshots: every one holds all rows again; use mode: mirror or full".to_string(),
        )),
        (Mode::Full, Feed::Append | Feed::Change) => problems.push((
            "source.feed",
            "mode full reads whole snapshots; use feed: snapshot, or mode: mirror for a change feed".to_string(),
        )),
        _ => {}
    }
    let has_key = sync.kind != Kind::Events || sync.events.as_ref().is_some_and(|events| events.insert_id.is_some());
    if matches!(sync.mode, Mode::Mirror | Mode::Full) && !has_key {
        problems.push((
            "events.insert_id",
            format!("mode {mode} needs the columns that name a row, to tell an update from a new row"),
        ));
    }
    if matches!(sync.mode, Mode::Mirror | Mode::Full) && sync.dedupe.is_some() {
        problems.push(("dedupe", format!("mode {mode} always keeps row state; remove `dedupe`")));
    }
    if matches!(sync.dedupe, Some(Dedupe::WindowDays(0))) {
        problems
            .push(("dedupe.window_days", "must be at least 1; write `dedupe: off` to keep no row state".to_string()));
    }
    if sync.source.op.is_some()
        && (sync.mode != Mode::Mirror || matches!(sync.source.feed, Feed::Append | Feed::Snapshot))
    {
        problems.push(("source.op", "belongs to a change feed, which only mode: mirror follows; set mode: mirror and feed: change, or remove it".to_string()));
    }
    if sync.source.complete != Complete::Auto && matches!(sync.source.feed, Feed::Append | Feed::Change) {
        problems.push(("source.complete", "belongs to a snapshot; only a snapshot deletes by absence".to_string()));
    }
    if sync.source.snapshot_folders > 0 {
        problems.extend(snapshot_folders(sync));
    }
    let is_snapshot = sync.source.feed == Feed::Snapshot
        || (sync.source.feed == Feed::Auto && sync.mode == Mode::Full)
        || sync.kind == Kind::LookupTable;
    if sync.source.order == Order::Delivery && is_snapshot {
        problems.push(("source.order", "a snapshot's rows have no delivery order; name a column".to_string()));
    }
    problems
}

/// Levels of folders that a warehouse writes at most, with some to spare: year, month, day, hour, a region.
const SNAPSHOT_FOLDERS_MAX: u8 = 8;

fn snapshot_folders(sync: &SyncConfig) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    let mut problem = |cause: &str| problems.push(("source.snapshot_folders", cause.to_string()));
    if sync.source.snapshot_folders > SNAPSHOT_FOLDERS_MAX {
        problem(&format!("must be at most {SNAPSHOT_FOLDERS_MAX}"));
    }
    if !(sync.source.prefix.is_empty() || sync.source.prefix.ends_with('/')) {
        problem("counts folders below source.prefix, which must end with /");
    }
    if sync.kind == Kind::LookupTable {
        problem("a lookup table is replaced whole; remove it");
    } else if sync.mode != Mode::Full && (sync.mode, sync.source.feed) != (Mode::Mirror, Feed::Snapshot) {
        problem("belongs to snapshots; set feed: snapshot and mode: mirror, or remove it");
    }
    problems
}
