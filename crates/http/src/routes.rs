//! The handlers, one file a service.

pub(crate) mod auth;
pub(crate) mod dev_mail;
pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod pages;
pub(crate) mod rest;
pub(crate) mod site;
