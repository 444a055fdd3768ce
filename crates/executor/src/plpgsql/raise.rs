//! `RAISE`.

use backstay_model::{About, Error, Result};
use backstay_pgsql::plpgsql::{FragmentId, Raise, RaiseLevel, RaiseOption, RaiseWhat, conditions};

use super::Interpreter;

/// The code of a `RAISE EXCEPTION` that names none.
const RAISED: &str = "P0001";

/// What the options of a `RAISE` say.
#[derive(Default)]
struct Said {
    code: Option<String>,
    /// The condition as it was written: the message where there is no other.
    condition: Option<String>,
    message: Option<String>,
    detail: Option<String>,
    hint: Option<String>,
    about: About,
}

impl Interpreter<'_> {
    pub(super) fn raise(&mut self, raise: &Raise) -> Result<()> {
        let mut said = Said::default();
        match &raise.what {
            RaiseWhat::Again => {
                let error = self.handled.last().cloned();
                return Err(error.unwrap_or_else(|| {
                    Error::new(
                        "0Z002",
                        "RAISE without parameters cannot be used outside an exception handler",
                    )
                }));
            }
            RaiseWhat::Format(format, values) => {
                said.message = Some(self.formatted(format, values)?);
            }
            RaiseWhat::Condition(name, code) => {
                said.condition = Some(name.clone());
                said.code = Some(code.clone());
            }
            RaiseWhat::Options => {}
        }
        for (option, id) in &raise.options {
            self.option(&mut said, *option, *id)?;
        }
        let code = said.code.unwrap_or_else(|| RAISED.to_owned());
        let message = said.message.or(said.condition).unwrap_or_else(|| code.clone());
        if let RaiseLevel::Message(level) = raise.level {
            return self.world.with(&mut |scope, _| {
                if let Some(run) = &scope.run {
                    run.state.notice(level, &message);
                }
                Ok(())
            });
        }
        let mut error = Error::new(code, message);
        if let Some(detail) = said.detail {
            error = error.with_details(detail);
        }
        error.hint = said.hint;
        if said.about != About::default() {
            error = error.about(said.about);
        }
        Err(error)
    }

    fn formatted(&self, format: &str, values: &[FragmentId]) -> Result<String> {
        let mut text = String::new();
        let mut values = values.iter();
        let mut chars = format.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' || chars.next_if_eq(&'%').is_some() {
                text.push(c);
            } else if let Some(id) = values.next() {
                let (value, shape) = self.value(*id)?;
                match self.text(value, &shape)? {
                    Some(value) => text.push_str(&value),
                    None => text.push_str("<NULL>"),
                }
            }
        }
        Ok(text)
    }

    fn option(&self, said: &mut Said, option: RaiseOption, id: FragmentId) -> Result<()> {
        let (value, shape) = self.value(id)?;
        let Some(text) = self.text(value, &shape)? else {
            return Err(Error::new("22004", "RAISE statement option cannot be null"));
        };
        let (place, name) = match option {
            RaiseOption::Errcode => {
                if said.code.is_some() {
                    return Err(twice("ERRCODE"));
                }
                let code = if conditions::is_sqlstate(&text) {
                    text.clone()
                } else {
                    let known = conditions::codes(&text).next();
                    known.map(str::to_owned).ok_or_else(|| {
                        let message = format!("unrecognized exception condition \"{text}\"");
                        Error::new("42704", message)
                    })?
                };
                said.code = Some(code);
                said.condition = Some(text);
                return Ok(());
            }
            RaiseOption::Message => (&mut said.message, "MESSAGE"),
            RaiseOption::Detail => (&mut said.detail, "DETAIL"),
            RaiseOption::Hint => (&mut said.hint, "HINT"),
            RaiseOption::Column => (&mut said.about.column, "COLUMN"),
            RaiseOption::Constraint => (&mut said.about.constraint, "CONSTRAINT"),
            RaiseOption::Datatype => (&mut said.about.datatype, "DATATYPE"),
            RaiseOption::Table => (&mut said.about.table, "TABLE"),
            RaiseOption::Schema => (&mut said.about.schema, "SCHEMA"),
        };
        if place.is_some() {
            return Err(twice(name));
        }
        *place = Some(text);
        Ok(())
    }
}

fn twice(option: &str) -> Error {
    Error::new("42601", format!("RAISE option already specified: {option}"))
}
