-- Mails that wait for the mail server. What they say is sealed with a key outside the database.
SET search_path = auth;

CREATE TABLE mail_outbox (
    id uuid NOT NULL PRIMARY KEY,
    sealed text NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mail_outbox_due_at_idx ON mail_outbox (due_at);

ALTER TABLE mail_outbox ENABLE ROW LEVEL SECURITY;
