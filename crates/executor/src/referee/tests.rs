//! Queries, with PostgreSQL 15's answers.

use crate::Store;
use crate::testing::Fixture;

/// `t` has the rows (1, 10, a), (2, 20, b), (3, null, c), (4, 10, null).
fn tables() -> Fixture {
    let fixture = Fixture::new("t: id int pk, n int, s text\nu: id int pk, t int, v int");
    fixture.run(fixture.insert("t", "id n s", "1 10 a ; 2 20 b ; 3 null c ; 4 10 null"));
    fixture.run(fixture.insert("u", "id t v", "1 1 5 ; 2 1 6 ; 3 2 7 ; 4 null 8 ; 5 9 9"));
    fixture
}

#[track_caller]
fn check(query: &str, expected: &str) {
    assert_eq!(tables().sql(&format!("select {query}")), expected, "{query}");
}

#[test]
fn joins_keep_what_their_kind_says() {
    check("t.id, u.id from t join u on u.t = t.id order by 1,2", "1 1 | 1 2 | 2 3");
    check(
        "t.id, u.v from t left join u on u.t = t.id order by t.id, u.v desc",
        "1 6 | 1 5 | 2 7 | 3 null | 4 null",
    );
    check(
        "t.id, u.v from t right join u on u.t = t.id order by u.id",
        "1 5 | 1 6 | 2 7 | null 8 | null 9",
    );
    check(
        "t.id, u.v from t full join u on u.t = t.id and v > 5 order by t.id, u.id",
        "1 6 | 2 7 | 3 null | 4 null | null 5 | null 8 | null 9",
    );
}

#[test]
fn groups_and_aggregates() {
    check(
        "count(*), count(n), sum(n), avg(n), min(s), max(s), count(distinct n) from t",
        "4 3 40 13.3333333333333333 a c 2",
    );
    check(
        "n, count(*), array_agg(id order by id desc) from t group by n having count(*) >= 1 order by n nulls first",
        "null 1 {3} | 10 2 {4,1} | 20 1 {2}",
    );
    check("count(*), sum(n) from t where false", "0 null");
    check(
        "n + 1, count(*) filter (where s is not null) from t group by n order by 1",
        "11 1 | 21 1 | null 1",
    );
    check("string_agg(s, ',' order by id desc) from t", "c,b,a");
    check("bool_and(n > 5), json_agg(id) from t where n is not null", "t [1, 2, 4]");
}

#[test]
fn distinct_rows() {
    check("distinct n from t order by n desc", "null | 20 | 10");
    check("distinct on (n) n, id from t order by n, id desc", "10 4 | 20 2 | null 3");
}

#[test]
fn sub_selects_see_the_outer_row() {
    check("id from t where exists (select 1 from u where u.t = t.id and v > 5)", "1 | 2");
    check(
        "id, (select sum(v) from u where u.t = t.id) from t order by id",
        "1 11 | 2 7 | 3 null | 4 null",
    );
    check("id from t where n in (select n from t where id = 1) order by id", "1 | 4");
    check("id from t where id not in (select t from u) order by id", "");
}

#[test]
fn entries_may_refer_to_the_left() {
    check(
        "id, x from t, lateral (select v as x from u where u.t = t.id order by v desc limit 1) l order by id",
        "1 6 | 2 7",
    );
    check(
        "id, g from t, generate_series(1, t.id) g where id < 3 order by id, g",
        "1 1 | 2 1 | 2 2",
    );
    check("a, b from unnest(array['x','y']) with ordinality as q(a, b)", "x 1 | y 2");
}

#[test]
fn set_operations() {
    check(
        "* from (select n from t union select v from u) q order by n",
        "5 | 6 | 7 | 8 | 9 | 10 | 20 | null",
    );
    check("n from t union all select v from u order by n desc limit 3 offset 1", "20 | 10 | 10");
    check("n from t intersect select 10", "10");
    check("n from t except select 10 order by 1", "20 | null");
    check("n from t intersect all (select 10 union all select 10)", "10 | 10");
    check("n from t except all select 10 order by 1", "10 | 20 | null");
}

#[test]
fn common_table_expressions() {
    check(
        "* from (with recursive r(i) as (select 1 union all select i + 1 from r where i < 5) select sum(i) from r) q",
        "15",
    );
    check(
        "* from (with recursive r(i) as (select 1 union select (i % 3) + 1 from r) select i from r) q order by 1",
        "1 | 2 | 3",
    );
    check(
        "* from (with c as (select id from t where n = 10) select count(*) from c where exists (select 1 from c c2 where c2.id > c.id)) q",
        "1",
    );
}

#[test]
fn whole_rows_and_limits() {
    check("column1 + 1 from (values (1),(2)) v order by 1 desc", "3 | 2");
    check("t from t where id = 1", "(1,10,a)");
    check("u from t left join u on u.t = t.id where t.id = 4", "null");
    check("id from t order by id limit null offset null", "1 | 2 | 3 | 4");
    check("id from t limit -1", "2201W: LIMIT must not be negative");
}

#[test]
fn a_savepoint_brings_rows_back() {
    let fixture = tables();
    let before = fixture.rows("t");
    fixture.store.savepoint(7).unwrap();
    let relation = fixture.relation("t");
    fixture.store.delete(relation, 1).unwrap();
    assert!(fixture.store.get(relation, 1).unwrap().is_none());
    fixture.store.roll_back(7).unwrap();
    assert_eq!(fixture.rows("t"), before);
}
