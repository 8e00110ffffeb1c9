-- +goose Up
-- The outbox holds what was committed and has no revision yet; the sequencer moves
-- it to changes.
DROP INDEX outbox_without_revision;
ALTER TABLE outbox DROP COLUMN revision;

CREATE TABLE feed_head (
    id       integer PRIMARY KEY CHECK (id = 1),
    epoch    varchar(16) NOT NULL,
    revision bigint NOT NULL
);

INSERT INTO feed_head (id, epoch, revision) VALUES (1, lower(hex(randomblob(8))), 0);

CREATE TABLE changes (
    revision          integer PRIMARY KEY,
    event_id          text NOT NULL UNIQUE,
    event_type        varchar(64) NOT NULL,
    aggregate_type    varchar(32) NOT NULL,
    aggregate_id      bigint NOT NULL,
    aggregate_version bigint NOT NULL,
    environment       varchar(50) NOT NULL,
    service_name      varchar(100) NOT NULL,
    data              text NOT NULL,
    actor_key         varchar(8) NOT NULL,
    actor_name        varchar(100) NOT NULL,
    request_id        varchar(64) NOT NULL,
    occurred_at       text NOT NULL
);

-- +goose Down
ALTER TABLE outbox ADD COLUMN revision bigint;
CREATE INDEX outbox_without_revision ON outbox (id) WHERE revision IS NULL;
DROP TABLE changes;
DROP TABLE feed_head;
