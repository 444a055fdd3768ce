-- 7.10 users of a seed can sign in
insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, created_at, raw_app_meta_data, raw_user_meta_data, is_super_admin, confirmation_token, recovery_token, email_change, email_change_token_new)
values
  ('00000000-0000-0000-0000-000000000000', '70000000-0000-4000-8000-000000000001', 'authenticated', 'authenticated', 'seed1@example.com', crypt('password', gen_salt('bf', 4)), now(), now(), '{"provider": "email", "providers": ["email"]}', '{"full_name": "Seed One"}', false, '', '', '', ''),
  ('00000000-0000-0000-0000-000000000000', '70000000-0000-4000-8000-000000000002', 'authenticated', 'authenticated', 'seed2@example.com', extensions.crypt('password2', extensions.gen_salt('bf', 4)), now(), now(), '{"provider": "email", "providers": ["email"]}', '{}', false, '', '', '', '');
insert into auth.identities (id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
select gen_random_uuid(), u.id::text, u.id, jsonb_build_object('sub', u.id::text, 'email', u.email), 'email', now(), now(), now() from auth.users u;

insert into public.teams (id, name) values ('71000000-0000-4000-8000-000000000001', 'Red'), ('71000000-0000-4000-8000-000000000002', 'Blue');
insert into public.members (team_id, user_id, role) values
  ('71000000-0000-4000-8000-000000000001', '70000000-0000-4000-8000-000000000001', 'admin'),
  ('71000000-0000-4000-8000-000000000001', '70000000-0000-4000-8000-000000000002', 'viewer'),
  ('71000000-0000-4000-8000-000000000002', '70000000-0000-4000-8000-000000000001', 'viewer');
insert into public.documents values (1, '71000000-0000-4000-8000-000000000001', 'Red plan'), (2, '71000000-0000-4000-8000-000000000002', 'Blue plan');
insert into public.notes values (1, '70000000-0000-4000-8000-000000000001', 'first'), (2, '70000000-0000-4000-8000-000000000002', 'second one');
