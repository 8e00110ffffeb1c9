-- +goose Up
CREATE TABLE experiment_ids (
    id             integer PRIMARY KEY AUTOINCREMENT,
    name           text NOT NULL,
    UNIQUE (name)
);

CREATE TABLE experiments (
    id             integer PRIMARY KEY,
    name           text NOT NULL UNIQUE,
    goal           text NOT NULL,
    created_at     text NOT NULL,
    version        bigint NOT NULL,
    updated_at     text NOT NULL,
    updated_by     varchar(100) NOT NULL,
    updated_by_key varchar(8) NOT NULL,
    is_deleted     boolean NOT NULL,
    last_event_id  text
);

-- The deleted ones, with the same columns.
CREATE TABLE deleted_experiments (
    id             integer PRIMARY KEY,
    name           text NOT NULL UNIQUE,
    goal           text NOT NULL,
    created_at     text NOT NULL,
    version        bigint NOT NULL,
    updated_at     text NOT NULL,
    updated_by     varchar(100) NOT NULL,
    updated_by_key varchar(8) NOT NULL,
    is_deleted     boolean NOT NULL,
    last_event_id  text
);

CREATE TABLE experiment_history (
    id             integer PRIMARY KEY AUTOINCREMENT,
    experiment_id  bigint NOT NULL REFERENCES experiment_ids (id) ON DELETE RESTRICT,
    goal           text NOT NULL,
    version        bigint NOT NULL,
    action         varchar(10) NOT NULL,
    changed_by     varchar(100) NOT NULL,
    changed_by_key varchar(8) NOT NULL,
    changed_at     text NOT NULL,
    request_id     varchar(64) NOT NULL,
    UNIQUE (experiment_id, version)
);

-- +goose Down
DROP TABLE experiment_history;
DROP TABLE deleted_experiments;
DROP TABLE experiments;
DROP TABLE experiment_ids;
