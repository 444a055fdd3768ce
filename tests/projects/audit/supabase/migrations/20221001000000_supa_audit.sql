/*
    Generic Audit Trigger
    Linear Time Record Version History
*/
begin;
-- Namespace to "audit"
create schema if not exists audit;

-- Create enum type for SQL operations to reduce disk/memory usage vs text
create type audit.operation as enum (
    'INSERT',
    'UPDATE',
    'DELETE',
    'TRUNCATE'
);

create table audit.record_version(
    -- unique auto-incrementing id
    id             bigserial primary key,
    -- uniquely identifies a record by primary key [primary key + table_oid]
    record_id      uuid,
    old_record_id  uuid,
    -- INSERT/UPDATE/DELETE/TRUNCATE/SNAPSHOT
    op             audit.operation not null,
    ts             timestamptz not null default (now()),
    table_schema   name not null,
    table_name     name not null,
    -- contents of the record
    record         jsonb,
    -- previous record contents for UPDATE/DELETE
    old_record     jsonb,
    auth_uid       uuid default auth.uid(),

    -- at least one of record_id or old_record_id is populated, except for truncates
    check (coalesce(record_id, old_record_id) is not null or op = 'TRUNCATE'),
    -- record_id must be populated for insert and update
    check (op in ('INSERT', 'UPDATE') = (record_id is not null)),
    check (op in ('INSERT', 'UPDATE') = (record is not null)),
    -- old_record must be populated for update and delete
    check (op in ('UPDATE', 'DELETE') = (old_record_id is not null)),
    check (op in ('UPDATE', 'DELETE') = (old_record is not null))
);

create index record_version_record_id
    on audit.record_version(record_id)
    where record_id is not null;
create index record_version_ts on audit.record_version using brin(ts);

create or replace function audit.to_record_id(entity text, pkey_cols text[], rec jsonb)
    returns uuid
    stable
    language sql
as $$
    select
        case
            when rec is null then null
            when pkey_cols = array[]::text[] then uuid_generate_v4()
            else (
                select
                    uuid_generate_v5(
                        'fd62bc3d-8d6e-43c2-919c-802ba3762271',
                        (
                            jsonb_build_array(to_jsonb(entity))
                            || jsonb_agg($3 ->> key_)
                        )::text
                    )
                from
                    unnest($2) x(key_)
            )
        end
$$;

create or replace function audit.insert_update_delete_trigger()
    returns trigger
    security definer
    set search_path = 'public', 'extensions', 'audit'
    language plpgsql
as $$
declare
    pkey_cols text[] = array['id'];
    record_jsonb jsonb = case when tg_op <> 'DELETE' then to_jsonb(new) end;
    record_id uuid = audit.to_record_id(tg_table_schema || '.' || tg_table_name, pkey_cols, record_jsonb);
    old_record_jsonb jsonb = case when tg_op <> 'INSERT' then to_jsonb(old) end;
    old_record_id uuid = audit.to_record_id(tg_table_schema || '.' || tg_table_name, pkey_cols, old_record_jsonb);
begin
    insert into audit.record_version(record_id, old_record_id, op, table_schema, table_name, record, old_record)
    select record_id, old_record_id, tg_op::audit.operation, tg_table_schema, tg_table_name, record_jsonb, old_record_jsonb;

    return coalesce(new, old);
end;
$$;

create or replace function audit.truncate_trigger()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into audit.record_version(op, table_schema, table_name)
    select 'TRUNCATE'::audit.operation, tg_table_schema, tg_table_name;
    return coalesce(old, new);
end;
$$;

create or replace function audit.enable_tracking(tbl text)
    returns void
    volatile
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    statement_row text = format('
        create trigger audit_i_u_d
            after insert or update or delete
            on %s
            for each row
            execute procedure audit.insert_update_delete_trigger();', tbl);
    statement_stmt text = format('
        create trigger audit_t
            after truncate
            on %s
            for each statement
            execute procedure audit.truncate_trigger();', tbl);
begin
    if not exists(select 1 from pg_trigger where tgrelid = tbl::regclass and tgname = 'audit_i_u_d') then
        execute statement_row;
    end if;
    if not exists(select 1 from pg_trigger where tgrelid = tbl::regclass and tgname = 'audit_t') then
        execute statement_stmt;
    end if;
end;
$$;
commit;
