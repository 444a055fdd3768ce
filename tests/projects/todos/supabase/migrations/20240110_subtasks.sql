ALTER TABLE "public"."todos" ADD COLUMN "parent_id" bigint;
ALTER TABLE "public"."todos" ADD CONSTRAINT "todos_parent_id_fkey" FOREIGN KEY (parent_id) REFERENCES todos(id) ON UPDATE CASCADE ON DELETE CASCADE not valid;
ALTER TABLE "public"."todos" VALIDATE CONSTRAINT "todos_parent_id_fkey";
ALTER TABLE todos ADD COLUMN IF NOT EXISTS estimate interval;
ALTER TABLE todos ADD COLUMN IF NOT EXISTS notes text, ADD COLUMN IF NOT EXISTS meta jsonb DEFAULT '{}'::jsonb;

CREATE OR REPLACE FUNCTION public.todo_tree(root bigint)
RETURNS TABLE (id bigint, task text, depth int, path text)
LANGUAGE sql STABLE AS $function$
  WITH RECURSIVE tree AS (
    SELECT t.id, t.task, 0 AS depth, t.id::text AS path FROM todos t WHERE t.id = root
    UNION ALL
    SELECT c.id, c.task, tree.depth + 1, tree.path || '/' || c.id FROM todos c JOIN tree ON c.parent_id = tree.id
  )
  SELECT * FROM tree ORDER BY path;
$function$;

CREATE OR REPLACE VIEW public.overdue_todos WITH (security_invoker) AS
  SELECT t.*, l.title AS list_title, CURRENT_DATE - t.due AS days_late
  FROM todos t JOIN lists l ON l.id = t.list_id
  WHERE t.due < '2024-06-01'::date AND NOT t.is_complete;
