--- before triggers change the row, in name order
create table t_log (n serial primary key, line text);
create table t_a (id int primary key, name text, n int default 1, stamp text, up text generated always as (upper(name)) stored);
create function t_write(line text) returns void language sql as $$ insert into t_log (line) values (line) $$;
create function t_first() returns trigger language plpgsql as $$
begin
  new.stamp := coalesce(new.stamp, '') || tg_name || '(' || coalesce(new.up, 'null') || ')';
  new.name := new.name || '1';
  return new;
end $$;
create trigger b_second before insert or update on t_a for each row execute function t_first();
create trigger a_first before insert or update on t_a for each row execute procedure t_first();
--> insert into t_a (id, name) values (1, 'x'), (2, 'y')
--> update t_a set n = 2 where id = 1
--> select * from t_a order by id

--- a trigger that returns null leaves the row out
create table t_skip (id int primary key, n int);
create function t_skip_odd() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    if old.id = 2 then return null; end if;
    return old;
  end if;
  if new.id % 2 = 1 then return null; end if;
  return new;
end $$;
create trigger skip before insert or update or delete on t_skip for each row execute function t_skip_odd();
create function t_skip_count() returns text language plpgsql as $$
declare a int; b int; c int;
begin
  insert into t_skip select g, g from generate_series(1, 6) g;
  get diagnostics a = row_count;
  update t_skip set n = n + 1;
  get diagnostics b = row_count;
  delete from t_skip;
  get diagnostics c = row_count;
  return a || ' ' || b || ' ' || c;
end $$;
--> select t_skip_count()
--> select * from t_skip

--- what triggers know
create table t_know (id int primary key, name text);
create function t_tell() returns trigger language plpgsql as $$
begin
  insert into t_log (line) values (concat_ws(' ', tg_name, tg_when, tg_level, tg_op, tg_table_schema, tg_table_name, tg_relname, tg_nargs, tg_argv[0], tg_argv[1]));
  if tg_level = 'ROW' and tg_op <> 'DELETE' then return new; end if;
  return old;
end $$;
create trigger know_row after insert on t_know for each row execute function t_tell('one', 2);
create trigger know_before before delete on t_know for each row execute function t_tell();
create trigger know_stmt after update on t_know for each statement execute function t_tell('s');
--> insert into t_know values (1, 'a'), (2, 'b')
--> update t_know set name = name where id = 1
--> update t_know set name = name where false
--> delete from t_know where id = 2
--> select line from t_log order by n
--> delete from t_log

--- the order of all kinds in one statement
create table t_order (id int primary key, n int);
create function t_note() returns trigger language plpgsql as $$
declare row text := '';
begin
  if tg_level = 'ROW' then
    row := ' ' || coalesce(old.id::text, '-') || '>' || coalesce(new.id::text, '-') || ' of ' || (select count(*) from t_order);
  end if;
  perform t_write(tg_when || ' ' || tg_level || ' ' || tg_op || row);
  if tg_op = 'DELETE' then return old; end if;
  return new;
end $$;
create trigger o1 before insert or update or delete on t_order for each statement execute function t_note();
create trigger o2 before insert or update or delete on t_order for each row execute function t_note();
create trigger o3 after insert or update or delete on t_order for each row execute function t_note();
create trigger o4 after insert or update or delete on t_order for each statement execute function t_note();
--> insert into t_order values (1, 1), (2, 2)
--> update t_order set id = id + 10
--> delete from t_order
--> insert into t_order select 1, 1 where false
--> select line from t_log order by n
--> delete from t_log

--- when conditions and columns
create table t_when (id int primary key, a int, b int);
create function t_note_when() returns trigger language plpgsql as $$
begin
  insert into t_log (line) values (tg_name || ' ' || tg_op || ' ' || coalesce(new.a, -1));
  return new;
end $$;
create trigger w1 after update of a on t_when for each row execute function t_note_when();
create trigger w2 after update on t_when for each row when (old.a is distinct from new.a) execute function t_note_when();
create trigger w3 before insert on t_when for each row when (new.a > 5 and new.b is null) execute function t_note_when();
create trigger w4 after update on t_when for each row when (old.* is distinct from new.*) execute function t_note_when();
--> insert into t_when values (1, 1, 1), (2, 9, null), (3, null, null)
--> update t_when set a = a where id = 1
--> update t_when set b = 5 where id = 1
--> update t_when set a = 7 where id = 2
--> select line from t_log order by n
--> delete from t_log

--- an update of the updated_at kind
create table t_touched (id int primary key, name text, updated_at timestamptz);
create function t_touch() returns trigger language plpgsql as $$
begin
  new.updated_at = now();
  return new;
end $$;
create trigger touch before update on t_touched for each row execute function t_touch();
insert into t_touched values (1, 'a', '2000-01-01');
--> update t_touched set name = 'b'
--> select name, updated_at > '2020-01-01' as fresh from t_touched

--- after triggers write elsewhere: counters
create table t_posts (id int primary key, likes int not null default 0);
create table t_likes (post int references t_posts on delete cascade, who text, primary key (post, who));
create function t_count_likes() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    update t_posts set likes = likes + 1 where id = new.post;
    return new;
  elsif tg_op = 'DELETE' then
    update t_posts set likes = likes - 1 where id = old.post;
    return old;
  end if;
  return null;
end $$;
create trigger likes after insert or delete on t_likes for each row execute function t_count_likes();
insert into t_posts values (1), (2);
--> insert into t_likes values (1, 'a'), (1, 'b'), (2, 'a')
--> delete from t_likes where who = 'b'
--> select * from t_posts order by id
--> insert into t_likes values (9, 'a')
--> delete from t_posts where id = 1
--> select * from t_likes

--- audits keep old and new rows as json
create table t_audit (n serial primary key, tab text, op text, old_row jsonb, new_row jsonb);
create table t_audited (id int primary key, name text, tags text[]);
create function t_keep() returns trigger language plpgsql security definer set search_path = public as $$
begin
  insert into t_audit (tab, op, old_row, new_row)
  values (tg_table_name, tg_op, case when tg_op <> 'INSERT' then to_jsonb(old) end, case when tg_op <> 'DELETE' then to_jsonb(new) end);
  return coalesce(new, old);
end $$;
create trigger audit after insert or update or delete on t_audited for each row execute function t_keep();
--> insert into t_audited values (1, 'a', '{x,y}')
--> update t_audited set name = 'b'
--> delete from t_audited
--> select tab, op, old_row, new_row from t_audit order by n

--- an error in a trigger undoes the statement
create table t_guard (id int primary key, n int);
create function t_refuse() returns trigger language plpgsql as $$
begin
  if new.n > 2 then
    raise exception 'n is too big: %', new.n using errcode = 'P0042', hint = 'smaller';
  end if;
  return new;
end $$;
create trigger refuse after insert on t_guard for each row execute function t_refuse();
--> insert into t_guard values (1, 1), (2, 2), (3, 3), (4, 4)
--> select count(*) from t_guard

--- a caught error in a trigger lets the row in
create table t_tolerant (id int primary key);
create function t_try() returns trigger language plpgsql as $$
begin
  begin
    insert into t_guard values (new.id, 100);
  exception when others then
    insert into t_log (line) values ('caught ' || sqlstate || ' ' || sqlerrm);
  end;
  return new;
end $$;
create trigger try_it after insert on t_tolerant for each row execute function t_try();
--> insert into t_tolerant values (1), (2)
--> select count(*) from t_tolerant
--> select count(*) from t_guard
--> select line from t_log order by n
--> delete from t_log

--- cascades fire the triggers of the rows that they reach
create table t_parent (id int primary key, name text);
create table t_child (id int primary key, parent int references t_parent on delete cascade on update cascade);
create table t_grandchild (id int primary key, child int references t_child on delete set null);
create function t_note_cascade() returns trigger language plpgsql as $$
begin
  insert into t_log (line) values (tg_when || ' ' || tg_op || ' ' || tg_table_name || ' ' || coalesce(old.id, new.id)
    || ' parents ' || (select count(*) from t_parent) || ' children ' || (select count(*) from t_child));
  if tg_op = 'DELETE' then return old; end if;
  return new;
end $$;
create trigger p1 before delete or update on t_parent for each row execute function t_note_cascade();
create trigger p2 after delete or update on t_parent for each row execute function t_note_cascade();
create trigger c1 before delete or update on t_child for each row execute function t_note_cascade();
create trigger c2 after delete or update on t_child for each row execute function t_note_cascade();
create trigger g1 before delete or update on t_grandchild for each row execute function t_note_cascade();
create trigger g2 after delete or update on t_grandchild for each row execute function t_note_cascade();
insert into t_parent values (1, 'a'), (2, 'b');
insert into t_child values (10, 1), (11, 1), (20, 2);
insert into t_grandchild values (100, 10), (110, 11);
--> update t_parent set id = 3 where id = 1
--> delete from t_parent where id = 3
--> select * from t_grandchild order by id
--> select line from t_log order by n
--> delete from t_log

--- upserts fire the triggers of both branches
create table t_up (id int primary key, n int);
create function t_note_up() returns trigger language plpgsql as $$
begin
  insert into t_log (line) values (tg_when || ' ' || tg_level || ' ' || tg_op);
  return new;
end $$;
create trigger u1 before insert or update on t_up for each row execute function t_note_up();
create trigger u2 after insert or update on t_up for each row execute function t_note_up();
create trigger u3 before insert or update on t_up for each statement execute function t_note_up();
create trigger u4 after insert or update on t_up for each statement execute function t_note_up();
--> insert into t_up values (1, 1) on conflict (id) do update set n = excluded.n
--> insert into t_up values (1, 2), (2, 2) on conflict (id) do update set n = excluded.n
--> insert into t_up values (1, 3) on conflict do nothing
--> select * from t_up order by id
--> select line from t_log order by n
--> delete from t_log

--- transition tables
create table t_trans (id int primary key, n int);
create function t_sum_new() returns trigger language plpgsql as $$
declare r record;
begin
  insert into t_log (line) select 'new ' || count(*) || ' ' || coalesce(sum(n), 0) from fresh;
  for r in select * from fresh order by id limit 1 loop
    insert into t_log (line) values ('first ' || r.id);
  end loop;
  return null;
end $$;
create function t_diff() returns trigger language plpgsql as $$
begin
  insert into t_log (line)
  select 'from ' || o.n || ' to ' || f.n from gone o join fresh f using (id) order by o.id;
  return null;
end $$;
create trigger tr1 after insert on t_trans referencing new table as fresh for each statement execute function t_sum_new();
create trigger tr2 after update on t_trans referencing old table as gone new table as fresh for each statement execute function t_diff();
--> insert into t_trans select g, g * 10 from generate_series(1, 3) g
--> insert into t_trans select 1, 1 where false
--> update t_trans set n = n + 1 where id < 3
--> select line from t_log order by n
--> delete from t_log

--- a trigger that updates its own table, once
create table t_self (id int primary key, parent int, depth int);
create function t_depth() returns trigger language plpgsql as $$
begin
  update t_self set depth = coalesce((select p.depth from t_self p where p.id = new.parent), 0) + 1 where id = new.id;
  return null;
end $$;
create trigger depth after insert on t_self for each row execute function t_depth();
--> insert into t_self (id, parent) values (1, null), (2, 1), (3, 2)
--> select * from t_self order by id

--- a trigger without end is stopped
create table t_endless (id int primary key);
create function t_again() returns trigger language plpgsql as $$
begin
  insert into t_endless values (new.id + 1);
  return null;
end $$;
create trigger again after insert on t_endless for each row execute function t_again();
--> insert into t_endless values (1)
--> select count(*) from t_endless

--- disabled triggers do not fire
create table t_off (id int primary key);
create trigger off1 after insert on t_off for each row execute function t_note_up();
create trigger off2 after insert on t_off for each row execute function t_note_up();
alter table t_off disable trigger off1;
--> insert into t_off values (1)
--> select count(*) from t_log
--> delete from t_log

--- triggers are dropped, replaced and renamed
create table t_drop (id int primary key);
create trigger d1 after insert on t_drop for each row execute function t_note_up();
create trigger d2 before insert on t_drop for each row execute function t_note_up();
drop trigger d1 on t_drop;
drop trigger if exists d9 on t_drop;
create or replace trigger d2 after insert on t_drop for each statement execute function t_note_up();
alter trigger d2 on t_drop rename to d3;
--> insert into t_drop values (1), (2)
--> select line from t_log order by n
--> delete from t_log

--- constraint triggers wait for the end of the transaction
create table t_late (id int primary key, n int);
create function t_check_sum() returns trigger language plpgsql as $$
begin
  if (select sum(n) from t_late) <> 0 then raise exception 'sum is %', (select sum(n) from t_late); end if;
  return null;
end $$;
create constraint trigger late after insert or update on t_late deferrable initially deferred for each row execute function t_check_sum();
create function t_balanced() returns int language plpgsql as $$
begin
  insert into t_late values (1, 5);
  insert into t_late values (2, -5);
  return 1;
end $$;
--> select t_balanced()
--> select count(*) from t_late

--- views with instead of triggers
create table t_base (id int primary key, first text, last text);
create view t_people as select id, first || ' ' || last as name from t_base;
create function t_people_write() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into t_base values (new.id, split_part(new.name, ' ', 1), split_part(new.name, ' ', 2));
    return new;
  elsif tg_op = 'UPDATE' then
    update t_base set first = split_part(new.name, ' ', 1), last = split_part(new.name, ' ', 2) where id = old.id;
    return new;
  end if;
  delete from t_base where id = old.id;
  return old;
end $$;
create trigger people_write instead of insert or update or delete on t_people for each row execute function t_people_write();
--> insert into t_people values (1, 'Ada Lovelace'), (2, 'Alan Turing')
--> update t_people set name = 'Grace Hopper' where name like 'Alan%'
--> delete from t_people where id = 1
--> select * from t_people
--> select * from t_base

--- built-in trigger functions
create table t_search (id int primary key, title text, body text, doc tsvector);
create trigger doc before insert or update on t_search for each row
  execute function tsvector_update_trigger(doc, 'pg_catalog.simple', title, body);
--> insert into t_search values (1, 'Hello World', 'again hello')
--> select doc from t_search
--> select id from t_search where doc @@ to_tsquery('simple', 'world')

--- whole rows: new := old, fields from records
create table t_rows (id int primary key, name text, n int);
create function t_whole() returns trigger language plpgsql as $$
declare r record;
begin
  if tg_op = 'UPDATE' and new.n < 0 then
    new := old;
    return new;
  end if;
  select new.id as id, 'made ' || new.name as name, 7 as n into r;
  if tg_op = 'INSERT' and new.n is null then return r; end if;
  return new;
end $$;
create trigger whole before insert or update on t_rows for each row execute function t_whole();
--> insert into t_rows values (1, 'a', 1), (2, 'b', null)
--> update t_rows set n = -5, name = 'never' where id = 1
--> select * from t_rows order by id

--- slugs, with a loop until one is free
create table t_slugs (id serial primary key, title text not null, slug text unique);
create function t_slug() returns trigger language plpgsql as $$
declare base text; try text; i int := 1;
begin
  if new.slug is not null then return new; end if;
  base := trim(both '-' from regexp_replace(lower(new.title), '[^a-z0-9]+', '-', 'g'));
  try := base;
  while exists (select 1 from t_slugs where slug = try) loop
    i := i + 1;
    try := base || '-' || i;
  end loop;
  new.slug := try;
  return new;
end $$;
create trigger slug before insert on t_slugs for each row execute function t_slug();
--> insert into t_slugs (title) values ('Hello, World!'), ('Hello World'), ('hello world')
--> select slug from t_slugs order by id

--- stock that is checked and taken by triggers
create table t_stock (sku text primary key, n int not null check (n >= 0));
create table t_orders (id serial primary key, sku text not null references t_stock, n int not null);
create function t_take() returns trigger language plpgsql as $$
declare have int;
begin
  select n into have from t_stock where sku = new.sku for update;
  if have < new.n then
    raise exception 'only % of % left', have, new.sku using errcode = 'P0002';
  end if;
  update t_stock set n = n - new.n where sku = new.sku;
  return new;
end $$;
create trigger take before insert on t_orders for each row execute function t_take();
insert into t_stock values ('lamp', 5);
--> insert into t_orders (sku, n) values ('lamp', 2), ('lamp', 2)
--> insert into t_orders (sku, n) values ('lamp', 1), ('lamp', 1)
--> select * from t_stock
--> select sku, n from t_orders order by id

--- the last owner stays, also when two go at once
create table t_members (id int primary key, role text);
create function t_keep_owner() returns trigger language plpgsql as $$
begin
  if old.role = 'owner' and (select count(*) from t_members where role = 'owner') <= 1 then
    raise exception 'the last owner cannot go';
  end if;
  return old;
end $$;
create trigger keep_owner before delete on t_members for each row execute function t_keep_owner();
insert into t_members values (1, 'owner'), (2, 'owner'), (3, 'guest');
--> delete from t_members
--> delete from t_members where id in (1, 3)
--> delete from t_members where id = 2
--> select * from t_members

--- functions of triggers cannot be called, and must return rows
create function t_not_called() returns trigger language plpgsql as $$ begin return new; end $$;
create table t_wrong (id int primary key);
create function t_no_return() returns trigger language plpgsql as $$ begin null; end $$;
create trigger wrong before insert on t_wrong for each row execute function t_no_return();
--> insert into t_wrong values (1)
--> select t_not_called()
--- a row that its own trigger changed before the statement does
create table selfish (id int primary key, n int);
create function selfish() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and new.n > 1 then update selfish set n = n + 1 where id = new.id; end if;
  if tg_op = 'DELETE' then update selfish set n = n + 1 where id = old.id + old.n; return old; end if;
  return new;
end $$;
create trigger selfish before update or delete on selfish for each row execute function selfish();
insert into selfish values (1, 0), (2, 1);
--> update selfish set n = 1 where id = 1
--> update selfish set n = 5 where id = 1
--> delete from selfish where id = 2
--> update selfish set n = 0 where id = 1
--> delete from selfish where id = 1
--> select id, n from selfish order by id
--- TRUNCATE, its triggers, and the numbers that begin again
create table emptied (id serial primary key, t text);
create table emptied_child (id int references emptied);
create table emptied_log (n serial, op text, tbl text, level text);
create function emptied() returns trigger language plpgsql as $$
begin insert into emptied_log (op, tbl, level) values (tg_op, tg_table_name, tg_when || ' ' || tg_level); return null; end $$;
create trigger a before truncate on emptied for each statement execute function emptied();
create trigger b after truncate on emptied for each statement execute function emptied();
create trigger c after truncate on emptied_child for each statement execute function emptied();
insert into emptied (t) values ('x'), ('y');
create function empty_all() returns bigint language plpgsql as $$
declare n bigint;
begin truncate emptied, emptied_child restart identity; insert into emptied (t) values ('new'); select max(id) into n from emptied; return n; end $$;
--> truncate emptied
--> select empty_all()
--> select op, tbl, level from emptied_log order by n
--> select id, t from emptied
--- data-modifying statements in WITH
create table moved_from (id int primary key, v text);
create table moved_to (id int primary key, v text, at int default 7);
insert into moved_from values (1, 'a'), (2, 'b'), (3, 'c');
create function move_some(lowest int) returns table (id int, v text) language plpgsql as $$
begin
  return query with gone as (delete from moved_from f where f.id >= lowest returning f.*),
    old as (select count(*) as n from moved_from),
    put as (insert into moved_to (id, v) select gone.id, gone.v || old.n from gone, old returning moved_to.id, moved_to.v)
    select p.id, p.v from put p order by p.id;
end $$;
create function move_into() returns int language plpgsql as $$
declare n int;
begin with gone as (delete from moved_to returning 1) select count(*) into n from gone; return n; end $$;
--> select * from move_some(2)
--> select id, v, at from moved_to order by id
--> select count(*) from moved_from
--> with x as (insert into moved_from values (9, 'z') returning id) update moved_to set v = 'seen ' || x.id from x where moved_to.id = 2
--> with x as (update moved_to set v = 'late' returning id) delete from moved_from using x where moved_from.id = 9
--> select move_into()
--> select * from (with x as (delete from moved_from returning 1) select * from x) y
--- procedures
create table called (n int);
create procedure note_it(n int, times int default 1) language plpgsql as $$ begin for i in 1..times loop insert into called values (n); end loop; end $$;
create procedure note_in_sql(n int) language sql as $$ insert into called values (n); insert into called values (n + 1) $$;
create function plain_function(n int) returns int language sql as $$ select n $$;
create function calls_them() returns bigint language plpgsql as $$
begin call note_it(1); call note_it(times => 2, n => 5); call note_in_sql(10); return (select sum(n) from called); end $$;
create function calls_function() returns void language plpgsql as $$ begin call plain_function(1); end $$;
create function selects_procedure() returns void language plpgsql as $$ begin perform note_it(1); end $$;
--> select calls_them()
--> call note_it(3)
--> select calls_function()
--> select selects_procedure()
--> select n from called order by n
--- rows of every kind as JSON
create type mood_of_json as enum ('sad', 'glad');
create table to_be_json (id int primary key, m mood_of_json, at timestamptz, d date, n numeric, a int[], j jsonb);
create table json_of_rows (n serial, r json, b jsonb);
create function json_of_row() returns trigger language plpgsql as $$
begin insert into json_of_rows (r, b) values (row_to_json(new), to_jsonb(new) - 'a'); return new; end $$;
create trigger json_of_row after insert on to_be_json for each row execute function json_of_row();
insert into to_be_json values (1, 'glad', '2024-01-01 00:00+00', '2024-02-29', 1.50, '{1,2}', '{"x": 1}'), (2, null, null, null, null, null, null);
--> select r, b from json_of_rows order by n
--- materialized views and tables made of queries
create table mv_source (id int primary key, v int);
insert into mv_source values (1, 10), (2, 20);
create materialized view mv_copy as select id, v * 2 as twice from mv_source where v > 5;
create unique index mv_copy_id on mv_copy (id);
create table made_of_query as select id, 'v' || v as label, now() is not null as here from mv_source;
create table made_empty (a, b) as select id, v from mv_source with no data;
create function refresh_copy() returns bigint language plpgsql security definer as $$
begin refresh materialized view concurrently mv_copy; return (select sum(twice) from mv_copy); end $$;
--> select id, twice from mv_copy order by id
--> insert into mv_source values (3, 30)
--> select count(*) from mv_copy
--> select refresh_copy()
--> select id, twice from mv_copy order by id
--> insert into mv_copy values (4, 4)
--> select id, label, here from made_of_query order by id
--> select count(*) from made_empty
--> insert into made_empty (a, b) values (1, 2)
--- constraints that exclude
create table excluded (id int primary key, room int, during int4range, gone boolean not null default false,
  constraint no_overlap exclude using gist (during with &&) where (not gone));
insert into excluded values (1, 1, '[1,5)'), (2, 1, '[10,20)');
create function try_excluded(n int, r int4range) returns text language plpgsql as $$
begin insert into excluded values (n, 2, r); return 'in'; exception when exclusion_violation then return sqlerrm; end $$;
--> insert into excluded values (3, 1, '[4,6)')
--> insert into excluded values (3, 1, '[5,6)')
--> insert into excluded values (4, 2, '[4,6)', true)
--> update excluded set gone = false where id = 4
--> update excluded set during = '[11,12)' where id = 1
--> update excluded set during = '[1,4)' where id = 1
--> insert into excluded values (5, 1, null), (6, 1, 'empty')
--> insert into excluded values (7, 1, '[100,110)'), (8, 1, '[105,106)')
--> insert into excluded values (9, 1, '[2,3)') on conflict do nothing
--> insert into excluded values (9, 1, '[2,3)') on conflict (id) do nothing
--> select try_excluded(10, '[12,13)')
--> select id, during from excluded order by id

--- a field that the row does not have
create table t_lacking (id int primary key);
create function t_lacks() returns trigger language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end $$;
create trigger lacks before insert on t_lacking for each row execute function t_lacks();
--> insert into t_lacking values (1)
