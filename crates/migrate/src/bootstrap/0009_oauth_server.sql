-- The OAuth 2.1 server of the sign-in service.
SET search_path = auth;

CREATE TYPE oauth_registration_type AS ENUM ('dynamic', 'manual');
CREATE TYPE oauth_client_type AS ENUM ('public', 'confidential');
CREATE TYPE oauth_authorization_status AS ENUM ('pending', 'approved', 'denied', 'expired');
CREATE TYPE oauth_response_type AS ENUM ('code');

CREATE TABLE oauth_clients (
    id uuid NOT NULL PRIMARY KEY,
    client_secret_hash text,
    registration_type oauth_registration_type NOT NULL,
    redirect_uris text NOT NULL,
    grant_types text NOT NULL,
    client_name text,
    client_uri text,
    logo_uri text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    client_type oauth_client_type NOT NULL DEFAULT 'confidential',
    token_endpoint_auth_method text NOT NULL DEFAULT 'client_secret_basic'
);
CREATE INDEX oauth_clients_created_at_idx ON oauth_clients (created_at DESC);

CREATE TABLE oauth_authorizations (
    id uuid NOT NULL PRIMARY KEY,
    authorization_id text NOT NULL UNIQUE,
    client_id uuid NOT NULL REFERENCES oauth_clients (id) ON DELETE CASCADE,
    user_id uuid REFERENCES users (id) ON DELETE CASCADE,
    redirect_uri text NOT NULL,
    scope text NOT NULL,
    state text,
    resource text,
    code_challenge text,
    code_challenge_method code_challenge_method,
    response_type oauth_response_type NOT NULL DEFAULT 'code',
    status oauth_authorization_status NOT NULL DEFAULT 'pending',
    authorization_code text UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    approved_at timestamptz,
    nonce text
);
CREATE INDEX oauth_auth_pending_exp_idx ON oauth_authorizations (expires_at);

CREATE TABLE oauth_consents (
    id uuid NOT NULL PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id uuid NOT NULL REFERENCES oauth_clients (id) ON DELETE CASCADE,
    scopes text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    UNIQUE (user_id, client_id)
);
CREATE INDEX oauth_consents_user_order_idx ON oauth_consents (user_id, granted_at DESC);

ALTER TABLE oauth_clients ENABLE ROW LEVEL SECURITY;
ALTER TABLE oauth_authorizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE oauth_consents ENABLE ROW LEVEL SECURITY;
