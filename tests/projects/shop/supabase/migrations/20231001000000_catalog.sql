create extension if not exists citext with schema extensions;
create extension if not exists pg_trgm with schema extensions;

do $$ begin
  create type public.order_status as enum ('pending', 'paid', 'shipped', 'cancelled');
exception
  when duplicate_object then null;
end $$;

create table if not exists public.categories (
  id serial primary key,
  name text not null,
  slug text not null unique,
  parent_id int references public.categories (id) on delete set null
);

create table if not exists public.products (
  id uuid default gen_random_uuid() primary key,
  category_id int references public.categories on delete restrict,
  sku extensions.citext not null unique,
  name text not null,
  description text,
  price numeric(10,2) not null check (price >= 0),
  compare_at_price numeric(10,2),
  currency char(3) not null default 'EUR',
  stock integer not null default 0,
  images jsonb not null default '[]',
  is_active boolean not null default true,
  weight real,
  fts tsvector generated always as (to_tsvector('english', coalesce(name, '') || ' ' || coalesce(description, ''))) stored,
  created_at timestamptz default now(),
  constraint stock_not_negative check (stock >= 0),
  constraint sane_discount check (compare_at_price is null or compare_at_price > price)
);
create index if not exists products_fts on public.products using gin (fts);
create index if not exists products_name_trgm on public.products using gin (name extensions.gin_trgm_ops);
create index if not exists products_active on public.products (category_id, price) where (is_active);

create table if not exists public.orders (
  id bigint generated always as identity primary key,
  number text unique,
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  status public.order_status not null default 'pending',
  total numeric(12,2) not null default 0,
  shipping_address jsonb,
  paid_at timestamptz,
  created_at timestamptz not null default now()
);

create table if not exists public.order_items (
  id bigint generated always as identity primary key,
  order_id bigint not null references public.orders on delete cascade,
  product_id uuid not null references public.products,
  quantity int not null check (quantity > 0),
  unit_price numeric(10,2) not null,
  line_total numeric(12,2) generated always as (unit_price * quantity) stored,
  unique (order_id, product_id)
);

create table if not exists public.stock_movements (
  id bigserial primary key,
  product_id uuid not null references public.products on delete cascade,
  delta int not null,
  reason text not null,
  created_at timestamptz not null default now()
);

alter table public.categories enable row level security;
alter table public.products enable row level security;
alter table public.orders enable row level security;
alter table public.order_items enable row level security;
alter table public.stock_movements enable row level security;

-- ADMIN
create or replace function public.is_admin() returns boolean
language sql stable security definer set search_path = ''
as $$ select coalesce((auth.jwt() -> 'app_metadata' ->> 'role') = 'admin', false) $$;

drop policy if exists "Categories are public" on public.categories;
create policy "Categories are public" on public.categories for select using (true);
drop policy if exists "Active products are public" on public.products;
create policy "Active products are public" on public.products for select to anon, authenticated using (is_active or public.is_admin());
create policy "Admins manage products" on public.products for all to authenticated using (public.is_admin()) with check (public.is_admin());
create policy "Admins manage categories" on public.categories for all to authenticated using ((auth.jwt() -> 'app_metadata' ->> 'role') = 'admin');
create policy "Own orders" on public.orders for select to authenticated using ((select auth.uid()) = user_id or public.is_admin());
create policy "Create own orders" on public.orders for insert to authenticated with check ((select auth.uid()) = user_id);
create policy "Own order items" on public.order_items for select to authenticated using (
  exists (select 1 from public.orders o where o.id = order_items.order_id and o.user_id = (select auth.uid()))
);
create policy "Admins see stock" on public.stock_movements for select to authenticated using (public.is_admin());
revoke insert, update, delete on public.stock_movements from anon, authenticated;
