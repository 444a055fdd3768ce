//! Tables and their constraints.

use super::harness::{check_said, check_tables};

#[test]
fn constraints_get_postgresql_default_names() {
    check_tables(
        "create table t (
            id serial primary key, a int unique, b text check (b <> ''), c int check (a < c),
            d uuid references auth.users, unique (a, b), check (true), check (a > 0 and a < 9),
            e numeric(10,2) not null default 0, f bigint generated always as (a + c) stored
        )",
        "table t
          id integer not null default nextval('t_id_seq'::regclass)
          a integer
          b text
          c integer
          d uuid
          e numeric(10,2) not null default 0
          f bigint generated a + c
          t_pkey primary key (id)
          t_a_key unique (a)
          t_a_b_key unique (a, b)
          t_a_check check (a > 0 AND a < 9)
          t_b_check check (b <> '')
          t_check check (a < c)
          t_check1 check (true)
          t_d_fkey foreign key (d) references users(id) delete NoAction update NoAction
          index hidden",
    );
}

#[test]
fn a_table_with_two_columns_of_a_name_or_two_primary_keys_is_refused() {
    check_said(
        "create table t (a int, a int);
         create table t (a nosuch);
         create table t (a int primary key, b int primary key);
         create table nosuch.t (a int);",
        "42701: column \"a\" specified more than once
         42704: type \"nosuch\" does not exist
         42P16: multiple primary keys for table \"t\" are not allowed
         3F000: schema \"nosuch\" does not exist",
    );
}
