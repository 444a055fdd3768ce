//! What a client may see of the user.

/// The scopes that there are.
pub(crate) const SCOPES: [&str; 5] = ["openid", "profile", "email", "phone", "offline_access"];
/// What a client asks for that names nothing.
const DEFAULT: &str = "email";

/// The scopes that are asked for, each once, in the order of the request.
///
/// # Errors
/// The first that there is not.
pub(super) fn parse(text: Option<&str>) -> Result<String, String> {
    let mut scopes: Vec<&str> = Vec::new();
    for scope in text.unwrap_or(DEFAULT).split_ascii_whitespace() {
        if !SCOPES.contains(&scope) {
            return Err(scope.to_owned());
        }
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(if scopes.is_empty() { DEFAULT.to_owned() } else { scopes.join(" ") })
}

/// Is every wanted scope among those that are granted?
pub(super) fn covers(granted: &str, wanted: &str) -> bool {
    wanted.split_ascii_whitespace().all(|one| has(granted, one))
}

/// Is this scope among them?
pub(super) fn has(granted: &str, scope: &str) -> bool {
    granted.split_ascii_whitespace().any(|one| one == scope)
}

/// The scopes of both.
pub(super) fn union(first: &str, second: &str) -> String {
    let mut all: Vec<&str> = first.split_ascii_whitespace().collect();
    all.extend(second.split_ascii_whitespace().filter(|one| !has(first, one)));
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_known_and_named_once() {
        assert_eq!(parse(None).unwrap(), "email");
        assert_eq!(parse(Some("  ")).unwrap(), "email");
        assert_eq!(parse(Some("openid  email openid")).unwrap(), "openid email");
        assert_eq!(parse(Some("openid admin")).unwrap_err(), "admin");
        assert!(covers("openid email", "email") && !covers("email", "email phone"));
        assert_eq!(union("openid email", "email phone"), "openid email phone");
    }
}
