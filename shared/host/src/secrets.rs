use async_trait::async_trait;
use driftless_core::config::SecretRef;
use secrecy::SecretString;

/// Where secrets are looked up. An error names the reference, never the secret.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// Gets a secret, trimmed and not empty.
    async fn resolve(&self, reference: &SecretRef) -> Result<SecretString, String>;

    /// Told when a destination refused what was resolved: a remembered copy may be out of date.
    fn refused(&self, _reference: &SecretRef) {}
}
