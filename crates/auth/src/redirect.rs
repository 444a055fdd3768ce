//! Where a browser may be sent: the site, and what the allow list matches.
//!
//! Source: auth.md 7.2 of the protocol notes.

use std::net::IpAddr;

use regex::Regex;
use url::{Host, Url};

use crate::pages::{Pages, is_page};

/// Limit: bytes of a target.
const LENGTH_MAX: usize = 4096;

/// Decides where a browser may be sent.
pub(crate) struct Redirects {
    site: String,
    site_url: Option<Url>,
    allowed: Vec<Regex>,
    /// The address that our own pages are below, where there are any.
    pages: Option<String>,
}

impl Redirects {
    /// The site and the globs of further targets; a glob that cannot be read matches nothing.
    pub(crate) fn new(site: &str, globs: &[String]) -> Self {
        let allowed = globs.iter().filter_map(|glob| pattern(glob)).collect();
        Self { site: site.to_owned(), site_url: Url::parse(site).ok(), allowed, pages: None }
    }

    /// Our own pages, to which links in mails lead.
    pub(crate) fn with_pages(mut self, pages: &Pages) -> Self {
        self.pages = pages.is_enabled().then(|| pages.base.clone());
        self
    }

    /// The first of the wanted targets if it is allowed, else the site.
    pub(crate) fn choose<'t>(&self, wanted: impl IntoIterator<Item = Option<&'t str>>) -> String {
        let first = wanted.into_iter().flatten().find(|target| !target.is_empty());
        match first {
            Some(target) if self.allows(target) => target.to_owned(),
            _ => self.site.clone(),
        }
    }

    /// May a browser be sent there?
    pub(crate) fn allows(&self, target: &str) -> bool {
        let plain = target.len() <= LENGTH_MAX
            && target.bytes().all(|b| b > b' ' && b != 0x7f && b != b'\\');
        let Some(url) = Url::parse(target).ok().filter(|_| plain) else { return false };
        if !is_decent(target, &url) {
            return false;
        }
        if self.site_url.as_ref().is_some_and(|site| is_same_site(site, &url)) {
            return true;
        }
        if self.pages.as_deref().is_some_and(|base| is_page(base, target)) {
            return true;
        }
        let bare = target.split_once('#').map_or(target, |(bare, _)| bare);
        self.allowed.iter().any(|glob| glob.is_match(bare))
    }
}

/// Refuses what could be read in two ways, and schemes that run scripts.
fn is_decent(target: &str, url: &Url) -> bool {
    if matches!(url.scheme(), "javascript" | "data" | "vbscript" | "file" | "blob" | "about") {
        return false;
    }
    if !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    if !matches!(url.scheme(), "http" | "https") {
        return true;
    }
    // The host as it was written, not as the parser mends it: `http://0x7f.1/` is no name.
    let Some((_, rest)) = target.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match url.host() {
        Some(Host::Ipv4(address)) => {
            IpAddr::V4(address).is_loopback() && authority.starts_with(&address.to_string())
        }
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => {
            name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
                && authority.to_ascii_lowercase().starts_with(name)
        }
        None => false,
    }
}

fn is_same_site(site: &Url, url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    site.scheme() == url.scheme()
        && site.host() == url.host()
        && site.host().is_some()
        && (loopback || site.port_or_known_default() == url.port_or_known_default())
}

/// A glob as a regular expression: `*` and `?` stop at dots and slashes, `**` does not.
fn pattern(glob: &str) -> Option<Regex> {
    let mut out = String::from("^(?s:");
    let mut chars = glob.chars().peekable();
    let mut depth = 0_u32;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                out.push_str(".*");
            }
            '*' => out.push_str("[^./]*"),
            '?' => out.push_str("[^./]"),
            '[' => {
                out.push('[');
                if chars.peek() == Some(&'!') {
                    chars.next();
                    out.push('^');
                }
                for c in chars.by_ref().take_while(|c| *c != ']') {
                    if matches!(c, '\\' | '[' | '^' | '&' | '~') {
                        out.push('\\');
                    }
                    out.push(c);
                }
                out.push(']');
            }
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            '\\' => out.push_str(&regex::escape(&chars.next()?.to_string())),
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    out.push_str(")$");
    Regex::new(&out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = "https://good.example";

    fn chosen(globs: &[&str], target: &str) -> bool {
        let globs: Vec<String> = globs.iter().map(|&glob| glob.to_owned()).collect();
        Redirects::new(SITE, &globs).choose([Some(target)]) == target
    }

    #[test]
    fn the_site_and_what_the_list_matches() {
        assert!(chosen(&[], "https://good.example/welcome?x=1"));
        assert!(chosen(&["https://*.good.example/**"], "https://app.good.example/a/b"));
        assert!(chosen(&["myapp://**"], "myapp://login/callback"));
        assert!(chosen(&["http://localhost:3000/*"], "http://localhost:3000/cb#x"));
        assert!(chosen(&["https://{a,b}.example/x?"], "https://b.example/x1"));
        assert!(!chosen(&["https://*.good.example/"], "https://a.b.good.example/"));
        assert!(!chosen(&["https://good.example/*"], "https://other.example/x"));
    }

    #[test]
    fn a19_everything_else_becomes_the_site() {
        let globs = &["https://good.example/**", "http://127.0.0.1:3000/**"];
        for target in [
            "https://good.example@evil.example/",
            "https://good.example.evil.example/",
            "//evil.example",
            "\\\\evil.example",
            "https:evil.example",
            "https:\\\\evil.example",
            "https://evil.example/#https://good.example/",
            "https://evil.example?https://good.example/",
            "https://good.example\t.evil.example/",
            "https://good.example\n/",
            "https://good.example\\@evil.example/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://[::ffff:8.8.8.8]/",
            "http://8.8.8.8/",
            "javascript:alert(1)//https://good.example/",
            "data:text/html,x",
            "https://good%2eexample.evil/",
            "https://evil%2eexample/",
            "http://good.example/",
            "https://good.example:444/",
            "",
        ] {
            assert!(!chosen(globs, target) || target.is_empty(), "{target:?}");
        }
        assert!(!chosen(&[], &format!("https://good.example/{}", "a".repeat(5000))));
        assert!(chosen(&[], "HTTPS://GOOD.EXAMPLE/x"));
    }
}
