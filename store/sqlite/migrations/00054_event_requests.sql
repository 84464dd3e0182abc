-- +goose Up
-- operation is the call of the REST API by which something was changed, request what was sent, without secrets.
ALTER TABLE event_log ADD COLUMN operation TEXT NOT NULL DEFAULT '';
ALTER TABLE event_log ADD COLUMN request TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE event_log DROP COLUMN request;
ALTER TABLE event_log DROP COLUMN operation;
