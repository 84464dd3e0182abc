package sql

import (
	dbsql "database/sql"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"time"

	driver "modernc.org/sqlite"

	"github.com/dingdag/dingdag/connections"
)

// busyTimeout is how long to wait for another writer, as in Python.
const busyTimeout = 5 * time.Second

// openSQLite prepares a connection to a file, which is the host, or to a database in
// memory when there is none.
func openSQLite(conn *connections.Connection, database string, extra *extras) (*dbsql.DB, error) {
	if database != "" {
		return nil, errors.New("the parameter database does not apply to sqlite: the file is the host of the connection")
	}
	query := url.Values{}
	for _, key := range []string{"mode", "cache", "immutable", "nolock"} {
		text, err := extra.take(key)
		if err != nil {
			return nil, err
		}
		if text != "" {
			query.Set(key, text)
		}
	}
	timeout, err := extra.seconds("timeout", busyTimeout)
	if err != nil {
		return nil, err
	}
	query.Set("_busy_timeout", strconv.FormatInt(timeout.Milliseconds(), 10))
	if err := extra.finish(); err != nil {
		return nil, err
	}
	// sqlite:///relative and sqlite:////absolute leave the path in the schema.
	file := path.Join(conn.GetHost(), conn.GetSchema())
	if file == "" {
		file = ":memory:"
	}
	connector, err := driver.NewConnector("file:" + (&url.URL{Path: file}).EscapedPath() + "?" + query.Encode())
	if err != nil {
		return nil, fmt.Errorf("open the file: %w", err)
	}
	return dbsql.OpenDB(storedText{connector}), nil
}
