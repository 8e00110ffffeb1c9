-- +goose Up
-- The processes that serve from this database now. seen_at is in seconds since 1970,
-- by the database's clock.
CREATE TABLE replicas (
    id           varchar(36) PRIMARY KEY,
    version      varchar(100) NOT NULL,
    environments text NOT NULL,
    seen_at      bigint NOT NULL
);

-- +goose Down
DROP TABLE replicas;
