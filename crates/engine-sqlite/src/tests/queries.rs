//! Queries of every shape.

use super::fixture::Database;

fn shop() -> Database {
    let database = Database::new(&[
        "artists: id int8 key, name text required",
        "albums: id int8 key, artist int8 indexed, title text, price numeric, size size, tags text[]",
    ]);
    database
        .execute(&[
            "insert into artists values (1, 'Anna'), (2, 'Ben'), (3, 'Cleo')",
            "insert into albums values (1, 1, 'One', 9.50, 'big', '{rock,new}'), \
             (2, 1, 'Two', 10, 'small', '{pop}'), (3, 2, 'Three', 9.5, null, null), \
             (4, null, 'Four', null, 'small', '{}')",
        ])
        .unwrap();
    database
}

fn check(database: &Database, cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        let found = database.query(sql).replace(",\n ", ",");
        assert_eq!(found, *expected, "{sql}");
    }
}

#[test]
fn rows_filters_orders_and_limits() {
    check(
        &shop(),
        &[
            ("select id, name from artists where id = 2", r#"[{"id":2,"name":"Ben"}]"#),
            (
                "select id from albums order by price desc nulls last, id limit 2",
                r#"[{"id":2},{"id":1}]"#,
            ),
            (
                "select id from albums order by price, id",
                r#"[{"id":1},{"id":3},{"id":2},{"id":4}]"#,
            ),
            ("select id from albums order by price desc, id offset 1 limit 1", r#"[{"id":2}]"#),
            ("select id from albums where price = 9.5 order by 1", r#"[{"id":1},{"id":3}]"#),
            ("select size, id from albums where size > 'small'", r#"[{"size":"big","id":1}]"#),
            ("select size::text as s from albums where id = 2", r#"[{"s":"small"}]"#),
            (
                "select id from albums where id in (1, 3, 9) order by id desc",
                r#"[{"id":3},{"id":1}]"#,
            ),
            (
                "select id from albums where id = any(array[2,4]) order by id",
                r#"[{"id":2},{"id":4}]"#,
            ),
            ("select id from albums where title like 'T%' order by id", r#"[{"id":2},{"id":3}]"#),
            ("select id from albums where 'pop' = any(tags)", r#"[{"id":2}]"#),
            (
                "select tags from albums where id < 3",
                r#"[{"tags":["rock","new"]},{"tags":["pop"]}]"#,
            ),
        ],
    );
}

#[test]
fn joins_of_all_kinds() {
    check(
        &shop(),
        &[
            (
                "select a.name, b.title from artists a join albums b on b.artist = a.id order by b.id",
                r#"[{"name":"Anna","title":"One"},{"name":"Anna","title":"Two"},{"name":"Ben","title":"Three"}]"#,
            ),
            (
                "select a.id, b.id as b from artists a left join albums b on b.artist = a.id and b.id > 1 order by 1, 2",
                r#"[{"id":1,"b":2},{"id":2,"b":3},{"id":3,"b":null}]"#,
            ),
            (
                "select a.id, b.id as b from artists a full join albums b on b.artist = a.id order by 1, 2",
                r#"[{"id":1,"b":1},{"id":1,"b":2},{"id":2,"b":3},{"id":3,"b":null},{"id":null,"b":4}]"#,
            ),
            (
                "select a.id, x.id as b from artists a cross join lateral (select id from albums where artist = a.id order by id desc limit 1) x order by 1",
                r#"[{"id":1,"b":2},{"id":2,"b":3}]"#,
            ),
            (
                "select a.id, x.n from artists a left join lateral (select count(*) as n from albums where artist = a.id) x on true order by 1",
                r#"[{"id":1,"n":2},{"id":2,"n":1},{"id":3,"n":0}]"#,
            ),
            (
                "select a.id, t from albums a, unnest(a.tags) t order by 1, 2",
                r#"[{"id":1,"t":"new"},{"id":1,"t":"rock"},{"id":2,"t":"pop"}]"#,
            ),
            ("select g from generate_series(1, 3) g", r#"[{"g":1},{"g":2},{"g":3}]"#),
            (
                "select t, n from unnest(array['a','b']) with ordinality as u(t, n)",
                r#"[{"t":"a","n":1},{"t":"b","n":2}]"#,
            ),
        ],
    );
}

#[test]
fn groups_aggregates_and_windows() {
    check(
        &shop(),
        &[
            (
                "select count(*) as n, count(price) as p, sum(price) as s, avg(price) as a, max(price) as m from albums",
                r#"[{"n":4,"p":3,"s":29.00,"a":9.6666666666666667,"m":10}]"#,
            ),
            (
                "select artist, count(*) as n from albums group by artist having count(*) > 1",
                r#"[{"artist":1,"n":2}]"#,
            ),
            (
                "select price, count(*) as n from albums where price is not null group by price order by 1",
                r#"[{"price":9.50,"n":2},{"price":10,"n":1}]"#,
            ),
            ("select count(distinct price) as n from albums", r#"[{"n":2}]"#),
            (
                "select string_agg(title, ',' order by title) as t from albums",
                r#"[{"t":"Four,One,Three,Two"}]"#,
            ),
            ("select array_agg(distinct price) as t from albums", r#"[{"t":[9.50,10,null]}]"#),
            ("select count(*) filter (where size = 'small') as n from albums", r#"[{"n":2}]"#),
            ("select sum(price) as s from albums where id > 9", r#"[{"s":null}]"#),
            (
                "select id, row_number() over (partition by artist order by id desc) as n from albums where artist = 1 order by id",
                r#"[{"id":1,"n":2},{"id":2,"n":1}]"#,
            ),
            (
                "select id, sum(price) over (order by id) as s from albums order by id",
                r#"[{"id":1,"s":9.50},{"id":2,"s":19.50},{"id":3,"s":29.00},{"id":4,"s":29.00}]"#,
            ),
            (
                "select distinct on (artist) artist, id from albums order by artist, id desc",
                r#"[{"artist":1,"id":2},{"artist":2,"id":3},{"artist":null,"id":4}]"#,
            ),
            (
                "select distinct price = 9.5 as p from albums order by 1",
                r#"[{"p":false},{"p":true},{"p":null}]"#,
            ),
        ],
    );
}

#[test]
fn subselects_sets_and_common_tables() {
    check(
        &shop(),
        &[
            (
                "select id from artists a where exists (select 1 from albums where artist = a.id) order by id",
                r#"[{"id":1},{"id":2}]"#,
            ),
            (
                "select id from artists where id not in (select artist from albums where artist is not null)",
                r#"[{"id":3}]"#,
            ),
            (
                "select id, (select count(*) from albums where artist = a.id) as n from artists a order by id",
                r#"[{"id":1,"n":2},{"id":2,"n":1},{"id":3,"n":0}]"#,
            ),
            (
                "select (select title from albums where artist = 1) as t",
                "21000: more than one row returned by a subquery used as an expression",
            ),
            (
                "select array(select id from albums where artist = a.id order by id desc) as ids from artists a order by id",
                r#"[{"ids":[2,1]},{"ids":[3]},{"ids":[]}]"#,
            ),
            ("select 1 as x union select 1 union all select 2", r#"[{"x":1},{"x":2}]"#),
            (
                "select price from albums where id = 1 union select price from albums where id = 3",
                r#"[{"price":9.5}]"#,
            ),
            (
                "select artist from albums except all select 1 order by 1",
                r#"[{"artist":1},{"artist":2},{"artist":null}]"#,
            ),
            (
                "with recursive t(n) as (select 1 union all select n + 1 from t where n < 4) select sum(n) as s from t",
                r#"[{"s":10}]"#,
            ),
            (
                "with t as (select id from albums where price > 9.6) select * from t",
                r#"[{"id":2}]"#,
            ),
            (
                "select * from (values (1, 'a'), (2, 'b')) v(n, t) order by n desc",
                r#"[{"n":2,"t":"b"},{"n":1,"t":"a"}]"#,
            ),
            (
                "select id from albums where price >= all (select price from albums where price is not null)",
                r#"[{"id":2}]"#,
            ),
        ],
    );
}

#[test]
fn functions_and_errors_are_postgresqls() {
    check(
        &shop(),
        &[
            (
                "select upper(name) || '!' as n from artists where lower(name) = 'anna'",
                r#"[{"n":"ANNA!"}]"#,
            ),
            (
                "select 1 / (id - 1) as q from artists where id > 1 order by id",
                r#"[{"q":1},{"q":0}]"#,
            ),
            ("select 1 / (id - 1) as q from artists", "22012: division by zero"),
            (
                "select coalesce(price, 0) + 0.5 as p from albums where id in (1, 4) order by id",
                r#"[{"p":10.00},{"p":0.5}]"#,
            ),
            (
                "select case when price > 9.6 then 'dear' else 'cheap' end as c from albums where id < 3",
                r#"[{"c":"cheap"},{"c":"dear"}]"#,
            ),
            ("select id from albums limit -1", "2201W: LIMIT must not be negative"),
            (
                "select greatest(price, 9.7) as g from albums where id < 3",
                r#"[{"g":9.7},{"g":10}]"#,
            ),
            (
                "select row_to_json(a) as r from artists a where id = 1",
                r#"[{"r":{"id":1,"name":"Anna"}}]"#,
            ),
            (
                "select a.id is distinct from 1 as d from artists a where id < 3",
                r#"[{"d":false},{"d":true}]"#,
            ),
            ("select id from artists where (id, name) = (1, 'Anna')", r#"[{"id":1}]"#),
            ("select id from artists where name ilike 'B%'", r#"[{"id":2}]"#),
            (
                "select '2026-01-02 03:04:05+00'::timestamptz as t",
                r#"[{"t":"2026-01-02T03:04:05+00:00"}]"#,
            ),
        ],
    );
}
