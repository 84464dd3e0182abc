package sql

import (
	"context"
	dbsql "database/sql"
	"errors"
	"fmt"
	"strings"
)

// What one result may hold. It is an XCom, and those are small.
const (
	maxRows  = 10_000
	maxBytes = 1 << 20
)

// table is the rows of a result, nil for a statement that gives no rows.
type table [][]any

// unit is SQL that gives one result, that of its last statement.
type unit []bound

// newUnit binds parameters to the statements of a text, which share a list of them.
func newUnit(d dialect, text string, values any) (unit, error) {
	p, err := readParameters(values)
	if err != nil {
		return nil, err
	}
	statements, err := split(d, text)
	if err != nil {
		return nil, err
	}
	if d == mysql && !p.given && len(statements) > 0 {
		// The server takes it apart, and knows what belongs to the body of a routine.
		return unit{{text: text}}, nil
	}
	u := make(unit, len(statements))
	for i, statement := range statements {
		if err := noCopy(d, statement); err != nil {
			return nil, err
		}
		if u[i], err = p.bind(d, statement); err != nil {
			return nil, err
		}
	}
	return u, p.finish(d)
}

// noCopy refuses what would wait for data from here for ever.
func noCopy(d dialect, statement string) error {
	if d != postgres {
		return nil
	}
	l := &lexer{dialect: d, text: statement}
	first := ""
	for {
		p, ok, err := l.next()
		if err != nil || !ok {
			return err
		}
		if p.kind != word {
			continue
		}
		text := strings.ToLower(p.text)
		if first == "" {
			first = text
		}
		if first == "copy" && (text == "stdin" || text == "stdout") {
			return errors.New("COPY cannot read or write here: use bash with psql, or name a file or program of the server")
		}
		if first != "copy" {
			return nil
		}
	}
}

// newUnits makes a unit of each text, or with apart of each statement of the texts.
func newUnits(d dialect, texts []string, values any, apart bool) ([]unit, error) {
	if apart {
		var statements []string
		for _, text := range texts {
			parts, err := split(d, text)
			if err != nil {
				return nil, err
			}
			statements = append(statements, parts...)
		}
		texts = statements
	}
	var units []unit
	for _, text := range texts {
		u, err := newUnit(d, text, values)
		if err != nil {
			return nil, err
		}
		if len(u) > 0 {
			units = append(units, u)
		}
	}
	if len(units) == 0 {
		return nil, errors.New("the SQL holds no statement")
	}
	return units, nil
}

// mode is how units are run.
type mode struct {
	// autocommit runs each statement for itself. Otherwise all are one transaction, which
	// is rolled back after an error, and with rollback in any case.
	autocommit, rollback bool
	// firstRow keeps one row of each result and lets the rest go.
	firstRow bool
	// lastOnly keeps only the result of the last unit.
	lastOnly bool
}

// run runs the units in order and returns the result of each.
func (db *database) run(ctx context.Context, units []unit, m mode) ([]table, error) {
	if m.autocommit {
		return db.each(ctx, db.conn, units, m)
	}
	tx, err := db.conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin the transaction: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // closing the connection, which follows, rolls back as well
	results, err := db.each(ctx, tx, units, m)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w; the transaction was rolled back", err)
	case m.rollback:
		return results, nil
	}
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("commit the transaction: %w", err)
	}
	return results, nil
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*dbsql.Rows, error)
}

func (db *database) each(ctx context.Context, q querier, units []unit, m mode) ([]table, error) {
	total, number := 0, 0
	for _, u := range units {
		total += len(u)
	}
	var results []table
	for i, u := range units {
		var last table
		for j, statement := range u {
			number++
			keep := keepRows
			switch {
			case j < len(u)-1, m.lastOnly && i < len(units)-1:
				keep = keepNothing
			case m.firstRow:
				keep = keepFirst
			}
			var err error
			if last, err = db.query(ctx, q, statement, keep); err != nil {
				if total > 1 {
					err = fmt.Errorf("statement %d of %d: %w", number, total, err)
				}
				return nil, err
			}
		}
		results = append(results, last)
	}
	if m.lastOnly {
		results = results[len(results)-1:]
	}
	if len(jsonText(results)) > maxBytes {
		return nil, errTooLarge
	}
	return results, nil
}

// keep is which rows of a result are kept.
type keep int

const (
	keepNothing keep = iota
	keepFirst
	keepRows
)

// query runs one statement and reads its last result to the end.
func (db *database) query(ctx context.Context, q querier, b bound, keep keep) (table, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := q.QueryContext(ctx, b.text, b.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // looked at below when it matters
	var result table
	count := 0
	for more := true; more; {
		next, read, err := db.read(rows, keep)
		readable := err == nil || db.dialect == mysql && errors.Is(err, errTooLarge) // it counts only if it is the last
		if more = readable && rows.NextResultSet(); err != nil && !more {
			cancel() // so that closing does not wait for rows that nobody wants
			return nil, err
		}
		if next != nil {
			result, count = next, read
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	if result != nil {
		db.log.InfoContext(ctx, "got rows", "rows", count)
		return result, nil
	}
	return nil, db.logAffected(ctx, q, b)
}

// logAffected writes how many rows a statement has changed, where the database tells.
func (db *database) logAffected(ctx context.Context, q querier, b bound) error {
	if !changesRows(db.dialect, b.text) {
		return nil
	}
	count := db.affected.tag.RowsAffected()
	if ask := map[dialect]string{mysql: "SELECT ROW_COUNT()", sqlite: "SELECT changes()"}[db.dialect]; ask != "" {
		rows, err := q.QueryContext(ctx, ask)
		if err != nil {
			return fmt.Errorf("ask how many rows were affected: %w", err)
		}
		defer rows.Close() //nolint:errcheck // nothing is left in it
		if !rows.Next() {
			return fmt.Errorf("ask how many rows were affected: %w", rows.Err())
		}
		if err := rows.Scan(&count); err != nil {
			return fmt.Errorf("ask how many rows were affected: %w", err)
		}
	}
	if count >= 0 {
		db.log.InfoContext(ctx, "rows affected", "rows", count)
	}
	return nil
}

// changesRows reports whether a statement is one that changes rows, by its first word.
func changesRows(d dialect, statement string) bool {
	l := &lexer{dialect: d, text: statement}
	for {
		p, ok, err := l.next()
		if err != nil || !ok {
			return false
		}
		if p.kind == word {
			switch strings.ToLower(p.text) {
			case "insert", "update", "delete", "replace", "merge", "with", "call", "load", "truncate":
				return true
			}
			return false
		}
	}
}

var errTooLarge = fmt.Errorf("the result has more than %d rows or %d bytes as JSON: "+
	"select less, for instance with LIMIT, or write it into a table", maxRows, maxBytes)

// read reads one result to the end, and counts its rows.
func (db *database) read(rows *dbsql.Rows, keep keep) (result table, count int, err error) {
	columns, err := rows.ColumnTypes()
	if err != nil {
		return nil, 0, fmt.Errorf("read the columns: %w", err)
	}
	if len(columns) > 0 {
		result = table{}
	}
	size := 0
	for rows.Next() {
		count++
		if keep == keepNothing || result == nil || keep == keepFirst && len(result) > 0 {
			continue
		}
		row, err := db.scan(rows, columns)
		if err != nil {
			return nil, 0, err
		}
		if size += len(jsonText(row)) + 1; size > maxBytes || len(result) == maxRows {
			return nil, 0, errTooLarge
		}
		result = append(result, row)
	}
	return result, count, rows.Err()
}

func (db *database) scan(rows *dbsql.Rows, columns []*dbsql.ColumnType) ([]any, error) {
	row := make([]any, len(columns))
	places := make([]any, len(columns))
	for i := range row {
		places[i] = &row[i]
	}
	if err := rows.Scan(places...); err != nil {
		return nil, fmt.Errorf("read a row: %w", err)
	}
	for i, c := range columns {
		value, err := columnType{db.dialect, c.DatabaseTypeName()}.value(row[i])
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name(), err)
		}
		row[i] = value
	}
	return row, nil
}
