// Package sqlcopy copies a store from one database to another: all that a SQLite store holds into an empty PostgreSQL one. Memory is bounded,
// whatever there is to copy; a copy that was interrupted goes on where it was; and both sides are compared in the end.
package sqlcopy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/store/sqlstore/sqlmigrate"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// Side is a store that is copied from or to. Its tables are those of the program.
type Side struct {
	// Name is how people call it, such as the path of its file. It holds no secret.
	Name string
	// Conn reads it.
	Conn sqlrow.Conn
	// Write runs fn in a transaction. That which is read from needs none.
	Write func(ctx context.Context, fn func(sqlrow.Conn) error) error
	// Migrations are how its tables stand to those of the program.
	Migrations func(ctx context.Context) (*sqlmigrate.State, error)
	// Now is the time that leases go by.
	Now func(ctx context.Context) (time.Time, error)
}

// Options say how it is copied. The zero value is a safe default.
type Options struct {
	// Rows and Bytes bound a batch, which is written in one transaction: 1000 rows and 4 MiB by default. A row may be larger.
	Rows, Bytes int
	// Progress, when set, is told of each batch.
	Progress func(Progress)
}

// Progress is how far a copy is.
type Progress struct {
	// Table is at work, of which Rows of Of rows are copied.
	Table    string
	Rows, Of int64
	// Verifying says that the table is compared, and no longer copied.
	Verifying bool
}

// Table is what became of a table.
type Table struct {
	Name string
	// Sum is that of both sides.
	Sum Sum
	// Replaced are the texts that had NUL or invalid UTF-8 in them, which PostgreSQL does not take: they have U+FFFD there.
	Replaced int64
}

// Copy copies all tables. Nobody may be at work on either side, and the target holds nothing, or what an earlier copy of the same
// store that was interrupted has left. Until it has ended well no other program opens the target. An error names the table.
func Copy(ctx context.Context, from, to Side, o Options) ([]Table, error) {
	if o.Rows == 0 {
		o.Rows = 1000
	}
	if o.Bytes == 0 {
		o.Bytes = 4 << 20
	}
	if err := sameVersion(ctx, from, to); err != nil {
		return nil, err
	}
	ts, err := tablesOf(ctx, from.Conn, to.Conn)
	if err != nil {
		return nil, err
	}
	c := &copying{from, to, o, ts}
	steps, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Table, len(ts))
	for i, t := range ts {
		if err := c.table(ctx, t, steps[t.name]); err != nil {
			return nil, fmt.Errorf("copy table %s: %w", t.name, err)
		}
		out[i] = Table{Name: t.name, Replaced: steps[t.name].replaced}
	}
	for i, t := range ts {
		if out[i].Sum, err = c.verify(ctx, t, steps[t.name].rows); err != nil {
			return nil, fmt.Errorf("compare table %s: %w", t.name, err)
		}
	}
	return out, c.end(ctx)
}

// sameVersion is an error unless both sides have had the same migrations.
func sameVersion(ctx context.Context, from, to Side) error {
	var states [2]*sqlmigrate.State
	for i, side := range []Side{from, to} {
		state, err := side.Migrations(ctx)
		if err == nil {
			err = state.Newer()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", side.Name, err)
		}
		if state.Behind() {
			return fmt.Errorf("%s: its tables are behind this program: run dingdag db migrate on it first", side.Name)
		}
		states[i] = state
	}
	a, b := states[0], states[1]
	// Numbers up to the first of PostgreSQL's are one migration there.
	lately := func(s *sqlmigrate.State) []int64 {
		return slices.DeleteFunc(slices.Clone(s.Applied), func(v int64) bool { return v <= firstOfPostgres })
	}
	if !slices.Equal(lately(a), lately(b)) || a.JobVersion != b.JobVersion {
		return fmt.Errorf("the tables differ: %s has version %d (jobs %d) and %s has %d (jobs %d): copy with the newest of the programs that have used them",
			from.Name, a.Version, a.JobVersion, to.Name, b.Version, b.JobVersion)
	}
	return nil
}

// firstOfPostgres is the first migration of PostgreSQL, which makes what all before it make in SQLite.
const firstOfPostgres = 58

type copying struct {
	from, to Side
	o        Options
	tables   []*table
}

func (c *copying) tell(p Progress) {
	if c.o.Progress != nil {
		c.o.Progress(p)
	}
}

// table copies what is not copied yet of a table.
func (c *copying) table(ctx context.Context, t *table, s *step) error {
	if s.done {
		return nil
	}
	of, err := sqlrow.Column[int64](ctx, c.from.Conn, "SELECT count(*) FROM "+t.name)
	if err != nil {
		return err
	}
	for {
		b, err := c.read(ctx, c.from.Conn, t, s.after)
		if err != nil {
			return err
		}
		next := *s
		next.rows, next.replaced = s.rows+int64(len(b.rows)), s.replaced+b.replaced
		if len(b.rows) > 0 {
			next.after = b.last
		} else {
			next.done = true
		}
		if err := c.to.Write(ctx, func(w sqlrow.Conn) error { return c.write(ctx, w, t, b.rows, s, &next) }); err != nil {
			return err
		}
		*s = next
		c.tell(Progress{Table: t.name, Rows: s.rows, Of: of[0]})
		if s.done {
			return nil
		}
	}
}

// most is how many values a statement may have.
const most = 1 << 15

// write writes rows, and how far the copy is.
func (c *copying) write(ctx context.Context, w sqlrow.Conn, t *table, rows [][]any, s, next *step) error {
	if err := s.advance(ctx, w, next); err != nil {
		return err
	}
	for chunk := range slices.Chunk(rows, max(1, min(most/len(t.columns), c.o.Rows))) {
		if _, err := w.Exec(ctx, t.insert(w.Dialect(), len(chunk)), slices.Concat(chunk...)...); err != nil {
			return err
		}
	}
	if next.done {
		return c.finish(ctx, w, t)
	}
	return nil
}

// finish has the database count on from the highest number that there ever was, and know how much is in the table.
func (c *copying) finish(ctx context.Context, w sqlrow.Conn, t *table) error {
	if t.identity != "" {
		highest, err := sqlrow.Column[int64](ctx, c.from.Conn, "SELECT coalesce(max("+t.identity+"), 0) FROM "+t.name+
			" UNION ALL SELECT seq FROM sqlite_sequence WHERE name = ?", t.name)
		if err != nil {
			return fmt.Errorf("read its highest number: %w", err)
		}
		if n := slices.Max(highest); n > 0 {
			if _, err := w.Exec(ctx, "SELECT setval(pg_get_serial_sequence(?, ?), ?)", t.name, t.identity, n); err != nil {
				return fmt.Errorf("set its highest number: %w", err)
			}
		}
	}
	_, err := w.Exec(ctx, "ANALYZE "+t.name)
	return err
}

// batch is some rows of a table.
type batch struct {
	rows     [][]any
	replaced int64
	last     key
	full     bool // there may be more
}

// read reads the rows behind a key, in the one form of values.
func (c *copying) read(ctx context.Context, from sqlrow.Conn, t *table, after key) (b batch, err error) {
	d := from.Dialect()
	rows, err := from.Query(ctx, t.page(d, after == nil), append(slices.Clone(after), c.o.Rows)...)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	keys := len(t.keys[d])
	size := 0
	for size < c.o.Bytes && rows.Next() {
		raw := make([]any, len(t.columns)+keys)
		to := make([]any, len(raw))
		for i := range raw {
			to[i] = &raw[i]
		}
		if err := rows.Scan(to...); err != nil {
			return b, err
		}
		row := make([]any, len(t.columns))
		b.last = raw[len(row):]
		for i := range t.columns {
			if row[i], err = t.columns[i].value(raw[i], &b.replaced); err != nil {
				return b, fmt.Errorf("the row with %v = %v: %w", t.keys[d], b.last, err)
			}
			size += 16
			switch v := row[i].(type) {
			case string:
				size += len(v)
			case []byte:
				size += len(v)
			}
		}
		b.rows = append(b.rows, row)
	}
	b.full = size >= c.o.Bytes || len(b.rows) == c.o.Rows
	return b, rows.Err()
}

// sum reads a whole table of a side.
func (c *copying) sum(ctx context.Context, from sqlrow.Conn, t *table, of int64) (s Sum, err error) {
	for after := key(nil); ; {
		b, err := c.read(ctx, from, t, after)
		if err != nil {
			return s, err
		}
		for _, row := range b.rows {
			s = s.plus(row)
		}
		c.tell(Progress{Table: t.name, Rows: s.Rows, Of: max(of, s.Rows), Verifying: true})
		if !b.full {
			return s, nil
		}
		after = b.last
	}
}

// verify compares a table on both sides, which has about of rows.
func (c *copying) verify(ctx context.Context, t *table, of int64) (Sum, error) {
	was, err := c.sum(ctx, c.from.Conn, t, of)
	if err != nil {
		return was, fmt.Errorf("%s: %w", c.from.Name, err)
	}
	is, err := c.sum(ctx, c.to.Conn, t, was.Rows)
	if err != nil {
		return was, fmt.Errorf("%s: %w", c.to.Name, err)
	}
	if was != is {
		return was, fmt.Errorf("%s has %d rows with the checksum %s, and %s has %d with %s: one of them was changed while it was copied. Empty the target and copy again: %s",
			c.from.Name, was.Rows, was.Checksum(), c.to.Name, is.Rows, is.Checksum(), emptying(ctx, c.to.Conn))
	}
	return was, nil
}

// Compare compares all tables of two stores, as Copy does in the end.
func Compare(ctx context.Context, from, to Side) ([]Table, error) {
	ts, err := tablesOf(ctx, from.Conn, to.Conn)
	if err != nil {
		return nil, err
	}
	c := &copying{from, to, Options{Rows: 1000, Bytes: 4 << 20}, ts}
	out := make([]Table, len(ts))
	for i, t := range ts {
		out[i].Name = t.name
		if out[i].Sum, err = c.verify(ctx, t, 0); err != nil {
			return nil, fmt.Errorf("compare table %s: %w", t.name, err)
		}
	}
	return out, nil
}
