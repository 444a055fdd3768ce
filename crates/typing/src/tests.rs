//! Resolution held to PostgreSQL's answers.

use std::sync::Arc;

use backstay_catalog::{Acl, Catalog, Domain, SearchPath, TypeDefinition, TypeKind};
use backstay_expr::Expr;
use backstay_model::{EnumType, Result, Type, TypeId, Value};

use crate::{CastContext, Resolver};

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let labels = vec![("draft".to_owned(), 1), ("sold".to_owned(), 2)];
    let domain = Domain {
        base: Type::Int4,
        modifier: None,
        not_null: false,
        default: None,
        default_text: None,
        checks: Vec::new(),
    };
    let kinds = [
        (10, "state", TypeKind::Enum(EnumType { labels })),
        (11, "posint", TypeKind::Domain(Box::new(domain))),
    ];
    for (id, name, kind) in kinds {
        let definition = TypeDefinition {
            id: TypeId(id),
            schema: "public".to_owned(),
            name: name.to_owned(),
            kind,
            owner: "postgres".to_owned(),
            acl: Acl::default(),
            comment: None,
        };
        catalog.types.insert(TypeId(id), Arc::new(definition));
    }
    catalog
}

fn named(name: &str) -> Type {
    match name {
        "state" => Type::Enum(TypeId(10)),
        "posint" => Type::Domain(TypeId(11)),
        _ => match name.strip_suffix("[]") {
            Some(element) => named(element).array_of(),
            None => Type::from_name(name).unwrap(),
        },
    }
}

/// Runs `answer` over lines `input => expected`, where an error is its code.
fn check(lines: &str, answer: impl Fn(&Resolver<'_>, &str) -> Result<Type>) {
    let catalog = catalog();
    let path = SearchPath::of_migrations();
    let resolver = Resolver::new(&catalog, &path);
    for line in lines.lines() {
        let (input, expected) = line.split_once(" => ").unwrap();
        let ours = match answer(&resolver, input) {
            Ok(ty) => resolver.name(&ty),
            Err(error) => error.code.to_string(),
        };
        assert_eq!(ours, expected, "for {input}");
    }
}

#[test]
fn operators_resolve_as_in_postgresql() {
    check(include_str!("tests/operators.txt"), |resolver, input| {
        let words: Vec<&str> = input.split(' ').collect();
        // The operator is the one word without letters or brackets.
        let at = words.iter().position(|word| !word.contains(char::is_alphabetic)).unwrap();
        let (left, right) = (words[..at].join(" "), words[at + 1..].join(" "));
        Ok(resolver.find_operator(words[at], &named(&left), &named(&right))?.result)
    });
}

#[test]
fn common_types_are_chosen_as_in_postgresql() {
    check(include_str!("tests/common.txt"), |resolver, input| {
        let (left, right) = input.split_once(" , ").unwrap();
        let types = [named(left), named(right)];
        let common = resolver.common_type("COALESCE", &types)?;
        for ty in types {
            resolver.coerce_to_common("COALESCE", Expr::null(ty), &common)?;
        }
        Ok(common)
    });
}

fn refusal(result: Result<impl Sized>) -> (String, Option<String>) {
    let error = result.err().unwrap();
    (error.to_string(), error.hint)
}

#[test]
fn a_missing_operator_is_told_with_its_types() {
    let (catalog, path) = (catalog(), SearchPath::of_migrations());
    let resolver = Resolver::new(&catalog, &path);
    let hint = "No operator matches the given name and argument types. You might need to add explicit type casts.";
    assert_eq!(
        refusal(resolver.find_operator("~~", &Type::Int4, &Type::Unknown)),
        ("operator does not exist: integer ~~ unknown (42883)".to_owned(), Some(hint.to_owned()))
    );
    assert_eq!(
        refusal(resolver.find_operator("=", &Type::Json, &Type::Unknown)).0,
        "operator does not exist: json = unknown (42883)"
    );
    assert_eq!(
        refusal(resolver.find_operator("+", &Type::Unknown, &Type::Unknown)).0,
        "operator is not unique: unknown + unknown (42725)"
    );
}

#[test]
fn casts_follow_their_context() {
    let (catalog, path) = (catalog(), SearchPath::of_migrations());
    let resolver = Resolver::new(&catalog, &path);
    let allowed = |from: &str, to: &str| {
        [CastContext::Implicit, CastContext::Assignment, CastContext::Explicit]
            .map(|context| resolver.can_coerce(&named(from), &named(to), context))
    };
    assert_eq!(allowed("integer", "bigint"), [true, true, true]);
    assert_eq!(allowed("bigint", "integer"), [false, true, true]);
    assert_eq!(allowed("integer", "text"), [false, true, true]);
    assert_eq!(allowed("text", "integer"), [false, false, true]);
    assert_eq!(allowed("integer", "boolean"), [false, false, true]);
    assert_eq!(allowed("text", "state"), [false, false, true]);
    assert_eq!(allowed("posint", "bigint"), [true, true, true]);
    assert_eq!(allowed("integer[]", "text[]"), [false, true, true]);
    assert_eq!(allowed("boolean", "date"), [false, false, false]);
    assert_eq!(
        refusal(resolver.coerce(Expr::bool(true), &Type::Date, None, CastContext::Explicit)).0,
        "cannot cast type boolean to date (42846)"
    );
}

#[test]
fn literals_are_read_as_the_type_they_get() {
    let (catalog, path) = (catalog(), SearchPath::of_migrations());
    let resolver = Resolver::new(&catalog, &path);
    let unknown = |text: &str| Expr::constant(Value::text(text), Type::Unknown);
    let explicit = CastContext::Explicit;
    let read = |text: &str, ty: &str| resolver.coerce(unknown(text), &named(ty), None, explicit);
    assert_eq!(read("7", "integer").unwrap(), Expr::constant(Value::Int(7), Type::Int4));
    assert_eq!(read("sold", "state").unwrap(), Expr::constant(Value::Enum(2), named("state")));
    assert!(matches!(read("3", "posint").unwrap(), Expr::Cast { ty: Type::Domain(_), .. }));
    assert_eq!(refusal(read("x", "state")).0, "invalid input value for enum state: \"x\" (22P02)");
    // The present is not frozen into a tree.
    assert!(matches!(read("now", "timestamptz").unwrap(), Expr::Cast { .. }));
}
