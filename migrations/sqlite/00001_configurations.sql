-- Times are text of one width in UTC (2006-01-02T15:04:05.000000Z), so that their
-- order is the order of time.
-- +goose Up
CREATE TABLE configurations (
    id             integer PRIMARY KEY AUTOINCREMENT,
    key            varchar(255) NOT NULL,
    value          text NOT NULL,
    environment    varchar(50) NOT NULL,
    service_name   varchar(100) NOT NULL,
    description    text,
    is_encrypted   boolean NOT NULL DEFAULT false,
    version        bigint NOT NULL DEFAULT 1,
    created_at     text NOT NULL,
    updated_at     text NOT NULL,
    updated_by     varchar(100) NOT NULL DEFAULT 'anonymous',
    updated_by_key varchar(8) NOT NULL DEFAULT '',
    is_deleted     boolean NOT NULL DEFAULT false,
    UNIQUE (key, environment, service_name)
);

-- The order of lists, and the range of a key prefix within a service.
CREATE INDEX configurations_in_order ON configurations (environment, service_name, key) WHERE NOT is_deleted;

CREATE TABLE configuration_history (
    id               integer PRIMARY KEY AUTOINCREMENT,
    configuration_id bigint NOT NULL REFERENCES configurations (id) ON DELETE RESTRICT,
    version          bigint NOT NULL,
    action           varchar(10) NOT NULL,
    old_value        text,
    old_encrypted    boolean NOT NULL DEFAULT false,
    new_value        text,
    new_encrypted    boolean NOT NULL DEFAULT false,
    description      text,
    is_encrypted     boolean NOT NULL DEFAULT false,
    changed_by       varchar(100) NOT NULL DEFAULT 'anonymous',
    changed_by_key   varchar(8) NOT NULL DEFAULT '',
    changed_at       text NOT NULL,
    request_id       varchar(64) NOT NULL DEFAULT '',
    UNIQUE (configuration_id, version)
);

CREATE TABLE outbox (
    id                integer PRIMARY KEY AUTOINCREMENT,
    event_id          text NOT NULL UNIQUE,
    event_type        varchar(64) NOT NULL,
    aggregate_type    varchar(32) NOT NULL,
    aggregate_id      bigint NOT NULL,
    aggregate_version bigint NOT NULL,
    environment       varchar(50) NOT NULL DEFAULT '',
    service_name      varchar(100) NOT NULL DEFAULT '',
    data              text NOT NULL,
    actor_key         varchar(8) NOT NULL DEFAULT '',
    actor_name        varchar(100) NOT NULL DEFAULT '',
    request_id        varchar(64) NOT NULL DEFAULT '',
    occurred_at       text NOT NULL,
    revision          bigint
);

CREATE INDEX outbox_without_revision ON outbox (id) WHERE revision IS NULL;

CREATE TABLE api_keys (
    id         varchar(8) PRIMARY KEY,
    name       varchar(100) NOT NULL,
    role       varchar(20) NOT NULL,
    reveal     boolean NOT NULL DEFAULT false,
    digest     blob NOT NULL,
    created_at text NOT NULL,
    expires_at text,
    revoked_at text
);

CREATE TABLE server_secrets (
    name  varchar(50) PRIMARY KEY,
    value text NOT NULL
);

-- +goose Down
DROP TABLE server_secrets;
DROP TABLE api_keys;
DROP TABLE outbox;
DROP TABLE configuration_history;
DROP TABLE configurations;
