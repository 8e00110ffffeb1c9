-- +goose Up
-- The event that made the present version, so that two versions of one number can be
-- told apart. In rows from before it is not known.
ALTER TABLE configurations ADD COLUMN last_event_id text;
ALTER TABLE feature_flags ADD COLUMN last_event_id text;
ALTER TABLE service_registry ADD COLUMN last_event_id text;

-- +goose Down
ALTER TABLE service_registry DROP COLUMN last_event_id;
ALTER TABLE feature_flags DROP COLUMN last_event_id;
ALTER TABLE configurations DROP COLUMN last_event_id;
