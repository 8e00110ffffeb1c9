-- +goose Up
-- SQLite keeps times as text, of which one that cannot be read costs its row alone.
SELECT 1;

-- +goose Down
SELECT 1;
