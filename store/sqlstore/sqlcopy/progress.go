package sqlcopy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store/sqlstore/sqlmigrate"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// progressTable says how far a copy is. It is there only until the copy has ended.
const progressTable = "store_copy"

// emptying is how a target is emptied.
func emptying(ctx context.Context, c sqlrow.Conn) string {
	name, err := sqlrow.Column[string](ctx, c, "SELECT quote_ident(current_schema())")
	if err != nil || len(name) != 1 {
		return "drop its schema and create it again"
	}
	return "DROP SCHEMA " + name[0] + " CASCADE; CREATE SCHEMA " + name[0]
}

// source is what is known of the store that is copied, by which it is told from others.
type source struct {
	Name string `json:"name"`
	// Made is when its tables were made.
	Made string `json:"made"`
	// Began is when the copy began, by the clock of the target.
	Began time.Time `json:"began"`
}

// step is how far a table is: rows are copied up to the key after, and replaced texts were changed.
type step struct {
	table          string
	after          key
	rows, replaced int64
	done           bool
}

// Unfinished is an error when the database holds a copy that has not ended: its rows are not all there.
func Unfinished(ctx context.Context, c sqlrow.Conn) error {
	s, err := begun(ctx, c)
	if err != nil || s == nil {
		return err
	}
	return fmt.Errorf("it holds an unfinished copy of %s, begun at %s: end it by running dingdag db copy again, or empty it: %s", s.Name, s.Began.UTC().Format(time.RFC3339), emptying(ctx, c))
}

// begun reads what was begun to be copied here, or nil.
func begun(ctx context.Context, c sqlrow.Conn) (*source, error) {
	there, err := sqlrow.Column[int64](ctx, c, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?", progressTable)
	if err != nil || there[0] == 0 {
		return nil, err
	}
	said, err := sqlrow.Column[string](ctx, c, "SELECT after FROM "+progressTable+" WHERE name = ''")
	if err != nil {
		return nil, err
	}
	if len(said) != 1 {
		return nil, fmt.Errorf("its table %s is not that of a copy", progressTable)
	}
	s := &source{}
	if err := json.Unmarshal([]byte(said[0]), s); err != nil {
		return nil, fmt.Errorf("read what is being copied: %w", err)
	}
	return s, nil
}

// begin begins a copy, or finds how far it is.
func (c *copying) begin(ctx context.Context) (map[string]*step, error) {
	made, err := sqlrow.Column[string](ctx, c.from.Conn, "SELECT CAST(min(tstamp) AS TEXT) FROM goose_db_version")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.from.Name, err)
	}
	now, err := c.to.Now(ctx)
	if err != nil {
		return nil, err
	}
	ours := source{c.from.Name, made[0], now}
	steps := map[string]*step{}
	err = c.to.Write(ctx, func(w sqlrow.Conn) error {
		if ls, err := sqlmigrate.Leases(ctx, w, now); err != nil {
			return err
		} else if len(ls) > 0 {
			return fmt.Errorf("%s is at work in the target: stop it, or name an empty database", ls[0].Node)
		}
		theirs, err := begun(ctx, w)
		if err != nil {
			return err
		}
		if theirs == nil {
			return c.first(ctx, w, ours)
		}
		if theirs.Name != ours.Name || theirs.Made != ours.Made {
			return fmt.Errorf("%s holds an unfinished copy of another store (%s, begun at %s): empty it first: %s", c.to.Name, theirs.Name, theirs.Began.UTC().Format(time.RFC3339), emptying(ctx, w))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	all, err := sqlrow.Collect(ctx, c.to.Conn, scanStep, "SELECT name, after, copied, replaced, done FROM "+progressTable+" WHERE name <> ''")
	if err != nil {
		return nil, fmt.Errorf("read how far the copy is: %w", err)
	}
	for _, s := range all {
		steps[s.table] = s
	}
	for _, t := range c.tables {
		if steps[t.name] == nil {
			return nil, fmt.Errorf("%s holds an unfinished copy of an older program, without the table %s: empty it first: %s", c.to.Name, t.name, emptying(ctx, c.to.Conn))
		}
	}
	return steps, nil
}

func scanStep(rows sqlrow.Rows, s *step) error {
	var after string
	err := rows.Scan(&s.table, &after, &s.rows, &s.replaced, &s.done)
	if err == nil {
		s.after, err = decodeKey(after)
	}
	return err
}

// first begins a copy into an empty database.
func (c *copying) first(ctx context.Context, w sqlrow.Conn, s source) error {
	for _, t := range c.tables {
		there, err := sqlrow.Column[bool](ctx, w, "SELECT EXISTS (SELECT 1 FROM "+t.name+")")
		if err != nil {
			return err
		}
		if there[0] {
			return fmt.Errorf("%s is not empty: its table %s has rows. Name another database, or a schema with nothing in it by search_path in the URL", c.to.Name, t.name)
		}
	}
	if _, err := w.Exec(ctx, "CREATE TABLE "+progressTable+` (name TEXT COLLATE "C" PRIMARY KEY, after TEXT NOT NULL DEFAULT '', copied BIGINT NOT NULL DEFAULT 0,
		replaced BIGINT NOT NULL DEFAULT 0, done BOOLEAN NOT NULL DEFAULT FALSE)`); err != nil {
		return err
	}
	said, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if _, err := w.Exec(ctx, "INSERT INTO "+progressTable+" (name, after) VALUES ('', ?)", string(said)); err != nil {
		return err
	}
	for _, t := range c.tables {
		if _, err := w.Exec(ctx, "INSERT INTO "+progressTable+" (name) VALUES (?)", t.name); err != nil {
			return err
		}
	}
	return nil
}

var errElsewhere = errors.New("another dingdag db copy is at work on this database: let it end")

// advance writes how far the table is, in the transaction of its rows.
func (s *step) advance(ctx context.Context, w sqlrow.Conn, next *step) error {
	after, err := next.after.encode()
	if err != nil {
		return err
	}
	n, err := w.Exec(ctx, "UPDATE "+progressTable+" SET after = ?, copied = ?, replaced = ?, done = ? WHERE name = ? AND copied = ? AND NOT done",
		after, next.rows, next.replaced, next.done, s.table, s.rows)
	if err == nil && n != 1 {
		err = errElsewhere
	}
	return err
}

// end says that all is there.
func (c *copying) end(ctx context.Context) error {
	return c.to.Write(ctx, func(w sqlrow.Conn) error {
		_, err := w.Exec(ctx, "DROP TABLE "+progressTable)
		return err
	})
}
