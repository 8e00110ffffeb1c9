-- +goose Up
-- Parties whose tokens are trusted, and what these allow, as JSON documents.
CREATE TABLE access_issuers (
    id         varchar(8) PRIMARY KEY,
    name       varchar(100) NOT NULL UNIQUE,
    definition text NOT NULL
);
CREATE TABLE access_bindings (
    id         varchar(8) PRIMARY KEY,
    issuer_id  varchar(8) NOT NULL REFERENCES access_issuers (id),
    name       varchar(100) NOT NULL UNIQUE,
    definition text NOT NULL
);
-- Where a key was issued for a token: the binding, its issuer and the subject.
ALTER TABLE api_keys ADD COLUMN login_binding varchar(8) NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN login_issuer varchar(8) NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN login_subject text NOT NULL DEFAULT '';
CREATE INDEX api_keys_of_logins ON api_keys (login_binding, expires_at) WHERE login_binding <> '';

-- +goose Down
DROP INDEX api_keys_of_logins;
DELETE FROM api_keys WHERE login_binding <> '';
ALTER TABLE api_keys DROP COLUMN login_binding;
ALTER TABLE api_keys DROP COLUMN login_issuer;
ALTER TABLE api_keys DROP COLUMN login_subject;
DROP TABLE access_bindings;
DROP TABLE access_issuers;
