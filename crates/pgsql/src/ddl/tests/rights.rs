//! Grants, default rights, functions' effects, and texts that follow renames.

use backstay_catalog::{Body, Privilege};

use super::harness::{check_said, check_tables, run};

#[track_caller]
fn may(script: &str, role: &str, privilege: Privilege, expected: bool) {
    let outcome = run(script);
    assert_eq!(outcome.said, "");
    let table = outcome.catalog.relation("public", "t").unwrap();
    assert_eq!(table.acl.allows(&outcome.catalog.roles_of(role), privilege), expected);
}

#[test]
fn grants_and_revokes_hold_for_the_whole_table() {
    let table = "create table t (id int);";
    may(table, "anon", Privilege::Select, false);
    may(&format!("{table} grant select on t to anon"), "anon", Privilege::Select, true);
    may(&format!("{table} grant all on t to public"), "anon", Privilege::Delete, true);
    let revoked = format!(
        "{table} grant all on all tables in schema public to anon; revoke update on t from anon"
    );
    may(&revoked, "anon", Privilege::Update, false);
    may(&revoked, "anon", Privilege::Insert, true);
}

#[test]
fn column_grants_name_the_column() {
    let outcome = run("create table t (id int, a int); grant select (a) on t to anon");
    let table = outcome.catalog.relation("public", "t").unwrap();
    assert!(table.acl.allows_column(&["anon"], Privilege::Select, 2));
    assert!(!table.acl.allows_column(&["anon"], Privilege::Select, 1));
}

#[test]
fn default_rights_are_given_to_what_comes_later() {
    let defaults = "alter default privileges in schema public grant all on tables to anon;";
    may(&format!("{defaults} create table t (id int)"), "anon", Privilege::Select, true);
    may(&format!("create table t (id int); {defaults}"), "anon", Privilege::Select, false);
}

#[track_caller]
fn anyone_may_call(script: &str, expected: bool) {
    let outcome =
        run(&format!("{script}; create function f() returns int language sql as 'select 1'"));
    assert_eq!(outcome.said, "");
    let routine = outcome.catalog.routines_named("public", "f").next().unwrap();
    assert_eq!(routine.acl.allows(&["anon"], Privilege::Execute), expected);
}

#[test]
fn a_revoke_of_default_rights_in_one_schema_takes_nothing_of_the_built_in_ones() {
    anyone_may_call("", true);
    anyone_may_call(
        "alter default privileges in schema public revoke execute on functions from public",
        true,
    );
    anyone_may_call("alter default privileges revoke execute on functions from public", false);
}

#[test]
fn effects_are_inferred_over_the_call_graph() {
    let outcome = run("create table t (id int);
         create function reads() returns bigint language sql as 'select count(*) from t';
         create function writes() returns void language sql as 'insert into t values (1)';
         create function calls() returns void language sql as 'select writes()';
         create function callee() returns int language sql as 'select 1';
         create function caller() returns int language sql as 'select callee()';
         create or replace function callee() returns int language sql as
             'delete from t; select 1';");
    assert_eq!(outcome.said, "");
    let writes =
        |name: &str| outcome.catalog.routines_named("public", name).next().unwrap().effects.writes;
    assert_eq!(
        ["reads", "writes", "calls", "callee", "caller"].map(writes),
        [false, true, true, true, true]
    );
}

#[test]
fn a_body_follows_its_tables_and_breaks_with_them() {
    let script = "create table t (id int);
         create function f() returns setof t language sql as 'select * from t';
         alter table t add column a int;";
    let outcome = run(script);
    let body = &outcome.catalog.routines_named("public", "f").next().unwrap().body;
    let Body::Sql(statements) = body else { panic!("unbound") };
    let backstay_expr::Statement::Query(query) = &statements[0] else { panic!("no query") };
    assert_eq!(query.columns().len(), 2);
    let outcome = run("create table t (id int);
         create function f() returns bigint language sql as 'select count(*) from t';
         drop table t;");
    let body = &outcome.catalog.routines_named("public", "f").next().unwrap().body;
    let expected = Body::Unbound("42P01".to_owned(), "relation \"t\" does not exist".to_owned());
    assert_eq!(*body, expected);
}

#[test]
fn bodies_are_not_checked_when_told_so_and_bound_when_they_can_be() {
    let outcome = run("set check_function_bodies = off;
         create function f() returns bigint language sql as 'select count(*) from later';
         create table later (id int);");
    let body = &outcome.catalog.routines_named("public", "f").next().unwrap().body;
    assert!(matches!(body, Body::Sql(_)));
}

#[test]
fn texts_follow_the_new_name_of_a_column() {
    check_tables(
        "create table t (id int, owner uuid, n int check (n > 0), m int generated always as (n + 1) stored);
         create policy p on t for select to anon
             using (owner is null or exists (select 1 from auth.users where id = t.owner and owner is null));
         create index on t (n, abs(n)) where n > 1;
         alter table t rename column n to \"N\";
         alter table t rename column owner to holder;
         alter table t rename to u;",
        "table u
          id integer
          holder uuid
          N integer
          m integer generated \"N\" + 1
          t_n_check check (\"N\" > 0)
          index CREATE INDEX t_n_abs_idx ON public.u USING btree (\"N\", abs(\"N\")) WHERE \"N\" > 1 not kept
          policy p Select to anon using holder IS NULL OR EXISTS (SELECT 1 FROM auth.users WHERE id = u.holder AND owner IS NULL) check -",
    );
}

#[test]
fn settings_and_transactions_change_nothing() {
    check_said(
        "begin; set statement_timeout = 0; select pg_catalog.set_config('search_path', '', false);
         set local role anon; reset role; commit; notify pgrst, 'reload schema';",
        "SET statement_timeout = 0
         SET search_path =
         SET role = anon
         SET role = postgres",
    );
}

#[test]
fn what_cannot_be_done_says_what_to_do_instead() {
    check_said(
        "create extension postgis;
         create event trigger e on ddl_command_start execute function f();",
        "0A000: extension \"postgis\" is not supported
           HINT: Geometry types and indexes need PostgreSQL as the engine.
         0A000: CREATE EVENT TRIGGER is not supported yet
           HINT: Leave it out: migrations are the only schema changes.",
    );
}
