-- +goose Up
-- By when a run is to have finished; a row goes when it was told or is met.
CREATE TABLE run_deadline (
    run_key  INTEGER NOT NULL,
    position INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (run_key, position)
) WITHOUT ROWID;
CREATE INDEX run_deadline_at ON run_deadline (at);

-- +goose Down
DROP TABLE run_deadline;
