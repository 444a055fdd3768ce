INSERT INTO auth.users (id, email, raw_user_meta_data, created_at) VALUES
  ('c0000000-0000-4000-8000-000000000001', 'root@example.com', '{"full_name": "Root"}', now()),
  ('c0000000-0000-4000-8000-000000000002', 'mod@example.com', '{"name": "Mod"}', now()),
  ('c0000000-0000-4000-8000-000000000003', 'user@example.com', NULL, now());
INSERT INTO public.user_roles (user_id, role) SELECT id, 'moderator'::public.app_role FROM auth.users WHERE email LIKE 'mod@%';
INSERT INTO public.tickets (created_by, subject, description) VALUES
  ('c0000000-0000-4000-8000-000000000003', 'It does not work', 'help'),
  ('c0000000-0000-4000-8000-000000000003', 'It works', NULL);
UPDATE public.tickets SET status = 'closed', assigned_to = 'c0000000-0000-4000-8000-000000000002' WHERE id = 2;
