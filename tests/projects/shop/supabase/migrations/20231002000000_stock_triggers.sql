create sequence if not exists public.order_number_seq start with 1000 increment by 1;

create or replace function public.set_order_number() returns trigger as $$
begin
  if new.number is null or new.number = '' then
    new.number := 'ORD-' || to_char('2024-05-17'::date, 'YYYYMM') || '-' || lpad(nextval('public.order_number_seq')::text, 6, '0');
  end if;
  return new;
end $$ language plpgsql;
create trigger set_order_number before insert on public.orders for each row execute function public.set_order_number();

create or replace function public.apply_order_item() returns trigger
language plpgsql security definer set search_path = public as $$
declare
  available int;
  product products%rowtype;
begin
  if tg_op = 'INSERT' then
    select * into product from products where id = new.product_id for update;
    if not found then
      raise exception 'Product % not found', new.product_id using errcode = 'P0002';
    end if;
    if product.stock < new.quantity then
      raise exception 'Insufficient stock for %: % left', product.name, product.stock
        using errcode = 'P0001', detail = format('requested %s', new.quantity), hint = 'Reduce the quantity';
    end if;
    update products set stock = stock - new.quantity where id = new.product_id;
    insert into stock_movements (product_id, delta, reason) values (new.product_id, -new.quantity, 'order ' || new.order_id);
    update orders set total = total + new.line_total where id = new.order_id;
    return new;
  elsif tg_op = 'DELETE' then
    update products set stock = stock + old.quantity where id = old.product_id;
    insert into stock_movements (product_id, delta, reason) values (old.product_id, old.quantity, 'order ' || old.order_id || ' ' || lower(tg_op));
    update orders set total = total - old.line_total where id = old.order_id;
    return old;
  end if;
  return null;
end $$;
create trigger apply_order_item after insert or delete on public.order_items for each row execute function public.apply_order_item();

create or replace function public.on_order_status() returns trigger language plpgsql security definer set search_path = public as $$
begin
  case new.status
    when 'paid' then
      new.paid_at := coalesce(new.paid_at, now());
    when 'cancelled' then
      if old.status = 'shipped' then
        raise exception 'cannot cancel a shipped order';
      end if;
    else
      null;
  end case;
  return new;
end $$;
create or replace function public.restock_cancelled() returns trigger language plpgsql security definer set search_path = public as $$
begin
  delete from order_items where order_id = new.id;
  return null;
end $$;
create trigger restock_cancelled after update of status on public.orders
  for each row when (new.status = 'cancelled') execute function public.restock_cancelled();
create trigger on_order_status before update of status on public.orders
  for each row when (old.status is distinct from new.status) execute function public.on_order_status();

-- Checkout: items as json [{"product_id": "...", "quantity": 2}]
create or replace function public.checkout(items jsonb, address jsonb default null)
returns jsonb
language plpgsql
security definer
set search_path = public
as $$
declare
  v_order orders;
  v_item jsonb;
  v_count int := 0;
  v_user uuid := auth.uid();
begin
  if v_user is null then
    raise exception 'not authenticated' using errcode = '28000';
  end if;
  if items is null or jsonb_typeof(items) <> 'array' or jsonb_array_length(items) = 0 then
    raise exception 'cart is empty' using errcode = '22023';
  end if;
  insert into orders (user_id, shipping_address) values (v_user, address) returning * into v_order;
  for v_item in select * from jsonb_array_elements(items) loop
    insert into order_items (order_id, product_id, quantity, unit_price)
    select v_order.id, p.id, (v_item ->> 'quantity')::int, p.price
    from products p where p.id = (v_item ->> 'product_id')::uuid and p.is_active;
    get diagnostics v_count = row_count;
    if v_count = 0 then
      raise exception 'unknown product %', v_item ->> 'product_id' using errcode = 'P0002';
    end if;
  end loop;
  select * into v_order from orders where id = v_order.id;
  return jsonb_build_object('order', v_order.number, 'total', v_order.total, 'lines',
    (select jsonb_agg(jsonb_build_object('sku', p.sku, 'quantity', i.quantity, 'line_total', i.line_total) order by p.sku)
       from order_items i join products p on p.id = i.product_id where i.order_id = v_order.id));
end $$;
revoke execute on function public.checkout(jsonb, jsonb) from public, anon;

create or replace function public.search_products(q text, max_price numeric default null, lim int default 20)
returns setof public.products language sql stable as $$
  select * from public.products
  where (fts @@ websearch_to_tsquery('english', q) or name ilike '%' || q || '%')
    and (max_price is null or price <= max_price)
  order by ts_rank(fts, websearch_to_tsquery('english', q)) desc, name
  limit lim
$$;

create or replace view public.bestsellers as
  select p.id, p.name, sum(i.quantity)::int as sold, sum(i.line_total) as revenue,
         rank() over (order by sum(i.quantity) desc) as place
  from public.products p join public.order_items i on i.product_id = p.id
  group by p.id, p.name;
grant select on public.bestsellers to anon, authenticated;

create or replace function public.category_path(cat public.categories) returns text language sql stable as $$
  with recursive up as (
    select id, name, parent_id, 1 as n from public.categories where id = cat.id
    union all
    select c.id, c.name, c.parent_id, up.n + 1 from public.categories c join up on up.parent_id = c.id
  )
  select string_agg(name, ' > ' order by n desc) from up
$$;

create materialized view public.category_stats as
  select c.id, c.name, count(p.id) as products, coalesce(min(p.price), 0) as cheapest, round(avg(p.price), 2) as average
  from public.categories c left join public.products p on p.category_id = c.id
  group by c.id, c.name;
create unique index category_stats_id on public.category_stats (id);
grant select on public.category_stats to anon, authenticated;

create or replace function public.refresh_category_stats() returns void
language plpgsql security definer set search_path = public as $$
begin
  refresh materialized view concurrently public.category_stats;
end $$;
