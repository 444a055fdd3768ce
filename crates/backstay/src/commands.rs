//! The commands, one file each.

pub(crate) mod backup;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod generate;
pub(crate) mod keys;
pub(crate) mod migrate;
pub(crate) mod moving;
pub(crate) mod new;
pub(crate) mod pull;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod user;
