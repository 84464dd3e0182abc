package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"reflect"
	"unsafe"
)

// storedText is a connector of SQLite whose rows give text as it is stored. The driver
// (modernc.org/sqlite 1.60) reads text in columns that are declared DATE, DATETIME or
// TIMESTAMP as a time, without a way to turn that off, so that 2024-01-02T09:00:00Z would come
// back as another text, which then finds no row. Python's sqlite3 gives what is stored.
type storedText struct{ driver.Connector }

func (c storedText) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	full, ok := conn.(sqliteConn)
	if !ok {
		return nil, errors.Join(errDriver, conn.Close())
	}
	return storedTextConn{full}, nil
}

// sqliteConn is what the driver's connections can do and database/sql asks for.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type storedTextConn struct{ sqliteConn }

func (c storedTextConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.sqliteConn.QueryContext(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if err := forgetDates(rows); err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	return rows, nil
}

// forgetDates makes the rows forget which columns are declared as dates. They keep the
// declarations in a slice of their own, whose elements may be changed.
func forgetDates(rows driver.Rows) error {
	v := reflect.ValueOf(rows)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return errDriver
	}
	field := v.Elem().FieldByName("decltypes")
	if field.Type() != reflect.TypeFor[[]string]() {
		return errDriver
	}
	declared := *(*[]string)(unsafe.Pointer(field.UnsafeAddr())) //nolint:gosec // the type was looked at, and tests read such columns
	for i, name := range declared {
		switch name {
		case "DATE", "DATETIME", "TIMESTAMP":
			declared[i] = "TEXT"
		}
	}
	return nil
}

var errDriver = errors.New("the SQLite driver is not the one that this program was built for")
