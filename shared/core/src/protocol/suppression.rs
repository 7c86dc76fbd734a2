//! Users who are to be forgotten: nothing of them is sent any more, whatever the exports hold. Kept as salted hashes.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::limits::PAGE;
use super::names::{SALT, SUPPRESSED};
use super::store::{decode, encode};
use crate::model::hex_of;
use crate::ports::{PortError, Ports, Put};

/// Users of whom nothing is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suppressed {
    salt: String,
    hashes: HashSet<String>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    at_ms: i64,
}

impl Suppressed {
    /// Whether nothing of a user is sent.
    pub fn has(&self, user: &str) -> bool {
        !self.hashes.is_empty() && self.hashes.contains(&hash(&self.salt, user))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.hashes.len()
    }

    /// The hash that stands for a user.
    pub fn hash(&self, user: &str) -> String {
        hash(&self.salt, user)
    }
}

fn hash(salt: &str, user: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("driftless 2026-11 suppressed users");
    hasher.update(salt.as_bytes()).update(&[0]).update(user.as_bytes());
    hex_of(&hasher.finalize().as_bytes()[..16])
}

/// Reads them all.
pub async fn suppressed(ports: &Ports) -> Result<Suppressed, PortError> {
    let Some(salt) = ports.table.get(SUPPRESSED, SALT).await? else { return Ok(Suppressed::default()) };
    let mut all = Suppressed { salt: decode("the salt of suppressed users", &salt.body)?, hashes: HashSet::new() };
    let mut after = String::new();
    loop {
        let page = ports.table.list(SUPPRESSED, &after, PAGE).await?;
        let full = page.len() == PAGE;
        for (sort, _) in page {
            after.clone_from(&sort);
            if sort != SALT {
                all.hashes.insert(sort);
            }
        }
        if !full {
            return Ok(all);
        }
    }
}

/// Adds users. From the next plan on nothing of them is sent.
pub async fn suppress(ports: &Ports, users: &[String]) -> Result<Suppressed, PortError> {
    let mut all = suppressed(ports).await?;
    if all.salt.is_empty() {
        let salt = format!("{}{}", ports.ids.token(), ports.ids.token());
        all.salt = match ports.table.put(SUPPRESSED, SALT, None, &ports.ids.token(), &encode(&salt)?).await? {
            Put::Done(_) => salt,
            Put::Conflict(Some(item)) => decode("the salt of suppressed users", &item.body)?,
            Put::Conflict(None) => return Err(PortError::retry("suppressing users", "another writer was first")),
        };
    }
    let entry = encode(&Entry { at_ms: ports.clock.now_ms() })?;
    for user in users {
        let hash = all.hash(user);
        if all.hashes.insert(hash.clone()) {
            ports.table.put_fact(SUPPRESSED, &hash, &entry).await?;
        }
    }
    Ok(all)
}
