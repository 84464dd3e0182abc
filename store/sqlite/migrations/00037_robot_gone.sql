-- +goose Up
-- gone is what a robot answered that does not exist any more, gone_at when; entered_at is when a request left to it last.
ALTER TABLE robot_gate ADD COLUMN gone_at INTEGER;
ALTER TABLE robot_gate ADD COLUMN gone TEXT NOT NULL DEFAULT '';
ALTER TABLE robot_gate ADD COLUMN entered_at INTEGER;

-- +goose Down
ALTER TABLE robot_gate DROP COLUMN entered_at;
ALTER TABLE robot_gate DROP COLUMN gone;
ALTER TABLE robot_gate DROP COLUMN gone_at;
