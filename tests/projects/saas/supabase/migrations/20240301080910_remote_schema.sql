

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;


COMMENT ON SCHEMA "public" IS 'standard public schema';


CREATE SCHEMA IF NOT EXISTS "private";


ALTER SCHEMA "private" OWNER TO "postgres";


CREATE EXTENSION IF NOT EXISTS "pg_stat_statements" WITH SCHEMA "extensions";


CREATE EXTENSION IF NOT EXISTS "pgcrypto" WITH SCHEMA "extensions";


CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA "extensions";


CREATE TYPE "public"."account_role" AS ENUM (
    'owner',
    'admin',
    'member'
);


ALTER TYPE "public"."account_role" OWNER TO "postgres";


CREATE TYPE "public"."invite_result" AS (
	"token" "text",
	"expires_in" interval,
	"role" "public"."account_role"
);


ALTER TYPE "public"."invite_result" OWNER TO "postgres";


CREATE OR REPLACE FUNCTION "public"."accept_invitation"("lookup_token" "text") RETURNS "jsonb"
    LANGUAGE "plpgsql" SECURITY DEFINER
    SET "search_path" TO 'public'
    AS $$
declare
    lookup_account_id       uuid;
    declare new_member_role account_role;
    lookup_account_slug     text;
begin
    select i.account_id, i.account_role, a.slug
    into lookup_account_id, new_member_role, lookup_account_slug
    from invitations i
             join accounts a on a.id = i.account_id
    where i.token = lookup_token
      and i.created_at > now() - interval '24 hours';

    if lookup_account_id IS NULL then
        raise exception 'Invitation not found';
    end if;

    if lookup_token is not null then
        -- we've validated the token is real, so grant the user access
        insert into account_members (account_id, user_id, role)
        values (lookup_account_id, auth.uid(), new_member_role);
        -- email types of invitations are only good for one usage
        delete from invitations where token = lookup_token;
    end if;
    return json_build_object('account_id', lookup_account_id, 'account_role', new_member_role, 'slug',
                             lookup_account_slug);
EXCEPTION
    WHEN unique_violation THEN
        raise exception 'You are already a member of this account';
end;
$$;


ALTER FUNCTION "public"."accept_invitation"("lookup_token" "text") OWNER TO "postgres";


CREATE OR REPLACE FUNCTION "public"."add_owner_on_create"() RETURNS "trigger"
    LANGUAGE "plpgsql" SECURITY DEFINER
    SET "search_path" TO 'public'
    AS $$
begin
    if new.primary_owner_user_id = auth.uid() then
        insert into public.account_members (account_id, user_id, role)
        values (NEW.id, auth.uid(), 'owner');
    end if;
    return NEW;
end;
$$;


ALTER FUNCTION "public"."add_owner_on_create"() OWNER TO "postgres";


CREATE OR REPLACE FUNCTION "private"."has_role_on_account"("account_id" "uuid", "account_role" "public"."account_role" DEFAULT NULL::"public"."account_role") RETURNS boolean
    LANGUAGE "sql" STABLE SECURITY DEFINER
    SET "search_path" TO 'public'
    AS $_$
select exists(
               select 1
               from account_members wu
               where wu.user_id = auth.uid()
                 and wu.account_id = has_role_on_account.account_id
                 and (
                           wu.role = has_role_on_account.account_role
                       or has_role_on_account.account_role is null
                   )
           );
$_$;


ALTER FUNCTION "private"."has_role_on_account"("account_id" "uuid", "account_role" "public"."account_role") OWNER TO "postgres";


CREATE OR REPLACE FUNCTION "public"."create_account"("slug" "text" DEFAULT NULL::"text", "name" "text" DEFAULT NULL::"text") RETURNS "json"
    LANGUAGE "plpgsql"
    AS $$
DECLARE
    new_account_id uuid;
BEGIN
    insert into accounts (slug, name, primary_owner_user_id)
    values (create_account.slug, create_account.name, auth.uid())
    returning id into new_account_id;

    return public.get_account(new_account_id);
EXCEPTION
    WHEN unique_violation THEN
        raise exception 'An account with that unique ID already exists';
END;
$$;


ALTER FUNCTION "public"."create_account"("slug" "text", "name" "text") OWNER TO "postgres";


CREATE OR REPLACE FUNCTION "public"."create_invitation"("account_id" "uuid", "account_role" "public"."account_role") RETURNS "public"."invite_result"
    LANGUAGE "plpgsql"
    AS $$
declare
    result public.invite_result;
begin
    insert into invitations (account_id, account_role, invited_by_user_id)
    values (create_invitation.account_id, create_invitation.account_role, auth.uid())
    returning token, interval '24 hours', invitations.account_role into result;
    return result;
end
$$;


ALTER FUNCTION "public"."create_invitation"("account_id" "uuid", "account_role" "public"."account_role") OWNER TO "postgres";


CREATE OR REPLACE FUNCTION "public"."get_account"("account_id" "uuid") RETURNS "json"
    LANGUAGE "plpgsql"
    AS $$
BEGIN
    -- check if the user is a member of the account or a service_role user
    if current_user IN ('anon', 'authenticated') and
       (select current_user_account_role(get_account.account_id) ->> 'account_role' IS NULL) then
        raise exception 'You must be a member of an account to access it';
    end if;

    return (select json_build_object(
                           'account_id', a.id,
                           'account_role', wu.role,
                           'is_primary_owner', a.primary_owner_user_id = auth.uid(),
                           'name', a.name,
                           'slug', a.slug,
                           'plan', a.plan,
                           'metadata', jsonb_build_object('seats', a.seats)
                       )
            from public.accounts a
                     left join public.account_members wu on a.id = wu.account_id and wu.user_id = auth.uid()
            where a.id = get_account.account_id);
END;
$$;


ALTER FUNCTION "public"."get_account"("account_id" "uuid") OWNER TO "postgres";


CREATE OR REPLACE FUNCTION "public"."current_user_account_role"("account_id" "uuid") RETURNS "jsonb"
    LANGUAGE "plpgsql"
    AS $$
DECLARE
    response jsonb;
BEGIN
    select jsonb_build_object(
                   'account_role', wu.role,
                   'is_primary_owner', a.primary_owner_user_id = auth.uid()
               )
    into response
    from public.account_members wu
             join public.accounts a on a.id = wu.account_id
    where wu.user_id = auth.uid()
      and wu.account_id = current_user_account_role.account_id;

    -- if the user is not a member of the account, throw an error
    if response ->> 'account_role' IS NULL then
        raise exception 'Not found';
    end if;

    return response;
END
$$;


ALTER FUNCTION "public"."current_user_account_role"("account_id" "uuid") OWNER TO "postgres";


CREATE OR REPLACE FUNCTION "public"."generate_token"("length" integer) RETURNS "text"
    LANGUAGE "sql"
    AS $_$
select regexp_replace(replace(
                              replace(replace(replace(encode(extensions.gen_random_bytes(length)::bytea, 'base64'), '/', ''), '+',
                                              ''), '\', ''),
                              '=',
                              ''), E'[\\n\\r]+', '', 'g');
$_$;


ALTER FUNCTION "public"."generate_token"("length" integer) OWNER TO "postgres";


CREATE OR REPLACE FUNCTION "public"."slugify_account_slug"() RETURNS "trigger"
    LANGUAGE "plpgsql"
    AS $$
begin
    if NEW.slug is not null then
        NEW.slug = lower(regexp_replace(NEW.slug, '[^a-zA-Z0-9-]+', '-', 'g'));
    end if;

    RETURN NEW;
end
$$;


ALTER FUNCTION "public"."slugify_account_slug"() OWNER TO "postgres";


CREATE OR REPLACE FUNCTION "public"."protect_account_fields"() RETURNS "trigger"
    LANGUAGE "plpgsql"
    AS $$
BEGIN
    IF current_user IN ('authenticated', 'anon') THEN
        -- these are protected fields that users are not allowed to update themselves
        -- platform admins should be VERY careful about updating them as well.
        if NEW.id <> OLD.id
            OR NEW.plan <> OLD.plan
            OR NEW.primary_owner_user_id <> OLD.primary_owner_user_id
        THEN
            RAISE EXCEPTION 'You do not have permission to update this field';
        end if;
    end if;

    RETURN NEW;
END
$$;


ALTER FUNCTION "public"."protect_account_fields"() OWNER TO "postgres";

SET default_tablespace = '';

SET default_table_access_method = "heap";


CREATE TABLE IF NOT EXISTS "public"."account_members" (
    "user_id" "uuid" NOT NULL,
    "account_id" "uuid" NOT NULL,
    "role" "public"."account_role" NOT NULL,
    "joined_at" timestamp with time zone DEFAULT "now"() NOT NULL
);


ALTER TABLE "public"."account_members" OWNER TO "postgres";


CREATE TABLE IF NOT EXISTS "public"."accounts" (
    "id" "uuid" DEFAULT "extensions"."uuid_generate_v4"() NOT NULL,
    "primary_owner_user_id" "uuid" DEFAULT "auth"."uid"() NOT NULL,
    "name" "text",
    "slug" "text",
    "plan" "text" DEFAULT 'free'::"text" NOT NULL,
    "seats" integer DEFAULT 3 NOT NULL,
    "billing_email" character varying(255),
    "created_at" timestamp with time zone DEFAULT "now"(),
    "search_name" "text" GENERATED ALWAYS AS ("lower"(COALESCE("name", ''::"text"))) STORED,
    CONSTRAINT "accounts_plan_check" CHECK (("plan" = ANY (ARRAY['free'::"text", 'pro'::"text", 'enterprise'::"text"]))),
    CONSTRAINT "accounts_seats_check" CHECK ((("seats" >= 1) AND ("seats" <= 500)))
);


ALTER TABLE "public"."accounts" OWNER TO "postgres";


COMMENT ON TABLE "public"."accounts" IS 'A tenant. '
    'Everything belongs to one.';


CREATE TABLE IF NOT EXISTS "public"."invitations" (
    "id" "uuid" DEFAULT "extensions"."uuid_generate_v4"() NOT NULL,
    "account_role" "public"."account_role" NOT NULL,
    "account_id" "uuid" NOT NULL,
    "token" "text" DEFAULT "public"."generate_token"(30) NOT NULL,
    "invited_by_user_id" "uuid" NOT NULL,
    "created_at" timestamp with time zone DEFAULT "now"()
);


ALTER TABLE "public"."invitations" OWNER TO "postgres";


CREATE TABLE IF NOT EXISTS "public"."projects" (
    "id" bigint NOT NULL,
    "account_id" "uuid" NOT NULL,
    "name" character varying NOT NULL,
    "budget" numeric(12,2) DEFAULT 0.00,
    "hours" double precision,
    "active_months" smallint[] DEFAULT '{}'::smallint[],
    "settings" "jsonb" DEFAULT '{}'::"jsonb" NOT NULL,
    "created_by" "uuid" DEFAULT "auth"."uid"(),
    "created_at" timestamp without time zone DEFAULT '2024-01-01 00:00:00'::timestamp without time zone
);


ALTER TABLE "public"."projects" OWNER TO "postgres";


ALTER TABLE "public"."projects" ALTER COLUMN "id" ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME "public"."projects_id_seq"
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


CREATE TABLE IF NOT EXISTS "public"."legacy_plans" (
    "id" integer NOT NULL,
    "code" "text" NOT NULL
);


ALTER TABLE "public"."legacy_plans" OWNER TO "postgres";


CREATE SEQUENCE IF NOT EXISTS "public"."legacy_plans_id_seq"
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE "public"."legacy_plans_id_seq" OWNER TO "postgres";


ALTER SEQUENCE "public"."legacy_plans_id_seq" OWNED BY "public"."legacy_plans"."id";


CREATE OR REPLACE VIEW "public"."account_overview" WITH ("security_invoker"='true') AS
 SELECT "a"."id",
    "a"."name",
    "count"(DISTINCT "m"."user_id") AS "members",
    "count"(DISTINCT "p"."id") AS "projects",
    COALESCE("sum"(DISTINCT "p"."budget"), (0)::numeric) AS "budget",
        CASE
            WHEN ("a"."plan" = 'free'::"text") THEN 'limited'::"text"
            ELSE 'full'::"text"
        END AS "access"
   FROM (("public"."accounts" "a"
     LEFT JOIN "public"."account_members" "m" ON (("m"."account_id" = "a"."id")))
     LEFT JOIN "public"."projects" "p" ON (("p"."account_id" = "a"."id")))
  GROUP BY "a"."id", "a"."name", "a"."plan";


ALTER VIEW "public"."account_overview" OWNER TO "postgres";


ALTER TABLE ONLY "public"."legacy_plans" ALTER COLUMN "id" SET DEFAULT "nextval"('"public"."legacy_plans_id_seq"'::"regclass");


ALTER TABLE ONLY "public"."account_members"
    ADD CONSTRAINT "account_members_pkey" PRIMARY KEY ("user_id", "account_id");


ALTER TABLE ONLY "public"."accounts"
    ADD CONSTRAINT "accounts_pkey" PRIMARY KEY ("id");


ALTER TABLE ONLY "public"."accounts"
    ADD CONSTRAINT "accounts_slug_key" UNIQUE ("slug");


ALTER TABLE ONLY "public"."invitations"
    ADD CONSTRAINT "invitations_pkey" PRIMARY KEY ("id");


ALTER TABLE ONLY "public"."invitations"
    ADD CONSTRAINT "invitations_token_key" UNIQUE ("token");


ALTER TABLE ONLY "public"."legacy_plans"
    ADD CONSTRAINT "legacy_plans_pkey" PRIMARY KEY ("id");


ALTER TABLE ONLY "public"."projects"
    ADD CONSTRAINT "projects_pkey" PRIMARY KEY ("id");


CREATE UNIQUE INDEX "projects_account_name" ON "public"."projects" USING "btree" ("account_id", "lower"(("name")::"text"));


CREATE INDEX "projects_settings" ON "public"."projects" USING "gin" ("settings" "jsonb_path_ops");


CREATE OR REPLACE TRIGGER "add_owner" AFTER INSERT ON "public"."accounts" FOR EACH ROW EXECUTE FUNCTION "public"."add_owner_on_create"();


CREATE OR REPLACE TRIGGER "protect_account_fields" BEFORE UPDATE ON "public"."accounts" FOR EACH ROW EXECUTE FUNCTION "public"."protect_account_fields"();


CREATE OR REPLACE TRIGGER "slugify" BEFORE INSERT OR UPDATE OF "slug" ON "public"."accounts" FOR EACH ROW EXECUTE FUNCTION "public"."slugify_account_slug"();


ALTER TABLE ONLY "public"."account_members"
    ADD CONSTRAINT "account_members_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE CASCADE;


ALTER TABLE ONLY "public"."account_members"
    ADD CONSTRAINT "account_members_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE CASCADE;


ALTER TABLE ONLY "public"."accounts"
    ADD CONSTRAINT "accounts_primary_owner_user_id_fkey" FOREIGN KEY ("primary_owner_user_id") REFERENCES "auth"."users"("id");


ALTER TABLE ONLY "public"."invitations"
    ADD CONSTRAINT "invitations_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE CASCADE;


ALTER TABLE ONLY "public"."projects"
    ADD CONSTRAINT "projects_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON UPDATE CASCADE ON DELETE CASCADE;


ALTER TABLE ONLY "public"."projects"
    ADD CONSTRAINT "projects_created_by_fkey" FOREIGN KEY ("created_by") REFERENCES "auth"."users"("id") ON DELETE SET NULL;


CREATE POLICY "Accounts can be edited by owners" ON "public"."accounts" FOR UPDATE TO "authenticated" USING (("private"."has_role_on_account"("id", 'owner'::"public"."account_role") = true));


CREATE POLICY "Accounts are viewable by members" ON "public"."accounts" FOR SELECT TO "authenticated" USING (("private"."has_role_on_account"("id") = true));


CREATE POLICY "Accounts are viewable by primary owner" ON "public"."accounts" FOR SELECT TO "authenticated" USING (("primary_owner_user_id" = "auth"."uid"()));


CREATE POLICY "Accounts can be created by any user" ON "public"."accounts" FOR INSERT TO "authenticated" WITH CHECK (("primary_owner_user_id" = ( SELECT "auth"."uid"() AS "uid")));


CREATE POLICY "Invitations can be created by account owners" ON "public"."invitations" FOR INSERT TO "authenticated" WITH CHECK ((("private"."has_role_on_account"("account_id", 'owner'::"public"."account_role") = true) AND ("invited_by_user_id" = "auth"."uid"())));


CREATE POLICY "Invitations viewable by account owners" ON "public"."invitations" FOR SELECT TO "authenticated" USING ((("created_at" > ("now"() - '24:00:00'::interval)) AND ("private"."has_role_on_account"("account_id", 'owner'::"public"."account_role") = true)));


CREATE POLICY "users can view their own account_members" ON "public"."account_members" FOR SELECT TO "authenticated" USING (("user_id" = "auth"."uid"()));


CREATE POLICY "users can view their teammates" ON "public"."account_members" FOR SELECT TO "authenticated" USING (("private"."has_role_on_account"("account_id") = true));


CREATE POLICY "Members read projects" ON "public"."projects" FOR SELECT TO "authenticated" USING (("account_id" IN ( SELECT "account_members"."account_id"
   FROM "public"."account_members"
  WHERE ("account_members"."user_id" = "auth"."uid"()))));


CREATE POLICY "Members write projects" ON "public"."projects" TO "authenticated" USING ((EXISTS ( SELECT 1
   FROM "public"."account_members" "m"
  WHERE (("m"."account_id" = "projects"."account_id") AND ("m"."user_id" = "auth"."uid"()) AND ("m"."role" <> 'member'::"public"."account_role"))))) WITH CHECK ((EXISTS ( SELECT 1
   FROM "public"."account_members" "m"
  WHERE (("m"."account_id" = "projects"."account_id") AND ("m"."user_id" = "auth"."uid"()) AND ("m"."role" = ANY (ARRAY['owner'::"public"."account_role", 'admin'::"public"."account_role"]))))));


CREATE POLICY "Only paying tenants have big budgets" ON "public"."projects" AS RESTRICTIVE FOR INSERT TO "authenticated" WITH CHECK ((("budget" < (1000)::numeric) OR (EXISTS ( SELECT 1 FROM "public"."accounts" "a" WHERE (("a"."id" = "projects"."account_id") AND ("a"."plan" <> 'free'::"text"))))));


ALTER TABLE "public"."account_members" ENABLE ROW LEVEL SECURITY;


ALTER TABLE "public"."accounts" ENABLE ROW LEVEL SECURITY;


ALTER TABLE "public"."invitations" ENABLE ROW LEVEL SECURITY;


ALTER TABLE "public"."legacy_plans" ENABLE ROW LEVEL SECURITY;


ALTER TABLE "public"."projects" ENABLE ROW LEVEL SECURITY;


ALTER PUBLICATION "supabase_realtime" OWNER TO "postgres";


ALTER PUBLICATION "supabase_realtime" ADD TABLE ONLY "public"."projects";


GRANT USAGE ON SCHEMA "public" TO "postgres";
GRANT USAGE ON SCHEMA "public" TO "anon";
GRANT USAGE ON SCHEMA "public" TO "authenticated";
GRANT USAGE ON SCHEMA "public" TO "service_role";


GRANT USAGE ON SCHEMA "private" TO "authenticated";


REVOKE ALL ON FUNCTION "public"."accept_invitation"("lookup_token" "text") FROM PUBLIC;
GRANT ALL ON FUNCTION "public"."accept_invitation"("lookup_token" "text") TO "anon";
GRANT ALL ON FUNCTION "public"."accept_invitation"("lookup_token" "text") TO "authenticated";
GRANT ALL ON FUNCTION "public"."accept_invitation"("lookup_token" "text") TO "service_role";


GRANT ALL ON FUNCTION "public"."add_owner_on_create"() TO "anon", "authenticated", "service_role";


REVOKE ALL ON FUNCTION "private"."has_role_on_account"("account_id" "uuid", "account_role" "public"."account_role") FROM PUBLIC;
GRANT ALL ON FUNCTION "private"."has_role_on_account"("account_id" "uuid", "account_role" "public"."account_role") TO "authenticated";


GRANT ALL ON TABLE "public"."account_members" TO "anon";
GRANT ALL ON TABLE "public"."account_members" TO "authenticated";
GRANT ALL ON TABLE "public"."account_members" TO "service_role";


GRANT ALL ON TABLE "public"."accounts" TO "service_role";
REVOKE ALL ON TABLE "public"."accounts" FROM "anon", "authenticated";
GRANT SELECT,INSERT,UPDATE ON TABLE "public"."accounts" TO "authenticated";
REVOKE SELECT ON TABLE "public"."accounts" FROM "authenticated";
GRANT SELECT("id"), SELECT("primary_owner_user_id"), SELECT("name"), SELECT("slug"), SELECT("plan"), SELECT("seats"), SELECT("search_name") ON TABLE "public"."accounts" TO "authenticated";


GRANT ALL ON SEQUENCE "public"."projects_id_seq" TO "anon";
GRANT ALL ON SEQUENCE "public"."projects_id_seq" TO "authenticated";
GRANT ALL ON SEQUENCE "public"."projects_id_seq" TO "service_role";


ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON SEQUENCES  TO "postgres";
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON SEQUENCES  TO "anon";
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON FUNCTIONS  TO "authenticated";
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON TABLES  TO "service_role";


RESET ALL;
