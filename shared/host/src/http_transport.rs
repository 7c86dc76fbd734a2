use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use driftless_core::config::{DestinationConfig, MixpanelConfig};
use driftless_core::ports::{
    Request, Response, SignIn, Transport, TransportError, array_with_token, events_with_key, form_with_key,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use secrecy::{ExposeSecret, SecretString};

use crate::objects::Objects;
use crate::secrets::Secrets;

/// An answer beyond this is not one of a destination.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// HTTP with credentials by destination. No redirect is followed; a secret is read when it is needed, so that a rotated
/// one counts at once.
pub struct HttpTransport {
    client: reqwest::Client,
    destinations: BTreeMap<String, DestinationConfig>,
    secrets: Arc<dyn Secrets>,
    objects: Arc<dyn Objects>,
}

impl HttpTransport {
    /// Over one connection pool; what is no HTTP goes to `objects`.
    pub fn new(
        destinations: BTreeMap<String, DestinationConfig>,
        secrets: Arc<dyn Secrets>,
        objects: Arc<dyn Objects>,
    ) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .no_proxy()
            .build()?;
        Ok(Self { client, destinations, secrets, objects })
    }

    /// The same connection pool and secrets for other destinations.
    pub fn with_destinations(&self, destinations: BTreeMap<String, DestinationConfig>) -> Self {
        Self { client: self.client.clone(), destinations, secrets: self.secrets.clone(), objects: self.objects.clone() }
    }

    /// User and password of HTTP Basic.
    async fn credentials(&self, destination: &str) -> Result<(String, String), String> {
        match self.destination(destination)? {
            DestinationConfig::Mixpanel(config) => basic_auth(config, &*self.secrets).await,
            DestinationConfig::Amplitude(config) => {
                let secret = config.secret_key.as_ref().ok_or_else(|| {
                    format!("destination {destination} has no secret_key, which lookup tables, verify and forget need")
                })?;
                let key = self.secrets.resolve(&config.api_key).await?;
                let secret = self.secrets.resolve(secret).await?;
                Ok((key.expose_secret().to_string(), secret.expose_secret().to_string()))
            }
        }
    }

    /// The project's token.
    async fn token(&self, destination: &str) -> Result<SecretString, String> {
        match self.destination(destination)? {
            DestinationConfig::Mixpanel(MixpanelConfig { token: Some(token), .. }) => self.secrets.resolve(token).await,
            _ => Err(format!("destination {destination} has no token, which profiles need")),
        }
    }

    /// The project's API key.
    async fn api_key(&self, destination: &str) -> Result<SecretString, String> {
        match self.destination(destination)? {
            DestinationConfig::Amplitude(config) => self.secrets.resolve(&config.api_key).await,
            DestinationConfig::Mixpanel(_) => Err(format!("destination {destination} has no api_key")),
        }
    }

    fn destination(&self, name: &str) -> Result<&DestinationConfig, String> {
        self.destinations.get(name).ok_or_else(|| format!("destination {name} is not in driftless.yaml"))
    }

    fn forget(&self, destination: &str) {
        if let Some(config) = self.destinations.get(destination) {
            config.secrets().into_iter().for_each(|(_, secret)| self.secrets.refused(secret));
        }
    }

    /// Reads lines of text from a destination, for comparison.
    pub async fn get(&self, destination: &str, url: &str) -> Result<reqwest::Response, String> {
        self.read(destination, self.client.get(url)).await
    }

    /// The same, where an absent thing is an answer as well.
    pub async fn get_or_absent(&self, destination: &str, url: &str) -> Result<Option<reqwest::Response>, String> {
        let (user, password) = self.credentials(destination).await?;
        let request = self.client.get(url).basic_auth(user, Some(password));
        let response = request.send().await.map_err(|e| without_url(&e))?;
        match response.status() {
            reqwest::StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(response)),
            status => Err(format!("status {status}")),
        }
    }

    /// Asks a destination's privacy route, with a body or for what it knows; what it answers, whatever the status.
    pub async fn privacy(
        &self,
        destination: &str,
        url: &str,
        body: Option<String>,
    ) -> Result<reqwest::Response, String> {
        let request = match body {
            Some(body) => self.client.post(url).header("content-type", "application/json").body(body),
            None => self.client.get(url),
        };
        let request = match self.destination(destination)? {
            DestinationConfig::Mixpanel(MixpanelConfig { privacy_token: Some(secret), token: Some(token), .. }) => {
                let secret = self.secrets.resolve(secret).await?;
                let token = self.secrets.resolve(token).await?;
                request.bearer_auth(secret.expose_secret()).query(&[("token", token.expose_secret())])
            }
            DestinationConfig::Mixpanel(_) => {
                return Err(format!("destination {destination} needs privacy_token and token to delete users"));
            }
            DestinationConfig::Amplitude(_) => {
                let (user, password) = self.credentials(destination).await?;
                request.basic_auth(user, Some(password))
            }
        };
        request.send().await.map_err(|e| without_url(&e))
    }

    /// Sends a JSON body that changes a part of what is there; what is answered.
    pub async fn patch_json(&self, destination: &str, url: &str, body: String) -> Result<reqwest::Response, String> {
        let request = self.client.patch(url).header("content-type", "application/json").body(body);
        self.read(destination, request).await
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
        if request.sign_in == SignIn::Object {
            return self.objects.put(&request.url, request.body).await;
        }
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|e| TransportError::NotSent(e.to_string()))?;
        let mut builder =
            self.client.request(method, &request.url).timeout(Duration::from_millis(request.timeout_ms.max(1) as u64));
        builder = match request.sign_in {
            SignIn::Basic | SignIn::ApiKeyBasic => {
                let credentials = self.credentials(&request.destination).await;
                let (user, password) = credentials.map_err(TransportError::Credentials)?;
                builder.basic_auth(user, Some(password)).body(request.body)
            }
            SignIn::TokenInEach(name) => {
                let token = self.token(&request.destination).await.map_err(TransportError::Credentials)?;
                builder.body(array_with_token(name, token.expose_secret(), &request.body))
            }
            SignIn::ApiKeyInBody { min_id_length } => {
                let key = self.api_key(&request.destination).await.map_err(TransportError::Credentials)?;
                let body = events_with_key(key.expose_secret(), min_id_length, &request.body);
                let is_gzip =
                    request.headers.iter().any(|(name, value)| *name == "content-encoding" && value == "gzip");
                builder.body(if is_gzip { gzip(&body) } else { body })
            }
            SignIn::ApiKeyInForm(name) => {
                let key = self.api_key(&request.destination).await.map_err(TransportError::Credentials)?;
                builder.body(form_with_key(name, key.expose_secret(), &request.body))
            }
            SignIn::Object => return Err(TransportError::NotSent("no HTTP request".to_string())),
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

/// gzip level 1: a quarter of the time of level 6.
fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 3), Compression::new(1));
    // Writing to memory cannot fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
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
