-- The roles that Supabase projects know. Nobody signs in to the database with them: they are names
-- that rights are given to.
CREATE ROLE supabase_admin SUPERUSER;
CREATE ROLE postgres SUPERUSER;
CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticated NOLOGIN;
CREATE ROLE service_role NOLOGIN BYPASSRLS;
CREATE ROLE authenticator NOINHERIT IN ROLE anon, authenticated, service_role;
CREATE ROLE dashboard_user;
CREATE ROLE pgbouncer;
CREATE ROLE supabase_auth_admin;
CREATE ROLE supabase_storage_admin;
CREATE ROLE supabase_realtime_admin;
CREATE ROLE supabase_functions_admin;
CREATE ROLE supabase_replication_admin;
CREATE ROLE supabase_read_only_user BYPASSRLS;
CREATE ROLE supabase_etl_admin BYPASSRLS;
CREATE ROLE pg_read_all_data;
CREATE ROLE pg_write_all_data;
CREATE ROLE pg_monitor;
CREATE ROLE pg_signal_backend;
