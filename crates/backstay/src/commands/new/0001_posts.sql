-- The model and the rules are PostgreSQL's SQL. `backstay dev` applies a migration when you save a
-- new file; one that was applied is history and is not changed any more.

create table public.posts (
  id         bigint generated always as identity primary key,
  author_id  uuid default auth.uid(),
  title      text not null check (char_length(title) between 1 and 200),
  body       text not null default '',
  published  boolean not null default false,
  created_at timestamptz not null default now()
);
comment on table public.posts is 'What people wrote.';

-- Without row security a table is closed to everybody but the service role.
alter table public.posts enable row level security;

create policy "everybody reads published posts" on public.posts
  for select using (published);

create policy "authors keep their own posts" on public.posts
  for all to authenticated
  using (author_id = (select auth.uid()))
  with check (author_id = (select auth.uid()));
