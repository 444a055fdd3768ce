-- Tickets
DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 'ticket_status') THEN
    CREATE TYPE public.ticket_status AS ENUM ('open', 'answered', 'closed');
  END IF;
END
$$;

CREATE TABLE IF NOT EXISTS public.tickets (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  created_by UUID NOT NULL DEFAULT auth.uid(),
  subject TEXT NOT NULL,
  body TEXT,
  status public.ticket_status NOT NULL DEFAULT 'open',
  assigned_to UUID,
  CONSTRAINT tickets_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.profiles(user_id) ON DELETE CASCADE
);
ALTER TABLE public.tickets ENABLE ROW LEVEL SECURITY;

DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'tickets' AND column_name = 'urgency') THEN
    ALTER TABLE public.tickets ADD COLUMN urgency INTEGER NOT NULL DEFAULT 1;
  END IF;
  IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'tickets_assigned_to_fkey') THEN
    ALTER TABLE public.tickets ADD CONSTRAINT tickets_assigned_to_fkey FOREIGN KEY (assigned_to) REFERENCES public.profiles(user_id) ON DELETE SET NULL;
  END IF;
  IF NOT EXISTS (SELECT 1 FROM pg_policies WHERE schemaname = 'public' AND tablename = 'tickets' AND policyname = 'own tickets') THEN
    CREATE POLICY "own tickets" ON public.tickets FOR SELECT USING (created_by = auth.uid());
  END IF;
  IF to_regclass('public.ticket_events') IS NULL THEN
    CREATE TABLE public.ticket_events (id BIGSERIAL PRIMARY KEY, ticket_id BIGINT REFERENCES public.tickets ON DELETE CASCADE, kind TEXT NOT NULL, data JSONB);
  END IF;
EXCEPTION
  WHEN duplicate_object THEN RAISE NOTICE 'already there';
END
$$;

-- enable RLS and the same policies on every table that has none
DO $$
DECLARE
  t record;
BEGIN
  FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND NOT rowsecurity LOOP
    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', t.tablename);
    EXECUTE format('CREATE POLICY %I ON public.%I FOR SELECT TO authenticated USING (public.has_role(auth.uid(), %L))', t.tablename || ': staff', t.tablename, 'moderator');
  END LOOP;
END $$;

CREATE POLICY "staff: all tickets" ON public.tickets FOR ALL TO authenticated USING (public.has_role(auth.uid(), 'moderator'::public.app_role)) WITH CHECK (public.has_role(auth.uid(), 'moderator'::public.app_role));
CREATE POLICY "not while blocked" ON public.tickets AS RESTRICTIVE FOR INSERT TO authenticated WITH CHECK (NOT EXISTS (SELECT 1 FROM public.profiles p WHERE p.user_id = auth.uid() AND p.is_blocked));
CREATE POLICY "open a ticket" ON public.tickets FOR INSERT TO authenticated WITH CHECK (created_by = auth.uid());

CREATE OR REPLACE FUNCTION public.log_ticket() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  changes JSONB := '{}'::jsonb;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.status IS DISTINCT FROM OLD.status THEN
      changes := changes || jsonb_build_object('status', jsonb_build_array(OLD.status, NEW.status));
    END IF;
    IF NEW.assigned_to IS DISTINCT FROM OLD.assigned_to THEN
      changes := changes || jsonb_build_object('assigned_to', NEW.assigned_to);
    END IF;
    IF changes = '{}'::jsonb THEN
      RETURN NEW;
    END IF;
  ELSE
    changes := row_to_json(NEW)::jsonb - 'body' - '{created_by,assigned_to}'::text[];
  END IF;
  INSERT INTO ticket_events (ticket_id, kind, data) VALUES (NEW.id, lower(TG_OP), changes);
  RETURN NEW;
END $$;
CREATE TRIGGER log_ticket AFTER INSERT OR UPDATE ON public.tickets FOR EACH ROW EXECUTE FUNCTION public.log_ticket();

-- Assign a role (admins only)
CREATE OR REPLACE FUNCTION public.assign_role(target_email TEXT, new_role app_role) RETURNS JSONB
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  target UUID;
  affected INTEGER;
BEGIN
  IF NOT has_role(auth.uid(), 'admin') THEN
    RETURN jsonb_build_object('success', false, 'error', 'Unauthorized');
  END IF;
  SELECT id INTO target FROM auth.users WHERE email = lower(trim(target_email)) LIMIT 1;
  IF target IS NULL THEN
    RETURN jsonb_build_object('success', false, 'error', 'User not found: ' || COALESCE(target_email, '?'));
  END IF;
  INSERT INTO user_roles (user_id, role) VALUES (target, new_role) ON CONFLICT (user_id, role) DO NOTHING;
  GET DIAGNOSTICS affected = ROW_COUNT;
  RETURN jsonb_build_object('success', true, 'changed', affected > 0, 'roles', (SELECT jsonb_agg(role ORDER BY role) FROM user_roles WHERE user_id = target));
END $$;
REVOKE ALL ON FUNCTION public.assign_role(TEXT, app_role) FROM PUBLIC;
REVOKE ALL ON FUNCTION public.assign_role(TEXT, app_role) FROM anon;

CREATE OR REPLACE FUNCTION public.get_my_role() RETURNS app_role LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT role FROM user_roles WHERE user_id = auth.uid()
  ORDER BY CASE role WHEN 'admin' THEN 1 WHEN 'moderator' THEN 2 ELSE 3 END LIMIT 1
$$;

CREATE OR REPLACE FUNCTION public.admin_dashboard() RETURNS JSON LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public AS $$
DECLARE
  result JSON;
BEGIN
  IF NOT (SELECT public.has_role(auth.uid(), 'admin')) THEN
    RAISE EXCEPTION 'Access denied. Admin role required.' USING ERRCODE = '42501';
  END IF;
  WITH counts AS (
    SELECT status, count(*)::int AS n FROM tickets GROUP BY status
  ), people AS (
    SELECT p.full_name, array_agg(r.role::text ORDER BY r.role) AS roles
    FROM profiles p JOIN user_roles r USING (user_id) GROUP BY p.full_name
  )
  SELECT json_build_object(
    'tickets', (SELECT json_object_agg(status, n) FROM counts),
    'people', (SELECT json_agg(people ORDER BY full_name) FROM people),
    'latest', (SELECT row_to_json(x) FROM (SELECT id, subject, status FROM tickets ORDER BY id DESC LIMIT 1) x)
  ) INTO result;
  RETURN result;
END $$;

-- ALTERs that people write afterwards
ALTER TABLE public.tickets ALTER COLUMN urgency TYPE smallint USING urgency::smallint;
ALTER TABLE public.tickets ADD CONSTRAINT urgency_range CHECK (urgency BETWEEN 1 AND 5);
ALTER TABLE public.tickets RENAME COLUMN body TO description;
ALTER TABLE public.profiles DROP COLUMN IF EXISTS phone CASCADE;
ALTER POLICY "own tickets" ON public.tickets RENAME TO "Users see own tickets";
ALTER POLICY "Users see own tickets" ON public.tickets TO authenticated USING (created_by = (SELECT auth.uid()));
ALTER FUNCTION public.get_my_role() SET search_path = public, pg_temp;
CREATE INDEX CONCURRENTLY IF NOT EXISTS tickets_status_idx ON public.tickets (status);
