insert into auth.users (id, email) values ('d0000000-0000-4000-8000-000000000001', 'guest1@example.com'), ('d0000000-0000-4000-8000-000000000002', 'guest2@example.com');
insert into public.resources (name, capacity, price_per_hour) values ('Meeting room', 6, 25), ('Phone booth', 1, 4.5);
insert into public.resources (name, capacity, opens, closes) overriding system value values ('Rooftop', 40, '10:00', '23:30');
insert into public.bookings (id, resource_id, user_id, during, state) values
  ('db000000-0000-4000-8000-000000000001', 10, 'd0000000-0000-4000-8000-000000000001', '[2024-03-01 09:00+00, 2024-03-01 10:30+00)', 'confirmed'),
  ('db000000-0000-4000-8000-000000000002', 10, 'd0000000-0000-4000-8000-000000000002', tstzrange('2024-03-01 10:30+00', '2024-03-01 12:00+00'), 'requested'),
  ('db000000-0000-4000-8000-000000000003', 11, 'd0000000-0000-4000-8000-000000000001', '["2024-03-02 15:00:00+00","2024-03-02 16:00:00+00")', default);
insert into public.blackouts (resource_id, days, reason) values (10, '[2024-12-24,2024-12-26]', 'Christmas'), (11, daterange('2024-12-24', '2024-12-27'), null);
call public.expire_requests('2024-03-01 00:00+00');
