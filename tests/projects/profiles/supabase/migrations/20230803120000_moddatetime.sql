create extension if not exists moddatetime schema extensions;

-- assuming the table name is "profiles", and a timestamp column "updated_at"
-- this trigger will set the "updated_at" column to the current timestamp for every update
drop trigger if exists handle_updated_at on profiles;
create trigger handle_updated_at before update on profiles
  for each row execute procedure moddatetime (updated_at);

alter table public.profiles add column if not exists bio text default ''::text not null;
alter table public.profiles add column if not exists onboarded boolean not null default false;
alter table public.profiles add column if not exists preferences jsonb not null default '{"theme": "system", "emails": true}'::jsonb;
alter table public.profiles add column if not exists social_links text[] default '{}';
comment on column public.profiles.preferences is E'@description Settings of the user, e.g. {"theme": "dark"}';
