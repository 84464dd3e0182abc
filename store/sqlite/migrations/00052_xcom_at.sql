-- +goose Up
-- at is when a person wrote the XCom; NULL for one that a try left, which has the time of its end.
ALTER TABLE xcom ADD COLUMN at INTEGER;

-- +goose Down
ALTER TABLE xcom DROP COLUMN at;
