//! The queries. Each reads one kind of object; names of columns are those of the Rust side.

/// Is the schema `n` a user's?
macro_rules! users {
    () => {
        "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
    };
}

/// The comment on an object of a system catalogue.
macro_rules! comment {
    ($catalog:literal, $oid:literal) => {
        concat!(
            "(SELECT description FROM pg_catalog.pg_description WHERE classoid = 'pg_catalog.",
            $catalog,
            "'::pg_catalog.regclass AND objoid = ",
            $oid,
            " AND objsubid = 0)"
        )
    };
}

pub(super) const SCHEMAS: &str = concat!(
    "SELECT n.nspname AS name, pg_get_userbyid(n.nspowner)::text AS owner,
            coalesce(n.nspacl, acldefault('n', n.nspowner))::text[] AS acl, ",
    comment!("pg_namespace", "n.oid"),
    " AS comment
     FROM pg_namespace n WHERE ",
    users!()
);

pub(super) const ROLES: &str =
    "SELECT r.rolname AS name, r.rolsuper AS superuser, r.rolbypassrls AS bypasses,
            NOT r.rolinherit AS no_inherit,
            ARRAY(SELECT pg_get_userbyid(m.roleid)::text FROM pg_auth_members m
                  WHERE m.member = r.oid ORDER BY 1) AS member_of
     FROM pg_roles r";

/// What holds for this database only comes last, as it wins.
pub(super) const SETTINGS: &str =
    "SELECT coalesce(r.rolname, '')::text AS role, s.setconfig AS settings
     FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
     WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
       AND (s.setrole = 0 OR r.oid IS NOT NULL)
     ORDER BY s.setdatabase";

pub(super) const DEFAULT_PRIVILEGES: &str =
    "SELECT pg_get_userbyid(d.defaclrole)::text AS owner, n.nspname AS schema,
            d.defaclobjtype::text AS object, d.defaclacl::text[] AS acl
     FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace";

pub(super) const EXTENSIONS: &str = "SELECT e.extname AS name, n.nspname AS schema
     FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace";

pub(super) const PUBLICATIONS: &str = "SELECT p.pubname AS name, p.puballtables AS of_all,
            ARRAY(SELECT r.prrelid FROM pg_publication_rel r WHERE r.prpubid = p.oid) AS relations
     FROM pg_publication p";

/// All types but the row types of system relations and their arrays.
pub(super) const TYPES: &str = concat!(
    "SELECT t.oid, n.nspname AS schema, t.typname AS name, t.typtype::text AS kind,
            t.typcategory::text AS category, e.oid AS element, t.typbasetype AS base,
            t.typtypmod AS modifier, t.typnotnull AS not_null, t.typdefault AS default_text,
            c.oid AS relation, c.relkind::text AS relation_kind,
            pg_get_userbyid(t.typowner)::text AS owner,
            coalesce(t.typacl, acldefault('T', t.typowner))::text[] AS acl,
            ARRAY(SELECT l.enumlabel::text FROM pg_enum l WHERE l.enumtypid = t.oid
                  ORDER BY l.enumsortorder) AS labels,
            (SELECT x.extname FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid
             WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
               AND d.refclassid = 'pg_extension'::regclass) AS extension, ",
    comment!("pg_type", "t.oid"),
    " AS comment
     FROM pg_type t
     JOIN pg_namespace n ON n.oid = t.typnamespace
     LEFT JOIN pg_type e ON e.oid = t.typelem AND e.typarray = t.oid
     LEFT JOIN pg_class c ON c.oid = coalesce(nullif(t.typrelid, 0), nullif(e.typrelid, 0))
     WHERE c.oid IS NULL OR (NOT c.relispartition AND ",
    users!(),
    ")"
);

/// Partitions are hidden behind their table.
pub(super) const RELATIONS: &str = concat!(
    "SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
            c.reltype AS row_type, c.relrowsecurity AS row_security,
            c.relforcerowsecurity AS force_row_security, c.relreplident = 'f' AS full_identity,
            pg_get_userbyid(c.relowner)::text AS owner,
            coalesce(c.relacl, acldefault('r', c.relowner))::text[] AS acl,
            coalesce(c.reloptions, '{}') AS options,
            CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS definition,
            CASE WHEN c.relkind = 'v' THEN pg_relation_is_updatable(c.oid, true) ELSE 0 END AS events,
            w.ev_action::text AS rule, ",
    comment!("pg_class", "c.oid"),
    " AS comment
     FROM pg_class c
     JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_rewrite w ON w.ev_class = c.oid AND w.rulename = '_RETURN'
     WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT c.relispartition AND ",
    users!()
);

pub(super) const COLUMNS: &str = concat!(
    "SELECT a.attrelid AS relation, a.attnum AS number, a.attname AS name, a.atttypid AS type,
            a.atttypmod AS modifier, a.attnotnull AS not_null,
            pg_get_expr(d.adbin, d.adrelid) AS default_text, a.attidentity::text AS identity,
            a.attgenerated::text AS generated, a.attacl::text[] AS acl, t.description AS comment,
            CASE WHEN c.relkind = 'v' THEN pg_column_is_updatable(c.oid, a.attnum, true)
                 ELSE false END AS updatable
     FROM pg_attribute a
     JOIN pg_class c ON c.oid = a.attrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     LEFT JOIN pg_description t ON t.objoid = a.attrelid AND t.objsubid = a.attnum
       AND t.classoid = 'pg_class'::regclass
     WHERE a.attnum > 0 AND NOT a.attisdropped AND NOT c.relispartition
       AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND ",
    users!(),
    " ORDER BY a.attrelid, a.attnum"
);

/// Keys, checks and foreign keys of tables, checks of domains; not what partitions repeat.
pub(super) const CONSTRAINTS: &str = concat!(
    "SELECT k.conrelid AS relation, k.contypid AS domain, k.conname AS name,
            k.contype::text AS kind, k.conkey AS columns, k.confrelid AS target,
            k.confkey AS target_columns, k.confupdtype::text AS on_update,
            k.confdeltype::text AS on_delete, k.confdelsetcols AS set_columns,
            k.confmatchtype = 'f' AS match_full, k.condeferrable AS deferrable,
            k.condeferred AS deferred, NOT k.convalidated AS not_valid,
            pg_get_expr(k.conbin, k.conrelid) AS text,
            coalesce(i.indnullsnotdistinct, false) AS nulls_not_distinct, ",
    comment!("pg_constraint", "k.oid"),
    " AS comment
     FROM pg_constraint k
     JOIN pg_namespace n ON n.oid = k.connamespace
     LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u')
     WHERE k.contype IN ('p', 'u', 'c', 'f') AND k.conparentid = 0 AND ",
    users!(),
    " ORDER BY k.conname, k.oid"
);

/// Indexes that no constraint owns.
pub(super) const INDEXES: &str = concat!(
    "SELECT i.indrelid AS relation, x.relname AS name, i.indisunique AS is_unique,
            i.indnullsnotdistinct AS nulls_not_distinct,
            (i.indkey::int2[])[0:i.indnkeyatts - 1] AS keys, i.indoption::int2[] AS options,
            i.indpred IS NOT NULL AS partial, pg_get_indexdef(i.indexrelid) AS definition,
            m.amname AS method
     FROM pg_index i
     JOIN pg_class x ON x.oid = i.indexrelid
     JOIN pg_am m ON m.oid = x.relam
     JOIN pg_class c ON c.oid = i.indrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE i.indisvalid AND NOT c.relispartition AND c.relkind IN ('r', 'p', 'm') AND ",
    users!(),
    " AND NOT EXISTS (SELECT FROM pg_constraint k
                      WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
     ORDER BY x.relname"
);

pub(super) const POLICIES: &str =
    "SELECT p.polrelid AS relation, p.polname AS name, p.polcmd::text AS command,
            p.polpermissive AS permissive,
            ARRAY(SELECT CASE WHEN r = 0 THEN 'public' ELSE pg_get_userbyid(r)::text END
                  FROM unnest(p.polroles) r) AS roles,
            pg_get_expr(p.polqual, p.polrelid) AS using_text,
            pg_get_expr(p.polwithcheck, p.polrelid) AS check_text
     FROM pg_policy p ORDER BY p.polname";

pub(super) const SEQUENCES: &str = concat!(
    "SELECT n.nspname AS schema, c.relname AS name, s.seqtypid AS type, s.seqstart AS start,
            s.seqincrement AS increment, s.seqmin AS min, s.seqmax AS max, s.seqcycle AS cycle,
            pg_get_userbyid(c.relowner)::text AS owner,
            coalesce(c.relacl, acldefault('s', c.relowner))::text[] AS acl,
            d.refobjid AS relation, d.refobjsubid AS number
     FROM pg_sequence s
     JOIN pg_class c ON c.oid = s.seqrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
       AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
     WHERE ",
    users!()
);

/// Plain functions: procedures, aggregates and window functions cannot be called over the API.
pub(super) const ROUTINES: &str = concat!(
    "SELECT p.oid, n.nspname AS schema, p.proname AS name, l.lanname AS language,
            p.provolatile::text AS volatility, p.proisstrict AS strict,
            p.prosecdef AS security_definer, p.proretset AS set, p.prorettype AS result,
            coalesce(p.proallargtypes, p.proargtypes::oid[]) AS types,
            p.proargmodes::text[] AS modes, p.proargnames AS names, p.pronargdefaults AS defaults,
            coalesce(p.proconfig, '{}') AS settings, p.prorows AS rows,
            pg_get_userbyid(p.proowner)::text AS owner,
            coalesce(p.proacl, acldefault('f', p.proowner))::text[] AS acl, ",
    comment!("pg_proc", "p.oid"),
    " AS comment
     FROM pg_proc p
     JOIN pg_namespace n ON n.oid = p.pronamespace
     JOIN pg_language l ON l.oid = p.prolang
     WHERE p.prokind = 'f' AND ",
    users!(),
    " ORDER BY n.nspname, p.proname, p.oid"
);

/// Aggregates over rows that make a domain.
pub(super) const AGGREGATES: &str = concat!(
    "SELECT n.nspname AS schema, p.proname AS name, p.prorettype AS result,
            nullif(t.typrelid, 0) AS relation
     FROM pg_proc p
     JOIN pg_namespace n ON n.oid = p.pronamespace
     JOIN pg_type r ON r.oid = p.prorettype
     JOIN pg_type t ON t.oid = p.proargtypes[0]
     WHERE p.prokind = 'a' AND p.pronargs = 1 AND r.typtype = 'd'
       AND (t.typrelid <> 0 OR t.typname = 'anyelement') AND ",
    users!(),
    " ORDER BY n.nspname, p.proname, p.oid"
);
