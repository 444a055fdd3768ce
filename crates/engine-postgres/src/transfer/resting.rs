//! Triggers and foreign keys while rows are moved by a login that may not switch them off for its
//! session: as the owner of the tables it takes them away, and makes them again at the end.
//!
//! What is to be made again lies in the database, so that it outlasts an interruption.

/// Takes away what is in the way of rows; nothing where the session's setting does it.
pub(super) const BEGIN: &str = "DO $rest$
DECLARE one record;
BEGIN
  IF has_parameter_privilege('session_replication_role', 'SET') THEN RETURN; END IF;
  CREATE SCHEMA IF NOT EXISTS backstay_moving;
  CREATE TABLE IF NOT EXISTS backstay_moving.made_again
    (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, statement text NOT NULL);
  FOR one IN
    SELECT 1 AS step, format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', oid::regclass) AS away,
      format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', oid::regclass) AS again
    FROM pg_class WHERE relforcerowsecurity AND oid >= 16384
    UNION ALL
    SELECT 2, format('ALTER TABLE %s DISABLE TRIGGER %I', tgrelid::regclass, tgname),
      format('ALTER TABLE %s ENABLE %sTRIGGER %I', tgrelid::regclass,
        CASE tgenabled WHEN 'A' THEN 'ALWAYS ' WHEN 'R' THEN 'REPLICA ' ELSE '' END, tgname)
    FROM pg_trigger
    WHERE NOT tgisinternal AND tgparentid = 0 AND tgenabled <> 'D' AND oid >= 16384
      AND tgrelid IN (SELECT oid FROM pg_class WHERE relkind IN ('r', 'p'))
    UNION ALL
    SELECT 3, format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
      format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND oid >= 16384
    ORDER BY step
  LOOP
    EXECUTE one.away;
    INSERT INTO backstay_moving.made_again (statement) VALUES (one.again);
  END LOOP;
END $rest$";

/// Makes again what was taken away, keys first: that tests the rows.
pub(super) const END: &str = "DO $end$
DECLARE one record;
BEGIN
  IF to_regclass('backstay_moving.made_again') IS NULL THEN RETURN; END IF;
  FOR one IN SELECT statement FROM backstay_moving.made_again ORDER BY id DESC LOOP
    EXECUTE one.statement;
  END LOOP;
  DROP SCHEMA backstay_moving CASCADE;
END $end$";
