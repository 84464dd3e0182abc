-- +goose Up
-- Each time that a message left, and what came of it. code and http_status are the receiver's, message
-- is its answer or why it failed. parts_taken is how many parts the receiver took this time, parts
-- how many the message has, 0 where that is not known. Times are unix milliseconds.
CREATE TABLE delivery_attempt (
    delivery_id INTEGER NOT NULL,
    attempt     INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL,
    node        TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    code        TEXT NOT NULL,
    http_status INTEGER NOT NULL,
    message     TEXT NOT NULL,
    parts_taken INTEGER NOT NULL,
    parts       INTEGER NOT NULL,
    next_try    INTEGER,
    PRIMARY KEY (delivery_id, attempt)
) WITHOUT ROWID;
-- callback is the notifier that asked for a message, with its place in the DAG file; acked_note what
-- whoever has seen it said.
ALTER TABLE delivery ADD COLUMN callback TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN acked_note TEXT NOT NULL DEFAULT '';
CREATE INDEX delivery_of_run ON delivery (dag_id, run_id);
CREATE INDEX delivery_written ON delivery (created_at);
CREATE INDEX delivery_aside ON delivery (id) WHERE state IN ('folded', 'silenced');
CREATE INDEX delivery_stand_in ON delivery (stands_in_for) WHERE stands_in_for > 0;

-- +goose Down
DROP INDEX delivery_stand_in;
DROP INDEX delivery_aside;
DROP INDEX delivery_written;
DROP INDEX delivery_of_run;
ALTER TABLE delivery DROP COLUMN acked_note;
ALTER TABLE delivery DROP COLUMN callback;
DROP TABLE delivery_attempt;
