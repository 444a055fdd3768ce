INSERT INTO auth.users (id, email) VALUES
  ('b0000000-0000-4000-8000-000000000001', 'writer@example.com'),
  ('b0000000-0000-4000-8000-000000000002', 'second@example.com'),
  ('b0000000-0000-4000-8000-000000000003', 'reader@example.com');
INSERT INTO public.authors (id, display_name, bio, socials) VALUES
  ('b0000000-0000-4000-8000-000000000001', 'Zoë Writer', E'Writes\nmuch', '{"x":  "@zoe"}'),
  ('b0000000-0000-4000-8000-000000000002', 'Second Author', NULL, DEFAULT);
INSERT INTO public.posts (author_id, title, content, status, published_at, excerpt) VALUES
  ('b0000000-0000-4000-8000-000000000001', 'Crème Brûlée & the "Art" of Desserts!', 'How to make the famous dessert with burnt sugar, cream and eggs.', 'published', '2024-01-15 10:00+00', 'A sweet story'),
  ('b0000000-0000-4000-8000-000000000001', 'Hello World', 'The first post about cooking and databases.', 'published', '2024-02-01 10:00+00', NULL),
  ('b0000000-0000-4000-8000-000000000002', 'Hello, world?', 'Another greeting. Databases are running everywhere.', 'published', '2024-02-20 10:00+00', 'greeting'),
  ('b0000000-0000-4000-8000-000000000002', 'Unfinished', 'a draft about sugar', 'draft', NULL, NULL);
INSERT INTO public.tags (name) VALUES ('food'), ('tech'), ('empty') ON CONFLICT (name) DO NOTHING;
INSERT INTO public.post_tags SELECT p.id, t.id FROM public.posts p, public.tags t WHERE (t.name = 'food' AND p.content ~* 'sugar|cooking') OR (t.name = 'tech' AND p.content LIKE '%atabases%');
INSERT INTO public.likes VALUES (1, 'b0000000-0000-4000-8000-000000000002'), (1, 'b0000000-0000-4000-8000-000000000003'), (2, 'b0000000-0000-4000-8000-000000000003');
INSERT INTO public.comments (id, post_id, user_id, body, approved) VALUES
  ('bc000000-0000-4000-8000-000000000001', 1, 'b0000000-0000-4000-8000-000000000003', 'Yummy', true),
  ('bc000000-0000-4000-8000-000000000002', 1, 'b0000000-0000-4000-8000-000000000003', 'spam', false),
  ('bc000000-0000-4000-8000-000000000003', 2, NULL, 'anonymous', true);
