-- +goose Up
-- quota is how many messages a robot is to get in a month, 0 for no limit; warned the last month for which
-- people were told that little of it is left.
ALTER TABLE robot_gate ADD COLUMN quota INTEGER NOT NULL DEFAULT 0;
ALTER TABLE robot_gate ADD COLUMN warned TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE robot_gate DROP COLUMN warned;
ALTER TABLE robot_gate DROP COLUMN quota;
