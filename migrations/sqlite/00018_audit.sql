-- +goose Up
-- The address of the client that made a change; it is not delivered with the change.
ALTER TABLE outbox ADD COLUMN source varchar(45) NOT NULL DEFAULT '';
ALTER TABLE changes ADD COLUMN source varchar(45) NOT NULL DEFAULT '';

-- Records that are not changes of the feed, until they are in the audit log. Each is
-- written in the transaction of what it records.
CREATE TABLE audit_pending (
    id     integer PRIMARY KEY AUTOINCREMENT,
    record text NOT NULL
);

-- The audit log. The text of an entry is its canonical JSON (RFC 8785); hash is the
-- SHA-256 of the hash before it and of that text. The other columns are for queries.
CREATE TABLE audit (
    sequence      integer PRIMARY KEY,
    entry         text NOT NULL,
    hash          blob NOT NULL,
    occurred_at   text,
    actor_key     text NOT NULL,
    action        text NOT NULL,
    outcome       text NOT NULL,
    resource_type text NOT NULL,
    environment   text NOT NULL,
    service_name  text NOT NULL,
    name          text NOT NULL
);
CREATE INDEX audit_by_actor ON audit (actor_key, sequence);
CREATE INDEX audit_by_name ON audit (name, sequence);
CREATE INDEX audit_by_time ON audit (occurred_at);

-- The end of the audit log, and the revision of the last change that is in it.
CREATE TABLE audit_head (
    id       integer PRIMARY KEY CHECK (id = 1),
    sequence bigint NOT NULL,
    hash     blob NOT NULL,
    revision bigint NOT NULL
);
INSERT INTO audit_head (id, sequence, hash, revision) SELECT 1, 0, zeroblob(32), revision FROM feed_head;

-- +goose StatementBegin
CREATE TRIGGER audit_is_not_updated BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE audit_head;
DROP TABLE audit;
DROP TABLE audit_pending;
ALTER TABLE changes DROP COLUMN source;
ALTER TABLE outbox DROP COLUMN source;
