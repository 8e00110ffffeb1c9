-- +goose Up
-- What a key allows, as a JSON array; NULL in rows of earlier versions, which have a role,
-- reveal and environment. The role of a key that these cannot describe is 'scoped', which
-- earlier versions reject.
ALTER TABLE api_keys ADD COLUMN grants text;
ALTER TABLE api_keys ADD COLUMN created_by varchar(100) NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN created_by_key varchar(8) NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN not_before timestamptz;
ALTER TABLE api_keys ADD COLUMN networks text NOT NULL DEFAULT '[]';
ALTER TABLE api_keys ADD COLUMN labels text NOT NULL DEFAULT '{}';
ALTER TABLE api_keys ADD COLUMN last_used_at timestamptz;
ALTER TABLE api_keys ADD COLUMN rotated_at timestamptz;
ALTER TABLE api_keys ADD COLUMN overlap_ends_at timestamptz;
ALTER TABLE api_keys ADD COLUMN previous_digest bytea;
ALTER TABLE api_keys DROP CONSTRAINT api_keys_finite_times;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_finite_times CHECK (
    created_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    expires_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    revoked_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    not_before BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    last_used_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    rotated_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    overlap_ends_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z');
CREATE INDEX api_keys_in_order ON api_keys (created_at, id);

-- +goose Down
DROP INDEX api_keys_in_order;
ALTER TABLE api_keys DROP CONSTRAINT api_keys_finite_times;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_finite_times CHECK (
    created_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    expires_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    revoked_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z');
DELETE FROM api_keys WHERE role = 'scoped';
ALTER TABLE api_keys DROP COLUMN grants;
ALTER TABLE api_keys DROP COLUMN created_by;
ALTER TABLE api_keys DROP COLUMN created_by_key;
ALTER TABLE api_keys DROP COLUMN not_before;
ALTER TABLE api_keys DROP COLUMN networks;
ALTER TABLE api_keys DROP COLUMN labels;
ALTER TABLE api_keys DROP COLUMN last_used_at;
ALTER TABLE api_keys DROP COLUMN rotated_at;
ALTER TABLE api_keys DROP COLUMN overlap_ends_at;
ALTER TABLE api_keys DROP COLUMN previous_digest;
