-- +goose Up
-- The address of the client that made a change; it is not delivered with the change.
ALTER TABLE outbox ADD COLUMN source varchar(45) NOT NULL DEFAULT '';
ALTER TABLE changes ADD COLUMN source varchar(45) NOT NULL DEFAULT '';

-- Records that are not changes of the feed, until they are in the audit log. Each is
-- written in the transaction of what it records.
CREATE TABLE audit_pending (
    id     bigserial PRIMARY KEY,
    record text NOT NULL
);

-- The audit log. The text of an entry is its canonical JSON (RFC 8785); hash is the
-- SHA-256 of the hash before it and of that text. The other columns are for queries.
CREATE TABLE audit (
    sequence      bigint PRIMARY KEY,
    entry         text NOT NULL,
    hash          bytea NOT NULL,
    occurred_at   timestamptz,
    actor_key     text NOT NULL,
    action        text NOT NULL,
    outcome       text NOT NULL,
    resource_type text NOT NULL,
    environment   text NOT NULL,
    service_name  text NOT NULL,
    name          text NOT NULL,
    CONSTRAINT audit_finite_times CHECK (
        occurred_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z')
);
CREATE INDEX audit_by_actor ON audit (actor_key, sequence);
CREATE INDEX audit_by_name ON audit (name, sequence);
CREATE INDEX audit_by_time ON audit (occurred_at);

-- The end of the audit log, and the revision of the last change that is in it.
CREATE TABLE audit_head (
    id       integer PRIMARY KEY CHECK (id = 1),
    sequence bigint NOT NULL,
    hash     bytea NOT NULL,
    revision bigint NOT NULL
);
INSERT INTO audit_head (id, sequence, hash, revision) SELECT 1, 0, decode(repeat('00', 32), 'hex'), revision FROM feed_head;

-- +goose StatementBegin
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- +goose Down
DROP TABLE audit_head;
DROP TABLE audit;
DROP FUNCTION audit_is_append_only;
DROP TABLE audit_pending;
ALTER TABLE changes DROP COLUMN source;
ALTER TABLE outbox DROP COLUMN source;
