-- Sample rows for development; `backstay serve` never loads them.
insert into public.posts (title, body, published) values
  ('Hello', 'The first post.', true),
  ('A draft', 'Only its author would see it.', false);
