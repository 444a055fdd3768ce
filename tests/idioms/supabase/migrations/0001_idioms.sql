-- 7.1 a profile on sign-up; an error in it fails the sign-up
create table public.profiles (
  id uuid primary key references auth.users on delete cascade, email text, full_name text, provider text,
  updated_at timestamptz not null default '2000-01-01', touched timestamptz
);
alter table public.profiles enable row level security;
create policy "anyone" on public.profiles for select using (true);
create policy "own" on public.profiles for update using (auth.uid() = id) with check (auth.uid() = id);
create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if new.email like 'refused@%' then
    raise exception 'not welcome';
  end if;
  insert into public.profiles (id, email, full_name, provider)
  values (new.id, new.email, coalesce(new.raw_user_meta_data ->> 'full_name', split_part(new.email, '@', 1)), new.raw_app_meta_data ->> 'provider')
  on conflict (id) do nothing;
  return new;
end $$;
create trigger on_auth_user_created after insert on auth.users for each row execute procedure public.handle_new_user();
create function public.user_exists(address text) returns boolean language sql stable security definer set search_path = '' as $$ select exists (select 1 from auth.users where email = address) $$;

-- 7.2 updated_at, by a function and by moddatetime
create function public.set_updated_at() returns trigger as $$ begin new.updated_at = now(); return new; end $$ language plpgsql;
create trigger set_updated_at before update on public.profiles for each row execute function public.set_updated_at();
create extension if not exists moddatetime schema extensions;
create trigger touched before update on public.profiles for each row execute procedure extensions.moddatetime(touched);

-- 7.3 owner policies for each command
create table public.notes (id int primary key, user_id uuid not null default auth.uid(), body text);
alter table public.notes enable row level security;
create policy "select own" on public.notes for select using (auth.uid() = user_id);
create policy "insert own" on public.notes for insert with check (auth.uid() = user_id);
create policy "update own" on public.notes for update using (auth.uid() = user_id);
create policy "delete own" on public.notes for delete using (auth.uid() = user_id);

-- 7.4 membership: EXISTS, IN, and a definer's function that reads the protected table itself
create type public.app_role as enum ('admin', 'editor', 'viewer');
create table public.teams (id uuid primary key, name text not null);
create table public.members (team_id uuid references public.teams on delete cascade, user_id uuid references auth.users on delete cascade, role public.app_role not null default 'viewer'::public.app_role, primary key (team_id, user_id));
create table public.documents (id int primary key, team_id uuid references public.teams on delete cascade, title text);
alter table public.teams enable row level security;
alter table public.members enable row level security;
alter table public.documents enable row level security;
create function public.is_member_of(team uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select 1 from public.members m where m.team_id = team and m.user_id = (select auth.uid())) $$;
create function public.has_team_role(team uuid, wanted public.app_role) returns boolean language plpgsql stable security definer as $$
begin return exists (select 1 from members where team_id = team and user_id = auth.uid() and role = wanted); end $$;
create policy "members see members" on public.members for select using (public.is_member_of(team_id));
create policy "admins manage members" on public.members for all to authenticated using (public.has_team_role(team_id, 'admin'));
create policy "members see teams" on public.teams for select using (exists (select 1 from public.members m where m.team_id = teams.id and m.user_id = auth.uid()));
create policy "members see documents" on public.documents for select using (team_id in (select m.team_id from public.members m where m.user_id = auth.uid()));
create policy "editors write" on public.documents for update using (public.has_team_role(team_id, 'editor') or public.has_team_role(team_id, 'admin'));
create table public.endless (id int primary key, team_id int);
alter table public.endless enable row level security;
create policy "recursion" on public.endless for select using (team_id in (select e.team_id from public.endless e));

-- 7.5 functions of every kind
create function public.add(a int, b int default 10) returns int language sql immutable as $$ select a + b $$;
create function public.whoami() returns json language sql stable as $$ select json_build_object('id', auth.uid(), 'role', auth.role(), 'email', auth.email()) $$;
create function public.my_notes() returns setof public.notes language sql stable as $$ select * from public.notes order by id $$;
create function public.note_sizes(at_least int default 0) returns table (id int, size int) language plpgsql stable as $$
begin return query select n.id, length(n.body) from public.notes n where length(n.body) >= at_least order by n.id; end $$;
create function public.fail(code text default null) returns void language plpgsql as $$
begin
  if code is null then raise exception 'plain % failure', 'text'; end if;
  raise exception 'coded failure' using errcode = code, detail = 'the details', hint = 'the hint';
end $$;

-- 7.6 buckets and policies on files
insert into storage.buckets (id, name, public) values ('docs', 'docs', false) on conflict do nothing;
create policy "own folder" on storage.objects for all to authenticated using (bucket_id = 'docs' and (storage.foldername(name))[1] = auth.uid()::text) with check (bucket_id = 'docs' and (storage.foldername(name))[1] = auth.uid()::text);
create function public.put_file(path text) returns text language sql as $$ insert into storage.objects (bucket_id, name, owner) values ('docs', path, auth.uid()) returning storage.filename(name) $$;
create function public.list_files() returns setof text language sql stable as $$ select name from storage.objects order by name $$;

-- 7.7 grants and revokes: defaults are open, columns and functions can be closed
create table public.people (id int primary key, name text, salary int);
alter table public.people enable row level security;
create policy "all rows" on public.people using (true) with check (true);
revoke all on table public.people from anon, authenticated;
grant select (id, name), insert, update (name) on table public.people to authenticated;
create function public.secret_number() returns int language sql as $$ select 42 $$;
revoke execute on function public.secret_number() from public, anon;
grant execute on function public.secret_number() to authenticated, service_role;
insert into public.people values (1, 'Ann', 100);

-- 7.8 enums in columns, casts, defaults
create table public.tasks (id int primary key, state public.app_role not null default 'viewer', history public.app_role[] default array['viewer'::public.app_role]);
alter table public.tasks enable row level security;
create policy "all" on public.tasks using (true) with check (state <> 'admin'::app_role);
alter type public.app_role add value if not exists 'owner' before 'admin';

-- 7.9 columns of auth.users
create function public.user_report() returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_agg(to_jsonb(u) order by u.email) from (
    select id, email, phone, raw_user_meta_data, raw_app_meta_data, created_at is not null as has_created, updated_at is null as no_update,
      last_sign_in_at, email_confirmed_at is not null as confirmed, confirmed_at is not null as confirmed_too, banned_until, is_anonymous, role, aud,
      encrypted_password is not null as has_password, instance_id, deleted_at, confirmation_token, recovery_token, email_change, email_change_token_new
    from auth.users where email like 'seed%') u $$;

-- 7.11 claims
create table public.claimed (id int primary key, need text);
alter table public.claimed enable row level security;
create policy "by role in app_metadata" on public.claimed for select using (need = 'admin' and (auth.jwt() -> 'app_metadata' ->> 'role') = 'admin');
create policy "by second factor" on public.claimed for select using (need = 'aal2' and (select auth.jwt() ->> 'aal') = 'aal2');
create policy "by setting" on public.claimed for select using (need = 'setting' and current_setting('request.jwt.claims', true)::json ->> 'sub' is not null);
create policy "by auth.role" on public.claimed for select using (need = 'role' and auth.role() = 'authenticated');
create policy "by e-mail" on public.claimed for select using (need = 'email' and auth.email() like '%@corp.example');
create policy "by list" on public.claimed for select using (need = 'teams' and (auth.jwt() -> 'app_metadata' -> 'teams') ? 'blue');
insert into public.claimed select n, need from unnest(array['admin', 'aal2', 'setting', 'role', 'email', 'teams']) with ordinality as x(need, n);

-- 7.12 blocks that may run again, with looks into the catalogues
do $$ begin
  create type public.app_role as enum ('other');
exception when duplicate_object then null; end $$;
do $$ begin
  if not exists (select 1 from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typname = 'fresh_type' and n.nspname = 'public') then
    create type public.fresh_type as enum ('a', 'b');
  end if;
  if not exists (select 1 from pg_policies where schemaname = 'public' and tablename = 'notes' and policyname = 'select own') then
    raise exception 'the policy is not seen';
  end if;
  if not exists (select 1 from pg_constraint where conname = 'members_pkey' and conrelid = 'public.members'::regclass and contype = 'p') then
    raise exception 'the constraint is not seen';
  end if;
  if not exists (select 1 from pg_trigger where tgname = 'set_updated_at' and tgrelid = 'public.profiles'::regclass) then
    raise exception 'the trigger is not seen';
  end if;
  if not exists (select 1 from information_schema.columns where table_schema = 'public' and table_name = 'tasks' and column_name = 'extra') then
    alter table public.tasks add column extra text default 'added';
  end if;
  if not exists (select 1 from information_schema.tables where table_schema = 'public' and table_name = 'tasks') or not exists (select from pg_tables where tablename = 'tasks') then
    raise exception 'the table is not seen';
  end if;
  if not exists (select 1 from information_schema.table_constraints where table_name = 'members' and constraint_type = 'PRIMARY KEY') then
    raise exception 'the table constraint is not seen';
  end if;
  if not exists (select 1 from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.proname = 'whoami' and n.nspname = 'public') then
    raise exception 'the function is not seen';
  end if;
  if to_regclass('public.notes') is null or to_regclass('public.nothing') is not null then
    raise exception 'to_regclass is wrong';
  end if;
  if to_regprocedure('public.whoami()') is null or to_regprocedure('whoami(uuid)') is not null or to_regproc('public.nobody') is not null
    or to_regprocedure('public.whoami(int, text[])') is not null or to_regprocedure('lower(text)') is null then
    raise exception 'to_regprocedure is wrong';
  end if;
  if to_regproc('whoami')::text <> 'whoami' or to_regprocedure('whoami()')::text <> 'whoami()' then
    raise exception 'functions are shown wrongly';
  end if;
  if exists (select 1 from pg_indexes where schemaname = 'public' and indexname = 'notes_body') or not exists (select 1 from pg_class where relname = 'notes' and relkind = 'r') then
    raise exception 'pg_indexes or pg_class is wrong';
  end if;
end $$;

-- 7.13 publications
begin;
  drop publication if exists supabase_realtime;
  create publication supabase_realtime;
commit;
alter publication supabase_realtime add table public.notes;
alter publication supabase_realtime add table public.documents, public.tasks;
alter table public.notes replica identity full;
do $$ begin
  if not exists (select 1 from pg_publication_tables where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = 'notes') then
    raise exception 'the publication is not seen';
  end if;
  begin
    alter publication supabase_realtime add table public.notes;
  exception when duplicate_object then null;
  end;
end $$;

-- 7.14 views with the caller's rights and with the owner's
create view public.notes_as_caller with (security_invoker = true) as select id, body from public.notes;
create view public.notes_as_owner as select id, body from public.notes;
grant select on public.notes_as_owner to authenticated;

-- 7.15 audit triggers
create table public.audit (id bigint generated always as identity primary key, op text, tbl text, old_row jsonb, new_row json, who uuid);
alter table public.audit enable row level security;
create function public.audit_row() returns trigger language plpgsql security definer as $$
begin
  insert into public.audit (op, tbl, old_row, new_row, who)
  values (tg_op, tg_table_schema || '.' || tg_table_name, case when tg_op <> 'INSERT' then to_jsonb(old) end, case when tg_op <> 'DELETE' then row_to_json(new) end, auth.uid());
  return coalesce(new, old);
end $$;
create trigger audit_tasks after insert or update or delete on public.tasks for each row execute function public.audit_row();

-- 7.16 counters and cascades by trigger
create table public.articles (id int primary key, like_count int not null default 0);
create table public.article_likes (article_id int references public.articles on delete cascade, user_id uuid default auth.uid(), primary key (article_id, user_id));
alter table public.articles enable row level security;
alter table public.article_likes enable row level security;
create policy "all" on public.articles for select using (true);
create policy "all" on public.article_likes using (user_id = auth.uid());
create function public.count_likes() returns trigger language plpgsql security definer as $$
begin
  update public.articles set like_count = like_count + case tg_op when 'INSERT' then 1 else -1 end where id = coalesce(new.article_id, old.article_id);
  return null;
end $$;
create trigger count_likes after insert or delete on public.article_likes for each row execute function public.count_likes();
insert into public.articles (id) values (1), (2);

-- 7.17 the hook of access tokens
create function public.custom_access_token_hook(event jsonb) returns jsonb language plpgsql stable as $$
declare claims jsonb := event -> 'claims';
begin
  claims := jsonb_set(claims, '{team_role}', coalesce((select to_jsonb(m.role) from public.members m where m.user_id = (event ->> 'user_id')::uuid limit 1), 'null'));
  return jsonb_set(event, '{claims}', claims);
end $$;
grant execute on function public.custom_access_token_hook to supabase_auth_admin;
revoke execute on function public.custom_access_token_hook from authenticated, anon, public;

-- 7.18 advisory locks, reload
create function public.with_lock(n bigint) returns boolean language plpgsql as $$
begin
  perform pg_advisory_xact_lock(n);
  return pg_try_advisory_xact_lock(n);
end $$;
notify pgrst, 'reload schema';

-- 8 what bodies use beside: data-modifying WITH, procedures, TRUNCATE, arrays, records, dynamic texts
create table public.jobs (id int primary key, state text not null default 'new', tries int not null default 0);
create table public.jobs_done (id int primary key, state text, moved_by text);
alter table public.jobs enable row level security;
alter table public.jobs_done enable row level security;
insert into public.jobs (id) select generate_series(1, 6);
create function public.take_jobs(n int) returns setof public.jobs language sql as $$
  update public.jobs set state = 'taken', tries = tries + 1
  where id in (select id from public.jobs where state = 'new' order by id limit n for update skip locked)
  returning * $$;
create function public.finish_jobs() returns table (moved bigint, left_over bigint) language plpgsql as $$
begin
  return query
    with gone as (delete from public.jobs where state = 'taken' returning *),
         kept as (insert into public.jobs_done select g.id, g.state, current_user::text from gone g returning id)
    select (select count(*) from kept), (select count(*) from public.jobs);
end $$;
create function public.get_or_make_job(job int) returns table (id int, made boolean) language sql as $$
  with ins as (insert into public.jobs (id) values (job) on conflict do nothing returning id)
  select id, true from ins
  union all
  select j.id, false from public.jobs j where j.id = job
$$;
create procedure public.reset_jobs(first int, last int default 3) language plpgsql as $$
begin
  truncate public.jobs, public.jobs_done;
  insert into public.jobs (id) select generate_series(first, last);
end $$;
create function public.run_reset() returns int language plpgsql as $$
begin
  call public.reset_jobs(2);
  call public.reset_jobs(last => 5, first => 4);
  return (select count(*) from public.jobs);
end $$;
create function public.ranks(q text) returns json language sql stable as $$
  select json_agg(json_build_array(round(ts_rank_cd(d, websearch_to_tsquery('english', q))::numeric, 5), round(ts_rank_cd('{0.1, 0.2, 0.4, 1.0}', d, websearch_to_tsquery('english', q), 1 | 4 | 32)::numeric, 5)) order by n)
  from (values (1, to_tsvector('english', 'the fat cat sat on the fat mat with another cat')), (2, setweight(to_tsvector('english', 'a cat'), 'A') || to_tsvector('english', 'and some rat and a cat')), (3, 'cat rat'::tsvector)) x(n, d) $$;
create function public.classify(numbers int[]) returns jsonb language plpgsql as $$
declare
  n int; evens int[] := '{}'; odds int[] := '{}'; r record; total int := 0; parts text[];
begin
  foreach n in array coalesce(numbers, '{}') loop
    continue when n = 0;
    if n % 2 = 0 then evens := evens || n; else odds := array_append(odds, n); end if;
  end loop;
  for r in select unnest(numbers) as v loop total := total + r.v; end loop;
  for i in reverse 3..1 loop parts[4 - i] := 'p' || i; end loop;
  return jsonb_build_object('evens', evens, 'odds', odds, 'total', total, 'parts', parts, 'first', parts[1], 'slice', parts[2:3]);
end $$;
