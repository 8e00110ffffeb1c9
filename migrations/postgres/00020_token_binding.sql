-- +goose Up
-- Each token records the fingerprint of its key, and the MAC that binds it to its row:
-- docs/database.md. They are NULL for plain values, and for tokens from before this step.
ALTER TABLE configurations ADD COLUMN token_key varchar(16);
ALTER TABLE configurations ADD COLUMN token_mac varchar(64);
ALTER TABLE deleted_configurations ADD COLUMN token_key varchar(16);
ALTER TABLE deleted_configurations ADD COLUMN token_mac varchar(64);
ALTER TABLE configuration_history ADD COLUMN old_token_key varchar(16);
ALTER TABLE configuration_history ADD COLUMN old_token_mac varchar(64);
ALTER TABLE configuration_history ADD COLUMN new_token_key varchar(16);
ALTER TABLE configuration_history ADD COLUMN new_token_mac varchar(64);

-- Whether tokens without a MAC are rejected: from the first complete rotation on.
CREATE TABLE token_binding (
    id       integer PRIMARY KEY CHECK (id = 1),
    enforced boolean NOT NULL
);
INSERT INTO token_binding (id, enforced) VALUES (1, false);

-- The keys of a replica's ring by their fingerprints, in their order, and the one under
-- which it encrypts; NULL for replicas of before this step.
ALTER TABLE replicas ADD COLUMN encryption_keys text;
ALTER TABLE replicas ADD COLUMN encrypts_with varchar(16);

-- Programs of before this step write a new version and leave the columns of the token as they
-- were. What they write has none.
-- +goose StatementBegin
CREATE FUNCTION forget_token_binding() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.token_key := NULL;
    NEW.token_mac := NULL;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER configurations_forget_token_binding BEFORE UPDATE ON configurations FOR EACH ROW
    WHEN (OLD.token_mac IS NOT NULL AND NEW.token_mac = OLD.token_mac AND NEW.version <> OLD.version)
    EXECUTE FUNCTION forget_token_binding();

-- +goose Down
DROP TRIGGER configurations_forget_token_binding ON configurations;
DROP FUNCTION forget_token_binding;
ALTER TABLE replicas DROP COLUMN encrypts_with;
ALTER TABLE replicas DROP COLUMN encryption_keys;
DROP TABLE token_binding;
ALTER TABLE configuration_history DROP COLUMN new_token_mac;
ALTER TABLE configuration_history DROP COLUMN new_token_key;
ALTER TABLE configuration_history DROP COLUMN old_token_mac;
ALTER TABLE configuration_history DROP COLUMN old_token_key;
ALTER TABLE deleted_configurations DROP COLUMN token_mac;
ALTER TABLE deleted_configurations DROP COLUMN token_key;
ALTER TABLE configurations DROP COLUMN token_mac;
ALTER TABLE configurations DROP COLUMN token_key;
