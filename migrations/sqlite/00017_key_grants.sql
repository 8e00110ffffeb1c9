-- +goose Up
-- What a key allows, as a JSON array; NULL in rows of earlier versions, which have a role,
-- reveal and environment. The role of a key that these cannot describe is 'scoped', which
-- earlier versions reject.
ALTER TABLE api_keys ADD COLUMN grants text;
ALTER TABLE api_keys ADD COLUMN created_by varchar(100) NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN created_by_key varchar(8) NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN not_before text;
ALTER TABLE api_keys ADD COLUMN networks text NOT NULL DEFAULT '[]';
ALTER TABLE api_keys ADD COLUMN labels text NOT NULL DEFAULT '{}';
ALTER TABLE api_keys ADD COLUMN last_used_at text;
ALTER TABLE api_keys ADD COLUMN rotated_at text;
ALTER TABLE api_keys ADD COLUMN overlap_ends_at text;
ALTER TABLE api_keys ADD COLUMN previous_digest blob;
CREATE INDEX api_keys_in_order ON api_keys (created_at, id);

-- +goose Down
DROP INDEX api_keys_in_order;
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
