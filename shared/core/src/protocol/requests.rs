use serde::{Deserialize, Serialize};

use super::limits::{PAGE, REQUEST_KEPT_MS};
use super::store::{decode, encode};
use super::{Detected, ProtocolError, Sync, cancel_halt, detect, names};
use crate::model::RunId;
use crate::ports::{Ports, Put};

/// What a start by a person or a program came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartStatus {
    /// Something is new; a plan has started.
    Planning,
    /// A plan or a delivery is under way; what is new is seen after it.
    Busy,
    /// Everything that is there was dealt with.
    NothingNew,
    /// A run waits for a person.
    Held,
    /// The sync was stopped again at once.
    Stopped,
    /// The snapshot is not complete, or a request without an answer may still arrive.
    Waiting,
}

/// A start, as it is remembered by the name that its caller gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// When it came first, milliseconds since the epoch.
    pub requested_at_ms: i64,
    /// What it came to; absent while it is under way, or if whoever carried it out died.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StartStatus>,
    /// The run that waits for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

/// Starts a sync under a name of the caller's own, and lifts an earlier stop. The same name again starts nothing again:
/// it is answered as the first time.
pub async fn start(ports: &Ports, sync: &Sync, name: &str) -> Result<Request, ProtocolError> {
    let partition = names::requests_partition(sync.name());
    let mut request = Request { requested_at_ms: ports.clock.now_ms(), status: None, run: None };
    let put = ports.table.put(&partition, name, None, &ports.ids.token(), &encode(&request)?).await?;
    if let Put::Conflict(Some(known)) = put {
        request = decode("a request", &known.body)?;
        if request.status.is_some() {
            return Ok(request);
        }
    }
    cancel_halt(ports, sync).await?;
    let (status, run) = match detect(ports, sync, true).await? {
        Detected::Planning => (StartStatus::Planning, None),
        Detected::Busy => (StartStatus::Busy, None),
        Detected::Nothing => (StartStatus::NothingNew, None),
        Detected::Held(run) => (StartStatus::Held, Some(run)),
        Detected::Halted(_) => (StartStatus::Stopped, None),
        Detected::Quiet { .. } | Detected::Incomplete(_) => (StartStatus::Waiting, None),
    };
    request = Request { status: Some(status), run, ..request };
    ports.table.put_fact(&partition, name, &encode(&request)?).await?;
    Ok(request)
}

/// Forgets old names. A few at a time: sweep comes again.
pub(super) async fn forget_old(ports: &Ports, sync: &Sync) -> Result<(), ProtocolError> {
    let partition = names::requests_partition(sync.name());
    let before_ms = ports.clock.now_ms() - REQUEST_KEPT_MS;
    for (name, item) in ports.table.list(&partition, "", PAGE).await? {
        let request: Request = decode("a request", &item.body)?;
        if request.requested_at_ms < before_ms {
            ports.table.delete(&partition, &name).await?;
        }
    }
    Ok(())
}
