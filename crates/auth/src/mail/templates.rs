//! Templates of mails: ours, or the project's from `templates/`.
//!
//! People bring templates in the form that GoTrue reads (`{{ .ConfirmationURL }}`, `{{ if .Data.x }}`).
//! These few forms are rewritten to minijinja's before they are read.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use regex::{Captures, Regex};

use super::Written;
use super::letters::{Letter, MailKind};

/// A template of the project.
#[derive(Debug, Clone, Default)]
pub struct Template {
    /// The subject; empty for ours.
    pub subject: String,
    /// The page; empty for ours.
    pub html: String,
}

/// All templates.
pub(super) struct Templates {
    environment: Environment<'static>,
    project: String,
}

/// What our own mail of a kind says: subject, title, sentence, label of the button.
fn words(kind: MailKind) -> [&'static str; 4] {
    match kind {
        MailKind::Confirmation => [
            "Confirm your e-mail address",
            "Confirm your e-mail address",
            "Thank you for signing up. Confirm that this address is yours, and your account is ready.",
            "Confirm address",
        ],
        MailKind::Invite => [
            "You have been invited",
            "You have been invited",
            "Somebody made an account for you. Accept the invitation to use it.",
            "Accept invitation",
        ],
        MailKind::MagicLink => [
            "Your sign-in link",
            "Sign in",
            "Use this link or code to sign in. If you did not ask for it, you can ignore this mail.",
            "Sign in",
        ],
        MailKind::Recovery => [
            "Reset your password",
            "Reset your password",
            "Somebody asked to reset the password of this account. If it was not you, you can ignore this mail: nothing has changed.",
            "Choose a new password",
        ],
        MailKind::EmailChange => [
            "Confirm the change of your e-mail address",
            "Confirm the change of your e-mail address",
            "Somebody asked to change the e-mail address of this account. Confirm it if it was you.",
            "Confirm change",
        ],
        MailKind::Reauthentication => [
            "Your confirmation code",
            "Confirm that it is you",
            "Enter this code to go on. If you did not ask for it, change your password.",
            "",
        ],
    }
}

impl Templates {
    /// Reads the project's templates; where there is none, ours is taken.
    ///
    /// # Errors
    /// A template that cannot be read, with its name and line.
    pub(super) fn new(
        project: String,
        theirs: &BTreeMap<String, Template>,
    ) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        // Values are escaped in pages; subjects and plain texts are no markup.
        environment.set_auto_escape_callback(|name| {
            if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
        });
        for kind in MailKind::ALL {
            let name = kind.name();
            let given = theirs.get(name).cloned().unwrap_or_default();
            let or_ours = |given: String, ours: &str| {
                if given.is_empty() { ours.to_owned() } else { rewritten(&given) }
            };
            for (part, text) in [
                ("subject", or_ours(given.subject, words(kind)[0])),
                ("html", or_ours(given.html, include_str!("templates/layout.html"))),
                ("txt", include_str!("templates/layout.txt").to_owned()),
            ] {
                environment
                    .add_template_owned(format!("{name}.{part}"), text)
                    .map_err(|error| format!("the template `{name}`: {error:#}"))?;
            }
        }
        Ok(Self { environment, project })
    }

    /// Writes a letter.
    pub(super) fn write(&self, letter: &Letter) -> Result<Written, String> {
        let [_, title, sentence, button] = words(letter.kind);
        let shown = context! {
            SiteURL => letter.site_url,
            ConfirmationURL => letter.link,
            Email => letter.email,
            NewEmail => letter.new_email,
            SendingTo => letter.to,
            Token => letter.code,
            TokenHash => letter.token,
            Data => letter.data,
            RedirectTo => letter.redirect_to,
            Project => self.project,
            Title => title,
            Sentence => sentence,
            Button => button,
        };
        let part = |part: &str| {
            self.environment
                .get_template(&format!("{}.{part}", letter.kind.name()))
                .and_then(|template| template.render(&shown))
                .map_err(|error| format!("the template `{}`: {error:#}", letter.kind.name()))
        };
        Ok(Written {
            to: letter.to.clone(),
            subject: part("subject")?.replace(['\r', '\n'], " "),
            html: part("html")?,
            text: part("txt")?,
        })
    }
}

static ACTION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\{\{-?\s*([^{}]*?)\s*-?\}\}").ok());

/// Go's template forms as minijinja's.
pub(crate) fn rewritten(text: &str) -> String {
    let Some(action) = ACTION.as_ref() else { return text.to_owned() };
    let replace = |found: &Captures<'_>| -> String {
        let (whole, inner) = (&found[0], &found[1]);
        let (word, rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        match word {
            "if" => format!("{{% if {} %}}", condition(rest)),
            "else" if rest.trim_start().starts_with("if ") => {
                format!("{{% elif {} %}}", condition(rest.trim_start().trim_start_matches("if ")))
            }
            "else" => "{% else %}".to_owned(),
            "end" => "{% endif %}".to_owned(),
            _ if inner.starts_with('.') => format!("{{{{ {} }}}}", path(inner)),
            _ => whole.to_owned(),
        }
    };
    action.replace_all(text, replace).into_owned()
}

/// `.Data.name` → `Data.name`.
fn path(text: &str) -> &str {
    text.trim().trim_start_matches('.')
}

/// `.X`, `not .X`, `eq .X "y"`, `ne .X "y"`.
fn condition(text: &str) -> String {
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let compared = |sign: &str| {
        let (left, right) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest, "\"\""));
        format!("{} {sign} {}", path(left), path(right))
    };
    match word {
        "not" => format!("not {}", path(rest)),
        "eq" => compared("=="),
        "ne" => compared("!="),
        _ => path(text).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(data: serde_json::Value) -> Letter {
        Letter {
            kind: MailKind::Recovery,
            user: uuid::Uuid::nil(),
            to: "ann@example.com".to_owned(),
            email: "ann@example.com".to_owned(),
            new_email: String::new(),
            code: "123456".to_owned(),
            token: "abc".to_owned(),
            link: "https://x.example/auth/v1/verify?token=abc&type=recovery".to_owned(),
            redirect_to: String::new(),
            site_url: "https://x.example".to_owned(),
            data: data.as_object().cloned().unwrap_or_default(),
        }
    }

    fn written(html: &str, data: serde_json::Value) -> String {
        let template = Template { html: html.to_owned(), ..Template::default() };
        let theirs = BTreeMap::from([("recovery".to_owned(), template)]);
        Templates::new("Shop".to_owned(), &theirs).unwrap().write(&letter(data)).unwrap().html
    }

    #[test]
    fn the_forms_that_people_bring_are_read() {
        let template =
            "{{ .Token }}{{if .Data.name}} for {{ .Data.name }}{{ else }} for you{{ end }}";
        assert_eq!(written(template, serde_json::json!({"name": "Ann"})), "123456 for Ann");
        assert_eq!(written(template, serde_json::json!({})), "123456 for you");
        assert_eq!(
            written("{{- if eq .Data.x \"y\" -}}1{{- end -}}", serde_json::json!({"x": "y"})),
            "1"
        );
    }

    #[test]
    fn a06_what_a_user_wrote_is_inert() {
        let data = serde_json::json!({"name": "<img src=x>{{ 7 * 7 }}{% raw %}"});
        let html = written("<b>{{ .Data.name }}</b>", data);
        assert!(html.contains("&lt;img src=x&gt;{{ 7 * 7 }}{% raw %}"), "{html}");
    }

    #[test]
    fn our_own_mails_hold_the_link_and_the_code() {
        let templates = Templates::new("Shop".to_owned(), &BTreeMap::new()).unwrap();
        let mail = templates.write(&letter(serde_json::json!({}))).unwrap();
        assert_eq!(mail.subject, "Reset your password");
        for part in [&mail.html, &mail.text] {
            assert!(part.contains("123456") && part.contains("verify?token=abc"), "{part}");
        }
    }
}
