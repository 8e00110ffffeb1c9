-- +goose Up
-- The last entry that retention has removed: the log begins after it.
ALTER TABLE audit_head ADD COLUMN start_sequence bigint NOT NULL DEFAULT 0;
ALTER TABLE audit_head ADD COLUMN start_hash blob NOT NULL
    DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000';

-- Rows of audit that were not entries: somebody had added them beside the triggers.
CREATE TABLE audit_rejected (
    id       integer PRIMARY KEY AUTOINCREMENT,
    sequence bigint NOT NULL,
    entry    text NOT NULL,
    hash     blob NOT NULL
);

-- How many records of each process were stored, so that a record that is sent again is
-- stored once.
CREATE TABLE audit_streams (
    stream   varchar(64) PRIMARY KEY,
    position bigint NOT NULL
);

-- Rows are accepted only after the last entry, and the head moves with them. SQLite has no
-- SHA-256: a wrong hash is found by the verification.
-- +goose StatementBegin
CREATE TRIGGER audit_follows_its_head BEFORE INSERT ON audit
WHEN NEW.sequence IS NOT (SELECT sequence + 1 FROM audit_head WHERE id = 1) OR length(NEW.hash) IS NOT 32
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only: a row must follow the last entry');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_moves_its_head AFTER INSERT ON audit
BEGIN
    UPDATE audit_head SET sequence = NEW.sequence, hash = NEW.hash WHERE id = 1;
END;
-- +goose StatementEnd

-- Entries are deleted only up to the start, which moves over them first.
DROP TRIGGER audit_is_not_deleted;
-- +goose StatementBegin
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
WHEN NOT coalesce((
    SELECT OLD.sequence <= start_sequence OR OLD.sequence > sequence FROM audit_head WHERE id = 1
), 0)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd

-- The head and the start are entries of the log, and move forwards.
-- +goose StatementBegin
CREATE TRIGGER audit_head_is_of_the_log BEFORE UPDATE ON audit_head
WHEN NOT coalesce(
    (NEW.sequence = OLD.sequence AND NEW.hash = OLD.hash
        OR NEW.sequence > OLD.sequence AND NEW.hash = (SELECT hash FROM audit WHERE sequence = NEW.sequence))
    AND (NEW.start_sequence = OLD.start_sequence AND NEW.start_hash = OLD.start_hash
        OR NEW.start_sequence > OLD.start_sequence AND NEW.start_sequence <= NEW.sequence
            AND NEW.start_hash = (SELECT hash FROM audit WHERE sequence = NEW.start_sequence)), 0)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only: its head cannot be changed or deleted');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_head_is_kept BEFORE DELETE ON audit_head
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only: its head cannot be changed or deleted');
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER audit_head_is_kept;
DROP TRIGGER audit_head_is_of_the_log;
DROP TRIGGER audit_is_not_deleted;
-- +goose StatementBegin
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd
DROP TRIGGER audit_moves_its_head;
DROP TRIGGER audit_follows_its_head;
DROP TABLE audit_streams;
DROP TABLE audit_rejected;
ALTER TABLE audit_head DROP COLUMN start_hash;
ALTER TABLE audit_head DROP COLUMN start_sequence;
