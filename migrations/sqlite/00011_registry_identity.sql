-- +goose Up
-- An instance is named by service, environment and id. last_epoch is the last
-- lease epoch that was drawn in a service, across its environments.
ALTER TABLE service_registry ADD COLUMN last_epoch bigint NOT NULL DEFAULT 0;
UPDATE service_registry SET last_epoch = COALESCE(
    (SELECT max(lease_epoch) FROM service_instances WHERE service_id = service_registry.id), 0);

ALTER TABLE service_health_history ADD COLUMN environment varchar(50) NOT NULL DEFAULT '';
UPDATE service_health_history SET environment = COALESCE(
    (SELECT i.environment FROM service_instances AS i
     WHERE i.service_id = service_health_history.service_id AND i.instance_id = service_health_history.instance_id), '');

-- SQLite changes a primary key with a new table alone.
CREATE TABLE service_instances_by_environment (
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
    PRIMARY KEY (service_id, instance_id, environment)
);
INSERT INTO service_instances_by_environment SELECT
    service_id, instance_id, environment, definition, desired, desired_reason, desired_by, desired_by_key, evidence,
    is_flapping, is_expired, is_held, since, reason, lease_epoch, registered_at, updated_at, is_removed, generation
FROM service_instances;
DROP TABLE service_instances;
ALTER TABLE service_instances_by_environment RENAME TO service_instances;
CREATE INDEX service_instances_since ON service_instances (service_id, generation);

-- +goose Down
CREATE TABLE service_instances_by_id (
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
    PRIMARY KEY (service_id, instance_id)
);
-- Of the instances of one id the one that was registered last stays.
INSERT INTO service_instances_by_id SELECT
    service_id, instance_id, environment, definition, desired, desired_reason, desired_by, desired_by_key, evidence,
    is_flapping, is_expired, is_held, since, reason, lease_epoch, registered_at, updated_at, is_removed, generation
FROM service_instances AS kept WHERE NOT EXISTS (
    SELECT 1 FROM service_instances AS other
    WHERE other.service_id = kept.service_id AND other.instance_id = kept.instance_id
      AND (other.lease_epoch, other.environment) > (kept.lease_epoch, kept.environment)
);
DROP TABLE service_instances;
ALTER TABLE service_instances_by_id RENAME TO service_instances;
CREATE INDEX service_instances_since ON service_instances (service_id, generation);

ALTER TABLE service_health_history DROP COLUMN environment;
ALTER TABLE service_registry DROP COLUMN last_epoch;
