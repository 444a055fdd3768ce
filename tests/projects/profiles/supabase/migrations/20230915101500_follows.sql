begin;

create table if not exists public.follows (
    follower_id uuid not null default auth.uid() references public.profiles(id) on delete cascade,
    followee_id uuid not null references public.profiles(id) on delete cascade,
    created_at timestamptz not null default timezone('utc'::text, now()),
    primary key (follower_id, followee_id),
    constraint no_self_follow check (follower_id <> followee_id)
);
create index if not exists follows_followee_idx on public.follows using btree (followee_id);
alter table public.follows enable row level security;
alter table public.follows force row level security;

drop policy if exists "follows_select" on public.follows;
create policy "follows_select" on public.follows as permissive for select to public using (true);
drop policy if exists "follows_insert" on public.follows;
create policy "follows_insert" on public.follows as permissive for insert to authenticated with check (follower_id = (select auth.uid()));
drop policy if exists "follows_delete" on public.follows;
create policy "follows_delete" on public.follows as permissive for delete to authenticated using (follower_id = auth.uid());

create or replace function public.follower_count(profile profiles) returns bigint
language sql stable as $$
  select count(*) from follows where followee_id = profile.id;
$$;

create or replace function public.suggested_profiles(max_results integer default 5)
returns setof public.profiles
language sql
stable
security invoker
as $$
  select p.*
  from public.profiles p
  where p.id <> coalesce(auth.uid(), '00000000-0000-0000-0000-000000000000'::uuid)
    and not exists (
      select 1 from public.follows f
      where f.follower_id = auth.uid() and f.followee_id = p.id
    )
  order by (select count(*) from public.follows f2 where f2.followee_id = p.id) desc, p.username nulls last
  limit max_results;
$$;

create or replace function public.is_username_available(name text) returns boolean as $$
declare
  taken int;
begin
  if name is null or length(trim(name)) < 3 then
    return false;
  end if;
  select count(*) into taken from public.profiles where lower(username) = lower(trim(name));
  return taken = 0;
end;
$$ language plpgsql stable security definer;

-- Deletes the account of whoever calls it
create or replace function public.delete_user() returns void
language sql security definer
set search_path to 'public', 'auth'
as $$
  delete from auth.users where id = auth.uid();
$$;
revoke execute on function public.delete_user() from public, anon;
grant execute on function public.delete_user() to authenticated;

commit;
