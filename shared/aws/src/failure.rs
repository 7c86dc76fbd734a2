use std::fmt::Display;

use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use driftless_core::ports::PortError;

/// Codes of errors that no retry mends, with what a person can do. Everything else is worth another try: throttling,
/// time-outs, 5xx, a connection that broke.
const LASTING: &[(&str, &str)] = &[
    ("AccessDenied", ACCESS),
    ("AccessDeniedException", ACCESS),
    ("UnauthorizedOperation", ACCESS),
    ("AllAccessDisabled", ACCESS),
    ("InvalidAccessKeyId", CREDENTIALS),
    ("SignatureDoesNotMatch", CREDENTIALS),
    ("UnrecognizedClientException", CREDENTIALS),
    ("NoSuchBucket", MISSING),
    ("ResourceNotFoundException", MISSING),
    ("QueueDoesNotExist", MISSING),
    ("AWS.SimpleQueueService.NonExistentQueue", MISSING),
    ("KMS.DisabledException", KEY),
    ("KMS.NotFoundException", KEY),
    ("KMS.AccessDeniedException", KEY),
    ("KmsAccessDenied", KEY),
    ("ValidationException", DEFECT),
    ("InvalidArgument", DEFECT),
    ("InvalidMessageContents", DEFECT),
];

const ACCESS: &str = "Give the function's role this permission, as the template does";
const CREDENTIALS: &str = "Sign in again, or check the function's role";
const MISSING: &str = "Check that the stack is deployed in this region and that its settings name its own resources";
const KEY: &str = "Enable the KMS key, and let the function's role use it";
const DEFECT: &str = "Report this as a defect";

/// What a failed call means to the caller of a port. Names the operation, never what was in it.
pub(crate) fn port_error<E, R>(what: impl Display, error: SdkError<E, R>) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let code = error.as_service_error().and_then(|error| error.code()).unwrap_or_default();
    match LASTING.iter().find(|(known, _)| *known == code) {
        Some((_, remedy)) => PortError::halt(what.to_string(), code, *remedy),
        None if code.is_empty() => PortError::retry(what.to_string(), DisplayErrorContext(&error)),
        None => PortError::retry(what.to_string(), code),
    }
}

/// Whether the service said that what was asked for is not there.
pub(crate) fn is_code<E, R>(error: &SdkError<E, R>, codes: &[&str]) -> bool
where
    E: ProvideErrorMetadata,
{
    error.as_service_error().and_then(|error| error.code()).is_some_and(|code| codes.contains(&code))
}

/// The status of an answer without a body, as HEAD and conditional requests give it.
pub(crate) fn status_of<E>(error: &SdkError<E, aws_sdk_s3::config::http::HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}
