//! The ports over S3, SQS, DynamoDB, Secrets Manager and Systems Manager, and what the functions share.

mod config_store;
mod connect;
mod dynamo_row_states;
mod dynamo_table;
mod failure;
mod function;
mod http_event;
mod meter;
mod notices;
mod observer;
mod owner;
mod s3_blobs;
mod s3_exports;
mod s3_list;
mod secrets;
mod settings;
mod sqs_event;
mod sqs_queue;
mod stack;
mod table_names;

pub use config_store::ConfigStore;
pub use connect::{names_an_endpoint, published_settings, sdk_config};
pub use dynamo_row_states::DynamoRowStates;
pub use dynamo_table::DynamoTable;
pub use function::run_function;
pub use http_event::{HttpAnswer, HttpRequest};
pub use meter::{StackMeter, Trigger};
pub use notices::{Notice, ObjectNotice, notice_of};
pub use observer::StackObserver;
pub use s3_blobs::S3Blobs;
pub use s3_exports::S3Exports;
pub use secrets::AwsSecrets;
pub use settings::{QueueUrls, Settings, SettingsError};
pub use sqs_event::{SqsAnswer, SqsAttributes, SqsEvent, SqsFailure, SqsRecord};
pub use sqs_queue::SqsQueue;
pub use stack::{Stack, Version};
