use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use driftless_core::config::{Configuration, DestinationConfig};
use driftless_core::ports::{PortError, Ports};
use driftless_core::protocol::Sync;
use driftless_destinations::sync_of;
use driftless_exports::ExportFormats;
use driftless_host::{HttpTransport, RandomIds, SystemClock, ThreadCompute};
use tokio::runtime::Handle;

use crate::config_store::ConfigStore;
use crate::meter::{RequestMeter, Service, StackMeter};
use crate::observer::StackObserver;
use crate::owner::Owner;
use crate::s3_objects::S3Objects;
use crate::secrets::AwsSecrets;
use crate::settings::Settings;
use crate::{DynamoRowStates, DynamoTable, S3Blobs, S3Exports, SqsQueue};

/// Versions of the configuration that one environment keeps: the one in force, and those of runs under way.
const VERSIONS_MAX: usize = 8;

/// A deployed stack as one environment of a function sees it: made once, used by every call.
pub struct Stack {
    /// Settings.
    pub settings: Settings,
    /// Ports, but for the formats and the transport, which depend on the configuration.
    ports: Ports,
    /// Without destinations: each version adds its own.
    http: Arc<HttpTransport>,
    observer: Arc<StackObserver>,
    meter: Arc<StackMeter>,
    versions: Mutex<Vec<Arc<Version>>>,
}

/// One version of the configuration, with its syncs ready to run.
pub struct Version {
    /// Its name.
    pub name: String,
    /// The syncs by name, each with its ports.
    pub syncs: BTreeMap<String, (Arc<Sync>, Ports)>,
    /// The destinations by name.
    pub destinations: BTreeMap<String, DestinationConfig>,
    /// HTTP with the destinations' credentials.
    pub http: Arc<HttpTransport>,
}

impl Stack {
    /// Over clients made from `config`. `path_style` addresses buckets by path, as emulators want it. `memory_mb` is what
    /// the environment of a function has; 0 elsewhere. Makes no request.
    pub fn new(settings: Settings, config: &SdkConfig, path_style: bool, memory_mb: u32) -> Result<Self, PortError> {
        let meter = Arc::new(StackMeter::new(memory_mb));
        let of = |service| RequestMeter { service, meter: meter.clone() };
        let clock = Arc::new(SystemClock);
        let ids = Arc::new(RandomIds::new());
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(path_style);
        let s3 = aws_sdk_s3::Client::from_conf(s3.interceptor(of(Service::S3)).build());
        let dynamodb = aws_sdk_dynamodb::config::Builder::from(config).interceptor(of(Service::DynamoDb)).build();
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(dynamodb);
        let sqs = aws_sdk_sqs::config::Builder::from(config).interceptor(of(Service::Sqs)).build();
        let sqs = aws_sdk_sqs::Client::from_conf(sqs);
        let secrets = Arc::new(AwsSecrets::new(
            aws_sdk_secretsmanager::Client::new(config),
            aws_sdk_ssm::Client::new(config),
            clock.clone(),
        ));
        let events = aws_sdk_eventbridge::config::Builder::from(config).interceptor(of(Service::EventBridge)).build();
        let events = aws_sdk_eventbridge::Client::from_conf(events);
        let (name, bus) = (settings.stack.clone(), settings.event_bus.clone());
        let observer = Arc::new(StackObserver::new(name, bus, events, clock.clone()));
        let http = Arc::new(
            HttpTransport::new(BTreeMap::new(), secrets, Arc::new(S3Objects::new(s3.clone()))).map_err(defect)?,
        );
        let (bucket, prefix) = (settings.exports_bucket.clone(), settings.exports_prefix.clone());
        let ports = Ports {
            exports: Arc::new(S3Exports::new(s3.clone(), bucket, prefix)),
            formats: Arc::new(ExportFormats::default()),
            blobs: Arc::new(S3Blobs::new(s3, settings.state_bucket.clone())),
            table: Arc::new(DynamoTable::new(dynamodb.clone(), settings.table.clone(), meter.clone())),
            row_states: Arc::new(DynamoRowStates::new(
                dynamodb,
                settings.table.clone(),
                clock.clone(),
                ids.clone(),
                meter.clone(),
            )),
            queue: Arc::new(SqsQueue::new(sqs, settings.queues.clone())),
            transport: http.clone(),
            clock,
            liveness: Arc::new(Owner::new(&*ids)),
            ids,
            compute: Arc::new(ThreadCompute::new(Handle::current())),
            observer: observer.clone(),
            meter: meter.clone(),
        };
        Ok(Self { settings, ports, http, observer, meter, versions: Mutex::default() })
    }

    /// The ports that need no configuration.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Who is told of progress.
    pub fn observer(&self) -> &StackObserver {
        &self.observer
    }

    /// Who counts what is used.
    pub(crate) fn meter(&self) -> &StackMeter {
        &self.meter
    }

    /// The configuration's store.
    pub fn config_store(&self) -> ConfigStore<'_> {
        ConfigStore { blobs: &*self.ports.blobs, table: &*self.ports.table }
    }

    /// The configuration in force.
    pub async fn current(&self) -> Result<Arc<Version>, PortError> {
        let current = self.config_store().current().await?.ok_or_else(|| {
            let remedy = "Publish a project folder with driftless publish";
            PortError::halt("configuration", "none was published yet", remedy)
        })?;
        self.version(&current).await
    }

    /// A version of the configuration, loaded once.
    pub async fn version(&self, name: &str) -> Result<Arc<Version>, PortError> {
        if let Some(known) = self.known().iter().find(|version| version.name == name) {
            return Ok(known.clone());
        }
        let files = self.config_store().load(name).await?;
        let configuration = files.parse().map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let remedy = "It was published by another version of driftless: publish it again";
            PortError::halt(format!("configuration {name}"), problems.join("; "), remedy)
        })?;
        let version = Arc::new(self.ready(name, configuration)?);
        let mut known = self.known();
        if known.len() == VERSIONS_MAX {
            known.remove(0);
        }
        known.push(version.clone());
        Ok(version)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Version>>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ready(&self, name: &str, configuration: Configuration) -> Result<Version, PortError> {
        let destinations = configuration.project.destinations.clone();
        let http = Arc::new(self.http.with_destinations(destinations.clone()));
        let mut syncs = BTreeMap::new();
        for (sync_name, config) in &configuration.syncs {
            let sync = sync_of(config, &configuration.project, name.to_string()).map_err(defect)?;
            let formats = ExportFormats::of(config);
            let ports = Ports { formats: Arc::new(formats), transport: http.clone(), ..self.ports.clone() };
            syncs.insert(sync_name.clone(), (Arc::new(sync), ports));
        }
        Ok(Version { name: name.to_string(), syncs, destinations, http })
    }
}

fn defect(error: impl ToString) -> PortError {
    PortError::halt("starting", error, "Report this as a defect")
}
