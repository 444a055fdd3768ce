create type public.booking_state as enum ('requested', 'confirmed', 'cancelled');

create table public.resources (
  id bigint generated always as identity (start with 10) primary key,
  name text not null unique,
  capacity int2 not null default 1 check (capacity > 0),
  opens time not null default '08:00',
  closes time not null default '18:00',
  price_per_hour numeric(8, 2) not null default 0,
  constraint opening_hours check (opens < closes)
);

create table public.bookings (
  id uuid primary key default gen_random_uuid(),
  resource_id bigint not null references public.resources on delete cascade,
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  during tstzrange not null,
  state public.booking_state not null default 'requested',
  guests int not null default 1,
  note text,
  price numeric(10,2),
  created_at timestamptz not null default now(),
  check (not isempty(during)),
  check (lower(during) < upper(during))
);
create index bookings_during on public.bookings using gist (resource_id, during);

create table public.blackouts (
  id serial primary key,
  resource_id bigint references public.resources,
  days daterange not null,
  reason text,
  unique nulls not distinct (resource_id, days)
);
-- no two of one resource overlap
create function public.check_blackout() returns trigger language plpgsql as $$
begin
  if exists (select 1 from public.blackouts b where b.resource_id = new.resource_id and b.id <> new.id and b.days && new.days) then
    raise exception 'conflicting key value violates exclusion constraint "%"', tg_argv[0] using errcode = '23P01';
  end if;
  return new;
end $$;
create constraint trigger no_overlapping_blackouts after insert or update on public.blackouts
  for each row execute function public.check_blackout('no_overlapping_blackouts');

alter table public.resources enable row level security;
alter table public.bookings enable row level security;
alter table public.blackouts enable row level security;
create policy "resources are public" on public.resources for select to anon, authenticated using (true);
create policy "blackouts are public" on public.blackouts for select to anon, authenticated using (true);
create policy "people see their own bookings" on public.bookings for select to authenticated using (auth.uid() = user_id);
create policy "people book" on public.bookings for insert to authenticated with check (auth.uid() = user_id and lower(during) > '2024-01-01');
create policy "people change their own" on public.bookings for update to authenticated using (auth.uid() = user_id) with check (auth.uid() = user_id);

create function public.check_booking() returns trigger language plpgsql security definer set search_path = public, extensions as $$
declare
  r resources;
  n int;
  hours numeric;
begin
  if new.state = 'cancelled' then
    return new;
  end if;
  select * into strict r from resources where id = new.resource_id;
  if new.guests > r.capacity then
    raise check_violation using message = format('%s holds at most %s', r.name, r.capacity), constraint = 'capacity';
  end if;
  perform pg_advisory_xact_lock(new.resource_id);
  select count(*) into n from bookings b
  where b.resource_id = new.resource_id and b.id <> new.id and b.state <> 'cancelled' and b.during && new.during;
  if n > 0 then
    raise exclusion_violation using message = 'this time is taken', detail = new.during::text, table = tg_table_name;
  end if;
  if exists (select from blackouts o where o.resource_id = new.resource_id and o.days && daterange(lower(new.during)::date, upper(new.during)::date, '[]')) then
    raise exception using errcode = 'P0001', message = 'closed on these days';
  end if;
  if (lower(new.during) at time zone 'UTC')::time < r.opens or (upper(new.during) at time zone 'UTC')::time > r.closes then
    raise exception 'open from % to %', r.opens, r.closes;
  end if;
  hours := extract(epoch from upper(new.during) - lower(new.during)) / 3600;
  new.price := round(hours * r.price_per_hour, 2);
  return new;
end $$;
create trigger check_booking before insert or update on public.bookings for each row execute function public.check_booking();

create or replace function public.free_slots(resource bigint, day date, slot interval default '1 hour')
returns table (starts timestamptz, ends timestamptz) language sql stable security definer set search_path = public as $$
  select s as starts, s + slot as ends
  from resources r
  cross join lateral generate_series((day + r.opens) at time zone 'UTC', (day + r.closes) at time zone 'UTC' - slot, slot) as s
  where r.id = resource
    and not exists (select 1 from bookings b where b.resource_id = r.id and b.state <> 'cancelled' and b.during && tstzrange(s, s + slot))
  order by s
$$;

create or replace function public.book(resource bigint, starts timestamptz, ends timestamptz, guests int default 1) returns uuid
language plpgsql as $$
declare
  made uuid;
begin
  insert into public.bookings (resource_id, during, guests) values (resource, tstzrange(starts, ends, '[)'), book.guests)
  returning id into made;
  return made;
exception
  when exclusion_violation then
    raise exception 'Sorry, % is taken', (select name from public.resources where id = resource) using errcode = '23P01', hint = 'Try free_slots()';
  when sqlstate '22000' then
    raise exception 'the end lies before the start' using errcode = '22023';
end $$;

create or replace function public.cancel_booking(booking uuid) returns void language plpgsql as $$
begin
  update public.bookings set state = 'cancelled' where id = booking and state <> 'cancelled';
  if not found then
    raise exception 'nothing to cancel' using errcode = 'PT404';
  end if;
end $$;

create view public.occupancy as
  select r.id, r.name, count(b.*) filter (where b.state = 'confirmed') as confirmed,
         sum(extract(epoch from upper(b.during) - lower(b.during)) / 3600) filter (where b.state <> 'cancelled') as hours
  from public.resources r left join public.bookings b on b.resource_id = r.id
  group by 1, 2 order by r.name;

create or replace procedure public.expire_requests(before timestamptz)
language plpgsql as $$
declare r record;
begin
  for r in select id from public.bookings where state = 'requested' and lower(during) < before loop
    update public.bookings set state = 'cancelled' where id = r.id;
  end loop;
end $$;
revoke execute on procedure public.expire_requests(timestamptz) from public, anon, authenticated;
create or replace function public.run_expiry() returns int language plpgsql security definer set search_path = '' as $$
declare n int;
begin
  call public.expire_requests('2024-03-05 00:00+00');
  select count(*) into n from public.bookings where state = 'cancelled';
  return n;
end $$;
