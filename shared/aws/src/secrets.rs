use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use driftless_core::config::SecretRef;
use driftless_core::ports::Clock;
use driftless_host::Secrets;
use secrecy::{ExposeSecret, SecretString};

use crate::failure::port_error;

/// How long a secret is remembered: a request a second would cost as much as the batches it is for. One that is refused
/// is asked for at once.
const REMEMBERED_MS: i64 = 5 * 60_000;

/// Secrets of AWS Secrets Manager and Systems Manager's Parameter Store, remembered for five minutes.
pub struct AwsSecrets {
    secrets_manager: aws_sdk_secretsmanager::Client,
    ssm: aws_sdk_ssm::Client,
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<String, (i64, SecretString)>>,
}

impl AwsSecrets {
    /// Through these clients.
    pub fn new(
        secrets_manager: aws_sdk_secretsmanager::Client,
        ssm: aws_sdk_ssm::Client,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { secrets_manager, ssm, clock, known: Mutex::default() }
    }

    fn remembered(&self, name: &str) -> Option<SecretString> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (at_ms, secret) = known.get(name)?;
        (self.clock.now_ms() - at_ms < REMEMBERED_MS).then(|| secret.clone())
    }

    async fn ask(&self, reference: &SecretRef) -> Result<String, String> {
        let name = String::from(reference.clone());
        let text = match reference {
            SecretRef::SecretsManager(arn) => {
                let got = self.secrets_manager.get_secret_value().secret_id(arn).send().await;
                got.map_err(|error| port_error(&name, error).to_string())?.secret_string
            }
            SecretRef::Ssm(parameter) => {
                let got = self.ssm.get_parameter().name(parameter).with_decryption(true).send().await;
                got.map_err(|error| port_error(&name, error).to_string())?.parameter.and_then(|found| found.value)
            }
            SecretRef::Env(_) | SecretRef::File(_) => {
                return Err(format!("{name} is of one machine; in AWS write secretsmanager:ARN or ssm:NAME"));
            }
        };
        text.map(|text| text.trim().to_string())
            .filter(|text| !text.is_empty())
            .ok_or_else(|| format!("{name} is empty"))
    }
}

#[async_trait]
impl Secrets for AwsSecrets {
    async fn resolve(&self, reference: &SecretRef) -> Result<SecretString, String> {
        let name = String::from(reference.clone());
        if let Some(secret) = self.remembered(&name) {
            return Ok(secret);
        }
        let secret = SecretString::from(self.ask(reference).await?);
        let remembered = SecretString::from(secret.expose_secret().to_string());
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(name, (self.clock.now_ms(), remembered));
        Ok(secret)
    }

    fn refused(&self, reference: &SecretRef) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&String::from(reference.clone()));
    }
}
