insert into auth.users (id, email, raw_app_meta_data) values
  ('f0000000-0000-4000-8000-000000000001', 'buyer@example.com', '{"provider": "email"}'),
  ('f0000000-0000-4000-8000-000000000002', 'other@example.com', '{"provider": "email"}'),
  ('f0000000-0000-4000-8000-0000000000aa', 'admin@example.com', '{"provider": "email", "role": "admin"}')
on conflict (id) do nothing;

insert into public.categories (name, slug, parent_id) values
  ('Clothes', 'clothes', null), ('Shirts', 'shirts', 1), ('Shoes', 'shoes', 1), ('Books', 'books', null);

with new_products (id, category, sku, name, description, price, stock, active) as (
  values
    ('f1000000-0000-4000-8000-000000000001'::uuid, 'shirts', 'TS-001', 'Blue T-Shirt', 'A soft cotton shirt for running', 19.90, 10, true),
    ('f1000000-0000-4000-8000-000000000002', 'shirts', 'TS-002', 'Red T-Shirt', null, 24.50, 2, true),
    ('f1000000-0000-4000-8000-000000000003', 'shoes', 'SH-001', 'Running shoes', 'Light shoes for runners', 89.00, 5, true),
    ('f1000000-0000-4000-8000-000000000004', 'books', 'BK-001', 'Learning SQL', 'A book about databases and shoes', 35.00, 0, true),
    ('f1000000-0000-4000-8000-000000000005', 'books', 'BK-002', 'Secret draft', 'not yet', 1.00, 100, false)
)
insert into public.products (id, category_id, sku, name, description, price, stock, is_active)
select n.id, c.id, n.sku, n.name, n.description, n.price, n.stock, n.active
from new_products n join public.categories c on c.slug = n.category;

update public.products set images = jsonb_build_array(jsonb_build_object('url', 'https://img.example/' || lower(sku::text) || '.png', 'alt', name)), weight = 0.25;

do $seed$
declare o bigint;
begin
  insert into public.orders (user_id, status) values ('f0000000-0000-4000-8000-000000000001', 'pending') returning id into o;
  insert into public.order_items (order_id, product_id, quantity, unit_price)
  select o, id, 1, price from public.products where sku in ('ts-001', 'SH-001') order by sku;
  update public.orders set status = 'paid', paid_at = '2024-05-17T12:00:00Z' where id = o;
end $seed$;
refresh materialized view public.category_stats;
