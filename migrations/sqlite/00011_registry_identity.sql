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

-- What was removed is purged after purge_at, in seconds since 1970. Instances up to
-- purged_generation may be missing then. service_purges is what is left of services
-- that were purged: the highest epoch, and their part of the sum of generations.
ALTER TABLE service_registry ADD COLUMN purged_generation bigint NOT NULL DEFAULT 0;
ALTER TABLE service_registry ADD COLUMN purge_at bigint;
UPDATE service_registry SET purge_at = 86400 + CAST(strftime('%s', updated_at) AS integer) WHERE is_deleted;
CREATE INDEX service_registry_purge ON service_registry (purge_at) WHERE purge_at IS NOT NULL;

ALTER TABLE service_instances ADD COLUMN kept_seconds bigint NOT NULL DEFAULT 86400;
ALTER TABLE service_instances ADD COLUMN purge_at bigint;
UPDATE service_instances SET kept_seconds = max(86400, CASE WHEN desired <> 'up' THEN 2592000 ELSE 0 END,
    COALESCE(json_extract(definition, '$.removal_ns') / 1000000000, 0));
UPDATE service_instances SET purge_at = kept_seconds + CAST(strftime('%s', updated_at) AS integer) WHERE is_removed;
CREATE INDEX service_instances_purge ON service_instances (purge_at) WHERE purge_at IS NOT NULL;

CREATE TABLE service_purges (
    id    integer PRIMARY KEY CHECK (id = 1),
    epoch bigint NOT NULL,
    pulse bigint NOT NULL
);
INSERT INTO service_purges (id, epoch, pulse) VALUES (1, 0, 0);

-- +goose Down
DROP TABLE service_purges;
DROP INDEX service_instances_purge;
ALTER TABLE service_instances DROP COLUMN purge_at;
ALTER TABLE service_instances DROP COLUMN kept_seconds;
DROP INDEX service_registry_purge;
ALTER TABLE service_registry DROP COLUMN purge_at;
ALTER TABLE service_registry DROP COLUMN purged_generation;

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
