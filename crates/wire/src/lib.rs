//! The FC API as data: paths, requests, records, errors and signatures, in all four spellings.
//!
//! Handlers of the enqueue API and the list service take what they need by its type
//! ([`FunctionPath`], [`InvokeRequest`], [`ListRequest`], ...), which has then been checked, and
//! answer JSON from [`record`] or [`manage`], or a [`Problem`]. The layer [`envelope()`] gives every
//! answer its request id and every problem the body that all generations of SDKs can read.

pub mod body;
mod caller;
pub mod dialect;
mod envelope;
pub mod invoke;
mod list;
pub mod manage;
pub mod native;
mod path;
mod patience;
pub mod problem;
mod query;
pub mod record;
pub mod signature;
pub mod token;

pub use caller::Caller;
pub use dialect::{Dialect, Spelling};
pub use envelope::{REQUEST_ID, envelope};
pub use invoke::{AsyncHeaders, InvokeMode, InvokeRequest};
pub use list::ListRequest;
pub use path::{DeliveryPath, FunctionPath, InvocationPath, ServicePath, VersionPath};
pub use patience::Patience;
pub use problem::Problem;
pub use query::Query;
