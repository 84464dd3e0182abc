-- +goose Up
-- Due ticks of a schedule that started no run of their own, a row for each stretch of
-- them: the moments of the first and the last, and how many. Times are unix milliseconds.
CREATE TABLE tick_range (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    dag_id      TEXT NOT NULL,
    first_tick  INTEGER NOT NULL,
    last_tick   INTEGER NOT NULL,
    ticks       INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    reason      TEXT NOT NULL,
    recorded_at INTEGER NOT NULL
);
CREATE INDEX tick_range_dag ON tick_range (dag_id, last_tick);

-- When DAGs were first seen, paused and unpaused; cause is empty for a person.
CREATE TABLE dag_pause (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    dag_id TEXT NOT NULL,
    at     INTEGER NOT NULL,
    paused INTEGER NOT NULL,
    cause  TEXT NOT NULL
);
CREATE INDEX dag_pause_dag ON dag_pause (dag_id, id);

-- When a scheduler was at work, a row for each stretch; seen_at follows about once a
-- minute, stopped says that it ended in order.
CREATE TABLE scheduler_life (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    stopped    INTEGER NOT NULL
);
CREATE INDEX scheduler_life_seen ON scheduler_life (seen_at);

-- +goose Down
DROP TABLE scheduler_life;
DROP TABLE dag_pause;
DROP TABLE tick_range;
