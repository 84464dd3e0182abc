package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/dingdag/dingdag/store/sqlstore/sqlcheck"
	"github.com/dingdag/dingdag/store/sqlstore/sqlmigrate"
	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// bare opens a file that is there without making or changing tables. The caller closes both pools.
func bare(ctx context.Context, path string, clock func() time.Time) (*Store, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	o := Options{Clock: clock, Log: slog.New(slog.DiscardHandler)}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?"
	pragmas := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_pragma": {"busy_timeout(10000)", "synchronous(FULL)"}}
	db, err := OpenDB(dsn + pragmas.Encode())
	if err != nil {
		return nil, err
	}
	s := &Store{opts: o, path: path, write: db, read: db, hub: &sqlqueue.Hub{}}
	var n int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&n); err != nil {
		return nil, errors.Join(explain(err), db.Close())
	}
	return s, nil
}

// Plan reads what bringing the tables of a file up to date would do. It changes nothing.
func Plan(ctx context.Context, path string, clock func() time.Time) (p *sqlcheck.Plan, err error) {
	s, err := bare(ctx, path, clock)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, s.write.Close()) }()
	state, err := s.Side().Migrations(ctx)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return sqlcheck.NewPlan(ctx, s.pool(), state, clock(), func(table string) string { return "SELECT count(*) FROM " + table })
}

// Check looks whether a program can work with a file, and how well. It changes nothing but for commits without a change.
func Check(ctx context.Context, path string, clock func() time.Time) (f sqlcheck.Findings) {
	s, err := bare(ctx, path, clock)
	if errors.Is(err, fs.ErrNotExist) {
		f.Add("file", sqlcheck.Failed, "%s: there is no store yet: dingdag db migrate makes one", path)
		return f
	}
	if err != nil {
		f.Add("file", sqlcheck.Failed, "%s: %v", path, err)
		return f
	}
	defer s.write.Close() //nolint:errcheck // nothing was written
	c := s.pool()
	version, err := sqlrow.Column[string](ctx, c, "SELECT sqlite_version()")
	if err != nil {
		f.Add("file", sqlcheck.Failed, "%s: %v", path, explain(err))
		return f
	}
	f.Add("file", sqlcheck.OK, "%s, SQLite %s", path, version[0])
	wrong, err := sqlrow.Column[string](ctx, c, "PRAGMA quick_check(1)")
	switch {
	case err != nil:
		f.Add("integrity", sqlcheck.Failed, "%v", explain(err))
	case len(wrong) != 1 || wrong[0] != "ok":
		f.Add("integrity", sqlcheck.Failed, "the file is damaged: %v: restore it from a backup", wrong)
	default:
		f.Add("integrity", sqlcheck.OK, "no damage was found")
	}
	state, err := s.Side().Migrations(ctx)
	f.Tables(state, err)
	same, err := sqlrow.Column[int64](ctx, c, "PRAGMA user_version")
	if err != nil {
		f.Add("commit", sqlcheck.Failed, "%v", explain(err))
		return f
	}
	f.Commits(ctx, clock, func(ctx context.Context) error {
		_, err := c.Exec(ctx, fmt.Sprintf("PRAGMA user_version = %d", same[0]))
		return explain(err)
	})
	if sp, err := space(ctx, c); err != nil {
		f.Add("size", sqlcheck.Failed, "%v", explain(err))
	} else {
		f.Add("size", sqlcheck.OK, "%s, of which %s are unused", sqlcheck.Size(sp.Total), sqlcheck.Size(sp.Unused))
	}
	if ls, err := sqlmigrate.Leases(ctx, c, clock()); err != nil {
		f.Add("processes", sqlcheck.Failed, "%v", explain(err))
	} else {
		f.AtWork(ls)
	}
	return f
}
