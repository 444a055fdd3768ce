//! Types: from oids to the model's types, and the definitions of those that are not built in.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use backstay_catalog::{Catalog, CheckConstraint, Domain, TypeDefinition, TypeKind};
use backstay_expr::{Expr, RelationId};
use backstay_model::{EnumType, Modifier, Type, TypeId};
use tokio_postgres::{Error, Row};

use super::acl::{self, Object};
use super::{Rows, objects};

/// Types by oid.
pub(super) struct Types(HashMap<u32, Type>);

impl Types {
    /// The type with this oid.
    pub(super) fn get(&self, oid: u32) -> Type {
        self.0.get(&oid).cloned().unwrap_or(Type::Other(TypeId(oid)))
    }

    /// A type with its modifier, as a column or domain has them.
    pub(super) fn with_modifier(&self, oid: u32, modifier: i32) -> (Type, Option<Modifier>) {
        let ty = self.get(oid);
        let modifier = read_modifier(ty.element().unwrap_or(&ty), modifier);
        (ty, modifier)
    }
}

/// Puts the types that are not built in into the catalogue.
pub(super) fn fill(catalog: &mut Catalog, rows: &Rows) -> Result<Types, Error> {
    let mut known = HashMap::new();
    for row in &rows.types {
        if row.try_get::<_, Option<u32>>("element")?.is_none() {
            known.insert(row.try_get("oid")?, simple(row)?);
        }
    }
    for row in &rows.types {
        if let Some(element) = row.try_get::<_, Option<u32>>("element")? {
            let element = known.get(&element).cloned().unwrap_or(Type::Other(TypeId(element)));
            known.insert(row.try_get("oid")?, element.array_of());
        }
    }
    let types = Types(known);
    let mut fields = fields(rows, &types)?;
    let mut checks = checks(rows)?;
    for row in &rows.types {
        let oid: u32 = row.try_get("oid")?;
        let kind = match types.get(oid) {
            Type::Enum(_) => TypeKind::Enum(labels(row)?),
            Type::Domain(_) => domain(row, &types, checks.remove(&oid).unwrap_or_default())?,
            Type::Composite(_) => composite(row, &mut fields)?,
            Type::Other(_) => TypeKind::Other { category: objects::letter(row, "category")? },
            _ => continue,
        };
        define(catalog, row, kind)?;
    }
    Ok(types)
}

/// What a type that is no array is.
fn simple(row: &Row) -> Result<Type, Error> {
    let oid: u32 = row.try_get("oid")?;
    let (schema, name): (&str, &str) = (row.try_get("schema")?, row.try_get("name")?);
    let id = TypeId(oid);
    Ok(match row.try_get("kind")? {
        "e" => Type::Enum(id),
        "d" => Type::Domain(id),
        "c" => Type::Composite(id),
        // The one-byte type in quotes is not `character`.
        _ if schema == "pg_catalog" && name != "char" => built_in(name).unwrap_or(Type::Other(id)),
        _ => match (row.try_get::<_, Option<&str>>("extension")?, name) {
            (Some("citext"), "citext") => Type::Citext,
            (Some("vector"), "vector") => Type::Vector,
            _ => Type::Other(id),
        },
    })
}

fn built_in(name: &str) -> Option<Type> {
    if name == "event_trigger" {
        return Some(Type::Trigger);
    }
    Type::from_name(name).filter(|ty| !matches!(ty, Type::Array(_) | Type::Citext | Type::Vector))
}

fn labels(row: &Row) -> Result<EnumType, Error> {
    let labels: Vec<String> = row.try_get("labels")?;
    Ok(EnumType { labels: labels.into_iter().zip(1..).collect() })
}

fn domain(row: &Row, types: &Types, checks: Vec<CheckConstraint>) -> Result<TypeKind, Error> {
    let (base, modifier) = types.with_modifier(row.try_get("base")?, row.try_get("modifier")?);
    let default_text: Option<String> = row.try_get("default_text")?;
    Ok(TypeKind::Domain(Box::new(Domain {
        default: default_text.as_ref().map(|_| Expr::Native { ty: base.clone() }),
        default_text,
        base,
        modifier,
        not_null: row.try_get("not_null")?,
        checks,
    })))
}

type Fields = Vec<(String, Type, Option<Modifier>)>;

fn composite(row: &Row, fields: &mut BTreeMap<u32, Fields>) -> Result<TypeKind, Error> {
    let relation: Option<u32> = row.try_get("relation")?;
    let Some(relation) = relation else { return Ok(TypeKind::Composite(Vec::new())) };
    Ok(match row.try_get("relation_kind")? {
        "c" => TypeKind::Composite(fields.remove(&relation).unwrap_or_default()),
        _ => TypeKind::Row(RelationId(relation)),
    })
}

/// The fields of composite types by the oid of their relation; of tables too, which nobody asks for.
fn fields(rows: &Rows, types: &Types) -> Result<BTreeMap<u32, Fields>, Error> {
    let mut wanted: BTreeMap<u32, Fields> = BTreeMap::new();
    for row in &rows.types {
        if row.try_get::<_, Option<&str>>("relation_kind")? == Some("c") {
            wanted.insert(row.try_get("relation")?, Vec::new());
        }
    }
    for row in &rows.columns {
        if let Some(fields) = wanted.get_mut(&row.try_get("relation")?) {
            let (ty, modifier) =
                types.with_modifier(row.try_get("type")?, row.try_get("modifier")?);
            fields.push((row.try_get("name")?, ty, modifier));
        }
    }
    Ok(wanted)
}

fn checks(rows: &Rows) -> Result<BTreeMap<u32, Vec<CheckConstraint>>, Error> {
    let mut found: BTreeMap<u32, Vec<CheckConstraint>> = BTreeMap::new();
    for row in &rows.constraints {
        let domain: u32 = row.try_get("domain")?;
        if domain != 0 && row.try_get::<_, &str>("kind")? == "c" {
            found.entry(domain).or_default().push(check(row)?);
        }
    }
    Ok(found)
}

/// A check constraint of a table or domain.
pub(super) fn check(row: &Row) -> Result<CheckConstraint, Error> {
    Ok(CheckConstraint {
        name: row.try_get("name")?,
        expr: Expr::Native { ty: Type::Bool },
        text: row.try_get::<_, Option<String>>("text")?.unwrap_or_default(),
        not_valid: row.try_get("not_valid")?,
    })
}

fn define(catalog: &mut Catalog, row: &Row, kind: TypeKind) -> Result<(), Error> {
    let id = TypeId(row.try_get("oid")?);
    let (schema, owner): (String, String) = (row.try_get("schema")?, row.try_get("owner")?);
    let texts: Vec<String> = row.try_get("acl")?;
    let acl = acl::list(catalog, Object::Type, &schema, &owner, &texts);
    let (name, comment) = (row.try_get("name")?, row.try_get("comment")?);
    let definition = TypeDefinition { id, schema, name, kind, owner, acl, comment };
    catalog.types.insert(id, Arc::new(definition));
    Ok(())
}

/// Reads `pg_attribute.atttypmod`.
fn read_modifier(ty: &Type, raw: i32) -> Option<Modifier> {
    let raw = u32::try_from(raw).ok()?;
    let fraction = |digits: u32| u8::try_from(digits).ok().map(Modifier::Fraction);
    match ty {
        Type::Varchar | Type::Char => raw.checked_sub(4).map(Modifier::Length),
        Type::Bit | Type::Varbit | Type::Vector => Some(Modifier::Length(raw)),
        Type::Numeric => {
            let raw = raw.checked_sub(4)?;
            let precision = u16::try_from(raw >> 16).ok()?;
            // The scale has eleven bits with a sign.
            let scale = i16::try_from((raw & 0x7ff) ^ 0x400).ok()? - 0x400;
            Some(Modifier::Precision { precision, scale })
        }
        Type::Time | Type::TimeTz | Type::Timestamp | Type::TimestampTz => fraction(raw),
        // Above the digits stand the fields; all bits set means none given.
        Type::Interval => fraction(raw & 0xffff),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_are_read_as_postgresql_packs_them() {
        let numeric = |precision, scale| Some(Modifier::Precision { precision, scale });
        assert_eq!(read_modifier(&Type::Varchar, 164), Some(Modifier::Length(160)));
        assert_eq!(read_modifier(&Type::Numeric, (10 << 16 | 2) + 4), numeric(10, 2));
        assert_eq!(read_modifier(&Type::Numeric, (5 << 16 | 0x7fd) + 4), numeric(5, -3));
        assert_eq!(read_modifier(&Type::TimestampTz, 3), Some(Modifier::Fraction(3)));
        assert_eq!(read_modifier(&Type::Interval, 0x7fff_ffff), None);
        assert_eq!(read_modifier(&Type::Text, -1), None);
    }
}
