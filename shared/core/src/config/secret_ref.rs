use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a secret is: never the secret itself. `env:NAME`, `file:PATH`, `secretsmanager:ARN` or `ssm:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file, read whole and trimmed.
    File(String),
    /// A secret of AWS Secrets Manager.
    SecretsManager(String),
    /// A parameter of AWS Systems Manager.
    Ssm(String),
}

impl TryFrom<String> for SecretRef {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let known = text.split_once(':').and_then(|(scheme, rest)| {
            let rest = rest.to_string();
            match scheme {
                "env" => Some(Self::Env(rest)),
                "file" => Some(Self::File(rest)),
                "secretsmanager" => Some(Self::SecretsManager(rest)),
                "ssm" => Some(Self::Ssm(rest)),
                _ => None,
            }
        });
        // The text is not repeated: it may be the secret itself.
        known.ok_or_else(|| {
            "not a reference to a secret; write env:NAME, file:PATH, secretsmanager:ARN or ssm:NAME, never the secret itself".to_string()
        })
    }
}

impl From<SecretRef> for String {
    fn from(reference: SecretRef) -> Self {
        match reference {
            SecretRef::Env(name) => format!("env:{name}"),
            SecretRef::File(path) => format!("file:{path}"),
            SecretRef::SecretsManager(arn) => format!("secretsmanager:{arn}"),
            SecretRef::Ssm(name) => format!("ssm:{name}"),
        }
    }
}
