use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ProjectConfig, SyncConfig};

/// Configuration is data: a file beyond this is refused (reference: aws-and-reliability 4.3).
const CONFIG_BYTES_MAX: usize = 64 * 1024;

/// What is wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {path}{cause}")]
pub struct ConfigError {
    /// File.
    pub file: String,
    /// Path of the field, ending in `: `, or empty.
    pub path: String,
    /// Cause and remedy.
    pub cause: String,
}

impl ConfigError {
    /// An error at a field.
    pub fn at(file: &str, path: &str, cause: impl Into<String>) -> Self {
        let path = if path.is_empty() { String::new() } else { format!("{path}: ") };
        Self { file: file.to_string(), path, cause: cause.into() }
    }
}

/// Reads `driftless.yaml`.
pub fn parse_project(file: &str, text: &str) -> Result<ProjectConfig, ConfigError> {
    parse(file, text, &project_schema())
}

/// Reads `syncs/NAME.yaml`.
pub fn parse_sync(file: &str, name: &str, text: &str) -> Result<SyncConfig, ConfigError> {
    let mut sync: SyncConfig = parse(file, text, &sync_schema())?;
    sync.name = name.to_string();
    Ok(sync)
}

/// The JSON Schema of `driftless.yaml`.
pub fn project_schema() -> Value {
    schemars::schema_for!(ProjectConfig).to_value()
}

/// The JSON Schema of `syncs/*.yaml`.
pub fn sync_schema() -> Value {
    schemars::schema_for!(SyncConfig).to_value()
}

fn parse<T: DeserializeOwned>(file: &str, text: &str, schema: &Value) -> Result<T, ConfigError> {
    if text.len() > CONFIG_BYTES_MAX {
        return Err(ConfigError::at(
            file,
            "",
            format!("larger than {CONFIG_BYTES_MAX} bytes; is this the right file?"),
        ));
    }
    // `off` is a word of ours, not a boolean of YAML 1.1.
    let options = serde_saphyr::options! { strict_booleans: true };
    let value: Value = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| ConfigError::at(file, "", format!("not valid YAML: {error}")))?;
    let mut unknown = Vec::new();
    find_unknown(schema, schema, &value, "", &mut unknown);
    if let Some((path, name, known)) = unknown.into_iter().next() {
        return Err(ConfigError::at(file, &path, unknown_field(&name, &known)));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        ConfigError::at(file, &path, error.into_inner().to_string())
    })
}

fn unknown_field(name: &str, known: &[String]) -> String {
    let nearest = known.iter().max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)));
    match nearest {
        Some(nearest) if strsim::jaro_winkler(name, nearest) > 0.7 => {
            format!("unknown field `{name}`; did you mean `{nearest}`?")
        }
        _ => format!("unknown field `{name}`; known here: {}", known.join(", ")),
    }
}

/// Walks a value along its schema and collects (path, field, known fields) of fields that no alternative knows.
fn find_unknown(
    root: &Value,
    schema: &Value,
    value: &Value,
    path: &str,
    found: &mut Vec<(String, String, Vec<String>)>,
) {
    let schema = resolve(root, schema);
    if let Value::Array(items) = value {
        if let Some(item_schema) = schema.get("items") {
            for (n, item) in items.iter().enumerate() {
                find_unknown(root, item_schema, item, &format!("{path}[{n}]"), found);
            }
        }
        return;
    }
    let Value::Object(fields) = value else { return };
    let mut known = Vec::new();
    let open = known_fields(root, schema, &mut known);
    if known.is_empty() && open.is_none() {
        return;
    }
    for (name, field) in fields {
        let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match known.iter().find(|(known, _)| known == name) {
            Some((_, field_schema)) => find_unknown(root, field_schema, field, &inner, found),
            None => match &open {
                Some(map_schema) => find_unknown(root, map_schema, field, &inner, found),
                None => {
                    found.push((path.to_string(), name.clone(), known.iter().map(|(name, _)| name.clone()).collect()))
                }
            },
        }
    }
}

/// Collects the fields that a schema and its alternatives know; returns the schema of a map's values, if it is a map.
fn known_fields<'s>(root: &'s Value, schema: &'s Value, known: &mut Vec<(String, &'s Value)>) -> Option<&'s Value> {
    let schema = resolve(root, schema);
    let mut open = schema.get("additionalProperties").filter(|more| more.is_object());
    if let Some(Value::Object(properties)) = schema.get("properties") {
        known.extend(properties.iter().map(|(name, schema)| (name.clone(), schema)));
    }
    for combination in ["anyOf", "oneOf", "allOf"] {
        for alternative in schema.get(combination).and_then(Value::as_array).into_iter().flatten() {
            open = known_fields(root, alternative, known).or(open);
        }
    }
    open
}

fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let target = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| reference.strip_prefix('#'))
        .and_then(|pointer| root.pointer(pointer));
    target.unwrap_or(schema)
}
