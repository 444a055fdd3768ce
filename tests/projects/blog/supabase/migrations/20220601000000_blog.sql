CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS "pg_trgm";

DROP TYPE IF EXISTS post_status CASCADE;
CREATE TYPE post_status AS ENUM ('draft', 'in_review', 'published');

CREATE TABLE IF NOT EXISTS public.authors (
  id UUID PRIMARY KEY REFERENCES auth.users(id) ON DELETE CASCADE,
  display_name TEXT NOT NULL,
  bio TEXT,
  socials JSON DEFAULT '{}'::json
);

CREATE TABLE IF NOT EXISTS public.posts (
  id BIGSERIAL PRIMARY KEY,
  author_id UUID NOT NULL REFERENCES public.authors(id) ON DELETE CASCADE,
  title VARCHAR(200) NOT NULL,
  slug TEXT UNIQUE,
  excerpt TEXT,
  content TEXT NOT NULL DEFAULT '',
  status post_status NOT NULL DEFAULT 'draft',
  published_at TIMESTAMPTZ,
  view_count INT8 NOT NULL DEFAULT 0,
  like_count INTEGER NOT NULL DEFAULT 0,
  reading_time SMALLINT GENERATED ALWAYS AS (GREATEST(1, ROUND(char_length(content) / 20.0))::SMALLINT) STORED,
  search tsvector,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT TIMEZONE('utc'::TEXT, NOW()),
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT TIMEZONE('utc'::TEXT, NOW())
);

CREATE TABLE IF NOT EXISTS public.tags (id SERIAL PRIMARY KEY, name TEXT NOT NULL, CONSTRAINT tags_name_unique UNIQUE (name));
CREATE TABLE IF NOT EXISTS public.post_tags (
  post_id BIGINT REFERENCES public.posts ON DELETE CASCADE,
  tag_id INT REFERENCES public.tags ON DELETE CASCADE,
  PRIMARY KEY (post_id, tag_id)
);
CREATE TABLE IF NOT EXISTS public.comments (
  id UUID DEFAULT extensions.uuid_generate_v4() PRIMARY KEY,
  post_id BIGINT NOT NULL REFERENCES public.posts(id) ON DELETE CASCADE,
  user_id UUID REFERENCES auth.users(id) ON DELETE SET NULL DEFAULT auth.uid(),
  parent_id UUID REFERENCES public.comments(id) ON DELETE CASCADE,
  body TEXT NOT NULL CHECK (LENGTH(TRIM(body)) BETWEEN 1 AND 2000),
  approved BOOLEAN DEFAULT FALSE,
  created_at TIMESTAMPTZ DEFAULT NOW()
);
CREATE TABLE IF NOT EXISTS public.likes (
  post_id BIGINT REFERENCES public.posts(id) ON DELETE CASCADE,
  user_id UUID REFERENCES auth.users(id) ON DELETE CASCADE DEFAULT auth.uid(),
  PRIMARY KEY (post_id, user_id)
);

CREATE INDEX IF NOT EXISTS idx_posts_search ON public.posts USING GIN(search);
CREATE INDEX IF NOT EXISTS idx_posts_slug ON public.posts(slug);
CREATE INDEX IF NOT EXISTS idx_posts_published ON public.posts (published_at DESC NULLS LAST) WHERE status = 'published';

-- slugs
CREATE OR REPLACE FUNCTION public.slugify("value" TEXT)
RETURNS TEXT AS $$
  -- removes accents (diacritic signs) from a given string --
  WITH "unaccented" AS (
    SELECT extensions.unaccent("value") AS "value"
  ),
  -- lowercases the string
  "lowercase" AS (
    SELECT lower("value") AS "value"
    FROM "unaccented"
  ),
  -- remove single and double quotes
  "removed_quotes" AS (
    SELECT regexp_replace("value", '[''"]+', '', 'gi') AS "value"
    FROM "lowercase"
  ),
  -- replaces anything that's not a letter, number, hyphen('-'), or underscore('_') with a hyphen('-')
  "hyphenated" AS (
    SELECT regexp_replace("value", '[^a-z0-9\-_]+', '-', 'gi') AS "value"
    FROM "removed_quotes"
  ),
  -- trims hyphens('-') if they exist on the head or tail of the string
  "trimmed" AS (
    SELECT regexp_replace(regexp_replace("value", '\-+$', ''), '^\-', '') AS "value"
    FROM "hyphenated"
  )
  SELECT "value" FROM "trimmed";
$$ LANGUAGE SQL STRICT IMMUTABLE;

CREATE OR REPLACE FUNCTION public.set_slug_from_title() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
  base TEXT;
  candidate TEXT;
  n INTEGER := 1;
BEGIN
  base := COALESCE(NULLIF(public.slugify(NEW.title), ''), 'post');
  candidate := base;
  WHILE EXISTS (SELECT 1 FROM public.posts WHERE slug = candidate AND id IS DISTINCT FROM NEW.id) LOOP
    n := n + 1;
    candidate := base || '-' || n;
  END LOOP;
  NEW.slug := candidate;
  RETURN NEW;
END
$$;
CREATE TRIGGER "trg_posts_slug" BEFORE INSERT ON public.posts FOR EACH ROW WHEN (NEW.title IS NOT NULL AND NEW.slug IS NULL) EXECUTE PROCEDURE public.set_slug_from_title();

CREATE OR REPLACE FUNCTION public.posts_search_update() RETURNS TRIGGER AS $body$
BEGIN
  NEW.search :=
    setweight(to_tsvector('english', coalesce(NEW.title, '')), 'A') ||
    setweight(to_tsvector('english', coalesce(NEW.excerpt, '')), 'B') ||
    setweight(to_tsvector('english', coalesce(NEW.content, '')), 'C');
  RETURN NEW;
END
$body$ LANGUAGE plpgsql;
CREATE TRIGGER tsvectorupdate BEFORE INSERT OR UPDATE OF title, excerpt, content ON public.posts FOR EACH ROW EXECUTE PROCEDURE public.posts_search_update();

CREATE OR REPLACE FUNCTION public.posts_publish() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status = 'published' AND (TG_OP = 'INSERT' OR OLD.status <> 'published') THEN
    NEW.published_at = COALESCE(NEW.published_at, NOW());
  ELSIF NEW.status <> 'published' THEN
    NEW.published_at = NULL;
  END IF;
  NEW.updated_at = NOW();
  RETURN NEW;
END $$;
CREATE TRIGGER posts_publish BEFORE INSERT OR UPDATE ON public.posts FOR EACH ROW EXECUTE FUNCTION public.posts_publish();

CREATE OR REPLACE FUNCTION public.count_likes() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    UPDATE posts SET like_count = like_count + 1 WHERE id = NEW.post_id;
    RETURN NEW;
  ELSE
    UPDATE posts SET like_count = like_count - 1 WHERE id = OLD.post_id;
    RETURN OLD;
  END IF;
END $$;
CREATE TRIGGER on_like AFTER INSERT OR DELETE ON public.likes FOR EACH ROW EXECUTE PROCEDURE public.count_likes();

-- RLS
ALTER TABLE public.authors ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.posts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.tags ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.post_tags ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.comments ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.likes ENABLE ROW LEVEL SECURITY;

CREATE POLICY "authors are public" ON public.authors FOR SELECT USING (TRUE);
CREATE POLICY "authors edit themselves" ON public.authors FOR UPDATE TO authenticated USING (id = auth.uid()) WITH CHECK (id = auth.uid());
CREATE POLICY "published posts are public" ON public.posts FOR SELECT USING (status = 'published' AND published_at <= now() OR author_id = auth.uid());
CREATE POLICY "authors write" ON public.posts FOR INSERT TO authenticated WITH CHECK (author_id = auth.uid() AND EXISTS (SELECT 1 FROM public.authors a WHERE a.id = auth.uid()));
CREATE POLICY "authors update" ON public.posts FOR UPDATE TO authenticated USING (author_id = auth.uid());
CREATE POLICY "authors delete drafts" ON public.posts FOR DELETE TO authenticated USING (author_id = auth.uid() AND status IN ('draft'));
CREATE POLICY "tags are public" ON public.tags FOR SELECT USING (TRUE);
CREATE POLICY "post tags follow posts" ON public.post_tags FOR SELECT USING (EXISTS (SELECT 1 FROM public.posts p WHERE p.id = post_id));
CREATE POLICY "approved comments" ON public.comments FOR SELECT USING (approved OR user_id = auth.uid() OR auth.uid() = (SELECT p.author_id FROM public.posts p WHERE p.id = comments.post_id));
CREATE POLICY "signed in people comment" ON public.comments FOR INSERT TO authenticated WITH CHECK (user_id = auth.uid() AND NOT approved);
CREATE POLICY "authors approve" ON public.comments FOR UPDATE TO authenticated USING (auth.uid() IN (SELECT author_id FROM public.posts WHERE posts.id = comments.post_id));
CREATE POLICY "likes are public" ON public.likes FOR SELECT USING (TRUE);
CREATE POLICY "like" ON public.likes FOR INSERT TO authenticated WITH CHECK (user_id = auth.uid());
CREATE POLICY "unlike" ON public.likes FOR DELETE TO authenticated USING (user_id = auth.uid());

-- RPC
CREATE OR REPLACE FUNCTION public.search_posts(keyword TEXT)
RETURNS TABLE (id BIGINT, title VARCHAR, slug TEXT, headline TEXT, rank REAL)
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
    SELECT p.id, p.title, p.slug, left(p.content, 30), ts_rank_cd(p.search, plainto_tsquery('english', keyword))
    FROM public.posts p
    WHERE p.search @@ plainto_tsquery('english', keyword)
    ORDER BY 5 DESC, p.id;
END $$;

CREATE OR REPLACE FUNCTION increment_view(post_slug TEXT) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  UPDATE posts SET view_count = view_count + 1 WHERE slug = post_slug AND status = 'published';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no post with slug "%"', post_slug USING ERRCODE = 'no_data_found';
  END IF;
END $$;

CREATE OR REPLACE FUNCTION public.related_posts(post public.posts) RETURNS SETOF public.posts ROWS 3 LANGUAGE sql STABLE AS $$
  SELECT DISTINCT p.* FROM public.posts p
  JOIN public.post_tags pt ON pt.post_id = p.id
  WHERE p.id <> post.id AND pt.tag_id IN (SELECT tag_id FROM public.post_tags WHERE post_id = post.id)
$$;

CREATE OR REPLACE VIEW public.latest_by_author WITH (security_invoker = true) AS
  SELECT DISTINCT ON (a.id) a.id AS author_id, a.display_name, p.id AS post_id, p.title, p.like_count
  FROM public.authors a JOIN public.posts p ON p.author_id = a.id
  ORDER BY a.id, p.id DESC;

CREATE OR REPLACE VIEW public.archive WITH (security_invoker = true) AS
  SELECT to_char(date_trunc('month', published_at), 'YYYY-MM') AS month, count(*) AS posts,
         array_agg(title ORDER BY id) AS titles, string_agg(DISTINCT slug, ', ' ORDER BY slug) AS slugs,
         lag(count(*)) OVER (ORDER BY date_trunc('month', published_at)) AS month_before
  FROM public.posts WHERE status = 'published' GROUP BY date_trunc('month', published_at);

CREATE OR REPLACE FUNCTION public.tag_cloud(min_posts INT DEFAULT 1) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT coalesce(jsonb_object_agg(name, n), '{}') FROM (
    SELECT t.name, count(*) AS n FROM public.tags t JOIN public.post_tags pt ON pt.tag_id = t.id
    GROUP BY t.name HAVING count(*) >= min_posts ORDER BY 2 DESC, 1) x
$$;

GRANT EXECUTE ON FUNCTION public.search_posts(TEXT), increment_view(TEXT) TO anon, authenticated;
NOTIFY pgrst, 'reload schema';
