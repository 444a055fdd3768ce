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
        "create extension postgis;
create table a (id int primary key);

create rule r as on delete to a do instead nothing;
  create cast (int as bool) with function f(int);
create table b (id int references nosuch);",
        &[
            "1:1 0A000 extension \"postgis\" is not supported | create extension postgis;",
            "4:1 0A000 CREATE RULE is not supported yet | create rule r as on delete to a do instead nothing;",
            "5:3 0A000 CREATE CAST is not supported yet | create cast (int as bool) with function f(int);",
            "6:35 42P01 relation \"nosuch\" does not exist | create table b (id int references nosuch);",
        ],
    );
}

#[test]
fn what_follows_from_a_refused_statement_is_not_repeated() {
    finds(
        "create function f() returns int language plperl as $$ return 1; $$;
grant execute on function f() to anon;
create table t (a int default f());
insert into t values (1);
select g();",
        &[
            "1:33 0A000 LANGUAGE plperl is not supported | create function f() returns int language plperl as $$ return 1; $$;",
            "5:8 42883 function g() does not exist | select g();",
        ],
    );
}

#[test]
fn a_syntax_error_tells_its_place() {
    finds("create table t (\n  a int,\n);", &["3:1 42601 syntax error at or near \")\" | );"]);
}

#[test]
fn a_block_may_make_what_later_statements_use() {
    finds(
        "do $$ begin
             if not exists (select 1 from pg_type where typname = 'mood') then
                 create type mood as enum ('sad', 'happy');
             end if;
             create table if not exists diary (id int primary key, feeling mood);
         exception when duplicate_object then null;
         end $$;
         create index diary_feeling on diary (feeling);
         do $$ begin execute 'create table ' || 'secret' || ' (id int)'; end $$;
         insert into secret values (1);",
        &[],
    );
}

#[test]
fn an_error_in_a_body_tells_its_place() {
    finds(
        "create function f() returns int language plpgsql as $$
begin
  x := 1;
end $$;
do $$ begin
  if true then null;
end $$;",
        &[
            "3:3 42601 \"x\" is not a known variable | x := 1;",
            "7:5 42601 syntax error at end of input | end $$;",
        ],
    );
}
