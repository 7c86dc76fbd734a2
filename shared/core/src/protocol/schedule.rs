use super::limits::DAY_MS;
use super::store::encode;
use super::{ProtocolError, Sync, names};
use crate::config::Schedule;
use crate::ports::{Ports, Put};

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;

/// Whether it is this sync's time to look for something new: always for `on_change`, once an hour or day (UTC) for the
/// others, never for `manual`. Of several callers at once one is told so: the hour or day is claimed by a conditional
/// write.
pub async fn is_due(ports: &Ports, sync: &Sync) -> Result<bool, ProtocolError> {
    let slot_ms = match sync.config.schedule {
        Schedule::OnChange => return Ok(true),
        Schedule::Manual => return Ok(false),
        Schedule::Hourly => HOUR_MS,
        Schedule::Daily => DAY_MS,
    };
    let slot = encode(&ports.clock.now_ms().div_euclid(slot_ms))?;
    let partition = names::sync_partition(sync.name());
    let last = ports.table.get(&partition, names::SCHEDULE).await?;
    if last.as_ref().is_some_and(|last| last.body == slot) {
        return Ok(false);
    }
    let token = ports.ids.token();
    let expected = last.map(|last| last.revision);
    let put = ports.table.put(&partition, names::SCHEDULE, expected, &token, &slot).await?;
    Ok(matches!(put, Put::Done(_)) || matches!(put, Put::Conflict(Some(current)) if current.token == token))
}
