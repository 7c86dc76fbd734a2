//! Which users the syncs of a destination name: whether events and profiles speak of the same ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::Sync;
use super::limits::PAGE;
use super::names::users_partition;
use super::store::{decode, encode};
use crate::config::Kind;
use crate::model::{UserOverlap, UserSample};
use crate::ports::{PortError, Ports};

/// The users of one sync, under its mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct UsersOfSync {
    /// With another mapping the ids may be other ones.
    mapping: String,
    users: UserSample,
}

/// What dry runs of one command saw. They leave no trace, but are to know of each other.
#[derive(Clone, Default)]
pub struct SeenUsers(Arc<Mutex<BTreeMap<(String, String), UsersOfSync>>>);

impl SeenUsers {
    fn of(&self, partition: &str) -> BTreeMap<String, UsersOfSync> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_partition = seen.iter().filter(|((of, _), _)| of == partition);
        of_partition.map(|((_, sort), users)| (sort.clone(), users.clone())).collect()
    }

    fn add(&self, partition: &str, sort: &str, users: UsersOfSync) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert((partition.to_string(), sort.to_string()), users);
    }
}

/// What the rows of a plan say of users.
pub struct NamedUsers<'a> {
    /// Digest of the mapping.
    pub mapping: &'a str,
    /// The users of its rows.
    pub users: &'a UserSample,
    /// Whether they are those of the whole table, not of what came to it.
    pub is_whole: bool,
}

/// Adds the users that a plan's rows name to those of its sync, and tells how many users with events have a profile, if
/// the destination has both. A dry run keeps nothing but in `seen`.
pub async fn compare_users(
    ports: &Ports,
    sync: &Sync,
    named: NamedUsers<'_>,
    seen: Option<&SeenUsers>,
) -> Result<Option<UserOverlap>, PortError> {
    if !sync.config.is_of_users() {
        return Ok(None);
    }
    let partition = users_partition(&sync.config.destination);
    let sort = format!("{}/{}", side(sync.config.kind), sync.name());
    let mut all = load(ports, &partition).await?;
    all.extend(seen.map(|seen| seen.of(&partition)).unwrap_or_default());
    let before = all.remove(&sort).unwrap_or_default();
    let mut own = UsersOfSync { mapping: named.mapping.to_string(), users: named.users.clone() };
    // A whole table may have been read only in part, or not again: what is known of it stays then.
    if before.mapping == own.mapping && (!named.is_whole || own.users.is_empty()) {
        own.users.merge(&before.users);
    }
    if own != before {
        match seen {
            Some(seen) => seen.add(&partition, &sort, own.clone()),
            // Of two planners of a sync the one that was overtaken writes rows that are there as well.
            None => ports.table.put_fact(&partition, &sort, &encode(&own)?).await?,
        }
    }
    all.insert(sort, own);
    let (mut of_events, mut of_profiles) = (UserSample::default(), UserSample::default());
    for (sort, one) in &all {
        let to = if sort.starts_with(EVENTS) { &mut of_events } else { &mut of_profiles };
        to.merge(&one.users);
    }
    let overlap = of_events.within(&of_profiles);
    Ok((overlap.users > 0 && !of_profiles.is_empty()).then_some(overlap))
}

const EVENTS: &str = "events";

fn side(kind: Kind) -> &'static str {
    if kind == Kind::Events { EVENTS } else { "profiles" }
}

async fn load(ports: &Ports, partition: &str) -> Result<BTreeMap<String, UsersOfSync>, PortError> {
    let mut all = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = ports.table.list(partition, &after, PAGE).await?;
        let full = page.len() == PAGE;
        for (sort, item) in page {
            all.insert(sort.clone(), decode("users of a sync", &item.body)?);
            after = sort;
        }
        if !full {
            return Ok(all);
        }
    }
}
