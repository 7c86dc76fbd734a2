use super::limits::PAGE;
use super::store::encode;
use crate::model::{BatchRef, OpenRun};
use crate::ports::{PortError, Ports, QueueName};

/// Sends the pointers of some batches of a run.
pub(super) async fn send(
    ports: &Ports,
    sync: &str,
    run: &OpenRun,
    batches: impl IntoIterator<Item = u32> + Send,
) -> Result<(), PortError> {
    let mut bodies = Vec::new();
    for batch in batches {
        let body = encode(&BatchRef { sync: sync.to_string(), run: run.run, batch, config: run.config.clone() })?;
        bodies.push(String::from_utf8_lossy(&body).into_owned());
        if bodies.len() == PAGE {
            ports.queue.send(QueueName::Batches, std::mem::take(&mut bodies), 0).await?;
        }
    }
    if bodies.is_empty() { Ok(()) } else { ports.queue.send(QueueName::Batches, bodies, 0).await }
}
