//! Bodies of functions, expressions over rows, text of expressions.

use backstay_catalog::{Returns, SearchPath};
use backstay_model::{Type, TypeId};
use pg_query::NodeEnum;

use super::{fixture, show};
use crate::{
    BindArgument, BindOptions, Binder, Clause, bind_routine_body, expression_text,
    parse_expression, parse_one,
};

fn body(source: &str, arguments: &[(&str, Type)], returns: Returns) -> String {
    let arguments =
        arguments.iter().map(|(name, ty)| fixture::argument(name, ty.clone())).collect();
    let mut routine = fixture::routine(50, "g", arguments, returns);
    source.clone_into(&mut routine.source);
    let (catalog, path) = (fixture::catalog(), SearchPath::of_migrations());
    match bind_routine_body(&catalog, &path, &routine, None) {
        Ok(statements) => statements.iter().map(show::statement).collect::<Vec<_>>().join("; "),
        Err(error) => format!("{error} {:?}", error.details),
    }
}

#[test]
fn arguments_are_known_by_name_number_and_function() {
    let arguments = [("a", Type::Int4), ("album", Type::Composite(TypeId(2)))];
    assert_eq!(
        body("select a + $1 + g.a + album.id", &arguments, fixture::returns(Type::Int8, false)),
        "select +(integer,bigint)<bigint>[+(integer,integer)<integer>\
         [+(integer,integer)<integer>[arg0, arg0], arg0], arg1.0] ?column?"
    );
    // A column comes before an argument of the same name.
    assert_eq!(
        body(
            "select title from albums where id = id",
            &[("id", Type::Int4)],
            fixture::returns(Type::Text, false)
        ),
        "select r1.2 title from t2 r1 where (r1.1 =:bigint r1.1)"
    );
}

#[test]
fn the_last_statement_is_coerced_to_the_result() {
    assert_eq!(
        body("update artists set name = 'x'; select 1", &[], fixture::returns(Type::Int8, false)),
        "update t1 2='x'::character varying where ; select 1::bigint ?column?"
    );
    let row = Type::Composite(TypeId(1));
    assert_eq!(
        body("select 1, 'x'", &[], fixture::returns(row.clone(), true)),
        "select 1::integer ?column?, 'x'::character varying ?column?"
    );
    assert_eq!(
        body("select a from artists a", &[], fixture::returns(row.clone(), true)),
        "select r2.1.0 id, r2.1.1 name from (select r1.*:t1 a from t1 r1) r2"
    );
    assert_eq!(
        body("delete from artists returning *", &[], fixture::returns(row, true)),
        "delete t1 where "
    );
    assert_eq!(body("", &[], fixture::returns(Type::Void, false)), "");
}

#[test]
fn another_result_than_declared_is_refused() {
    let refused = |source: &str, ty: Type| body(source, &[], fixture::returns(ty, false));
    let message = "return type mismatch in function declared to return integer (42P13)";
    assert_eq!(
        refused("select true", Type::Int4),
        format!("{message} Some(Text(\"Actual return type is boolean.\"))")
    );
    assert_eq!(
        refused("select 1, 2", Type::Int4),
        format!("{message} Some(Text(\"Final statement must return exactly one column.\"))")
    );
    assert!(
        refused("update artists set id = 1", Type::Int4).contains("final statement must be SELECT")
    );
    assert!(refused("", Type::Int4).contains("final statement must be SELECT"));
}

/// Binds an expression over the row of `albums`.
fn over_row(text: &str, clause: Clause) -> String {
    let (catalog, path) = (fixture::catalog(), SearchPath::of_migrations());
    let node = parse_one(&format!("select {text}")).unwrap().node;
    let NodeEnum::SelectStmt(select) = node else { panic!("no select") };
    let Some(NodeEnum::ResTarget(target)) = &select.target_list[0].node else {
        panic!("no target")
    };
    let node = target.val.as_ref().unwrap().node.as_ref().unwrap();
    let relation = catalog.relation("public", "albums").unwrap();
    let mut binder = Binder::new(&catalog, &path, BindOptions::default());
    match binder.bind_row_condition(node, relation, clause, "CHECK") {
        Ok(expr) => format!("{} | {}", show::expr(&expr), expression_text(node).unwrap()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn checks_and_policies_see_their_row() {
    assert_eq!(
        over_row("price > 0 and albums.title <> ''", Clause::Check),
        "and[(r0.3 >:numeric 0::numeric), (r0.2 <>:text ''::text)] | price > 0 AND albums.title <> ''"
    );
    assert_eq!(
        over_row("artist_id in (select id from artists)", Clause::Policy),
        "(r0.4 any (select r1.1 id from t1 r1)) | artist_id IN (SELECT id FROM artists)"
    );
    assert_eq!(
        over_row("exists (select 1)", Clause::Check),
        "cannot use subquery in check constraint (0A000)"
    );
    assert_eq!(
        over_row("count(*) > 1", Clause::Policy),
        "aggregate functions are not allowed in policy expressions (42803)"
    );
    assert_eq!(
        over_row("title", Clause::Check),
        "argument of CHECK must be type boolean, not type text (42804)"
    );
}

#[test]
fn fields_of_records_with_a_known_shape_are_found() {
    let (catalog, path) = (fixture::catalog(), SearchPath::of_migrations());
    let fields = vec![("n".to_owned(), Type::Int4), ("t".to_owned(), Type::Text)];
    let arguments =
        vec![BindArgument { name: Some("r".to_owned()), label: None, ty: Type::Record, fields }];
    let node = parse_expression("r.t, (r).n + 1, r.*").unwrap();
    let mut binder =
        Binder::new(&catalog, &path, BindOptions { arguments, ..BindOptions::default() });
    assert_eq!(
        show::statement(&binder.bind_statement(&node).unwrap()),
        "select arg0.1 t, +(integer,integer)<integer>[arg0.0, 1::integer] ?column?, arg0.0 n, arg0.1 t"
    );
}

#[test]
fn an_expression_of_a_procedure_is_a_query() {
    let (catalog, path) = (fixture::catalog(), SearchPath::of_migrations());
    let node = parse_expression("1 + 2 from artists").unwrap();
    let mut binder = Binder::new(&catalog, &path, BindOptions::default());
    assert_eq!(
        show::statement(&binder.bind_statement(&node).unwrap()),
        "select 3::integer ?column? from t1 r1"
    );
}
