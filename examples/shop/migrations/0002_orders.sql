-- Customers, their baskets and orders. Each customer sees only their own.

create table public.customers (
  id         uuid primary key default auth.uid() references auth.users on delete cascade,
  name       text not null,
  address    text,
  created_at timestamptz not null default now()
);

create table public.baskets (
  id          uuid primary key default gen_random_uuid(),
  customer_id uuid not null default auth.uid() references public.customers on delete cascade,
  created_at  timestamptz not null default now()
);
create index baskets_customer on public.baskets (customer_id);

create table public.basket_lines (
  basket_id uuid references public.baskets on delete cascade,
  good_id   int references public.goods on delete cascade,
  quantity  int not null default 1 check (quantity between 1 and 99),
  primary key (basket_id, good_id)
);

create type public.order_state as enum ('placed', 'paid', 'shipped', 'cancelled');

create table public.orders (
  id          bigint generated always as identity primary key,
  customer_id uuid not null default auth.uid() references public.customers on delete restrict,
  state       public.order_state not null default 'placed',
  placed_at   timestamptz not null default now()
);
create index orders_customer on public.orders (customer_id, placed_at desc);

create table public.order_lines (
  order_id   bigint references public.orders on delete cascade,
  good_id    int references public.goods on delete restrict,
  quantity   int not null check (quantity > 0),
  unit_price numeric(10,2) not null,
  amount     numeric(12,2) generated always as (quantity * unit_price) stored,
  primary key (order_id, good_id)
);

create function public.order_total(public.orders) returns numeric
language sql stable
as $$ select coalesce(sum(amount), 0) from public.order_lines where order_id = $1.id $$;

alter table public.customers enable row level security;
alter table public.baskets enable row level security;
alter table public.basket_lines enable row level security;
alter table public.orders enable row level security;
alter table public.order_lines enable row level security;

create policy "customers keep their own record" on public.customers
  for all to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));

create policy "customers keep their own baskets" on public.baskets
  for all to authenticated
  using (customer_id = (select auth.uid())) with check (customer_id = (select auth.uid()));

create policy "customers fill their own baskets" on public.basket_lines
  for all to authenticated
  using (exists (select 1 from public.baskets b where b.id = basket_id and b.customer_id = (select auth.uid())))
  with check (exists (select 1 from public.baskets b where b.id = basket_id and b.customer_id = (select auth.uid())));

create policy "customers see their own orders" on public.orders
  for select to authenticated using (customer_id = (select auth.uid()));
create policy "customers place orders" on public.orders
  for insert to authenticated with check (customer_id = (select auth.uid()) and state = 'placed');
create policy "editors see and change all orders" on public.orders
  for all to authenticated using (public.is_editor()) with check (public.is_editor());

create policy "customers see the lines of their orders" on public.order_lines
  for select to authenticated
  using (exists (select 1 from public.orders o where o.id = order_id and o.customer_id = (select auth.uid())));
create policy "customers write the lines of new orders" on public.order_lines
  for insert to authenticated
  with check (exists (select 1 from public.orders o
                      where o.id = order_id and o.customer_id = (select auth.uid()) and o.state = 'placed'));
create policy "editors see all lines" on public.order_lines
  for select to authenticated using (public.is_editor());
