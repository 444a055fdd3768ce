--- into: rows, no rows, many rows
create table q_items (id int primary key, name text, n int);
insert into q_items values (1, 'one', 10), (2, 'two', 20), (3, 'three', 30);
create function q_into(low int) returns text language plpgsql as $$
declare a text := 'before'; b int := -1;
begin
  select name, n into a, b from q_items where id >= low order by id;
  return coalesce(a, 'null') || ' ' || coalesce(b, 0) || ' ' || found;
end $$;
--> select q_into(1)
--> select q_into(3)
--> select q_into(9)

--- strict into
create function q_strict(low int) returns text language plpgsql as $$
declare a text;
begin
  select name into strict a from q_items where id >= low;
  return a;
end $$;
--> select q_strict(3)
--> select q_strict(1)
--> select q_strict(9)

--- into at other places, and with too few or many columns
create function q_places() returns text language plpgsql as $$
declare a int; b text; r record; t q_items%rowtype;
begin
  select into a, b id, name from q_items where id = 2;
  select id into a, b from q_items where id = 3;
  select * into t from q_items where id = 1;
  select * from q_items where id = 2 into r;
  return a || coalesce(b, '?') || t.name || r.n;
end $$;
--> select q_places()

--- writes count their rows
create function q_counts() returns text language plpgsql as $$
declare c int; s text := '';
begin
  update q_items set n = n + 1 where id <= 2;
  get diagnostics c = row_count; s := s || c || found;
  update q_items set n = n where id = 99;
  get diagnostics c := row_count; s := s || ' ' || c || found;
  insert into q_items select g, 'g', 0 from generate_series(10, 14) g;
  get diagnostics c = row_count; s := s || ' ' || c;
  delete from q_items where id >= 10;
  get diagnostics c = row_count; s := s || ' ' || c || found;
  perform 1 from q_items where id = 77;
  get diagnostics c = row_count; s := s || ' ' || c || found;
  perform id from q_items;
  get diagnostics c = row_count; s := s || ' ' || c || found;
  return s;
end $$;
--> select q_counts()

--- returning into
create function q_returning() returns text language plpgsql as $$
declare i int; s text; r q_items;
begin
  insert into q_items (id, name) values (50, 'fifty') returning id, name into i, s;
  update q_items set n = 5 where id = 50 returning * into r;
  delete from q_items where id = 50 returning n into strict i;
  delete from q_items where id = 50 returning n into i;
  return s || r.n || coalesce(i::text, 'null') || found;
end $$;
create function q_returning_many() returns int language plpgsql as $$
declare i int;
begin
  update q_items set n = n returning id into i;
  return i;
end $$;
--> select q_returning()
--> select q_returning_many()

--- a query needs a place for its result
create function q_no_place() returns int language plpgsql as $$
begin
  select 1;
  return 1;
end $$;
create function q_no_place_returning() returns int language plpgsql as $$
begin
  update q_items set n = n where id = 1 returning id;
  return 1;
end $$;
--> select q_no_place()
--> select q_no_place_returning()

--- expressions may be queries
create function q_expressions() returns text language plpgsql as $$
declare a int := (select max(id) from q_items); b boolean; c int; d int[];
begin
  b := exists (select 1 from q_items where id = a);
  c := count(*) from q_items where id > 1;
  d := array(select id from q_items order by id desc);
  if (select sum(n) from q_items) > 5 and a in (select id from q_items) then
    return a || ' ' || b || ' ' || c || ' ' || d::text;
  end if;
  return 'no';
end $$;
create function q_two_rows() returns int language plpgsql as $$
declare a int;
begin
  a := id from q_items;
  return a;
end $$;
create function q_two_columns() returns int language plpgsql as $$
declare a int;
begin
  a := 1, 2;
  return a;
end $$;
create function q_sub_rows() returns int language plpgsql as $$
begin
  return (select id from q_items);
end $$;
--> select q_expressions()
--> select q_two_rows()
--> select q_two_columns()
--> select q_sub_rows()

--- upserts
create table q_upsert (k text primary key, n int not null default 1);
create function q_bump(key text) returns int language plpgsql as $$
declare r int;
begin
  insert into q_upsert as u (k) values (key) on conflict (k) do update set n = u.n + 1 returning n into r;
  return r;
end $$;
create function q_once(key text) returns boolean language plpgsql as $$
begin
  insert into q_upsert (k) values (key) on conflict do nothing;
  return found;
end $$;
--> select q_bump('a')
--> select q_bump('a')
--> select q_once('a')
--> select q_once('b')
--> select * from q_upsert order by k

--- with, windows, aggregates, lateral
create function q_cte(top int) returns json language plpgsql as $$
declare r json;
begin
  with ranked as (
    select id, name, row_number() over (order by id desc) as place from q_items
  )
  select json_agg(x order by x.place) into r from (select * from ranked where place <= top) x;
  return r;
end $$;
--> select q_cte(2)

--- dynamic text
create function q_dynamic(tab text, col text, val int) returns text language plpgsql as $$
declare r text; c int;
begin
  execute format('select name from %I where %I = $1', tab, col) into r using val;
  execute 'update ' || quote_ident(tab) || ' set n = n + $1 where id = $2' using 0, val;
  get diagnostics c = row_count;
  return coalesce(r, 'none') || c || format('%L %s %%', null, 'x''y');
end $$;
create function q_dynamic_many() returns text language plpgsql as $$
declare i int; r record; s text := '';
begin
  execute 'select id from q_items order by id' into i;
  for r in execute 'select id, name from q_items where id > $1 order by id' using 1 loop s := s || r.name; end loop;
  execute 'select $1 || $2::text' into s using s, i;
  execute 'insert into q_upsert values (''dyn'', 5) returning n' into i;
  execute 'delete from q_upsert where k = $1' using 'dyn';
  return s || i;
end $$;
create function q_dynamic_strict(n int) returns int language plpgsql as $$
declare i int;
begin
  execute 'select id from q_items where id >= $1' into strict i using n;
  return i;
end $$;
create function q_dynamic_null() returns int language plpgsql as $$
declare t text;
begin
  execute t;
  return 1;
end $$;
create function q_dynamic_bad(t text) returns int language plpgsql as $$
begin
  execute t;
  return 1;
end $$;
create function q_dynamic_set(low int) returns setof q_items language plpgsql as $$
begin
  return query execute 'select * from q_items where id >= $1 order by 1' using low;
end $$;
--> select q_dynamic('q_items', 'id', 2)
--> select q_dynamic('q_items', 'id', 99)
--> select q_dynamic('q_items', 'nosuch', 2)
--> select q_dynamic('nosuch', 'id', 2)
--> select q_dynamic_many()
--> select q_dynamic_strict(3)
--> select q_dynamic_strict(1)
--> select q_dynamic_strict(9)
--> select q_dynamic_null()
--> select q_dynamic_bad('selec 1')
--> select q_dynamic_bad('select nosuch')
--> select q_dynamic_bad('select $1')
--> select id, name from q_dynamic_set(2)

--- cursors
create function q_cursor() returns text language plpgsql as $$
declare c cursor for select id, name from q_items order by id; r record; s text := ''; i int; n text;
begin
  open c;
  loop
    fetch c into r;
    exit when not found;
    s := s || r.name || ' ';
  end loop;
  close c;
  open c; fetch c into i, n; s := s || i || n; fetch next from c into i, n; s := s || i; close c;
  return s;
end $$;
create function q_cursor_args(low int) returns text language plpgsql as $$
declare c cursor (a int, b int) for select name from q_items where id between a and b order by id; s text := ''; x text;
begin
  open c(low, 3); fetch c into x; s := s || coalesce(x, '-'); close c;
  for r in c(low, low) loop s := s || '|' || r.name; end loop;
  return s;
end $$;
create function q_refcursor() returns text language plpgsql as $$
declare c refcursor; i int; s text := '';
begin
  open c for select id from q_items order by id;
  fetch last from c into i; s := s || i;
  fetch prior from c into i; s := s || i;
  fetch first from c into i; s := s || i;
  fetch absolute 2 from c into i; s := s || i;
  fetch relative -1 from c into i; s := s || i;
  move forward 2 from c; fetch prior from c into i; s := s || i;
  fetch absolute -1 from c into i; s := s || i;
  close c;
  open c for execute 'select id from q_items where id > $1 order by id' using 1;
  fetch c into i; s := s || '/' || i;
  return s;
end $$;
create function q_cursor_bad(kind text) returns text language plpgsql as $$
declare c cursor for select 1; d refcursor; i int;
begin
  if kind = 'twice' then open c; open c; end if;
  if kind = 'closed' then fetch c into i; end if;
  if kind = 'null' then fetch d into i; end if;
  if kind = 'gone' then open c; close c; close c; end if;
  return 'fine';
end $$;
--> select q_cursor()
--> select q_cursor_args(2)
--> select q_refcursor()
--> select q_cursor_bad('twice')
--> select q_cursor_bad('closed')
--> select q_cursor_bad('null')
--> select q_cursor_bad('gone')

--- sequences
create sequence q_seq start 5 increment 2;
create function q_sequences() returns text language plpgsql as $$
declare a bigint; b bigint;
begin
  a := nextval('q_seq'); b := nextval('q_seq');
  perform setval('q_seq', 100);
  return a || ' ' || b || ' ' || nextval('q_seq') || ' ' || currval('q_seq');
end $$;
--> select q_sequences()

--- for update and locks of rows change nothing here
create function q_lock() returns text language plpgsql as $$
declare r q_items;
begin
  select * into r from q_items where id = 1 for update;
  perform 1 from q_items where id = 2 for update skip locked;
  perform pg_advisory_xact_lock(42);
  return r.name;
end $$;
--> select q_lock()

--- settings and the clock
create function q_settings() returns text language plpgsql as $$
begin
  perform set_config('my.value', '42', true);
  return current_setting('my.value') || coalesce(current_setting('my.none', true), '-') || (now() <= clock_timestamp())
    || (now() = transaction_timestamp());
end $$;
create function q_setting_missing() returns text language plpgsql as $$
begin
  return current_setting('my.nothing');
end $$;
create function q_local() returns text language plpgsql set my.own = 'inside' as $$
begin
  return current_setting('my.own');
end $$;
--> select q_settings()
--> select q_setting_missing()
--> select q_local()

--- functions call each other, in SQL too
create function q_sql(i int) returns text language sql as $$ select name from q_items where id = i $$;
create function q_calls(i int) returns text language plpgsql as $$
begin
  return q_sql(i) || (select q_into(i)) || (select string_agg(q_sql(x), ',') from generate_series(1, i) x);
end $$;
create function q_sql_calls(i int) returns text language sql as $$ select q_calls(i) || '!' $$;
--> select q_calls(2)
--> select q_sql_calls(1)

--- functions in conditions and sort keys
create function q_score(i int) returns int language plpgsql immutable as $$ begin return (i * 7) % 5; end $$;
--> select id, q_score(id) as s from q_items where q_score(id) > 0 order by q_score(id) desc, id
--> select sum(q_score(id)) from q_items

--- transactions cannot end in a function
create function q_commit() returns int language plpgsql as $$ begin commit; return 1; end $$;
--> select q_commit()
