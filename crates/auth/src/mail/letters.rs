//! What a mail says.

use url::form_urlencoded::byte_serialize;
use uuid::Uuid;

use crate::auth::Auth;
use crate::codes::Issued;
use crate::tables::users::User;
use crate::values::Object;

/// A kind of mail; each has a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailKind {
    Confirmation,
    Invite,
    MagicLink,
    Recovery,
    EmailChange,
    Reauthentication,
}

impl MailKind {
    pub(crate) const ALL: [Self; 6] = [
        Self::Confirmation,
        Self::Invite,
        Self::MagicLink,
        Self::Recovery,
        Self::EmailChange,
        Self::Reauthentication,
    ];

    /// The name of its template.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation",
            Self::Invite => "invite",
            Self::MagicLink => "magic_link",
            Self::Recovery => "recovery",
            Self::EmailChange => "email_change",
            Self::Reauthentication => "reauthentication",
        }
    }

    /// The `type` of its link; none for a mail without one.
    pub(crate) fn link_type(self) -> Option<&'static str> {
        match self {
            Self::Confirmation => Some("signup"),
            Self::Invite => Some("invite"),
            Self::MagicLink => Some("magiclink"),
            Self::Recovery => Some("recovery"),
            Self::EmailChange => Some("email_change"),
            Self::Reauthentication => None,
        }
    }
}

/// A mail with what its template may show.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) kind: MailKind,
    /// Whose account it is about.
    pub(crate) user: Uuid,
    pub(crate) to: String,
    pub(crate) email: String,
    pub(crate) new_email: String,
    pub(crate) code: String,
    pub(crate) token: String,
    pub(crate) link: String,
    pub(crate) redirect_to: String,
    pub(crate) site_url: String,
    pub(crate) data: Object,
}

impl Letter {
    /// A letter to `to` about the account with the address `email`.
    pub(crate) fn new(
        auth: &Auth,
        kind: MailKind,
        (to, email): (&str, &str),
        issued: &Issued,
        redirect_to: &str,
    ) -> Self {
        Self {
            kind,
            user: Uuid::nil(),
            to: to.to_owned(),
            email: email.to_owned(),
            new_email: String::new(),
            code: issued.code.clone(),
            token: issued.token.clone(),
            link: link(&auth.settings.external_url, &issued.token, kind.link_type(), redirect_to),
            redirect_to: redirect_to.to_owned(),
            site_url: auth.settings.site_url.clone(),
            data: Object::new(),
        }
    }

    /// About this user; the template may show their metadata.
    pub(crate) fn about(mut self, user: &User) -> Self {
        self.user = user.id;
        self.data.clone_from(&user.user_metadata);
        self
    }

    /// With the address that the account changes to.
    pub(crate) fn changing_to(mut self, email: &str) -> Self {
        email.clone_into(&mut self.new_email);
        self
    }
}

/// The link that uses the token up.
pub(crate) fn link(
    external_url: &str,
    token: &str,
    kind: Option<&str>,
    redirect_to: &str,
) -> String {
    let Some(kind) = kind else { return String::new() };
    let base = external_url.trim_end_matches('/');
    let target: String = byte_serialize(redirect_to.as_bytes()).collect();
    format!("{base}/verify?token={token}&type={kind}&redirect_to={target}")
}
