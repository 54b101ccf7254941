//! One operation, as it is told of.

use super::document::{REQUEST_ID_HEADER, refusal, ways};
use crate::{Dialect, REQUEST_ID, native};
use http::StatusCode;
use utoipa::{
    ToSchema,
    openapi::{
        Content, Header, HeaderBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder,
        Schema, SecurityRequirement,
        path::{self, HttpMethod, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
    },
};

/// The media type of JSON.
pub const JSON: &str = "application/json";
/// The media type of bytes that mean something to a function only.
pub const OCTETS: &str = "application/octet-stream";
/// The media type of text.
pub const TEXT: &str = "text/plain";

/// What is told of one operation, and the schemas of the types that it names.
#[derive(Debug)]
pub struct Operation {
    /// The spelling that it is described in.
    pub dialect: Dialect,
    path: String,
    told: path::Operation,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Operation {
    pub(super) fn new(path: &str, name: &str, summary: &str) -> Self {
        let dialect = Dialect::of(path);
        let tag = match dialect {
            Dialect::Unversioned if path.starts_with(native::PREFIX) => "ekiden",
            Dialect::Unversioned => "fc",
            Dialect::V2016 => "fc2016",
            Dialect::V2021 => "fc2021",
            Dialect::V2023 => "fc2023",
        };
        let mut told = path::Operation::new();
        told.tags = Some(vec![tag.to_owned()]);
        told.operation_id = Some(format!("{tag}{name}"));
        told.summary = Some(summary.to_owned());
        Self {
            dialect,
            path: path.to_owned(),
            told,
            schemas: Vec::new(),
        }
    }

    /// Puts it into `document`.
    pub(super) fn put(self, document: &mut OpenApi, method: HttpMethod) {
        let paths = &mut document.paths;
        paths.add_path_operation(self.path, vec![method], self.told);
        let components = document.components.get_or_insert_default();
        components.schemas.extend(self.schemas);
    }

    /// It reads this of its path, where that has it.
    pub fn path(&mut self, name: &str, schema: impl Into<RefOr<Schema>>, says: &str) {
        if self.path.contains(&format!("{{{name}}}")) {
            self.parameter(ParameterIn::Path, Required::True, name, schema, says);
        }
    }

    /// It reads this parameter of its query, if it is there.
    pub fn query(&mut self, name: &str, schema: impl Into<RefOr<Schema>>, says: &str) {
        self.parameter(ParameterIn::Query, Required::False, name, schema, says);
    }

    /// It reads this header, if it is there.
    pub fn header(&mut self, name: &str, schema: impl Into<RefOr<Schema>>, says: &str) {
        self.parameter(ParameterIn::Header, Required::False, name, schema, says);
    }

    fn parameter(
        &mut self,
        place: ParameterIn,
        required: Required,
        name: &str,
        schema: impl Into<RefOr<Schema>>,
        says: &str,
    ) {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(required)
            .description(Some(says))
            .schema(Some(schema));
        let parameters = self.told.parameters.get_or_insert_default();
        parameters.push(RefOr::T(parameter.build()));
    }

    /// It reads this body.
    pub fn body(&mut self, body: RequestBodyBuilder) {
        self.told.request_body = Some(RefOr::T(body.build()));
    }

    /// It may be answered so.
    pub fn answers(&mut self, status: StatusCode, answer: ResponseBuilder) {
        let named = answer.header_ref(REQUEST_ID.as_str(), Ref::new(REQUEST_ID_HEADER));
        self.respond(status, named.build());
    }

    /// It may be refused with this status.
    pub fn refuses(&mut self, status: StatusCode) {
        self.respond(status, Ref::new(refusal(status)));
    }

    fn respond(&mut self, status: StatusCode, response: impl Into<RefOr<Response>>) {
        let status = status.as_u16().to_string();
        let responses = &mut self.told.responses.responses;
        responses.insert(status, response.into());
    }

    /// It needs an access key, unless there is none at all.
    pub fn needs_a_key(&mut self) {
        let ways = ways().into_iter();
        let ways = ways.map(|(way, _)| SecurityRequirement::new(way, [""; 0]));
        let open = SecurityRequirement::default();
        self.told.security = Some(ways.chain([open]).collect());
    }

    /// The schema of `T`, by its name.
    pub fn schema<T: ToSchema>(&mut self) -> Ref {
        T::schemas(&mut self.schemas);
        self.named(&T::name(), T::schema())
    }

    /// This schema, by this name.
    pub fn named(&mut self, name: &str, schema: impl Into<RefOr<Schema>>) -> Ref {
        self.schemas.push((name.to_owned(), schema.into()));
        Ref::from_schema_name(name)
    }
}

/// An answer that is JSON of this schema.
pub(crate) fn json(says: &str, schema: impl Into<RefOr<Schema>>) -> ResponseBuilder {
    let response = ResponseBuilder::new().description(says);
    response.content(JSON, Content::new(Some(schema)))
}

/// A header of an answer.
pub(crate) fn header(schema: impl Into<RefOr<Schema>>, says: &str) -> Header {
    let header = HeaderBuilder::new().schema(Some(schema));
    header.description(Some(says)).build()
}
