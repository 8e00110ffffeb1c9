-- +goose Up
-- The columns up to updated_at are those of the original. version counts what
-- others are told, generation every save.
CREATE TABLE service_registry (
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
    is_deleted            boolean NOT NULL DEFAULT false
);

-- The order of lists.
CREATE INDEX service_registry_in_order ON service_registry (service_name) WHERE NOT is_deleted;

-- definition is JSON that keeps its text. Rows of removed instances stay, because
-- their lease_epoch goes on.
CREATE TABLE service_instances (
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

-- What was saved since.
CREATE INDEX service_instances_since ON service_instances (service_id, generation);

CREATE TABLE service_health_history (
    id          integer PRIMARY KEY AUTOINCREMENT,
    service_id  bigint NOT NULL REFERENCES service_registry (id) ON DELETE RESTRICT,
    instance_id varchar(128) NOT NULL,
    changed_at  text NOT NULL,
    from_status varchar(20) NOT NULL,
    to_status   varchar(20) NOT NULL,
    reason      varchar(100) NOT NULL
);

-- The newest of a service, and of an instance; and the oldest of all.
CREATE INDEX service_health_history_newest ON service_health_history (service_id, id);
CREATE INDEX service_health_history_instance ON service_health_history (service_id, instance_id, id);
CREATE INDEX service_health_history_oldest ON service_health_history (changed_at);

-- +goose Down
DROP TABLE service_health_history;
DROP TABLE service_instances;
DROP TABLE service_registry;
