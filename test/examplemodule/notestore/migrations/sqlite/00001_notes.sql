-- +goose Up
CREATE TABLE note_ids (
    id             integer PRIMARY KEY AUTOINCREMENT,
    environment    varchar(50) NOT NULL,
    name           varchar(255) NOT NULL,
    UNIQUE (environment, name)
);

CREATE TABLE notes (
    id             integer PRIMARY KEY,
    environment    varchar(50) NOT NULL,
    name           varchar(255) NOT NULL,
    text           text NOT NULL,
    created_at     text NOT NULL,
    version        bigint NOT NULL,
    updated_at     text NOT NULL,
    updated_by     varchar(100) NOT NULL,
    updated_by_key varchar(8) NOT NULL,
    is_deleted     boolean NOT NULL,
    last_event_id  text,
    UNIQUE (environment, name)
);

-- The deleted ones, with the same columns.
CREATE TABLE deleted_notes (
    id             integer PRIMARY KEY,
    environment    varchar(50) NOT NULL,
    name           varchar(255) NOT NULL,
    text           text NOT NULL,
    created_at     text NOT NULL,
    version        bigint NOT NULL,
    updated_at     text NOT NULL,
    updated_by     varchar(100) NOT NULL,
    updated_by_key varchar(8) NOT NULL,
    is_deleted     boolean NOT NULL,
    last_event_id  text,
    UNIQUE (environment, name)
);

CREATE TABLE note_history (
    id             integer PRIMARY KEY AUTOINCREMENT,
    note_id        bigint NOT NULL REFERENCES note_ids (id),
    version        bigint NOT NULL,
    action         varchar(10) NOT NULL,
    text           text NOT NULL,
    changed_by     varchar(100) NOT NULL,
    changed_by_key varchar(8) NOT NULL,
    changed_at     text NOT NULL,
    request_id     varchar(64) NOT NULL,
    UNIQUE (note_id, version)
);

-- +goose Down
DROP TABLE note_history;
DROP TABLE deleted_notes;
DROP TABLE notes;
DROP TABLE note_ids;
