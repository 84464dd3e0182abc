-- +goose Up
-- Times are unix milliseconds. completed_at is NULL while a backfill is running or paused.
CREATE TABLE backfill (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    dag_id          TEXT NOT NULL,
    from_date       INTEGER NOT NULL,
    to_date         INTEGER NOT NULL,
    reprocess       TEXT NOT NULL,
    max_active_runs INTEGER NOT NULL,
    backwards       INTEGER NOT NULL,
    conf            TEXT,
    version         TEXT NOT NULL,
    state           TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    completed_at    INTEGER
);
-- One at a time for each DAG.
CREATE UNIQUE INDEX backfill_open ON backfill (dag_id) WHERE completed_at IS NULL;

-- The logical dates of a backfill in the order in which their runs start. The outcome is
-- empty until the date's turn has come.
CREATE TABLE backfill_date (
    backfill_id    INTEGER NOT NULL,
    ordinal        INTEGER NOT NULL,
    logical_date   INTEGER NOT NULL,
    interval_start INTEGER NOT NULL,
    interval_end   INTEGER NOT NULL,
    run_after      INTEGER NOT NULL,
    outcome        TEXT NOT NULL DEFAULT '',
    run_key        INTEGER,
    PRIMARY KEY (backfill_id, ordinal)
) WITHOUT ROWID;
CREATE INDEX backfill_date_left ON backfill_date (backfill_id, ordinal) WHERE outcome = '';

ALTER TABLE dag_run ADD COLUMN backfill_id INTEGER;
CREATE INDEX dag_run_backfill ON dag_run (backfill_id, state) WHERE backfill_id IS NOT NULL;
-- Scheduled runs that a backfill took over.
CREATE INDEX dag_run_taken_over ON dag_run (dag_id, logical_date)
    WHERE run_type = 'backfill' AND substr(run_id, 1, 11) = 'scheduled__';

-- +goose Down
DROP INDEX dag_run_taken_over;
DROP INDEX dag_run_backfill;
ALTER TABLE dag_run DROP COLUMN backfill_id;
DROP TABLE backfill_date;
DROP TABLE backfill;
