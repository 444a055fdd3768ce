//! What `check` finds, and where.

use super::*;
use crate::bootstrap;

#[track_caller]
fn finds(script: &str, expected: &[&str]) {
    let migration = Migration::new("0001_test.sql", script).unwrap();
    let catalog = bootstrap::catalog().unwrap();
    let found: Vec<String> = check(&[migration], &catalog)
        .into_iter()
        .map(|one| {
            format!("{}:{} {} {} | {}", one.line, one.column, one.code, one.message, one.excerpt)
        })
        .collect();
    assert_eq!(found, expected, "{found:#?}");
}

#[test]
fn a_script_that_can_be_done_has_no_findings() {
    finds(
        "create table public.profiles (
             id uuid primary key references auth.users on delete cascade,
             name text not null
         );
         alter table public.profiles enable row level security;
         create policy own on public.profiles for all to authenticated
             using ((select auth.uid()) = id) with check (auth.uid() = id);
         insert into public.profiles select id, 'x' from auth.users;",
        &[],
    );
}

#[test]
fn every_unsupported_statement_is_reported_at_its_place() {
    finds(
        "create extension vector;
create table a (id int primary key);

create trigger t after insert on a for each row execute function f();
  do $$ begin null; end $$;
create table b (id int references nosuch);",
        &[
            "1:1 0A000 extension \"vector\" is not supported | create extension vector;",
            "4:1 0A000 CREATE TRIGGER is not supported yet | create trigger t after insert on a for each row execute function f();",
            "5:3 0A000 DO is not supported yet | do $$ begin null; end $$;",
            "6:35 42P01 relation \"nosuch\" does not exist | create table b (id int references nosuch);",
        ],
    );
}

#[test]
fn what_follows_from_a_refused_statement_is_not_repeated() {
    finds(
        "create function f() returns int language plpgsql as $$ begin return 1; end $$;
grant execute on function f() to anon;
create table t (a int default f());
insert into t values (1);
select g();",
        &[
            "1:33 0A000 LANGUAGE plpgsql is not supported yet | create function f() returns int language plpgsql as $$ begin return 1; end $$;",
            "5:8 42883 function g() does not exist | select g();",
        ],
    );
}

#[test]
fn a_syntax_error_tells_its_place() {
    finds("create table t (\n  a int,\n);", &["3:1 42601 syntax error at or near \")\" | );"]);
}
