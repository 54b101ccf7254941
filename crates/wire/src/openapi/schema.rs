//! Schemas of the values that requests give.

use ekiden_domain::{DeliveryStatus, Qualifier, Status, name::word_pattern};
use std::ops::RangeInclusive;
use utoipa::openapi::{
    KnownFormat, ObjectBuilder, SchemaFormat,
    schema::{SchemaType, Type},
};

/// Anything.
#[must_use]
pub fn anything() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue)
}

/// Any text.
#[must_use]
pub fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// Any bytes.
#[must_use]
pub fn octets() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
}

/// A text that is one of these.
pub fn one_of<'a>(values: impl IntoIterator<Item = &'a str>) -> ObjectBuilder {
    text().enum_values(Some(values))
}

/// A name of up to `max` characters, as FC allows them.
#[must_use]
pub fn word(max: usize) -> ObjectBuilder {
    matching(&word_pattern(max))
}

/// `LATEST`, a version's number, or an alias.
#[must_use]
pub fn qualifier() -> ObjectBuilder {
    matching(&Qualifier::pattern())
}

/// A service's name of up to `max` characters; a qualifier may follow a dot.
#[must_use]
pub fn qualified(max: usize) -> ObjectBuilder {
    matching(&format!(
        r"{}(\.{})?",
        word_pattern(max),
        Qualifier::pattern()
    ))
}

fn matching(pattern: &str) -> ObjectBuilder {
    text().pattern(Some(format!("^{pattern}$")))
}

/// A whole number in `range`.
pub fn whole<N: Into<utoipa::Number>>(range: RangeInclusive<N>) -> ObjectBuilder {
    let (least, most) = range.into_inner();
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(least))
        .maximum(Some(most))
}

/// True or false.
#[must_use]
pub fn flag() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean)
}

/// What has become of handing a result on.
#[must_use]
pub fn delivery_status() -> ObjectBuilder {
    one_of(DeliveryStatus::ALL.map(DeliveryStatus::as_str))
}

/// The same, and empty where there is nothing to hand on.
#[must_use]
pub fn destination_status() -> ObjectBuilder {
    one_of(
        [""].into_iter()
            .chain(DeliveryStatus::ALL.map(DeliveryStatus::as_str)),
    )
}

/// What has become of an invocation.
#[must_use]
pub fn status() -> ObjectBuilder {
    one_of(Status::ALL.map(Status::as_str))
}
