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

-- +goose Down
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
