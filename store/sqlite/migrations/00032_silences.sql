-- +goose Up
-- A time in which some messages are not sent: see store.Silence. Lists are JSON.
CREATE TABLE silence (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    kind      TEXT NOT NULL,
    name      TEXT NOT NULL,
    dags      TEXT NOT NULL,
    task_id   TEXT NOT NULL,
    robots    TEXT NOT NULL,
    urgent    INTEGER NOT NULL,
    told_by   INTEGER NOT NULL,
    since     INTEGER NOT NULL,
    until     INTEGER NOT NULL,
    reason    TEXT NOT NULL,
    made_by   TEXT NOT NULL,
    made_via  TEXT NOT NULL,
    ended_by  TEXT NOT NULL DEFAULT '',
    ended_via TEXT NOT NULL DEFAULT '',
    summed_up INTEGER
);
CREATE INDEX silence_open ON silence (id) WHERE summed_up IS NULL;
CREATE INDEX silence_ending ON silence (until) WHERE summed_up IS NULL;
CREATE UNIQUE INDEX silence_of_window ON silence (name, since) WHERE kind = 'maintenance';
CREATE UNIQUE INDEX silence_of_doubles ON silence (told_by) WHERE told_by > 0 AND summed_up IS NULL;

-- silence_id is what keeps a message back, dedupe_for for how many milliseconds after another one of its
-- key it is kept back.
ALTER TABLE delivery ADD COLUMN silence_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN dedupe_for INTEGER NOT NULL DEFAULT 0;
CREATE INDEX delivery_of_silence ON delivery (silence_id) WHERE silence_id > 0;
DROP INDEX delivery_of_key;
CREATE INDEX delivery_of_key ON delivery (dedupe_key, channel, event, created_at) WHERE dedupe_key <> '' AND state NOT IN ('silenced', 'refused');

-- +goose Down
DROP INDEX delivery_of_key;
CREATE INDEX delivery_of_key ON delivery (dedupe_key, created_at) WHERE dedupe_key <> '';
DROP INDEX delivery_of_silence;
ALTER TABLE delivery DROP COLUMN dedupe_for;
ALTER TABLE delivery DROP COLUMN silence_id;
DROP TABLE silence;
