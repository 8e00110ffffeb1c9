-- +goose Up
-- definition is the whole truth; is_enabled, rollout_percentage and target_users
-- repeat parts of it for readers of this table.
CREATE TABLE feature_flags (
    id                 integer PRIMARY KEY AUTOINCREMENT,
    name               varchar(255) NOT NULL,
    description        text,
    is_enabled         boolean NOT NULL DEFAULT false,
    rollout_percentage decimal(7, 4) NOT NULL DEFAULT 100,
    target_users       text NOT NULL DEFAULT '[]',
    environment        varchar(50) NOT NULL,
    created_at         text NOT NULL,
    updated_at         text NOT NULL,
    definition         text NOT NULL,
    version            bigint NOT NULL DEFAULT 1,
    updated_by         varchar(100) NOT NULL DEFAULT 'anonymous',
    updated_by_key     varchar(8) NOT NULL DEFAULT '',
    is_deleted         boolean NOT NULL DEFAULT false,
    UNIQUE (name, environment)
);

-- The order of lists.
CREATE INDEX feature_flags_in_order ON feature_flags (environment, name) WHERE NOT is_deleted;

-- How many versions an environment's flags have had, without reading the flags.
CREATE INDEX feature_flags_versions ON feature_flags (environment, version);

CREATE TABLE feature_flag_history (
    id              integer PRIMARY KEY AUTOINCREMENT,
    flag_id         bigint NOT NULL REFERENCES feature_flags (id) ON DELETE RESTRICT,
    version         bigint NOT NULL,
    action          varchar(10) NOT NULL,
    old_definition  text,
    old_description text,
    new_definition  text,
    new_description text,
    changed_by      varchar(100) NOT NULL DEFAULT 'anonymous',
    changed_by_key  varchar(8) NOT NULL DEFAULT '',
    changed_at      text NOT NULL,
    request_id      varchar(64) NOT NULL DEFAULT '',
    UNIQUE (flag_id, version)
);

-- +goose Down
DROP TABLE feature_flag_history;
DROP TABLE feature_flags;
