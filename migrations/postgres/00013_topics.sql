-- +goose Up
-- Who follows a part of the changes reads that part alone: of an environment, a
-- service or a type of aggregate.
CREATE INDEX changes_by_type ON changes (aggregate_type, revision);
CREATE INDEX changes_by_environment ON changes (environment, revision);
CREATE INDEX changes_by_service ON changes (service_name, revision);

-- How far the changes of each aggregate type were published, and why they wait where
-- their topic takes none.
CREATE TABLE relay_topics (
    aggregate_type varchar(32) PRIMARY KEY,
    revision       bigint NOT NULL,
    reason         text NOT NULL,
    waits_since    timestamptz
);

INSERT INTO relay_topics (aggregate_type, revision, reason)
SELECT t.name, r.revision, ''
FROM relay AS r, (SELECT 'configuration' AS name UNION ALL SELECT 'flag' UNION ALL SELECT 'service') AS t;

ALTER TABLE relay DROP COLUMN revision;

-- +goose Down
ALTER TABLE relay ADD COLUMN revision bigint NOT NULL DEFAULT 0;
UPDATE relay SET revision = COALESCE((SELECT min(revision) FROM relay_topics), 0);
DROP TABLE relay_topics;
DROP INDEX changes_by_service;
DROP INDEX changes_by_environment;
DROP INDEX changes_by_type;
