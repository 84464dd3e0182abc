package sql

import (
	"context"
	dbsql "database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
)

// dialTimeout is how long connecting may take unless the connection says otherwise.
const dialTimeout = 30 * time.Second

// database is one connection to a database, open for one try of a task.
type database struct {
	dialect dialect
	log     *slog.Logger
	// affected is what PostgreSQL said of the last statement.
	affected affectedRows
	conn     *dbsql.Conn
	close    func() error
}

// open connects to the database that a connection leads to. A name, if there is one, goes
// before that of the connection. The caller releases what it gets.
func open(ctx context.Context, tc *operator.TaskContext, connID, name string) (*database, error) {
	conn, err := tc.Connections.Connection(ctx, connID)
	if err != nil {
		return nil, fmt.Errorf("get the connection of the SQL task: %w", err)
	}
	d, err := dialectOf(conn)
	if err != nil {
		return nil, err
	}
	extra, err := readExtra(conn)
	if err != nil {
		return nil, err
	}
	db := &database{dialect: d, log: tc.Log}
	var pool *dbsql.DB
	switch d {
	case postgres:
		pool, err = openPostgres(conn, name, extra, &db.affected)
	case mysql:
		pool, err = openMySQL(conn, name, extra)
	default:
		pool, err = openSQLite(conn, name, extra)
	}
	if err != nil {
		return nil, fmt.Errorf("connection %q: %w", conn.ID, err)
	}
	db.close = pool.Close
	if db.conn, err = pool.Conn(ctx); err == nil && d == mysql {
		err = db.killOnCancel(ctx, pool)
	}
	if err != nil {
		db.release(ctx, tc.Log)
		return nil, fmt.Errorf("connect to the %s database of connection %q: %w", d, conn.ID, refusedParameter(err))
	}
	return db, nil
}

// release ends the connection. What goes wrong with that is logged and no more: what
// became of the SQL is known by then.
func (db *database) release(ctx context.Context, log *slog.Logger) {
	var err error
	if db.conn != nil {
		if err = db.conn.Close(); errors.Is(err, dbsql.ErrConnDone) {
			err = nil // a query that was stopped has ended it
		}
	}
	if err = errors.Join(err, db.close()); err != nil {
		log.WarnContext(ctx, "could not end the connection properly", "error", err)
	}
}

func dialectOf(conn *connections.Connection) (dialect, error) {
	switch conn.Type {
	case "postgres", "postgresql":
		return postgres, nil
	case "mysql", "mariadb":
		return mysql, nil
	case "sqlite":
		return sqlite, nil
	default:
		return "", fmt.Errorf("connection %q has the type %q: SQL tasks work with postgres, mysql and sqlite", conn.ID, conn.Type)
	}
}

// extras are the keys of a connection's extra. Each is taken once; what nobody takes is
// an error, because it would have no effect.
type extras struct{ values map[string]any }

func readExtra(conn *connections.Connection) (*extras, error) {
	values, err := conn.ExtraMap()
	if err != nil {
		return nil, fmt.Errorf("connection %q: %w", conn.ID, err)
	}
	maps.DeleteFunc(values, func(_ string, value any) bool { return value == nil })
	return &extras{values}, nil
}

// take returns a value as text, "" when there is none. The values of a connection that is
// written as a URI are all text.
func (e *extras) take(key string) (string, error) {
	value, found := e.values[key]
	delete(e.values, key)
	switch v := value.(type) {
	case string, bool, json.Number:
		return fmt.Sprint(v), nil
	}
	if found {
		return "", fmt.Errorf("extra: the value of %q must be text, a number, true or false", key)
	}
	return "", nil
}

// seconds takes a number of seconds.
func (e *extras) seconds(key string, otherwise time.Duration) (time.Duration, error) {
	text, err := e.take(key)
	if err != nil || text == "" {
		return otherwise, err
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds >= 0 && seconds < 1e9) {
		return 0, fmt.Errorf("extra: the value of %q must be a number of seconds", key)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// ignore drops keys that other programs use and that change nothing here.
func (e *extras) ignore(keys ...string) {
	for _, key := range keys {
		delete(e.values, key)
	}
}

// finish reports the keys that nobody took.
func (e *extras) finish() error {
	if len(e.values) == 0 {
		return nil
	}
	return fmt.Errorf("extra: %s not supported here: remove it, or use bash with the database's own client",
		strings.Join(quoteAll(slices.Sorted(maps.Keys(e.values))), ", "))
}

func quoteAll(texts []string) []string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = strconv.Quote(text)
	}
	return quoted
}
