-- The records of what was applied.
SET search_path = supabase_migrations;

CREATE TABLE schema_migrations (
    version text NOT NULL PRIMARY KEY,
    statements text[],
    name text,
    checksum text
);

CREATE TABLE seed_files (
    path text NOT NULL PRIMARY KEY,
    hash text NOT NULL
);
