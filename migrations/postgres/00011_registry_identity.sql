-- +goose Up
-- An instance is named by service, environment and id. last_epoch is the last
-- lease epoch that was drawn in a service, across its environments.
ALTER TABLE service_registry ADD COLUMN last_epoch bigint NOT NULL DEFAULT 0;
UPDATE service_registry SET last_epoch = drawn.epoch
FROM (SELECT service_id, max(lease_epoch) AS epoch FROM service_instances GROUP BY service_id) AS drawn
WHERE drawn.service_id = service_registry.id;

ALTER TABLE service_instances DROP CONSTRAINT service_instances_pkey;
ALTER TABLE service_instances ADD PRIMARY KEY (service_id, instance_id, environment);

ALTER TABLE service_health_history ADD COLUMN environment varchar(50) COLLATE "C" NOT NULL DEFAULT '';
UPDATE service_health_history SET environment = i.environment
FROM service_instances AS i
WHERE i.service_id = service_health_history.service_id AND i.instance_id = service_health_history.instance_id;
ALTER TABLE service_health_history ALTER COLUMN environment DROP DEFAULT;

-- What was removed is purged after purge_at, in seconds since 1970. Instances up to
-- purged_generation may be missing then. service_purges is what is left of services
-- that were purged: the highest epoch, and their part of the sum of generations.
ALTER TABLE service_registry ADD COLUMN purged_generation bigint NOT NULL DEFAULT 0;
ALTER TABLE service_registry ADD COLUMN purge_at bigint;
UPDATE service_registry SET purge_at = 86400 + CAST(extract(epoch FROM updated_at) AS bigint) WHERE is_deleted;
CREATE INDEX service_registry_purge ON service_registry (purge_at) WHERE purge_at IS NOT NULL;

ALTER TABLE service_instances ADD COLUMN kept_seconds bigint NOT NULL DEFAULT 86400;
ALTER TABLE service_instances ADD COLUMN purge_at bigint;
UPDATE service_instances SET kept_seconds = GREATEST(86400, CASE WHEN desired <> 'up' THEN 2592000 ELSE 0 END,
    COALESCE(CAST(CAST(definition AS jsonb) ->> 'removal_ns' AS bigint) / 1000000000, 0));
UPDATE service_instances SET purge_at = kept_seconds + CAST(extract(epoch FROM updated_at) AS bigint) WHERE is_removed;
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

ALTER TABLE service_health_history DROP COLUMN environment;

-- Of the instances of one id the one that was registered last stays.
DELETE FROM service_instances WHERE EXISTS (
    SELECT 1 FROM service_instances AS other
    WHERE other.service_id = service_instances.service_id AND other.instance_id = service_instances.instance_id
      AND (other.lease_epoch, other.environment) > (service_instances.lease_epoch, service_instances.environment)
);
ALTER TABLE service_instances DROP CONSTRAINT service_instances_pkey;
ALTER TABLE service_instances ADD PRIMARY KEY (service_id, instance_id);

ALTER TABLE service_registry DROP COLUMN last_epoch;
