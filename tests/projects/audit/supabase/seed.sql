insert into auth.users (id, email) values ('ad000000-0000-4000-8000-000000000001', 'staff@example.com'), ('ad000000-0000-4000-8000-000000000002', 'staff2@example.com');
insert into public.customers (id, name, email, tags, extra) values
  ('ac000000-0000-4000-8000-000000000001', 'First', 'first@example.com', '{a,"b c"}', '{"n": 1.50, "deep": {"x": [1, null]}}'),
  ('ac000000-0000-4000-8000-000000000002', 'Second', null, null, null);
insert into public.invoices (customer_id, amount, paid_on) values
  ('ac000000-0000-4000-8000-000000000001', 100, '2024-02-29'), ('ac000000-0000-4000-8000-000000000001', 250.75, null), ('ac000000-0000-4000-8000-000000000002', 9.99, null);
update public.customers set vat_rate = 7.00 where name = 'Second';
delete from public.invoices where amount < 10;
