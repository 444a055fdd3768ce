-- What migrations granted on views and on functions with their owner's rights, by oid.
CREATE TABLE explicit_grants (
    of_relation boolean NOT NULL,
    object oid NOT NULL,
    grantee text NOT NULL,
    privilege text NOT NULL,
    PRIMARY KEY (of_relation, object, grantee, privilege)
);
