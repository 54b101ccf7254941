//! What an invocation is, and what may become of it.
//!
//! This crate is pure: it does no I/O and never asks for the time. A caller loads an
//! [`Invocation`], tells it a fact ("this worker claims you, now is T"), and gets either a
//! [`Transition`] to hand to the store or a [`Refused`] that says why not. There is no other way
//! to change an invocation.
//!
//! ```text
//!             claim            start             finish
//!  Enqueued ─────────> Dequeued ─────> Running ─────────> Succeeded | Failed
//!     ^  │                │ │             │  ^
//!     │  │  release       │ │ stop        │  └─ claim + start ── Retrying <── finish
//!     └──┼────────────────┘ └──> Stopping ┴──> Stopped
//!        └─> Expired | Invalid | Stopped
//! ```

pub mod access;
pub mod chance;
pub mod clock;
pub mod delivery;
pub mod destination;
pub mod error;
pub mod event;
pub mod function;
pub mod id;
pub mod invocation;
pub mod message;
pub mod name;
pub mod origin;
pub mod outcome;
pub mod query;
pub mod registry;
pub mod retry;
pub mod status;
pub mod text;
pub mod time;
pub mod trace;
pub mod transition;
pub mod trial;

pub use access::{AccessKey, FunctionPattern, Scope, Secret};
pub use clock::Clock;
pub use delivery::{Delivery, DeliveryStatus};
pub use destination::{Destination, Route};
pub use error::{Invalid, Refused};
pub use event::Event;
pub use function::{AsyncConfig, Function, Target, check_target_url};
pub use id::{Lease, OutboxId, RequestId, WorkerId};
pub use invocation::{Claim, Invocation, NewInvocation, Policy, State, Version};
pub use message::{Body, Message};
pub use name::{FunctionName, InvocationId, Lane, Qualifier};
pub use origin::Origin;
pub use outcome::{Attempt, Fault, FaultKind, Outcome};
pub use query::{ListQuery, Order, Page, Position, Record};
pub use registry::{Entry, Missing, Registered, Registry, Resolved};
pub use status::Status;
pub use time::Timestamp;
pub use trace::TraceContext;
pub use transition::{Step, Transition};
pub use trial::Trial;
