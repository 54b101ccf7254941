//! The FC API as data: paths, requests, records, errors and signatures, in all four spellings.
//!
//! Handlers of the enqueue API and the list service take what they need by its type
//! ([`FunctionPath`], [`InvokeRequest`], [`ListRequest`], ...), which has then been checked, and
//! answer what [`record`] or [`manage`] tell, or a [`Problem`]. [`envelope()`] gives every
//! answer its request id and every problem the body that all generations of SDKs can read. These types
//! also say what they are, so that an [`openapi::Api`] describes what it serves.

pub mod body;
mod caller;
pub mod dialect;
mod envelope;
pub mod invoke;
mod list;
pub mod manage;
pub mod native;
pub mod openapi;
mod page;
mod path;
mod patience;
pub mod problem;
mod query;
pub mod record;
pub mod signature;
pub mod token;
mod traced;

pub use caller::Caller;
pub use dialect::{Dialect, Either, Spelling};
pub use envelope::{REQUEST_ID, envelope};
pub use invoke::{AsyncHeaders, InvokeMode, InvokeRequest, Invoked};
pub use list::{ListRequest, Listed, StatefulFunction};
pub use page::{Item, Paged};
pub use path::{DeliveryPath, FunctionPath, InvocationPath, ServicePath, VersionPath};
pub use patience::Patience;
pub use problem::Problem;
pub use query::Query;
pub use traced::Traced;
