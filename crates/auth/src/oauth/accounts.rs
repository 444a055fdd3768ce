//! Whose account a provider's profile is: known, to be linked, or new. Source: auth.md 7.6.

use backstay_records::Tx;
use serde_json::json;

use super::providers::Profile;
use crate::admission::Admission;
use crate::auth::{Auth, Stop};
use crate::error::{Refusal, Result};
use crate::mail::{Letter, MailKind};
use crate::sessions::Origin;
use crate::signup;
use crate::tables::flows::Flow;
use crate::tables::identities::{self, Identity};
use crate::tables::users::User;
use crate::tables::{audit, codes, factors, sessions, users};
use crate::values::{Object, now};

/// What came of it.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "it is looked at once and gone")]
pub(super) enum Signed {
    /// The user is signed in.
    In(User),
    /// The address must be confirmed first; a mail is to be sent.
    Unverified(Option<Letter>),
}

/// Finds, links or makes the account of the profile.
///
/// # Errors
/// As the rules of linking refuse.
pub(super) fn sign_in(
    auth: &Auth,
    tx: &mut Tx<'_>,
    flow: &Flow,
    profile: &Profile,
    (origin, admission): (&Origin, &Admission),
) -> Result<Signed, Stop> {
    let known = identities::by_provider(tx, &flow.provider, &profile.subject)?;
    if let Some(user) = flow.linking {
        let Some(user) = users::by_id(tx, user)? else {
            return Err(Refusal::new(403, "user_not_found", "User not found").into());
        };
        return link(tx, user, known, (flow, profile, origin)).map(Signed::In);
    }
    let mut user = match known {
        Some(identity) => known_user(tx, identity, profile)?,
        None => match owner_of(tx, flow, profile)? {
            Some(user) => adopt(tx, user, flow, profile)?,
            None => new(auth, tx, (flow, profile), admission)?,
        },
    };
    if user.is_banned() {
        return Err(Refusal::new(403, "user_banned", "User is banned").into());
    }
    if profile.email_verified && profile.email == user.email && user.email_confirmed_at.is_none() {
        signup::confirm_email(tx, &mut user)?;
    }
    if !user.email.is_empty() && user.email_confirmed_at.is_none() {
        let about = (&mut user, MailKind::Confirmation);
        let letter = signup::mail_confirmation(auth, tx, about, None, &flow.redirect_to)?;
        return Ok(Signed::Unverified(Some(letter)));
    }
    users::update(tx, &mut user)?;
    audit::note(tx, origin.client, &user, "login", Some(json!({"provider": flow.provider})))?;
    Ok(Signed::In(user))
}

fn known_user(tx: &mut Tx<'_>, mut identity: Identity, profile: &Profile) -> Result<User, Stop> {
    let Some(mut user) = users::by_id(tx, identity.user_id)? else {
        return Err(Refusal::new(403, "user_not_found", "User not found").into());
    };
    identity.data.clone_from(&profile.data);
    identity.last_sign_in_at = Some(now());
    identities::update(tx, &identity)?;
    User::merge(&mut user.user_metadata, &profile.data);
    users::update(tx, &mut user)?;
    Ok(user)
}

/// The one account whose address the provider vouches for, or the invited one.
fn owner_of(tx: &mut Tx<'_>, flow: &Flow, profile: &Profile) -> Result<Option<User>, Stop> {
    if !profile.email_verified {
        return Ok(None);
    }
    let mut found = users::by_email(tx, &profile.email)?;
    for identity in identities::by_email(tx, &profile.email)? {
        // An address that is only claimed links nothing.
        if identity.data.get("email_verified") != Some(&json!(true)) {
            continue;
        }
        let owner = users::by_id(tx, identity.user_id)?;
        match (&found, owner) {
            (Some(one), Some(other)) if one.id != other.id => {
                let message =
                    "Multiple accounts with the same email address in the same linking domain";
                return Err(Refusal::new(422, "conflict", message).into());
            }
            (None, other) => found = other,
            _ => {}
        }
    }
    if !flow.invite_token.is_empty() && found.as_ref().is_none_or(|user| user.invited_at.is_none())
    {
        let message = "Invited email does not match the email of the provider";
        return Err(Refusal::new(400, "invite_not_found", message).into());
    }
    Ok(found)
}

/// Links the identity to the account. One that nobody ever confirmed may have been made by a
/// stranger: nothing of what was set for it remains.
fn adopt(tx: &mut Tx<'_>, mut user: User, flow: &Flow, profile: &Profile) -> Result<User, Stop> {
    if !user.is_confirmed() {
        for identity in identities::of_user(tx, user.id)? {
            identities::delete(tx, identity.id)?;
        }
        for factor in factors::of_user(tx, user.id)? {
            factors::delete(tx, factor.id)?;
        }
        sessions::delete_of_user(tx, user.id, None)?;
        codes::delete_all(tx, user.id)?;
        user.password = String::new();
        user.phone = String::new();
        user.email_change = String::new();
        user.phone_change = String::new();
        user.user_metadata = Object::new();
    }
    User::merge(&mut user.user_metadata, &profile.data);
    identities::insert(tx, user.id, &flow.provider, &profile.subject, &profile.data)?;
    user.note_providers(&identities::providers(tx, user.id)?);
    users::update(tx, &mut user)?;
    Ok(user)
}

fn new(
    auth: &Auth,
    tx: &mut Tx<'_>,
    (flow, profile): (&Flow, &Profile),
    admission: &Admission,
) -> Result<User, Stop> {
    if auth.settings.signup_disabled {
        let message = "Signups not allowed for this instance";
        return Err(Refusal::new(422, "signup_disabled", message).into());
    }
    // An address that is only claimed and belongs to somebody is left out.
    let taken = users::by_email(tx, &profile.email)?.is_some();
    let email = if taken { "" } else { profile.email.as_str() };
    let mut user = signup::new_user(email, "", profile.data.clone());
    user.note_providers(std::slice::from_ref(&flow.provider));
    admission.insert(tx, &mut user)?;
    identities::insert(tx, user.id, &flow.provider, &profile.subject, &profile.data)?;
    users::update(tx, &mut user)?;
    Ok(user)
}

/// Links the identity to the user who asked for it.
fn link(
    tx: &mut Tx<'_>,
    mut user: User,
    known: Option<Identity>,
    (flow, profile, origin): (&Flow, &Profile, &Origin),
) -> Result<User, Stop> {
    if known.is_some() {
        let message = "Identity is already linked to another user";
        return Err(Refusal::new(422, "identity_already_exists", message).into());
    }
    identities::insert(tx, user.id, &flow.provider, &profile.subject, &profile.data)?;
    if user.is_anonymous && profile.email_verified {
        if users::by_email(tx, &profile.email)?.is_some() {
            let message = "A user with this email address has already been registered";
            return Err(Refusal::new(422, "email_exists", message).into());
        }
        user.email.clone_from(&profile.email);
        user.is_anonymous = false;
        signup::confirm_email(tx, &mut user)?;
    }
    user.note_providers(&identities::providers(tx, user.id)?);
    users::update(tx, &mut user)?;
    let traits = json!({"provider": flow.provider});
    audit::note(tx, origin.client, &user, "identity_linked", Some(traits))?;
    Ok(user)
}
