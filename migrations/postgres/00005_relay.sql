-- +goose Up
ALTER TABLE outbox ADD COLUMN traceparent varchar(55) NOT NULL DEFAULT '';
ALTER TABLE changes ADD COLUMN traceparent varchar(55) NOT NULL DEFAULT '';

-- How far the changes were published. The edition grows with every step, so that of
-- two relays only one makes the next.
CREATE TABLE relay (
    id       integer PRIMARY KEY CHECK (id = 1),
    revision bigint NOT NULL,
    edition  bigint NOT NULL
);

INSERT INTO relay (id, revision, edition) VALUES (1, 0, 0);

-- Aggregates whose changes wait since a revision that the broker refused.
CREATE TABLE relay_parked (
    aggregate_type varchar(32) NOT NULL,
    aggregate_id   bigint NOT NULL,
    revision       bigint NOT NULL,
    message_key    text NOT NULL,
    reason         text NOT NULL,
    parked_at      timestamptz NOT NULL,
    asked          boolean NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id)
);

-- +goose Down
DROP TABLE relay_parked;
DROP TABLE relay;
ALTER TABLE changes DROP COLUMN traceparent;
ALTER TABLE outbox DROP COLUMN traceparent;
