-- +goose Up
-- What paces the messages to a robot, for all processes, and who waits for it. sends are the
-- requests of the last minute as JSON. Times are unix milliseconds.
CREATE TABLE robot_gate (
    robot        TEXT NOT NULL PRIMARY KEY,
    name         TEXT NOT NULL,
    sends        TEXT NOT NULL,
    closed_at    INTEGER,
    closed_until INTEGER,
    month        TEXT NOT NULL,
    sent         INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE robot_gate_ticket (
    robot    TEXT NOT NULL,
    key      TEXT NOT NULL,
    priority INTEGER NOT NULL,
    dag_id   TEXT NOT NULL,
    since    INTEGER NOT NULL,
    look_at  INTEGER NOT NULL,
    PRIMARY KEY (robot, key)
) WITHOUT ROWID;
CREATE INDEX robot_gate_ticket_line ON robot_gate_ticket (robot, priority, since, key);
CREATE INDEX robot_gate_ticket_old ON robot_gate_ticket (look_at);

-- +goose Down
DROP TABLE robot_gate_ticket;
DROP TABLE robot_gate;
