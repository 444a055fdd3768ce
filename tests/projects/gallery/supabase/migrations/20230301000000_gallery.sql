insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values ('photos', 'photos', true, 5242880, '{image/png,image/jpeg}'), ('private', 'private', false, null, null)
on conflict (id) do update set public = excluded.public, file_size_limit = excluded.file_size_limit;

create table public.albums (
  id uuid primary key default gen_random_uuid(),
  owner uuid not null default auth.uid() references auth.users on delete cascade,
  title text not null,
  is_public boolean not null default false,
  cover_path text,
  created_at timestamptz default now()
);
alter table public.albums enable row level security;
create policy "albums: read" on public.albums for select using (is_public or owner = (select auth.uid()));
create policy "albums: write" on public.albums for all to authenticated using (owner = (select auth.uid())) with check (owner = (select auth.uid()));

create table public.album_members (album_id uuid references public.albums on delete cascade, user_id uuid references auth.users on delete cascade, primary key (album_id, user_id));
alter table public.album_members enable row level security;
create policy "members: own" on public.album_members for select using (user_id = auth.uid());

create table public.photos (
  id bigserial primary key,
  album_id uuid not null references public.albums on delete cascade,
  path text not null unique,
  title text default 'Untitled',
  size_bytes bigint,
  width int, height int,
  exif jsonb,
  sha256 bytea,
  ratio numeric generated always as (case when height > 0 then round(width::numeric / height, 3) end) stored,
  taken timestamptz
);
alter table public.photos enable row level security;
create policy "photos: read" on public.photos for select using (exists (select 1 from public.albums a where a.id = album_id));
create policy "photos: write" on public.photos for insert to authenticated with check (
  exists (select 1 from public.albums a where a.id = album_id and a.owner = auth.uid())
  and (storage.foldername(path))[1] = auth.uid()::text
  and storage.extension(path) in ('png', 'jpg', 'jpeg')
);

-- policies on files
drop policy if exists "Give users access to own folder" on storage.objects;
create policy "Give users access to own folder 1oj01fe_0" on storage.objects for select to public using (bucket_id = 'private' and (select auth.uid()::text) = (storage.foldername(name))[1]);
create policy "Give users access to own folder 1oj01fe_1" on storage.objects for insert to public with check (bucket_id = 'private' and (select auth.uid()::text) = (storage.foldername(name))[1]);
create policy "Give users access to own folder 1oj01fe_2" on storage.objects for update to public using (bucket_id = 'private' and (select auth.uid()::text) = (storage.foldername(name))[1]);
create policy "Give users access to own folder 1oj01fe_3" on storage.objects for delete to public using (bucket_id = 'private' and (select auth.uid()::text) = (storage.foldername(name))[1]);
create policy "Public photos" on storage.objects for select using (bucket_id = 'photos');
create policy "Signed in people upload images" on storage.objects for insert to authenticated with check (
  bucket_id = 'photos' and auth.uid() = owner and lower(storage.extension(name)) in ('png', 'jpg', 'jpeg') and array_length(storage.foldername(name), 1) = 2
);
create policy "Members see album files" on storage.objects for select to authenticated using (
  bucket_id = 'private' and exists (
    select 1 from public.album_members m where m.user_id = auth.uid() and m.album_id::text = path_tokens[2])
);
create policy "buckets are listed" on storage.buckets for select using (true);

-- the public API does not show storage: a function of the owner's rights does, as the storage browser of the app
create or replace function public.my_files(bucket text, prefix text default '')
returns table (name text, folder text[], ext text, size int, owner uuid)
language sql stable as $$
  select o.name, storage.foldername(o.name), storage.extension(o.name), (o.metadata ->> 'size')::int, o.owner
  from storage.objects o
  where o.bucket_id = bucket and o.name like prefix || '%'
  order by o.name
$$;
create or replace function public.add_file(bucket text, path text, size int default 0) returns uuid language sql as $$
  insert into storage.objects (bucket_id, name, owner, owner_id, metadata)
  values (bucket, path, auth.uid(), auth.uid()::text, jsonb_build_object('size', size, 'mimetype', 'image/' || storage.extension(path)))
  returning id
$$;
create or replace function public.rename_file(bucket text, path text, to_path text) returns int language plpgsql as $$
declare n int;
begin
  update storage.objects set name = to_path, updated_at = now() where bucket_id = bucket and name = path;
  get diagnostics n = row_count;
  return n;
end $$;
create or replace function public.remove_file(bucket text, path text) returns int language plpgsql as $$
declare n int;
begin
  with gone as (delete from storage.objects where bucket_id = bucket and name = path returning *) select count(*) into n from gone;
  return n;
end $$;
create or replace function public.storage_usage() returns table (bucket text, files bigint, bytes numeric) language sql stable security definer set search_path = '' as $$
  select b.id, count(o.id), coalesce(sum((o.metadata ->> 'size')::bigint), 0)
  from storage.buckets b left join storage.objects o on o.bucket_id = b.id and o.owner = auth.uid()
  group by b.id order by b.id
$$;

-- keep photos in step with the files
create or replace function public.on_file_removed() returns trigger language plpgsql security definer set search_path = public as $$
begin
  delete from photos where path = old.name;
  return old;
end $$;
create trigger on_file_removed after delete on storage.objects for each row when (old.bucket_id = 'photos') execute function public.on_file_removed();
