-- +goose Up
-- daily_digest has one row: the day, as a date, whose digest was told last, and until when the
-- last one reached, from where the next one goes on.
CREATE TABLE daily_digest (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    day        TEXT NOT NULL,
    told_until INTEGER NOT NULL
);
CREATE INDEX tick_range_recorded ON tick_range (recorded_at);
CREATE INDEX delivery_failed_at ON delivery (updated_at) WHERE state IN ('refused', 'uncertain');

-- +goose Down
DROP INDEX delivery_failed_at;
DROP INDEX tick_range_recorded;
DROP TABLE daily_digest;
