-- +goose Up
-- Where the current or last try of an instance runs or ran.
ALTER TABLE task_instance ADD COLUMN hostname TEXT NOT NULL DEFAULT '';
ALTER TABLE task_instance ADD COLUMN pid INTEGER NOT NULL DEFAULT 0;

-- What an instance was when a try of it was over that another one follows. Times are unix
-- milliseconds.
CREATE TABLE task_instance_history (
    run_key            INTEGER NOT NULL,
    task_id            TEXT NOT NULL,
    map_index          INTEGER NOT NULL,
    try                INTEGER NOT NULL,
    state              TEXT NOT NULL,
    max_tries          INTEGER NOT NULL,
    lost               INTEGER NOT NULL,
    operator           TEXT NOT NULL,
    queued_at          INTEGER,
    start_date         INTEGER,
    end_date           INTEGER,
    error              TEXT NOT NULL,
    log                TEXT NOT NULL,
    rendered_map_index TEXT NOT NULL,
    hostname           TEXT NOT NULL,
    pid                INTEGER NOT NULL,
    PRIMARY KEY (run_key, task_id, map_index, try)
) WITHOUT ROWID;
