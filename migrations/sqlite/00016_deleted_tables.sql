-- +goose Up
-- Deleted rows move to tables of their own, so that the tables of states hold what exists.
-- The ids of all rows, with the identity that each belongs to, are in a third table: a row
-- that is created again keeps its id and its history.

CREATE TABLE configuration_ids (
    id           integer PRIMARY KEY AUTOINCREMENT,
    environment  varchar(50) NOT NULL,
    service_name varchar(100) NOT NULL,
    key          varchar(255) NOT NULL,
    UNIQUE (environment, service_name, key)
);
INSERT INTO configuration_ids (id, environment, service_name, key) SELECT id, environment, service_name, key FROM configurations;
DELETE FROM sqlite_sequence WHERE name = 'configuration_ids';
INSERT INTO sqlite_sequence (name, seq) SELECT 'configuration_ids', seq FROM sqlite_sequence WHERE name = 'configurations';
CREATE TABLE deleted_configurations (
    id             integer PRIMARY KEY,
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
    last_event_id  text,
    UNIQUE (environment, service_name, key)
);
INSERT INTO deleted_configurations (
    id, key, value, environment, service_name, description, is_encrypted, version, created_at, updated_at,
    updated_by, updated_by_key, is_deleted, last_event_id
) SELECT
    id, key, value, environment, service_name, description, is_encrypted, version, created_at, updated_at,
    updated_by, updated_by_key, is_deleted, last_event_id
FROM configurations WHERE is_deleted;
CREATE TABLE configuration_history_new (
    id               integer PRIMARY KEY AUTOINCREMENT,
    configuration_id bigint NOT NULL REFERENCES configuration_ids (id) ON DELETE RESTRICT,
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
INSERT INTO configuration_history_new (
    id, configuration_id, version, action, old_value, old_encrypted, new_value, new_encrypted, description,
    is_encrypted, changed_by, changed_by_key, changed_at, request_id
) SELECT
    id, configuration_id, version, action, old_value, old_encrypted, new_value, new_encrypted, description,
    is_encrypted, changed_by, changed_by_key, changed_at, request_id
FROM configuration_history;
DELETE FROM sqlite_sequence WHERE name = 'configuration_history_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'configuration_history_new', seq FROM sqlite_sequence WHERE name = 'configuration_history';
DROP TABLE configuration_history;
ALTER TABLE configuration_history_new RENAME TO configuration_history;
CREATE TABLE configurations_new (
    id             integer PRIMARY KEY,
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
    last_event_id  text,
    UNIQUE (environment, service_name, key)
);
INSERT INTO configurations_new (
    id, key, value, environment, service_name, description, is_encrypted, version, created_at, updated_at,
    updated_by, updated_by_key, is_deleted, last_event_id
) SELECT
    id, key, value, environment, service_name, description, is_encrypted, version, created_at, updated_at,
    updated_by, updated_by_key, is_deleted, last_event_id
FROM configurations WHERE NOT is_deleted;
DROP TABLE configurations;
ALTER TABLE configurations_new RENAME TO configurations;

CREATE TABLE feature_flag_ids (
    id          integer PRIMARY KEY AUTOINCREMENT,
    environment varchar(50) NOT NULL,
    name        varchar(255) NOT NULL,
    UNIQUE (environment, name)
);
INSERT INTO feature_flag_ids (id, environment, name) SELECT id, environment, name FROM feature_flags;
DELETE FROM sqlite_sequence WHERE name = 'feature_flag_ids';
INSERT INTO sqlite_sequence (name, seq) SELECT 'feature_flag_ids', seq FROM sqlite_sequence WHERE name = 'feature_flags';
CREATE TABLE deleted_feature_flags (
    id                 integer PRIMARY KEY,
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
    last_event_id      text,
    UNIQUE (environment, name)
);
INSERT INTO deleted_feature_flags (
    id, name, description, is_enabled, rollout_percentage, target_users, environment, created_at, updated_at,
    definition, version, updated_by, updated_by_key, is_deleted, last_event_id
) SELECT
    id, name, description, is_enabled, rollout_percentage, target_users, environment, created_at, updated_at,
    definition, version, updated_by, updated_by_key, is_deleted, last_event_id
FROM feature_flags WHERE is_deleted;
CREATE INDEX deleted_feature_flags_versions ON deleted_feature_flags (environment, version);
CREATE TABLE feature_flag_history_new (
    id              integer PRIMARY KEY AUTOINCREMENT,
    flag_id         bigint NOT NULL REFERENCES feature_flag_ids (id) ON DELETE RESTRICT,
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
INSERT INTO feature_flag_history_new (
    id, flag_id, version, action, old_definition, old_description, new_definition, new_description,
    changed_by, changed_by_key, changed_at, request_id
) SELECT
    id, flag_id, version, action, old_definition, old_description, new_definition, new_description,
    changed_by, changed_by_key, changed_at, request_id
FROM feature_flag_history;
DELETE FROM sqlite_sequence WHERE name = 'feature_flag_history_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'feature_flag_history_new', seq FROM sqlite_sequence WHERE name = 'feature_flag_history';
DROP TABLE feature_flag_history;
ALTER TABLE feature_flag_history_new RENAME TO feature_flag_history;
CREATE TABLE feature_flags_new (
    id                 integer PRIMARY KEY,
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
    last_event_id      text,
    UNIQUE (environment, name)
);
INSERT INTO feature_flags_new (
    id, name, description, is_enabled, rollout_percentage, target_users, environment, created_at, updated_at,
    definition, version, updated_by, updated_by_key, is_deleted, last_event_id
) SELECT
    id, name, description, is_enabled, rollout_percentage, target_users, environment, created_at, updated_at,
    definition, version, updated_by, updated_by_key, is_deleted, last_event_id
FROM feature_flags WHERE NOT is_deleted;
DROP TABLE feature_flags;
ALTER TABLE feature_flags_new RENAME TO feature_flags;
CREATE INDEX feature_flags_versions ON feature_flags (environment, version);

CREATE TABLE service_ids (
    id           integer PRIMARY KEY AUTOINCREMENT,
    service_name varchar(100) NOT NULL,
    UNIQUE (service_name)
);
INSERT INTO service_ids (id, service_name) SELECT id, service_name FROM service_registry;
DELETE FROM sqlite_sequence WHERE name = 'service_ids';
INSERT INTO sqlite_sequence (name, seq) SELECT 'service_ids', seq FROM sqlite_sequence WHERE name = 'service_registry';
CREATE TABLE deleted_service_registry (
    id                    integer PRIMARY KEY,
    service_name          varchar(100) NOT NULL,
    service_url           varchar(255) NOT NULL,
    health_check_url      varchar(255),
    status                varchar(20) NOT NULL DEFAULT 'unknown',
    last_health_check     text,
    metadata              text NOT NULL DEFAULT '{}',
    registered_at         text NOT NULL,
    updated_at            text NOT NULL,
    response_time         double precision,
    response_time_average double precision,
    instances_total       integer NOT NULL DEFAULT 0,
    instances_offered     integer NOT NULL DEFAULT 0,
    instances_known       integer NOT NULL DEFAULT 0,
    protections           text NOT NULL DEFAULT '[]',
    version               bigint NOT NULL,
    generation            bigint NOT NULL,
    updated_by            varchar(100) NOT NULL DEFAULT 'anonymous',
    updated_by_key        varchar(8) NOT NULL DEFAULT '',
    is_deleted            boolean NOT NULL DEFAULT false,
    last_event_id         text,
    last_epoch            bigint NOT NULL DEFAULT 0,
    purged_generation     bigint NOT NULL DEFAULT 0,
    purge_at              bigint,
    UNIQUE (service_name)
);
INSERT INTO deleted_service_registry (
    id, service_name, service_url, health_check_url, status, last_health_check, metadata, registered_at,
    updated_at, response_time, response_time_average, instances_total, instances_offered, instances_known,
    protections, version, generation, updated_by, updated_by_key, is_deleted, last_event_id, last_epoch,
    purged_generation, purge_at
) SELECT
    id, service_name, service_url, health_check_url, status, last_health_check, metadata, registered_at,
    updated_at, response_time, response_time_average, instances_total, instances_offered, instances_known,
    protections, version, generation, updated_by, updated_by_key, is_deleted, last_event_id, last_epoch,
    purged_generation, purge_at
FROM service_registry WHERE is_deleted;
CREATE INDEX deleted_service_registry_purge ON deleted_service_registry (purge_at);
CREATE TABLE service_health_history_new (
    id          integer PRIMARY KEY AUTOINCREMENT,
    service_id  bigint NOT NULL REFERENCES service_ids (id) ON DELETE RESTRICT,
    instance_id varchar(128) NOT NULL,
    changed_at  text NOT NULL,
    from_status varchar(20) NOT NULL,
    to_status   varchar(20) NOT NULL,
    reason      varchar(100) NOT NULL,
    environment varchar(50) NOT NULL DEFAULT ''
);
INSERT INTO service_health_history_new (
    id, service_id, instance_id, changed_at, from_status, to_status, reason, environment
) SELECT
    id, service_id, instance_id, changed_at, from_status, to_status, reason, environment
FROM service_health_history;
DELETE FROM sqlite_sequence WHERE name = 'service_health_history_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'service_health_history_new', seq FROM sqlite_sequence WHERE name = 'service_health_history';
DROP TABLE service_health_history;
ALTER TABLE service_health_history_new RENAME TO service_health_history;
CREATE INDEX service_health_history_newest ON service_health_history (service_id, id);
CREATE INDEX service_health_history_instance ON service_health_history (service_id, instance_id, id);
CREATE INDEX service_health_history_oldest ON service_health_history (changed_at);
CREATE TABLE service_instances_new (
    service_id     bigint NOT NULL REFERENCES service_ids (id) ON DELETE RESTRICT,
    instance_id    varchar(128) NOT NULL,
    environment    varchar(50) NOT NULL,
    definition     text NOT NULL,
    desired        varchar(20) NOT NULL DEFAULT 'up',
    desired_reason text NOT NULL DEFAULT '',
    desired_by     varchar(100) NOT NULL DEFAULT '',
    desired_by_key varchar(8) NOT NULL DEFAULT '',
    evidence       varchar(20) NOT NULL DEFAULT 'unknown',
    is_flapping    boolean NOT NULL DEFAULT false,
    is_expired     boolean NOT NULL DEFAULT false,
    is_held        boolean NOT NULL DEFAULT false,
    since          text NOT NULL,
    reason         varchar(100) NOT NULL DEFAULT '',
    lease_epoch    bigint NOT NULL DEFAULT 0,
    registered_at  text NOT NULL,
    updated_at     text NOT NULL,
    is_removed     boolean NOT NULL DEFAULT false,
    generation     bigint NOT NULL,
    kept_seconds   bigint NOT NULL DEFAULT 86400,
    purge_at       bigint,
    PRIMARY KEY (service_id, instance_id, environment)
);
INSERT INTO service_instances_new (
    service_id, instance_id, environment, definition, desired, desired_reason, desired_by, desired_by_key,
    evidence, is_flapping, is_expired, is_held, since, reason, lease_epoch, registered_at, updated_at,
    is_removed, generation, kept_seconds, purge_at
) SELECT
    service_id, instance_id, environment, definition, desired, desired_reason, desired_by, desired_by_key,
    evidence, is_flapping, is_expired, is_held, since, reason, lease_epoch, registered_at, updated_at,
    is_removed, generation, kept_seconds, purge_at
FROM service_instances;
DROP TABLE service_instances;
ALTER TABLE service_instances_new RENAME TO service_instances;
CREATE INDEX service_instances_since ON service_instances (service_id, generation);
CREATE TABLE service_registry_new (
    id                    integer PRIMARY KEY,
    service_name          varchar(100) NOT NULL,
    service_url           varchar(255) NOT NULL,
    health_check_url      varchar(255),
    status                varchar(20) NOT NULL DEFAULT 'unknown',
    last_health_check     text,
    metadata              text NOT NULL DEFAULT '{}',
    registered_at         text NOT NULL,
    updated_at            text NOT NULL,
    response_time         double precision,
    response_time_average double precision,
    instances_total       integer NOT NULL DEFAULT 0,
    instances_offered     integer NOT NULL DEFAULT 0,
    instances_known       integer NOT NULL DEFAULT 0,
    protections           text NOT NULL DEFAULT '[]',
    version               bigint NOT NULL,
    generation            bigint NOT NULL,
    updated_by            varchar(100) NOT NULL DEFAULT 'anonymous',
    updated_by_key        varchar(8) NOT NULL DEFAULT '',
    is_deleted            boolean NOT NULL DEFAULT false,
    last_event_id         text,
    last_epoch            bigint NOT NULL DEFAULT 0,
    purged_generation     bigint NOT NULL DEFAULT 0,
    purge_at              bigint,
    UNIQUE (service_name)
);
INSERT INTO service_registry_new (
    id, service_name, service_url, health_check_url, status, last_health_check, metadata, registered_at,
    updated_at, response_time, response_time_average, instances_total, instances_offered, instances_known,
    protections, version, generation, updated_by, updated_by_key, is_deleted, last_event_id, last_epoch,
    purged_generation, purge_at
) SELECT
    id, service_name, service_url, health_check_url, status, last_health_check, metadata, registered_at,
    updated_at, response_time, response_time_average, instances_total, instances_offered, instances_known,
    protections, version, generation, updated_by, updated_by_key, is_deleted, last_event_id, last_epoch,
    purged_generation, purge_at
FROM service_registry WHERE NOT is_deleted;
DROP TABLE service_registry;
ALTER TABLE service_registry_new RENAME TO service_registry;
CREATE TABLE deleted_service_instances (
    service_id     bigint NOT NULL REFERENCES service_ids (id) ON DELETE RESTRICT,
    instance_id    varchar(128) NOT NULL,
    environment    varchar(50) NOT NULL,
    definition     text NOT NULL,
    desired        varchar(20) NOT NULL DEFAULT 'up',
    desired_reason text NOT NULL DEFAULT '',
    desired_by     varchar(100) NOT NULL DEFAULT '',
    desired_by_key varchar(8) NOT NULL DEFAULT '',
    evidence       varchar(20) NOT NULL DEFAULT 'unknown',
    is_flapping    boolean NOT NULL DEFAULT false,
    is_expired     boolean NOT NULL DEFAULT false,
    is_held        boolean NOT NULL DEFAULT false,
    since          text NOT NULL,
    reason         varchar(100) NOT NULL DEFAULT '',
    lease_epoch    bigint NOT NULL DEFAULT 0,
    registered_at  text NOT NULL,
    updated_at     text NOT NULL,
    is_removed     boolean NOT NULL DEFAULT false,
    generation     bigint NOT NULL,
    kept_seconds   bigint NOT NULL DEFAULT 86400,
    purge_at       bigint,
    PRIMARY KEY (service_id, instance_id, environment)
);
INSERT INTO deleted_service_instances (
    service_id, instance_id, environment, definition, desired, desired_reason, desired_by, desired_by_key,
    evidence, is_flapping, is_expired, is_held, since, reason, lease_epoch, registered_at, updated_at,
    is_removed, generation, kept_seconds, purge_at
) SELECT
    service_id, instance_id, environment, definition, desired, desired_reason, desired_by, desired_by_key,
    evidence, is_flapping, is_expired, is_held, since, reason, lease_epoch, registered_at, updated_at,
    is_removed, generation, kept_seconds, purge_at
FROM service_instances WHERE is_removed;
DELETE FROM service_instances WHERE is_removed;
CREATE INDEX deleted_service_instances_since ON deleted_service_instances (service_id, generation);
CREATE INDEX deleted_service_instances_purge ON deleted_service_instances (purge_at);

-- +goose Down
INSERT INTO service_instances (
    service_id, instance_id, environment, definition, desired, desired_reason, desired_by, desired_by_key,
    evidence, is_flapping, is_expired, is_held, since, reason, lease_epoch, registered_at, updated_at,
    is_removed, generation, kept_seconds, purge_at
) SELECT
    service_id, instance_id, environment, definition, desired, desired_reason, desired_by, desired_by_key,
    evidence, is_flapping, is_expired, is_held, since, reason, lease_epoch, registered_at, updated_at,
    is_removed, generation, kept_seconds, purge_at
FROM deleted_service_instances;
DROP TABLE deleted_service_instances;
CREATE TABLE service_registry_new (
    id                    integer PRIMARY KEY AUTOINCREMENT,
    service_name          varchar(100) NOT NULL UNIQUE,
    service_url           varchar(255) NOT NULL,
    health_check_url      varchar(255),
    status                varchar(20) NOT NULL DEFAULT 'unknown',
    last_health_check     text,
    metadata              text NOT NULL DEFAULT '{}',
    registered_at         text NOT NULL,
    updated_at            text NOT NULL,
    response_time         double precision,
    response_time_average double precision,
    instances_total       integer NOT NULL DEFAULT 0,
    instances_offered     integer NOT NULL DEFAULT 0,
    instances_known       integer NOT NULL DEFAULT 0,
    protections           text NOT NULL DEFAULT '[]',
    version               bigint NOT NULL,
    generation            bigint NOT NULL,
    updated_by            varchar(100) NOT NULL DEFAULT 'anonymous',
    updated_by_key        varchar(8) NOT NULL DEFAULT '',
    is_deleted            boolean NOT NULL DEFAULT false,
    last_event_id         text,
    last_epoch            bigint NOT NULL DEFAULT 0,
    purged_generation     bigint NOT NULL DEFAULT 0,
    purge_at              bigint
);
INSERT INTO service_registry_new (
    id, service_name, service_url, health_check_url, status, last_health_check, metadata, registered_at,
    updated_at, response_time, response_time_average, instances_total, instances_offered, instances_known,
    protections, version, generation, updated_by, updated_by_key, is_deleted, last_event_id, last_epoch,
    purged_generation, purge_at
) SELECT
    id, service_name, service_url, health_check_url, status, last_health_check, metadata, registered_at,
    updated_at, response_time, response_time_average, instances_total, instances_offered, instances_known,
    protections, version, generation, updated_by, updated_by_key, is_deleted, last_event_id, last_epoch,
    purged_generation, purge_at
FROM service_registry;
INSERT INTO service_registry_new (
    id, service_name, service_url, health_check_url, status, last_health_check, metadata, registered_at,
    updated_at, response_time, response_time_average, instances_total, instances_offered, instances_known,
    protections, version, generation, updated_by, updated_by_key, is_deleted, last_event_id, last_epoch,
    purged_generation, purge_at
) SELECT
    id, service_name, service_url, health_check_url, status, last_health_check, metadata, registered_at,
    updated_at, response_time, response_time_average, instances_total, instances_offered, instances_known,
    protections, version, generation, updated_by, updated_by_key, is_deleted, last_event_id, last_epoch,
    purged_generation, purge_at
FROM deleted_service_registry;
DROP TABLE deleted_service_registry;
DROP TABLE service_registry;
ALTER TABLE service_registry_new RENAME TO service_registry;
CREATE TABLE service_health_history_new (
    id          integer PRIMARY KEY AUTOINCREMENT,
    service_id  bigint NOT NULL REFERENCES service_registry (id) ON DELETE RESTRICT,
    instance_id varchar(128) NOT NULL,
    changed_at  text NOT NULL,
    from_status varchar(20) NOT NULL,
    to_status   varchar(20) NOT NULL,
    reason      varchar(100) NOT NULL,
    environment varchar(50) NOT NULL DEFAULT ''
);
INSERT INTO service_health_history_new (
    id, service_id, instance_id, changed_at, from_status, to_status, reason, environment
) SELECT
    id, service_id, instance_id, changed_at, from_status, to_status, reason, environment
FROM service_health_history;
DELETE FROM sqlite_sequence WHERE name = 'service_health_history_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'service_health_history_new', seq FROM sqlite_sequence WHERE name = 'service_health_history';
DROP TABLE service_health_history;
ALTER TABLE service_health_history_new RENAME TO service_health_history;
CREATE INDEX service_health_history_newest ON service_health_history (service_id, id);
CREATE INDEX service_health_history_instance ON service_health_history (service_id, instance_id, id);
CREATE INDEX service_health_history_oldest ON service_health_history (changed_at);
CREATE TABLE service_instances_new (
    service_id     bigint NOT NULL REFERENCES service_registry (id) ON DELETE RESTRICT,
    instance_id    varchar(128) NOT NULL,
    environment    varchar(50) NOT NULL,
    definition     text NOT NULL,
    desired        varchar(20) NOT NULL DEFAULT 'up',
    desired_reason text NOT NULL DEFAULT '',
    desired_by     varchar(100) NOT NULL DEFAULT '',
    desired_by_key varchar(8) NOT NULL DEFAULT '',
    evidence       varchar(20) NOT NULL DEFAULT 'unknown',
    is_flapping    boolean NOT NULL DEFAULT false,
    is_expired     boolean NOT NULL DEFAULT false,
    is_held        boolean NOT NULL DEFAULT false,
    since          text NOT NULL,
    reason         varchar(100) NOT NULL DEFAULT '',
    lease_epoch    bigint NOT NULL DEFAULT 0,
    registered_at  text NOT NULL,
    updated_at     text NOT NULL,
    is_removed     boolean NOT NULL DEFAULT false,
    generation     bigint NOT NULL,
    kept_seconds   bigint NOT NULL DEFAULT 86400,
    purge_at       bigint,
    PRIMARY KEY (service_id, instance_id, environment)
);
INSERT INTO service_instances_new (
    service_id, instance_id, environment, definition, desired, desired_reason, desired_by, desired_by_key,
    evidence, is_flapping, is_expired, is_held, since, reason, lease_epoch, registered_at, updated_at,
    is_removed, generation, kept_seconds, purge_at
) SELECT
    service_id, instance_id, environment, definition, desired, desired_reason, desired_by, desired_by_key,
    evidence, is_flapping, is_expired, is_held, since, reason, lease_epoch, registered_at, updated_at,
    is_removed, generation, kept_seconds, purge_at
FROM service_instances;
DROP TABLE service_instances;
ALTER TABLE service_instances_new RENAME TO service_instances;
CREATE INDEX service_instances_since ON service_instances (service_id, generation);
CREATE INDEX service_instances_purge ON service_instances (purge_at) WHERE purge_at IS NOT NULL;
DELETE FROM sqlite_sequence WHERE name = 'service_registry';
INSERT INTO sqlite_sequence (name, seq) SELECT 'service_registry', seq FROM sqlite_sequence WHERE name = 'service_ids';
DROP TABLE service_ids;
CREATE INDEX service_registry_in_order ON service_registry (service_name) WHERE NOT is_deleted;
CREATE INDEX service_registry_purge ON service_registry (purge_at) WHERE purge_at IS NOT NULL;

CREATE TABLE feature_flags_new (
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
    last_event_id      text,
    UNIQUE (name, environment)
);
INSERT INTO feature_flags_new (
    id, name, description, is_enabled, rollout_percentage, target_users, environment, created_at, updated_at,
    definition, version, updated_by, updated_by_key, is_deleted, last_event_id
) SELECT
    id, name, description, is_enabled, rollout_percentage, target_users, environment, created_at, updated_at,
    definition, version, updated_by, updated_by_key, is_deleted, last_event_id
FROM feature_flags;
INSERT INTO feature_flags_new (
    id, name, description, is_enabled, rollout_percentage, target_users, environment, created_at, updated_at,
    definition, version, updated_by, updated_by_key, is_deleted, last_event_id
) SELECT
    id, name, description, is_enabled, rollout_percentage, target_users, environment, created_at, updated_at,
    definition, version, updated_by, updated_by_key, is_deleted, last_event_id
FROM deleted_feature_flags;
DROP TABLE deleted_feature_flags;
DROP TABLE feature_flags;
ALTER TABLE feature_flags_new RENAME TO feature_flags;
CREATE TABLE feature_flag_history_new (
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
INSERT INTO feature_flag_history_new (
    id, flag_id, version, action, old_definition, old_description, new_definition, new_description,
    changed_by, changed_by_key, changed_at, request_id
) SELECT
    id, flag_id, version, action, old_definition, old_description, new_definition, new_description,
    changed_by, changed_by_key, changed_at, request_id
FROM feature_flag_history;
DELETE FROM sqlite_sequence WHERE name = 'feature_flag_history_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'feature_flag_history_new', seq FROM sqlite_sequence WHERE name = 'feature_flag_history';
DROP TABLE feature_flag_history;
ALTER TABLE feature_flag_history_new RENAME TO feature_flag_history;
DELETE FROM sqlite_sequence WHERE name = 'feature_flags';
INSERT INTO sqlite_sequence (name, seq) SELECT 'feature_flags', seq FROM sqlite_sequence WHERE name = 'feature_flag_ids';
DROP TABLE feature_flag_ids;
CREATE INDEX feature_flags_in_order ON feature_flags (environment, name) WHERE NOT is_deleted;
CREATE INDEX feature_flags_versions ON feature_flags (environment, version);

CREATE TABLE configurations_new (
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
    last_event_id  text,
    UNIQUE (key, environment, service_name)
);
INSERT INTO configurations_new (
    id, key, value, environment, service_name, description, is_encrypted, version, created_at, updated_at,
    updated_by, updated_by_key, is_deleted, last_event_id
) SELECT
    id, key, value, environment, service_name, description, is_encrypted, version, created_at, updated_at,
    updated_by, updated_by_key, is_deleted, last_event_id
FROM configurations;
INSERT INTO configurations_new (
    id, key, value, environment, service_name, description, is_encrypted, version, created_at, updated_at,
    updated_by, updated_by_key, is_deleted, last_event_id
) SELECT
    id, key, value, environment, service_name, description, is_encrypted, version, created_at, updated_at,
    updated_by, updated_by_key, is_deleted, last_event_id
FROM deleted_configurations;
DROP TABLE deleted_configurations;
DROP TABLE configurations;
ALTER TABLE configurations_new RENAME TO configurations;
CREATE TABLE configuration_history_new (
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
INSERT INTO configuration_history_new (
    id, configuration_id, version, action, old_value, old_encrypted, new_value, new_encrypted, description,
    is_encrypted, changed_by, changed_by_key, changed_at, request_id
) SELECT
    id, configuration_id, version, action, old_value, old_encrypted, new_value, new_encrypted, description,
    is_encrypted, changed_by, changed_by_key, changed_at, request_id
FROM configuration_history;
DELETE FROM sqlite_sequence WHERE name = 'configuration_history_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'configuration_history_new', seq FROM sqlite_sequence WHERE name = 'configuration_history';
DROP TABLE configuration_history;
ALTER TABLE configuration_history_new RENAME TO configuration_history;
DELETE FROM sqlite_sequence WHERE name = 'configurations';
INSERT INTO sqlite_sequence (name, seq) SELECT 'configurations', seq FROM sqlite_sequence WHERE name = 'configuration_ids';
DROP TABLE configuration_ids;
CREATE INDEX configurations_in_order ON configurations (environment, service_name, key) WHERE NOT is_deleted;
