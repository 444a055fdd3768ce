//! The handlers, one file a service.

pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod rest;
pub(crate) mod site;
