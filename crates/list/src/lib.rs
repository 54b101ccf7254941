//! The list service: the documented query over the state table.
