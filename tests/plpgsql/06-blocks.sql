--- a type that is made where it is missing
do $$ begin
  if not exists (select 1 from pg_type where typname = 'd_state') then
    create type d_state as enum ('open', 'closed');
  end if;
end $$;
do $$ begin
  if not exists (select 1 from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typname = 'd_state' and n.nspname = 'public') then
    create type d_state as enum ('never');
  end if;
end $$;
create table d_tickets (id int primary key, state d_state not null default 'open');
--> insert into d_tickets values (1), (2)
--> select * from d_tickets order by id

--- what is there already is passed by
do $$ begin
  create type d_state as enum ('other');
exception when duplicate_object then null;
end $$;
do $$ begin
  create table d_tickets (x int);
exception when duplicate_table then raise notice 'there already';
end $$;
do $$ begin
  alter table d_tickets add column state text;
exception when duplicate_column then null;
end $$;
do $$ begin
  alter table d_tickets add constraint d_positive check (id > 0);
exception when duplicate_object then null;
end $$;
do $$ begin
  alter table d_tickets add constraint d_positive check (id > 100);
exception when duplicate_object then null;
end $$;
--> insert into d_tickets values (-1)
--> select column_name, data_type, is_nullable from information_schema.columns where table_schema = 'public' and table_name = 'd_tickets' order by ordinal_position

--- columns, constraints, policies and triggers are asked for
do $$
begin
  if not exists (select 1 from information_schema.columns where table_schema = 'public' and table_name = 'd_tickets' and column_name = 'title') then
    alter table public.d_tickets add column title text not null default 'untitled';
  end if;
  if not exists (select 1 from pg_constraint where conname = 'd_title_check') then
    alter table d_tickets add constraint d_title_check check (title <> '');
  end if;
  if not exists (select 1 from pg_constraint where conname = 'd_title_check' and conrelid = 'public.d_tickets'::regclass) then
    raise exception 'it should be there';
  end if;
  alter table d_tickets enable row level security;
  if not exists (select 1 from pg_policies where schemaname = 'public' and tablename = 'd_tickets' and policyname = 'all may read') then
    create policy "all may read" on d_tickets for select using (true);
  end if;
  if not exists (select 1 from pg_trigger where tgname = 'd_touch') then
    create function d_touch() returns trigger language plpgsql as $f$ begin new.title := new.title || '!'; return new; end $f$;
    create trigger d_touch before update on d_tickets for each row execute function d_touch();
  end if;
  if to_regclass('public.d_nowhere') is null and to_regclass('public.d_tickets') is not null then
    create index d_title on d_tickets (title);
  end if;
  if not exists (select from pg_tables where schemaname = 'public' and tablename = 'd_more') then
    create table d_more (id serial primary key, ticket int references d_tickets);
  end if;
end $$;
--> update d_tickets set title = 'changed' where id = 1
--> select id, title from d_tickets order by id
--> update d_tickets set title = '' where id = 2
--> select policyname, cmd, permissive from pg_policies where tablename = 'd_tickets'
--> select indexname from pg_indexes where tablename = 'd_tickets' order by 1
--> select relrowsecurity from pg_class where relname = 'd_tickets'
--> insert into d_more (ticket) values (99)
--> select constraint_name, constraint_type from information_schema.table_constraints where table_name = 'd_more' and constraint_type <> 'CHECK' order by 1
--> select trigger_name, event_manipulation, action_timing from information_schema.triggers where event_object_table = 'd_tickets'

--- texts that are put together change the schema
do $$
declare t text; n int := 0;
begin
  foreach t in array array['d_one', 'd_two'] loop
    execute format('create table %I (id int primary key, note text default %L)', t, 'made for ' || t);
    execute format('alter table %I add column extra int; insert into %I (id) values ($1 is null)::int', t, t);
  end loop;
exception when others then
  raise notice '%', sqlerrm;
end $$;
do $$
declare t text;
begin
  foreach t in array array['d_one', 'd_two'] loop
    execute format('create table %I (id int primary key, note text default %L)', t, 'made for ' || t);
    execute format('insert into %I (id) values ($1)', t) using length(t);
  end loop;
  for t in select tablename from pg_tables where schemaname = 'public' and tablename like 'd\_t%' order by 1 loop
    execute 'create view ' || quote_ident(t || '_seen') || ' as select * from ' || quote_ident(t);
  end loop;
end $$;
--> select * from d_one
--> select * from d_two_seen
--> select table_name from information_schema.views where table_schema = 'public' and table_name like 'd%' order by 1

--- rows of migrations: loops, conditions, counts
create table d_seed (id int primary key, label text);
do $$
declare i int; n int;
begin
  for i in 1..5 loop
    insert into d_seed values (i, 'row ' || i);
  end loop;
  update d_seed set label = upper(label) where id % 2 = 0;
  get diagnostics n = row_count;
  if n <> 2 then raise exception 'wrong count %', n; end if;
  delete from d_seed where id = 5;
end $$;
--> select * from d_seed order by id

--- an undone part of a block leaves the schema as it was
do $$
begin
  begin
    create table d_undone (id int);
    insert into d_undone values (1);
    perform 1 / 0;
  exception when division_by_zero then
    create table d_done (id int);
  end;
  insert into d_done values (7);
end $$;
--> select to_regclass('public.d_undone') is null as gone
--> select * from d_done

--- an enum that got a value, and rights
do $$
begin
  if not exists (select 1 from pg_enum e join pg_type t on t.oid = e.enumtypid where t.typname = 'd_state' and e.enumlabel = 'late') then
    alter type d_state add value 'late';
  end if;
  if exists (select 1 from pg_roles where rolname = 'd_nobody') then
    raise exception 'there is no such role';
  end if;
  if exists (select 1 from pg_proc where proname = 'd_touch') then
    comment on function d_touch() is 'touches';
  end if;
  drop table if exists d_nothing;
  drop policy if exists "none" on d_tickets;
end $$;
--> insert into d_tickets values (3, 'late')
--> select state from d_tickets where id = 3
