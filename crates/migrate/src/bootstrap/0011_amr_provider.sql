-- The provider by whose account a session was opened, as tokens tell it.
SET search_path = auth;

ALTER TABLE mfa_amr_claims ADD COLUMN provider text;
