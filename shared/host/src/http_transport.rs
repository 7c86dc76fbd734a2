use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use driftless_core::config::{DestinationConfig, MixpanelConfig};
use driftless_core::ports::{Request, Response, SignIn, Transport, TransportError, array_with_token};
use secrecy::{ExposeSecret, SecretString};

use crate::secrets::Secrets;

/// An answer beyond this is not one of a destination.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// HTTP with credentials by destination. No redirect is followed; a secret is read when it is needed, so that a rotated
/// one counts at once.
pub struct HttpTransport {
    client: reqwest::Client,
    destinations: BTreeMap<String, DestinationConfig>,
    secrets: Arc<dyn Secrets>,
}

impl HttpTransport {
    /// Over one connection pool.
    pub fn new(
        destinations: BTreeMap<String, DestinationConfig>,
        secrets: Arc<dyn Secrets>,
    ) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .no_proxy()
            .build()?;
        Ok(Self { client, destinations, secrets })
    }

    /// The same connection pool and secrets for other destinations.
    pub fn with_destinations(&self, destinations: BTreeMap<String, DestinationConfig>) -> Self {
        Self { client: self.client.clone(), destinations, secrets: self.secrets.clone() }
    }

    /// User and password of HTTP Basic.
    async fn credentials(&self, destination: &str) -> Result<(String, String), String> {
        let Some(DestinationConfig::Mixpanel(config)) = self.destinations.get(destination) else {
            return Err(format!("destination {destination} is not in driftless.yaml"));
        };
        basic_auth(config, &*self.secrets).await
    }

    /// The project's token.
    async fn token(&self, destination: &str) -> Result<SecretString, String> {
        match self.destinations.get(destination) {
            Some(DestinationConfig::Mixpanel(MixpanelConfig { token: Some(token), .. })) => {
                self.secrets.resolve(token).await
            }
            _ => Err(format!("destination {destination} has no token, which profiles need")),
        }
    }

    fn forget(&self, destination: &str) {
        if let Some(DestinationConfig::Mixpanel(config)) = self.destinations.get(destination) {
            [&config.service_account, &config.token]
                .into_iter()
                .flatten()
                .for_each(|secret| self.secrets.refused(secret));
        }
    }

    /// Reads lines of text from a destination, for comparison.
    pub async fn get(&self, destination: &str, url: &str) -> Result<reqwest::Response, String> {
        self.read(destination, self.client.get(url)).await
    }

    /// The same with a form, for routes that take one.
    pub async fn post_form(
        &self,
        destination: &str,
        url: &str,
        form: &[(&str, String)],
    ) -> Result<reqwest::Response, String> {
        let pairs = form.iter().map(|(name, value)| (*name, value.as_str()));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = self.client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
        self.read(destination, request).await
    }

    async fn read(&self, destination: &str, request: reqwest::RequestBuilder) -> Result<reqwest::Response, String> {
        let (user, password) = self.credentials(destination).await?;
        let response = request.basic_auth(user, Some(password)).send().await.map_err(|e| without_url(&e))?;
        if !response.status().is_success() {
            return Err(format!("status {}", response.status()));
        }
        Ok(response)
    }
}

/// A service account as `user:secret`, or the project token with an empty password.
pub async fn basic_auth(config: &MixpanelConfig, secrets: &dyn Secrets) -> Result<(String, String), String> {
    match (&config.service_account, &config.token) {
        (Some(account), _) => {
            let secret = secrets.resolve(account).await?;
            let (user, password) = secret
                .expose_secret()
                .split_once(':')
                .ok_or("the service account must be written as username:secret")?;
            Ok((user.to_string(), password.to_string()))
        }
        (None, Some(token)) => Ok((secrets.resolve(token).await?.expose_secret().to_string(), String::new())),
        (None, None) => Err("the destination has neither service_account nor token".to_string()),
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|e| TransportError::NotSent(e.to_string()))?;
        let mut builder =
            self.client.request(method, &request.url).timeout(Duration::from_millis(request.timeout_ms.max(1) as u64));
        builder = match request.sign_in {
            SignIn::Basic => {
                let credentials = self.credentials(&request.destination).await;
                let (user, password) = credentials.map_err(TransportError::Credentials)?;
                builder.basic_auth(user, Some(password)).body(request.body)
            }
            SignIn::TokenInEach(name) => {
                let token = self.token(&request.destination).await.map_err(TransportError::Credentials)?;
                builder.body(array_with_token(name, token.expose_secret(), &request.body))
            }
        };
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let mut response = builder.send().await.map_err(|e| {
            if e.is_connect() || e.is_builder() {
                TransportError::NotSent(without_url(&e))
            } else {
                TransportError::Ambiguous(without_url(&e))
            }
        })?;
        let status = response.status().as_u16();
        if matches!(status, 401 | 403) {
            self.forget(&request.destination);
        }
        let retry_after_s =
            response.headers().get("retry-after").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| TransportError::Ambiguous(without_url(&e)))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(TransportError::Ambiguous("the answer is too large".to_string()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, retry_after_s, body: body.freeze() })
    }
}

/// The chain of causes without the URL.
fn without_url(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        "timed out".to_string()
    } else if error.is_connect() {
        "cannot connect".to_string()
    } else {
        "the connection broke".to_string()
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
