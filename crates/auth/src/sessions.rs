//! Opening sessions, and finding out whose request this is.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use backstay_records::Tx;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::access_token::{self, subject};
use crate::auth::{Auth, Stop};
use crate::call::{Answer, Bearer, Call};
use crate::error::{Refusal, Result};
use crate::refresh_token;
use crate::tables::sessions::{By, Method, Session};
use crate::tables::users::User;
use crate::tables::{factors, identities, sessions, users};
use crate::values::now;
use crate::wire::{self, Account};

/// What the key of a session's refresh tokens is sealed for.
const PURPOSE: &str = "refresh";

/// Where a session is opened from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) client: IpAddr,
    pub(crate) user_agent: String,
}

impl Origin {
    pub(crate) fn of(call: &Call<'_>) -> Self {
        Self { client: call.client, user_agent: call.user_agent() }
    }
}

/// A session with all that its answer shows.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) account: Account,
    pub(crate) session: Session,
    pub(crate) methods: Vec<Method>,
    /// The key of its refresh tokens.
    pub(crate) key: Vec<u8>,
}

/// What an application was let do.
#[derive(Debug, Clone)]
pub(crate) struct ClientGrant {
    pub(crate) client: Uuid,
    /// Separated by blanks.
    pub(crate) scopes: String,
}

/// The caller of a route for users.
#[derive(Debug, Clone)]
pub(crate) struct Me {
    pub(crate) user: User,
    pub(crate) session: Option<Session>,
}

impl Auth {
    /// Opens a session for the user; `user` is stored with the time of this sign-in.
    ///
    /// # Errors
    /// As the database, or the vault, fails.
    pub(crate) fn open_session<'m>(
        &self,
        tx: &mut Tx<'_>,
        (user, by): (&mut User, impl Into<By<'m>>),
        origin: &Origin,
    ) -> Result<Opened, Stop> {
        if self.settings.session.single {
            sessions::delete_of_user(tx, user.id, None)?;
        }
        user.last_sign_in_at = Some(now());
        users::update(tx, user)?;
        self.open(tx, (&*user, by.into()), None, origin)
    }

    /// Opens a session in which an application acts for the user.
    ///
    /// # Errors
    /// As the database, or the vault, fails.
    pub(crate) fn open_client_session(
        &self,
        tx: &mut Tx<'_>,
        (user, method): (&User, &str),
        grant: &ClientGrant,
        origin: &Origin,
    ) -> Result<Opened, Stop> {
        self.open(tx, (user, method.into()), Some(grant), origin)
    }

    fn open(
        &self,
        tx: &mut Tx<'_>,
        (user, by): (&User, By<'_>),
        grant: Option<&ClientGrant>,
        origin: &Origin,
    ) -> Result<Opened, Stop> {
        let key = crate::random::bytes::<32>()?;
        let session = Session {
            client: grant.map(|grant| grant.client),
            scopes: grant.map(|grant| grant.scopes.clone()).unwrap_or_default(),
            id: Uuid::new_v4(),
            user_id: user.id,
            created_at: Some(now()),
            aal: "aal1".to_owned(),
            user_agent: origin.user_agent.clone(),
            ip: origin.client.to_string(),
            refresh_key: self.vault.seal(PURPOSE, &key)?,
            refresh_counter: 1,
            ..Session::default()
        };
        sessions::insert(tx, &session)?;
        sessions::add_method(tx, session.id, by)?;
        let methods = sessions::methods(tx, session.id)?;
        let account = account(tx, user.clone())?;
        Ok(Opened { account, session, methods, key: key.to_vec() })
    }

    /// The answer that shows a session: tokens and user.
    ///
    /// # Errors
    /// As [`Auth::session_members`].
    pub(crate) async fn session_answer(self: &Arc<Self>, opened: &Opened) -> Result<Answer> {
        let body = Value::Object(self.session_members(opened).await?);
        Ok(Answer::json(&body)
            .with("sb-auth-user-id", opened.account.user.id.to_string())
            .with("sb-auth-session-id", opened.session.id.to_string()))
    }

    /// The members of a session's JSON.
    ///
    /// # Errors
    /// If the token cannot be signed, and as the hook that customizes it fails.
    pub(crate) async fn session_members(
        self: &Arc<Self>,
        opened: &Opened,
    ) -> Result<Map<String, Value>> {
        let Opened { account, session, methods, key } = opened;
        let claims = access_token::claims(&self.settings, &account.user, session, methods);
        let client = session.ip.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        // A session that was refreshed once gets its tokens by that from then on.
        let method = match methods.first() {
            Some(method) if session.refreshed_at.is_none_or(|at| at <= method.at) => &method.name,
            _ => "token_refresh",
        };
        let claims = self.customized(claims, (client, method)).await?;
        let token = self.keys().sign(&claims)?;
        let mut members = Map::new();
        members.insert("access_token".to_owned(), json!(token));
        members.insert("token_type".to_owned(), json!("bearer"));
        members.insert("expires_in".to_owned(), json!(self.settings.token_life.as_secs()));
        members.insert("expires_at".to_owned(), claims.get("exp").cloned().unwrap_or_default());
        let refresh = refresh_token::issue(key, session.id, session.refresh_counter);
        members.insert("refresh_token".to_owned(), json!(refresh));
        members.insert("user".to_owned(), wire::user(account));
        Ok(members)
    }

    /// A session of the user that was opened before.
    ///
    /// # Errors
    /// As the database, or the vault, fails.
    pub(crate) fn reopen(
        &self,
        tx: &mut Tx<'_>,
        user: User,
        session: Session,
    ) -> Result<Opened, Stop> {
        let key = self.refresh_key(&session)?;
        let methods = sessions::methods(tx, session.id)?;
        Ok(Opened { account: account(tx, user)?, session, methods, key })
    }

    /// The key of a session's refresh tokens.
    ///
    /// # Errors
    /// If no key opens it.
    pub(crate) fn refresh_key(&self, session: &Session) -> Result<Vec<u8>> {
        self.vault.open(PURPOSE, &session.refresh_key)
    }
}

/// A user with what belongs to them.
pub(crate) fn account(tx: &mut Tx<'_>, user: User) -> backstay_model::Result<Account> {
    let identities = identities::of_user(tx, user.id)?;
    let factors = factors::of_user(tx, user.id)?;
    Ok(Account { user, identities, factors })
}

/// Whose token the call bears.
///
/// # Errors
/// 401 `no_authorization`, 403 `bad_jwt`.
pub(crate) fn bearer(call: &Call<'_>) -> Result<access_token::Subject> {
    match &call.bearer {
        Bearer::Missing => Err(no_token()),
        Bearer::Key(_) => Err(invalid_token("token is malformed")),
        Bearer::Invalid(reason) => Err(invalid_token(reason)),
        Bearer::Token(claims) => subject(claims),
    }
}

fn no_token() -> Refusal {
    let message = "This endpoint requires a valid Bearer token";
    Refusal::new(401, "no_authorization", message)
}

fn invalid_token(reason: &str) -> Refusal {
    let message = format!("invalid JWT: unable to parse or verify signature, {reason}");
    Refusal::new(403, "bad_jwt", message)
}

/// The user and session behind the token, as they are now. Tokens of applications are refused: what
/// belongs to the account is its owner's to see and change.
///
/// # Errors
/// As [`authenticate_any`]; 403 `no_authorization` for the token of an application.
pub(crate) fn authenticate(tx: &mut Tx<'_>, who: &access_token::Subject) -> Result<Me, Stop> {
    let me = authenticate_any(tx, who)?;
    if me.session.as_ref().is_some_and(|session| session.client.is_some()) {
        let message = "Tokens of OAuth clients cannot be used here";
        return Err(Refusal::new(403, "no_authorization", message).into());
    }
    Ok(me)
}

/// The user and session behind any token, as they are now.
///
/// # Errors
/// 403 where the user or the session is gone, or the user is banned.
pub(crate) fn authenticate_any(tx: &mut Tx<'_>, who: &access_token::Subject) -> Result<Me, Stop> {
    let gone = |code, message: &str| Refusal::new(403, code, message);
    let Some(user) = users::by_id(tx, who.user)? else {
        return Err(gone("user_not_found", "User from sub claim in JWT does not exist").into());
    };
    let missing = "Session from session_id claim in JWT does not exist";
    let session = match who.session {
        None => None,
        Some(id) => match sessions::by_id(tx, id)?.filter(|found| found.user_id == user.id) {
            Some(session) => Some(session),
            None => return Err(gone("session_not_found", missing).into()),
        },
    };
    if user.is_banned() {
        return Err(gone("user_banned", "User is banned").into());
    }
    Ok(Me { user, session })
}

/// Lets administrators pass: the secret key, or a token with a role of theirs. A token that names a
/// session is good as long as that is there.
///
/// # Errors
/// 401 `no_authorization`, 403 `bad_jwt`, 403 `not_admin`, 403 `session_expired`.
pub(crate) async fn administrator(auth: &Arc<Auth>, call: &Call<'_>) -> Result<()> {
    demand_role(auth, call)?;
    let Bearer::Token(claims) = &call.bearer else { return Ok(()) };
    let named = claims.get("session_id").filter(|id| !id.is_null());
    let Some(named) = named else { return Ok(()) };
    let expired = || Refusal::new(403, "session_expired", "The session of this token is over");
    let id = named.as_str().and_then(|id| Uuid::parse_str(id).ok()).ok_or_else(expired)?;
    if id.is_nil() {
        return Ok(());
    }
    let found = auth.read(move |tx| Ok(sessions::by_id(tx, id)?)).await?;
    let lives = |session: Session| session.not_after.is_none_or(|end| end > now());
    if found.is_some_and(lives) { Ok(()) } else { Err(expired()) }
}

fn demand_role(auth: &Auth, call: &Call<'_>) -> Result<()> {
    let not_admin = || Refusal::new(403, "not_admin", "User not allowed");
    match &call.bearer {
        Bearer::Missing => match &call.key_role {
            Some(role) if auth.is_admin_role(role) => Ok(()),
            _ => Err(no_token()),
        },
        Bearer::Key(role) if auth.is_admin_role(role) => Ok(()),
        Bearer::Key(_) => Err(not_admin()),
        Bearer::Invalid(reason) => Err(invalid_token(reason)),
        Bearer::Token(claims) => match claims.get("role").and_then(Value::as_str) {
            Some(role) if auth.is_admin_role(role) => Ok(()),
            _ => Err(not_admin()),
        },
    }
}
