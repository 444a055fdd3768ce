//! Access control lists as PostgreSQL prints them: `"some role"=ar*w/owner`.

use backstay_catalog::{Acl, Catalog, PUBLIC, Privilege};

/// One entry: who, and what.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) grantee: String,
    pub(super) privileges: Vec<Privilege>,
}

/// What kind of object a list belongs to, as `pg_default_acl.defaclobjtype` writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    Relation,
    Sequence,
    Function,
    Type,
    Schema,
}

impl Object {
    fn letter(self) -> char {
        match self {
            Self::Relation => 'r',
            Self::Sequence => 'S',
            Self::Function => 'f',
            Self::Type => 'T',
            Self::Schema => 'n',
        }
    }

    /// What everybody may do with a new object, unless default privileges say otherwise.
    fn open_to_all(self) -> Option<Privilege> {
        match self {
            Self::Function => Some(Privilege::Execute),
            Self::Type => Some(Privilege::Usage),
            Self::Relation | Self::Sequence | Self::Schema => None,
        }
    }
}

/// Reads one entry. Privileges that nothing here asks for (`MAINTAIN`, `TEMPORARY`…) are left out.
pub(super) fn item(text: &str) -> Item {
    let (grantee, rest) = grantee(text);
    let letters = rest.split('/').next().unwrap_or_default();
    let privileges = letters.chars().filter_map(privilege).collect();
    let grantee = if grantee.is_empty() { PUBLIC.to_owned() } else { grantee };
    Item { grantee, privileges }
}

/// The name before `=`, which is quoted where it holds more than letters and digits.
fn grantee(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (name, rest) = text.split_once('=').unwrap_or((text, ""));
        return (name.to_owned(), rest);
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            name.push(c);
        } else if chars.next_if(|(_, next)| *next == '"').is_some() {
            name.push('"');
        } else {
            let rest = quoted.get(at + 1..).unwrap_or_default();
            return (name, rest.strip_prefix('=').unwrap_or(rest));
        }
    }
    (name, "")
}

fn privilege(letter: char) -> Option<Privilege> {
    Some(match letter {
        'r' => Privilege::Select,
        'a' => Privilege::Insert,
        'w' => Privilege::Update,
        'd' => Privilege::Delete,
        'D' => Privilege::Truncate,
        'x' => Privilege::References,
        't' => Privilege::Trigger,
        'U' => Privilege::Usage,
        'X' => Privilege::Execute,
        'C' => Privilege::Create,
        _ => return None,
    })
}

/// The list of an object. The owner's own entries are left out, as the owner needs none. What new
/// objects of this owner get anyway counts as given by default.
pub(super) fn list(
    catalog: &Catalog,
    object: Object,
    schema: &str,
    owner: &str,
    texts: &[String],
) -> Acl {
    let by_default = |grantee: &str, privilege: Privilege| {
        (grantee == PUBLIC && object.open_to_all() == Some(privilege))
            || catalog.default_privileges.iter().any(|known| {
                known.object == object.letter()
                    && known.owner == owner
                    && known.schema.as_deref().is_none_or(|within| within == schema)
                    && known.grantee == grantee
                    && known.privileges.contains(&privilege)
            })
    };
    let mut acl = Acl::default();
    for item in texts.iter().map(|text| item(text)).filter(|item| item.grantee != owner) {
        for privilege in item.privileges {
            if by_default(&item.grantee, privilege) {
                acl.grant_by_default(&item.grantee, privilege);
            } else {
                acl.grant(&item.grantee, privilege, None);
            }
        }
    }
    acl
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, grantee: &str, privileges: &[Privilege]) {
        assert_eq!(item(text), Item { grantee: grantee.to_owned(), privileges: privileges.into() });
    }

    #[test]
    fn entries_are_read_as_postgresql_prints_them() {
        use Privilege::{Execute, Insert, Select, Usage};
        check("anon=ar/postgres", "anon", &[Insert, Select]);
        check("=X/postgres", PUBLIC, &[Execute]);
        check("\"a \"\"b\"\" = c\"=U*/postgres", "a \"b\" = c", &[Usage]);
        check("anon=mr/postgres", "anon", &[Select]);
    }
}
