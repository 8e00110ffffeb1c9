-- +goose Up
-- The environment that a key with the role evaluator is bound to; empty for other roles.
ALTER TABLE api_keys ADD COLUMN environment varchar(50) NOT NULL DEFAULT '';

-- +goose Down
DELETE FROM api_keys WHERE role = 'evaluator';
ALTER TABLE api_keys DROP COLUMN environment;
