//! The texts of what the catalogue only names, as PostgreSQL itself prints them.

use backstay_engine::{Definitions, TableForm};
use backstay_expr::{FunctionId, RelationId};
use backstay_model::TypeId;
use tokio_postgres::{Client, Error};

/// What belongs to extensions: it comes with them.
const OF_EXTENSIONS: &str = "SELECT classid::regclass::text, objid FROM pg_depend
    WHERE deptype = 'e' AND classid IN ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass)";

const RANGES: &str = "SELECT r.rngtypid, format('CREATE TYPE %s AS RANGE (SUBTYPE = %s%s%s)',
        r.rngtypid::regtype, r.rngsubtype::regtype,
        CASE WHEN r.rngsubdiff <> 0 THEN format(', SUBTYPE_DIFF = %s', r.rngsubdiff) END,
        CASE WHEN r.rngcanonical <> 0 THEN format(', CANONICAL = %s', r.rngcanonical) END)
    FROM pg_range r WHERE r.rngtypid >= 16384";

const TABLES: &str = "SELECT c.oid,
        CASE c.relkind WHEN 'f' THEN 'FOREIGN TABLE' ELSE
            CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED TABLE' ELSE 'TABLE' END END,
        concat_ws(' ',
            (SELECT 'INHERITS (' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) || ')'
             FROM pg_inherits i WHERE i.inhrelid = c.oid),
            CASE c.relkind WHEN 'p' THEN 'PARTITION BY ' || pg_get_partkeydef(c.oid) END,
            (SELECT format('SERVER %I', s.srvname) || pg_temp.options(f.ftoptions)
             FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver
             WHERE f.ftrelid = c.oid))
    FROM pg_class c WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition";

/// Partitions, those of partitions after them.
const PARTITIONS: &str = "WITH RECURSIVE tree AS (
        SELECT inhrelid, inhparent, 1 AS depth FROM pg_inherits i
        JOIN pg_class p ON p.oid = i.inhparent AND p.relkind = 'p' AND NOT p.relispartition
        UNION ALL
        SELECT i.inhrelid, i.inhparent, depth + 1 FROM pg_inherits i JOIN tree ON i.inhparent = tree.inhrelid)
    SELECT concat_ws(' ', 'CREATE TABLE', c.oid::regclass::text, 'PARTITION OF', t.inhparent::regclass::text,
        pg_get_expr(c.relpartbound, c.oid),
        CASE c.relkind WHEN 'p' THEN 'PARTITION BY ' || pg_get_partkeydef(c.oid) END)
    FROM tree t JOIN pg_class c ON c.oid = t.inhrelid WHERE c.relkind IN ('r', 'p')
    ORDER BY t.depth, c.oid";

const ROUTINES: &str = "SELECT p.oid, pg_get_functiondef(p.oid) FROM pg_proc p
    WHERE p.oid >= 16384 AND p.prokind = 'f'";

/// Operators, each with a shell of those that it names and that come later; then aggregates.
const OPERATORS: &str = "SELECT text FROM (
    SELECT 1 AS step, o.oid, 'pg_operator'::regclass AS class,
        format('CREATE OPERATOR %I.%s (%s)', n.nspname, o.oprname, concat_ws(', ',
            'FUNCTION = ' || o.oprcode::text,
            'LEFTARG = ' || nullif(o.oprleft, 0)::regtype, 'RIGHTARG = ' || nullif(o.oprright, 0)::regtype,
            'COMMUTATOR = ' || pg_temp.operator(o.oprcom), 'NEGATOR = ' || pg_temp.operator(o.oprnegate),
            'RESTRICT = ' || nullif(o.oprrest, 0)::regproc, 'JOIN = ' || nullif(o.oprjoin, 0)::regproc,
            CASE WHEN o.oprcanhash THEN 'HASHES' END, CASE WHEN o.oprcanmerge THEN 'MERGES' END)) AS text
    FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE o.oprcode <> 0
    UNION ALL
    SELECT 2, p.oid, 'pg_proc'::regclass,
        format('CREATE AGGREGATE %I.%I(%s) (%s)', n.nspname, p.proname,
            coalesce(nullif(pg_get_function_arguments(p.oid), ''), '*'), concat_ws(', ',
            'SFUNC = ' || a.aggtransfn, 'STYPE = ' || a.aggtranstype::regtype, 'SSPACE = ' || nullif(a.aggtransspace, 0),
            'FINALFUNC = ' || nullif(a.aggfinalfn, 0)::regproc, CASE WHEN a.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
            'FINALFUNC_MODIFY = ' || pg_temp.modifies(a.aggfinalfn, a.aggfinalmodify),
            'COMBINEFUNC = ' || nullif(a.aggcombinefn, 0)::regproc,
            'SERIALFUNC = ' || nullif(a.aggserialfn, 0)::regproc, 'DESERIALFUNC = ' || nullif(a.aggdeserialfn, 0)::regproc,
            'INITCOND = ' || quote_literal(a.agginitval),
            'MSFUNC = ' || nullif(a.aggmtransfn, 0)::regproc, 'MINVFUNC = ' || nullif(a.aggminvtransfn, 0)::regproc,
            'MSTYPE = ' || nullif(a.aggmtranstype, 0)::regtype, 'MSSPACE = ' || nullif(a.aggmtransspace, 0),
            'MFINALFUNC = ' || nullif(a.aggmfinalfn, 0)::regproc, CASE WHEN a.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
            'MFINALFUNC_MODIFY = ' || pg_temp.modifies(a.aggmfinalfn, a.aggmfinalmodify),
            'MINITCOND = ' || quote_literal(a.aggminitval), 'SORTOP = ' || pg_temp.operator(a.aggsortop),
            CASE p.proparallel WHEN 's' THEN 'PARALLEL = SAFE' WHEN 'r' THEN 'PARALLEL = RESTRICTED' END,
            CASE a.aggkind WHEN 'h' THEN 'HYPOTHETICAL' END))
    FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid JOIN pg_namespace n ON n.oid = p.pronamespace
    ) all_of_them
    WHERE oid >= 16384 AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = class AND d.objid = oid AND d.deptype = 'e')
    ORDER BY step, oid";

/// Procedures, exclusion constraints, triggers, rules, statistics.
const OTHERS: &str = "SELECT text FROM (
    SELECT 1 AS step, p.oid, pg_get_functiondef(p.oid) AS text FROM pg_proc p
    WHERE p.oid >= 16384 AND p.prokind = 'p'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 2, k.oid, format('ALTER TABLE %s ADD CONSTRAINT %I %s', k.conrelid::regclass, k.conname,
        pg_get_constraintdef(k.oid))
    FROM pg_constraint k WHERE k.contype = 'x' AND k.oid >= 16384
    UNION ALL
    SELECT 3, t.oid, pg_get_triggerdef(t.oid) FROM pg_trigger t
    WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND t.oid >= 16384
    UNION ALL
    SELECT 4, r.oid, trim(TRAILING ';' FROM pg_get_ruledef(r.oid)) FROM pg_rewrite r
    WHERE r.rulename <> '_RETURN' AND r.oid >= 16384
    UNION ALL
    SELECT 5, s.oid, pg_get_statisticsobjdef(s.oid) FROM pg_statistic_ext s WHERE s.oid >= 16384
    ) all_of_them ORDER BY step, oid";

/// Helpers that last as long as the session: options of foreign tables, operators by name, and what
/// final functions of aggregates do to the state.
const HELPERS: &str = "CREATE FUNCTION pg_temp.options(text[]) RETURNS text LANGUAGE sql AS $$
    SELECT ' OPTIONS (' || string_agg(format('%I %L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ') || ')'
    FROM unnest($1) o $$;
CREATE FUNCTION pg_temp.operator(oid) RETURNS text LANGUAGE sql AS $$
    SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
    FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE o.oid = $1 $$;
CREATE FUNCTION pg_temp.modifies(oid, \"char\") RETURNS text LANGUAGE sql AS $$
    SELECT CASE $2 WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END WHERE $1 <> 0 $$";

/// Reads them all.
pub(crate) async fn read(client: &Client) -> Result<Definitions, Error> {
    client.batch_execute("SET search_path = ''").await?;
    client.batch_execute(HELPERS).await?;
    let mut found = Definitions::default();
    for row in client.query(OF_EXTENSIONS, &[]).await? {
        let (class, oid): (String, u32) = (row.try_get(0)?, row.try_get(1)?);
        match class.as_str() {
            "pg_catalog.pg_class" | "pg_class" => {
                found.of_extensions.relations.insert(RelationId(oid));
            }
            "pg_catalog.pg_type" | "pg_type" => {
                found.of_extensions.types.insert(TypeId(oid));
            }
            _ => {
                found.of_extensions.routines.insert(FunctionId(oid));
            }
        }
    }
    for row in client.query(RANGES, &[]).await? {
        found.types.insert(TypeId(row.try_get(0)?), row.try_get(1)?);
    }
    for row in client.query(TABLES, &[]).await? {
        let form = TableForm { kind: row.try_get(1)?, tail: row.try_get(2)? };
        found.tables.insert(RelationId(row.try_get(0)?), form);
    }
    for row in client.query(PARTITIONS, &[]).await? {
        found.partitions.push(row.try_get(0)?);
    }
    for row in client.query(ROUTINES, &[]).await? {
        found.routines.insert(FunctionId(row.try_get(0)?), row.try_get(1)?);
    }
    for row in client.query(OPERATORS, &[]).await? {
        found.operators.push(row.try_get(0)?);
    }
    for row in client.query(OTHERS, &[]).await? {
        found.others.push(row.try_get(0)?);
    }
    Ok(found)
}
