-- Messages of channels; the rights to private channels are policies on them.
SET search_path = realtime;

CREATE TABLE messages (
    topic text NOT NULL,
    extension text NOT NULL,
    payload jsonb,
    event text,
    private boolean DEFAULT false,
    updated_at timestamp NOT NULL DEFAULT now(),
    inserted_at timestamp NOT NULL DEFAULT now(),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    binary_payload bytea,
    PRIMARY KEY (id, inserted_at)
);
CREATE INDEX messages_inserted_at_topic_index ON messages (inserted_at DESC, topic)
    WHERE extension = 'broadcast' AND private IS TRUE;
ALTER TABLE messages OWNER TO supabase_realtime_admin;
GRANT SELECT, INSERT, UPDATE ON messages TO anon, authenticated, service_role;
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
