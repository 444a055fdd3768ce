-- What Backstay's sign-in keeps beside the tables that projects know.
SET search_path = auth;

CREATE TABLE failed_attempts (
    subject text NOT NULL PRIMARY KEY,
    failures bigint NOT NULL,
    since timestamptz NOT NULL
);
COMMENT ON TABLE failed_attempts IS 'Wrong passwords and codes, counted for each thing that is guessed at.';
ALTER TABLE failed_attempts ENABLE ROW LEVEL SECURITY;
