-- +goose Up
-- The last entry that retention has removed: the log begins after it.
ALTER TABLE audit_head ADD COLUMN start_sequence bigint NOT NULL DEFAULT 0;
ALTER TABLE audit_head ADD COLUMN start_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex');

-- Rows of audit that were not entries: somebody had added them beside the triggers.
CREATE TABLE audit_rejected (
    id       bigserial PRIMARY KEY,
    sequence bigint NOT NULL,
    entry    text NOT NULL,
    hash     bytea NOT NULL
);

-- How many records of each process were stored, so that a record that is sent again is
-- stored once.
CREATE TABLE audit_streams (
    stream   varchar(64) PRIMARY KEY,
    position bigint NOT NULL
);

-- Rows are accepted only after the last entry, in its chain; the head moves with them.
-- +goose StatementBegin
CREATE FUNCTION audit_follows_its_head() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head record;
BEGIN
    EXECUTE format('SELECT sequence, hash FROM %I.audit_head WHERE id = 1 FOR UPDATE', TG_TABLE_SCHEMA) INTO head;
    IF EXISTS (
        SELECT FROM (
            SELECT sequence, entry, hash, head.sequence + row_number() OVER (ORDER BY sequence) AS expected,
                   coalesce(lag(hash) OVER (ORDER BY sequence), head.hash) AS before
            FROM added
        ) AS one
        WHERE sequence IS DISTINCT FROM expected OR hash IS DISTINCT FROM sha256(before || convert_to(entry, 'UTF8'))
    ) THEN
        RAISE EXCEPTION 'the audit log is append-only: a row must follow the last entry';
    END IF;
    EXECUTE format('UPDATE %I.audit_head h SET sequence = l.sequence, hash = l.hash
        FROM (SELECT sequence, hash FROM added ORDER BY sequence DESC LIMIT 1) AS l WHERE h.id = 1', TG_TABLE_SCHEMA);
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_follows_its_head AFTER INSERT ON audit REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION audit_follows_its_head();

-- Entries are deleted only up to the start, which moves over them first.
DROP TRIGGER audit_is_append_only ON audit;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
-- +goose StatementBegin
CREATE FUNCTION audit_keeps_its_entries() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head record;
BEGIN
    EXECUTE format('SELECT sequence, start_sequence FROM %I.audit_head WHERE id = 1', TG_TABLE_SCHEMA) INTO head;
    IF EXISTS (
        SELECT FROM removed
        WHERE NOT coalesce(sequence <= head.start_sequence OR sequence > head.sequence, false)
    ) THEN
        RAISE EXCEPTION 'the audit log is append-only';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_keeps_its_entries AFTER DELETE ON audit REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION audit_keeps_its_entries();

-- The head and the start are entries of the log, and move forwards.
-- +goose StatementBegin
CREATE FUNCTION audit_head_is_of_the_log() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    at_head bytea;
    at_start bytea;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        EXECUTE format('SELECT hash FROM %I.audit WHERE sequence = $1', TG_TABLE_SCHEMA) INTO at_head USING NEW.sequence;
        EXECUTE format('SELECT hash FROM %I.audit WHERE sequence = $1', TG_TABLE_SCHEMA) INTO at_start USING NEW.start_sequence;
        IF ((NEW.sequence, NEW.hash) = (OLD.sequence, OLD.hash) OR NEW.sequence > OLD.sequence AND NEW.hash = at_head)
            AND ((NEW.start_sequence, NEW.start_hash) = (OLD.start_sequence, OLD.start_hash)
                OR NEW.start_sequence > OLD.start_sequence AND NEW.start_sequence <= NEW.sequence AND NEW.start_hash = at_start)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only: its head cannot be changed or deleted';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_head_is_of_the_log BEFORE UPDATE OR DELETE ON audit_head
    FOR EACH ROW EXECUTE FUNCTION audit_head_is_of_the_log();

-- +goose Down
DROP TRIGGER audit_head_is_of_the_log ON audit_head;
DROP FUNCTION audit_head_is_of_the_log;
DROP TRIGGER audit_keeps_its_entries ON audit;
DROP FUNCTION audit_keeps_its_entries;
DROP TRIGGER audit_is_append_only ON audit;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
DROP TRIGGER audit_follows_its_head ON audit;
DROP FUNCTION audit_follows_its_head;
DROP TABLE audit_streams;
DROP TABLE audit_rejected;
ALTER TABLE audit_head DROP COLUMN start_hash;
ALTER TABLE audit_head DROP COLUMN start_sequence;
