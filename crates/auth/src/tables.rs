//! The service's tables: one file for each, with its statements. All SQL of this room is here.

pub(crate) mod attempts;
pub(crate) mod audit;
pub(crate) mod codes;
pub(crate) mod factors;
pub(crate) mod flows;
pub(crate) mod identities;
pub(crate) mod oauth_authorizations;
pub(crate) mod oauth_clients;
pub(crate) mod oauth_consents;
pub(crate) mod outbox;
pub(crate) mod passkeys;
pub(crate) mod sessions;
pub(crate) mod users;
