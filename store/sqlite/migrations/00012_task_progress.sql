-- +goose Up
-- What a try has done of its work, for the tries after it; max_tries grows when the task is
-- cleared, which begins anew.
CREATE TABLE task_progress (
    run_key   INTEGER NOT NULL,
    task_id   TEXT NOT NULL,
    map_index INTEGER NOT NULL DEFAULT -1,
    key       TEXT NOT NULL,
    max_tries INTEGER NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (run_key, task_id, map_index, key)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE task_progress;
