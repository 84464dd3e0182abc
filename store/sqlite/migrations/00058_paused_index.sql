-- +goose Up
-- The index of paused DAGs has the condition that all databases understand, and that a statement must have word for word.
DROP INDEX dag_paused;
CREATE INDEX dag_paused ON dag (dag_id) WHERE paused;

-- +goose Down
DROP INDEX dag_paused;
CREATE INDEX dag_paused ON dag (dag_id) WHERE paused = 1;
