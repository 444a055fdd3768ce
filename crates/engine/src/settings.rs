//! Run-time settings of a session.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

/// The text of a setting. Every request brings ten of them and reads one or two, so texts are shared,
/// and those that are dear are made when they are asked for.
#[derive(Debug, Clone)]
pub enum Setting {
    /// Known at compile time.
    Fixed(&'static str),
    /// Shared with others.
    Text(Arc<str>),
    /// Made at the first look.
    Lazy(Arc<LazyText>),
}

/// A text that is made at the first look.
pub type LazyText = LazyLock<String, Box<dyn FnOnce() -> String + Send + Sync>>;

impl Setting {
    /// A text that `make` makes at the first look.
    pub fn lazy(make: impl FnOnce() -> String + Send + Sync + 'static) -> Self {
        Self::Lazy(Arc::new(LazyLock::new(Box::new(make))))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Fixed(text) => text,
            Self::Text(text) => text,
            Self::Lazy(text) => text,
        }
    }
}

impl From<&'static str> for Setting {
    fn from(text: &'static str) -> Self {
        Self::Fixed(text)
    }
}

impl From<String> for Setting {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Arc<str>> for Setting {
    fn from(text: Arc<str>) -> Self {
        Self::Text(text)
    }
}

/// Settings by their names, which are in lower case: `request.jwt.claims`, `request.method`,
/// `search_path`, `timezone`, `app.settings.…`.
#[derive(Debug, Clone, Default)]
pub struct Settings(Vec<(Cow<'static, str>, Setting)>);

impl Settings {
    /// No settings, with room for some.
    pub fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    /// The text of a setting.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut named = self.0.iter().filter(|(known, _)| known == name);
        named.next().map(|(_, setting)| setting.as_str())
    }

    /// Sets or replaces a setting.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, setting: impl Into<Setting>) {
        let (name, setting) = (name.into(), setting.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = setting,
            None => self.0.push((name, setting)),
        }
    }

    /// Names and texts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, setting)| (&**name, setting.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lazy_text_is_made_once_and_only_when_it_is_read() {
        let made = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let count = Arc::clone(&made);
        let mut settings = Settings::default();
        settings.set(
            "request.headers",
            Setting::lazy(move || {
                count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                "{}".to_owned()
            }),
        );
        let copy = settings.clone();
        assert_eq!(made.load(std::sync::atomic::Ordering::Relaxed), 0);
        assert_eq!(settings.get("request.headers"), Some("{}"));
        assert_eq!(copy.get("request.headers"), Some("{}"));
        assert_eq!(made.load(std::sync::atomic::Ordering::Relaxed), 1);
    }

    #[test]
    fn the_last_text_of_a_name_holds() {
        let mut settings = Settings::default();
        settings.set("role", "anon");
        settings.set("role", "authenticated".to_owned());
        assert_eq!(settings.iter().collect::<Vec<_>>(), [("role", "authenticated")]);
    }
}
