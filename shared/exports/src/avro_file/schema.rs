use std::collections::HashMap;

use serde_json::Value as Json;

/// A type of an Avro schema, reduced to what decoding needs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Null,
    Bool,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Enum(Vec<String>),
    Array(Box<Type>),
    Map(Box<Type>),
    Union(Vec<Type>),
    Record(Vec<(String, Type)>),
    /// A named type: its number in the schema.
    Named(usize),
    /// A big-endian two's complement number, in bytes or in a fixed number of them.
    Decimal {
        fixed: Option<usize>,
        scale: i32,
    },
    Date,
    /// Nanoseconds per tick of a time of day.
    Time(i64),
    /// Nanoseconds per tick, and whether it counts in UTC.
    Timestamp(i64, bool),
    /// 16 bytes; a UUID as text is text.
    Uuid,
    /// Months, days and milliseconds.
    Duration,
}

/// A schema whose root is a record.
pub(super) struct Schema {
    pub(super) fields: Vec<(String, Type)>,
    pub(super) named: Vec<Type>,
}

impl Schema {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let json: Json = serde_json::from_str(text).map_err(|_| "its schema is no valid JSON".to_string())?;
        let mut names = Names::default();
        let root = names.type_of(&json, "")?;
        let root = match root {
            Type::Named(n) => names.types.get(n).cloned().unwrap_or(Type::Null),
            other => other,
        };
        match root {
            Type::Record(fields) => Ok(Self { fields, named: names.types }),
            _ => Err("its schema is no record, so there are no columns".to_string()),
        }
    }

    /// The type behind a name.
    pub(super) fn resolve<'s>(&'s self, of: &'s Type) -> &'s Type {
        match of {
            Type::Named(n) => self.named.get(*n).unwrap_or(&Type::Null),
            other => other,
        }
    }
}

#[derive(Default)]
struct Names {
    numbers: HashMap<String, usize>,
    types: Vec<Type>,
}

fn member<'j>(json: &'j Json, name: &str) -> Option<&'j str> {
    json.get(name).and_then(Json::as_str)
}

fn size(json: &Json, name: &str) -> Option<usize> {
    json.get(name).and_then(Json::as_u64).and_then(|n| usize::try_from(n).ok())
}

impl Names {
    fn type_of(&mut self, json: &Json, namespace: &str) -> Result<Type, String> {
        match json {
            Json::String(name) => self.primitive(name, namespace),
            Json::Array(branches) => {
                let branches: Result<Vec<Type>, String> = branches.iter().map(|b| self.type_of(b, namespace)).collect();
                Ok(Type::Union(branches?))
            }
            Json::Object(_) => {
                let base = self.complex(json, namespace)?;
                Ok(self.logical(json, base))
            }
            _ => Err("its schema holds something that is no type".to_string()),
        }
    }

    fn primitive(&self, name: &str, namespace: &str) -> Result<Type, String> {
        Ok(match name {
            "null" => Type::Null,
            "boolean" => Type::Bool,
            "int" => Type::Int,
            "long" => Type::Long,
            "float" => Type::Float,
            "double" => Type::Double,
            "bytes" => Type::Bytes,
            "string" => Type::Text,
            _ => {
                let known = self.numbers.get(&full_name(name, namespace)).or_else(|| self.numbers.get(name));
                Type::Named(*known.ok_or_else(|| format!("its schema uses the type {name} without defining it"))?)
            }
        })
    }

    fn complex(&mut self, json: &Json, namespace: &str) -> Result<Type, String> {
        let missing = |what: &str| format!("a type of its schema has no {what}");
        match member(json, "type") {
            Some("array") => {
                Ok(Type::Array(Box::new(self.type_of(json.get("items").ok_or_else(|| missing("items"))?, namespace)?)))
            }
            Some("map") => {
                Ok(Type::Map(Box::new(self.type_of(json.get("values").ok_or_else(|| missing("values"))?, namespace)?)))
            }
            Some(kind @ ("record" | "error" | "enum" | "fixed")) => {
                let name = member(json, "name").ok_or_else(|| missing("name"))?;
                let namespace = member(json, "namespace").unwrap_or(namespace);
                let full = full_name(name, namespace);
                let inner = full.rsplit_once('.').map_or("", |(space, _)| space).to_string();
                let number = self.types.len();
                self.types.push(Type::Null);
                self.numbers.insert(full, number);
                let defined = match kind {
                    "enum" => {
                        let symbols = json.get("symbols").and_then(Json::as_array).ok_or_else(|| missing("symbols"))?;
                        Type::Enum(symbols.iter().filter_map(Json::as_str).map(String::from).collect())
                    }
                    "fixed" => {
                        let fixed = Type::Fixed(size(json, "size").ok_or_else(|| missing("size"))?);
                        self.logical(json, fixed)
                    }
                    _ => self.record(json, &inner)?,
                };
                if let Some(place) = self.types.get_mut(number) {
                    *place = defined;
                }
                Ok(Type::Named(number))
            }
            Some(name) => self.primitive(name, namespace),
            None => self.type_of(json.get("type").ok_or_else(|| missing("type"))?, namespace),
        }
    }

    fn record(&mut self, json: &Json, namespace: &str) -> Result<Type, String> {
        let fields = json.get("fields").and_then(Json::as_array).ok_or("a record of its schema has no fields")?;
        let mut record = Vec::with_capacity(fields.len());
        for field in fields {
            let name = member(field, "name").ok_or("a field of its schema has no name")?;
            let field_type = field.get("type").ok_or("a field of its schema has no type")?;
            record.push((name.to_string(), self.type_of(field_type, namespace)?));
        }
        Ok(Type::Record(record))
    }

    /// What the logical type makes of a base type; one that does not fit is ignored, as the specification says.
    fn logical(&self, json: &Json, base: Type) -> Type {
        let scale = size(json, "scale").and_then(|n| i32::try_from(n).ok()).unwrap_or(0);
        match (member(json, "logicalType"), base) {
            (Some("decimal"), Type::Bytes) => Type::Decimal { fixed: None, scale },
            (Some("decimal"), Type::Fixed(n)) => Type::Decimal { fixed: Some(n), scale },
            (Some("uuid"), Type::Fixed(16)) => Type::Uuid,
            (Some("duration"), Type::Fixed(12)) => Type::Duration,
            (Some("date"), Type::Int) => Type::Date,
            (Some("time-millis"), Type::Int) => Type::Time(1_000_000),
            (Some("time-micros"), Type::Long) => Type::Time(1_000),
            (Some("timestamp-millis"), Type::Long) => Type::Timestamp(1_000_000, true),
            (Some("timestamp-micros"), Type::Long) => Type::Timestamp(1_000, true),
            (Some("timestamp-nanos"), Type::Long) => Type::Timestamp(1, true),
            (Some("local-timestamp-millis"), Type::Long) => Type::Timestamp(1_000_000, false),
            (Some("local-timestamp-micros"), Type::Long) => Type::Timestamp(1_000, false),
            (Some("local-timestamp-nanos"), Type::Long) => Type::Timestamp(1, false),
            (_, base) => base,
        }
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_string() } else { format!("{namespace}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_their_namespace() {
        let schema = Schema::parse(
            r#"{"type":"record","name":"R","namespace":"a.b","fields":[
                {"name":"k","type":{"type":"fixed","name":"F","size":16,"logicalType":"uuid"}},
                {"name":"again","type":["null","F"]},
                {"name":"self","type":["null","a.b.R"]},
                {"name":"when","type":{"type":"long","logicalType":"timestamp-micros"}}]}"#,
        )
        .unwrap();
        assert_eq!(schema.resolve(&schema.fields[0].1), &Type::Uuid);
        assert_eq!(schema.fields[1].1, Type::Union(vec![Type::Null, Type::Named(1)]));
        assert_eq!(schema.fields[2].1, Type::Union(vec![Type::Null, Type::Named(0)]));
        assert_eq!(schema.fields[3].1, Type::Timestamp(1_000, true));
    }

    #[test]
    fn refuses_what_has_no_columns() {
        for text in [
            "",
            "\"long\"",
            r#"{"type":"record","name":"R"}"#,
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"b"}]}"#,
        ] {
            assert!(Schema::parse(text).is_err(), "{text}");
        }
        assert!(Schema::parse(&"[".repeat(100_000)).is_err());
    }
}
