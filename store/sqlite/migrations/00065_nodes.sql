-- +goose Up
-- leader is the process that schedules and changes runs, and until when. Each one has a higher epoch than those before it.
CREATE TABLE leader (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    node    TEXT NOT NULL,
    epoch   INTEGER NOT NULL,
    expires INTEGER NOT NULL
);

-- info is what a process says of itself, as JSON, empty for one of an older version; wanted is what it is asked for.
ALTER TABLE node_lease ADD COLUMN info TEXT NOT NULL DEFAULT '';
ALTER TABLE node_lease ADD COLUMN wanted TEXT NOT NULL DEFAULT '';

-- report is what processes that do not lead say of their attempts, until the leader has taken it in.
CREATE TABLE report (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    payload TEXT NOT NULL,
    at      INTEGER NOT NULL
);

-- A program that knows nothing of this works alone, and leads.
INSERT INTO additive_migration (version) VALUES (65);

-- +goose Down
DELETE FROM additive_migration WHERE version = 65;
DROP TABLE report;
ALTER TABLE node_lease DROP COLUMN wanted;
ALTER TABLE node_lease DROP COLUMN info;
DROP TABLE leader;
