use std::borrow::Cow;

use arrow::array::*;
use arrow::datatypes::{DataType, TimeUnit, i256};
use arrow::util::display::array_value_to_string;
use driftless_core::model::Value;

use super::decimal::decimal_text;
use super::nested::json_of;
use super::text::{bytes_text, shortest_float, time_text, uuid_text};

/// A column of a batch, with its type found out once.
pub(super) struct Cells<'a> {
    array: &'a dyn Array,
    kind: Kind<'a>,
    has_nulls: bool,
}

enum Kind<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int8(&'a Int8Array),
    Int16(&'a Int16Array),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    UInt8(&'a UInt8Array),
    UInt16(&'a UInt16Array),
    UInt32(&'a UInt32Array),
    UInt64(&'a UInt64Array),
    Float16(&'a Float16Array),
    Float32(&'a Float32Array),
    Float64(&'a Float64Array),
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    TextView(&'a StringViewArray),
    Bytes(&'a BinaryArray),
    LargeBytes(&'a LargeBinaryArray),
    BytesView(&'a BinaryViewArray),
    Fixed(&'a FixedSizeBinaryArray),
    Uuid(&'a FixedSizeBinaryArray),
    Decimal128(&'a Decimal128Array, i32),
    Decimal256(&'a Decimal256Array, i32),
    /// Ticks, nanoseconds per tick, whether they are UTC.
    Timestamp(&'a [i64], i128, bool),
    Date32(&'a Date32Array),
    Date64(&'a Date64Array),
    /// Ticks of a day and nanoseconds per tick.
    Time32(&'a [i32], i64),
    Time64(&'a [i64], i64),
    Nested,
    Other,
}

fn nanos_per(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

impl<'a> Cells<'a> {
    pub(super) fn of(array: &'a dyn Array, is_uuid: bool) -> Self {
        Self { array, kind: kind_of(array, is_uuid).unwrap_or(Kind::Other), has_nulls: array.null_count() > 0 }
    }

    /// The value of a row.
    #[inline]
    pub(super) fn value(&self, row: usize) -> Value<'a> {
        if self.has_nulls && self.array.is_null(row) {
            return Value::Null;
        }
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(a) => Value::Bool(a.value(row)),
            Kind::Int8(a) => Value::Int(a.value(row).into()),
            Kind::Int16(a) => Value::Int(a.value(row).into()),
            Kind::Int32(a) => Value::Int(a.value(row).into()),
            Kind::Int64(a) => Value::Int(a.value(row)),
            Kind::UInt8(a) => Value::Int(a.value(row).into()),
            Kind::UInt16(a) => Value::Int(a.value(row).into()),
            Kind::UInt32(a) => Value::Int(a.value(row).into()),
            Kind::UInt64(a) => i64::try_from(a.value(row)).map_or(Value::UInt(a.value(row)), Value::Int),
            Kind::Float16(a) => Value::Float(a.value(row).to_f64()),
            Kind::Float32(a) => Value::Float(shortest_float(a.value(row))),
            Kind::Float64(a) => Value::Float(a.value(row)),
            Kind::Text(a) => Value::Text(Cow::Borrowed(a.value(row))),
            Kind::LargeText(a) => Value::Text(Cow::Borrowed(a.value(row))),
            Kind::TextView(a) => Value::Text(Cow::Borrowed(a.value(row))),
            Kind::Bytes(a) => Value::Text(bytes_text(a.value(row))),
            Kind::LargeBytes(a) => Value::Text(bytes_text(a.value(row))),
            Kind::BytesView(a) => Value::Text(bytes_text(a.value(row))),
            Kind::Fixed(a) => Value::Text(bytes_text(a.value(row))),
            Kind::Uuid(a) => Value::Text(Cow::Owned(uuid_text(a.value(row)))),
            Kind::Decimal128(a, scale) => {
                let value: i128 = a.value(row);
                Value::Number(Cow::Owned(decimal_text(&value.to_string(), *scale)))
            }
            Kind::Decimal256(a, scale) => {
                let value: i256 = a.value(row);
                Value::Number(Cow::Owned(decimal_text(&value.to_string(), *scale)))
            }
            Kind::Timestamp(ticks, scale, utc) => Value::Timestamp { nanos: i128::from(ticks[row]) * scale, utc: *utc },
            Kind::Date32(a) => Value::Date(a.value(row)),
            Kind::Date64(a) => Value::Date(a.value(row).div_euclid(86_400_000).try_into().unwrap_or(i32::MAX)),
            Kind::Time32(ticks, scale) => Value::Text(Cow::Owned(time_text(i64::from(ticks[row]) * scale))),
            Kind::Time64(ticks, scale) => Value::Text(Cow::Owned(time_text(ticks[row].saturating_mul(*scale)))),
            Kind::Nested => Value::Json(Cow::Owned(json_of(self.array, row))),
            // Intervals and whatever else a later version of the reader knows: as that reader prints it.
            Kind::Other => Value::Text(Cow::Owned(array_value_to_string(self.array, row).unwrap_or_default())),
        }
    }
}

fn kind_of(array: &dyn Array, is_uuid: bool) -> Option<Kind<'_>> {
    let any = array.as_any();
    Some(match array.data_type() {
        DataType::Null => Kind::Null,
        DataType::Boolean => Kind::Bool(any.downcast_ref()?),
        DataType::Int8 => Kind::Int8(any.downcast_ref()?),
        DataType::Int16 => Kind::Int16(any.downcast_ref()?),
        DataType::Int32 => Kind::Int32(any.downcast_ref()?),
        DataType::Int64 => Kind::Int64(any.downcast_ref()?),
        DataType::UInt8 => Kind::UInt8(any.downcast_ref()?),
        DataType::UInt16 => Kind::UInt16(any.downcast_ref()?),
        DataType::UInt32 => Kind::UInt32(any.downcast_ref()?),
        DataType::UInt64 => Kind::UInt64(any.downcast_ref()?),
        DataType::Float16 => Kind::Float16(any.downcast_ref()?),
        DataType::Float32 => Kind::Float32(any.downcast_ref()?),
        DataType::Float64 => Kind::Float64(any.downcast_ref()?),
        DataType::Utf8 => Kind::Text(any.downcast_ref()?),
        DataType::LargeUtf8 => Kind::LargeText(any.downcast_ref()?),
        DataType::Utf8View => Kind::TextView(any.downcast_ref()?),
        DataType::Binary => Kind::Bytes(any.downcast_ref()?),
        DataType::LargeBinary => Kind::LargeBytes(any.downcast_ref()?),
        DataType::BinaryView => Kind::BytesView(any.downcast_ref()?),
        DataType::FixedSizeBinary(16) if is_uuid => Kind::Uuid(any.downcast_ref()?),
        DataType::FixedSizeBinary(_) => Kind::Fixed(any.downcast_ref()?),
        DataType::Decimal128(_, scale) => Kind::Decimal128(any.downcast_ref()?, i32::from(*scale)),
        DataType::Decimal256(_, scale) => Kind::Decimal256(any.downcast_ref()?, i32::from(*scale)),
        DataType::Timestamp(unit, zone) => {
            let ticks: &[i64] = match unit {
                TimeUnit::Second => any.downcast_ref::<TimestampSecondArray>()?.values(),
                TimeUnit::Millisecond => any.downcast_ref::<TimestampMillisecondArray>()?.values(),
                TimeUnit::Microsecond => any.downcast_ref::<TimestampMicrosecondArray>()?.values(),
                TimeUnit::Nanosecond => any.downcast_ref::<TimestampNanosecondArray>()?.values(),
            };
            Kind::Timestamp(ticks, i128::from(nanos_per(*unit)), zone.is_some())
        }
        DataType::Date32 => Kind::Date32(any.downcast_ref()?),
        DataType::Date64 => Kind::Date64(any.downcast_ref()?),
        DataType::Time32(TimeUnit::Second) => {
            Kind::Time32(any.downcast_ref::<Time32SecondArray>()?.values(), 1_000_000_000)
        }
        DataType::Time32(_) => Kind::Time32(any.downcast_ref::<Time32MillisecondArray>()?.values(), 1_000_000),
        DataType::Time64(TimeUnit::Microsecond) => {
            Kind::Time64(any.downcast_ref::<Time64MicrosecondArray>()?.values(), 1_000)
        }
        DataType::Time64(_) => Kind::Time64(any.downcast_ref::<Time64NanosecondArray>()?.values(), 1),
        DataType::Struct(_)
        | DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(_, _)
        | DataType::Map(_, _) => Kind::Nested,
        _ => Kind::Other,
    })
}
