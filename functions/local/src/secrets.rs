use std::path::{Path, PathBuf};

use async_trait::async_trait;
use driftless_core::config::SecretRef;
use driftless_host::Secrets;
use secrecy::SecretString;

/// A secret file larger than this is not one.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Secrets of this machine: environment variables, and files below the project folder. A secret is read when it is
/// needed, so that a rotated one counts at once.
pub struct LocalSecrets {
    /// The project folder.
    pub project: PathBuf,
}

#[async_trait]
impl Secrets for LocalSecrets {
    async fn resolve(&self, reference: &SecretRef) -> Result<SecretString, String> {
        resolve(reference, &self.project)
    }
}

fn resolve(reference: &SecretRef, project: &Path) -> Result<SecretString, String> {
    let text = match reference {
        SecretRef::Env(name) => std::env::var(name)
            .map_err(|_| format!("environment variable {name} is not set; set it, or name another reference"))?,
        SecretRef::File(path) => {
            let path = project.join(path);
            let size = std::fs::metadata(&path).map_err(|e| format!("secret file {}: {e}", path.display()))?.len();
            if size > SECRET_BYTES_MAX {
                return Err(format!("secret file {} is larger than {SECRET_BYTES_MAX} bytes", path.display()));
            }
            std::fs::read_to_string(&path).map_err(|e| format!("secret file {}: {e}", path.display()))?
        }
        SecretRef::SecretsManager(_) | SecretRef::Ssm(_) => {
            return Err(
                "secretsmanager: and ssm: references are resolved in AWS; on one machine use env:NAME or file:PATH"
                    .to_string(),
            );
        }
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("{} is empty", String::from(reference.clone())));
    }
    Ok(SecretString::from(text.to_string()))
}
