//! What the engine is told to do.

use super::harness::{check_work, labels, run};

const TABLE: &str = "create table t (id int primary key, a int, b text)";

#[test]
fn a_table_is_made_after_its_sequences_and_before_its_indexes() {
    check_work(
        "",
        "create table t (id serial primary key, p uuid references auth.users)",
        &[
            "CreateSequence { schema: \"public\", name: \"t_id_seq\" }",
            "CreateTable(t)",
            "CreateIndex { relation: t, physical: \"_backstay_fk_3_2\" }",
        ],
    );
}

#[test]
fn a_column_with_a_default_is_filled_and_checked() {
    check_work(
        TABLE,
        "alter table t add column c int not null default 3 check (c > 0)",
        &[
            "AddColumn { relation: t, column: 4 }",
            "Fill { relation: t, column: 4, … }",
            "ValidateNotNull { relation: t, column: 4 }",
            "ValidateCheck { relation: t, name: \"t_c_check\" }",
        ],
    );
}

#[test]
fn a_new_type_is_work_only_where_the_stored_form_changes() {
    check_work(TABLE, "alter table t alter a type bigint, alter b type varchar", &[]);
    check_work(TABLE, "alter table t alter a type text", &["Retype { relation: t, column: 2, … }"]);
    check_work(
        TABLE,
        "alter table t alter b type varchar(3)",
        &["Retype { relation: t, column: 3, … }"],
    );
}

#[test]
fn a_change_of_the_row_id_is_one_rebuild() {
    check_work(TABLE, "alter table t drop constraint t_pkey", &["Rebuild(t)"]);
    check_work(TABLE, "alter table t drop column id", &["Rebuild(t)"]);
    check_work(
        TABLE,
        "alter table t drop constraint t_pkey, add primary key (a)",
        &["ValidateNotNull { relation: t, column: 2 }", "Rebuild(t)"],
    );
}

#[test]
fn checks_and_foreign_keys_are_validated_unless_told_not_to() {
    check_work(TABLE, "alter table t add check (a > 0) not valid", &[]);
    check_work(
        &format!("{TABLE}; alter table t add constraint c check (a > 0) not valid"),
        "alter table t validate constraint c",
        &["ValidateCheck { relation: t, name: \"c\" }"],
    );
    check_work(
        TABLE,
        "alter table t add foreign key (a) references t",
        &[
            "ValidateForeignKey { relation: t, name: \"t_a_fkey\" }",
            "CreateIndex { relation: t, physical: \"_backstay_fk_3_2\" }",
        ],
    );
}

#[test]
fn a_written_index_takes_the_place_of_the_hidden_one() {
    check_work(
        "create table t (id int primary key, a int references t)",
        "create index on t (a)",
        &[
            "CreateIndex { relation: t, physical: \"t_a_idx\" }",
            "DropIndex { physical: \"_backstay_fk_3_2\" }",
        ],
    );
}

#[test]
fn renames_and_moves_are_renames_of_the_table() {
    check_work(TABLE, "alter table t rename to u", &["RenameTable { from: \"t\", to: \"u\" }"]);
    check_work(
        TABLE,
        "alter table t rename column a to c",
        &["RenameColumn { relation: t, from: \"a\", to: \"c\" }"],
    );
    check_work(
        "create table t (id serial); create schema s",
        "alter table t set schema s",
        &[
            "RenameTable { from: \"t\", to: \"s.t\" }",
            "RenameSequence { from: (\"public\", \"t_id_seq\"), to: (\"s\", \"t_id_seq\") }",
        ],
    );
}

#[test]
fn a_dropped_table_takes_its_sequence_along() {
    check_work(
        "create table t (id serial)",
        "drop table t",
        &[
            "DropSequence { schema: \"public\", name: \"t_id_seq\" }",
            "DropTable { physical: \"t\" }",
        ],
    );
}

#[test]
fn a_dropped_serial_column_takes_its_sequence_along() {
    check_work(
        "create table t (id serial, a int)",
        "alter table t drop column id",
        &[
            "DropSequence { schema: \"public\", name: \"t_id_seq\" }",
            "DropColumn { relation: t, physical: \"id\" }",
        ],
    );
}

#[test]
fn names_that_collide_in_sqlite_get_another_physical_name() {
    let catalog = run("create table \"Users\" (\"Id\" int, id int);
         create table users (id int);
         create table \"auth.users\" (id int);
         create table sqlite_x (id int);
         create index \"USERS\" on users (id);")
    .catalog;
    let physical = |name: &str| catalog.relation("public", name).unwrap().physical.clone();
    assert_eq!(physical("Users"), "Users");
    assert_eq!(physical("users"), "users~2");
    assert_eq!(physical("auth.users"), "auth.users~2");
    assert_eq!(physical("sqlite_x"), "public.sqlite_x");
    let columns: Vec<String> = catalog
        .relation("public", "Users")
        .unwrap()
        .columns
        .iter()
        .map(|column| column.physical.clone())
        .collect();
    assert_eq!(columns, ["Id", "id~2"]);
    let index = &catalog.relation("public", "users").unwrap().indexes[0];
    assert_eq!(index.physical.as_deref(), Some("USERS~3"));
}

#[test]
fn enum_codes_keep_the_declared_order() {
    let catalog = run("create type e as enum ('a', 'c');
         alter type e add value 'b' before 'c';
         alter type e add value 'z';
         alter type e rename value 'a' to 'first';")
    .catalog;
    let gap = 1 << 20;
    let expected = [("first", gap), ("b", gap + gap / 2), ("c", 2 * gap), ("z", 3 * gap)];
    assert_eq!(labels(&catalog, "e"), expected.map(|(label, code)| (label.to_owned(), code)));
}

#[test]
fn an_index_is_kept_only_if_it_serves_and_cannot_raise() {
    let catalog = run("create table t (id int, a text[], b text);
         create index i1 on t using gin (a);
         create index i2 on t (lower(b));
         create index i3 on t ((b::int));
         create index i4 on t using hash (b);")
    .catalog;
    let kept: Vec<bool> = catalog
        .relation("public", "t")
        .unwrap()
        .indexes
        .iter()
        .map(|index| index.physical.is_some())
        .collect();
    assert_eq!(kept, [false, true, false, true]);
}
