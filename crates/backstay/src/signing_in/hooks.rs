//! Hooks, from `[auth.hook.NAME]`.

use std::collections::BTreeMap;

use backstay_auth::{Hook, HookSettings};
use miette::miette;

use crate::settings::HookTarget;

/// The hooks that are switched on.
pub(super) fn settings(
    all: &BTreeMap<String, HookTarget>,
) -> miette::Result<BTreeMap<Hook, HookSettings>> {
    let mut hooks = BTreeMap::new();
    for (name, target) in all {
        let Some(hook) = Hook::ALL.into_iter().find(|hook| hook.name() == name) else {
            let known = Hook::ALL.map(Hook::name).join(", ");
            return Err(miette!("`auth.hook.{name}` is no hook; there are {known}"));
        };
        if !target.enabled {
            continue;
        }
        let made = HookSettings { uri: target.uri.clone(), secrets: target.secrets.clone() };
        made.check().map_err(|error| {
            miette!(help = "docs/auth-hooks.md shows each form", "`auth.hook.{name}`: {error}")
        })?;
        hooks.insert(hook, made);
    }
    Ok(hooks)
}
