-- +goose Up
-- Whoever tells of an event looks for the conversations that are bound to its DAG.
CREATE INDEX chat_binding_by_what ON chat_binding (kind, value);

-- +goose Down
DROP INDEX chat_binding_by_what;
