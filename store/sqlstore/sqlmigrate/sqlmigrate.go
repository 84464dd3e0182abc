// Package sqlmigrate compares the tables of a database with those that the program knows.
package sqlmigrate

import (
	"context"
	"fmt"
	"slices"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// Pending reports whether tables are behind the program, ours or those of the jobs: migrations have landed in another
// order than that of their numbers, so one with a lower number than the last may be missing. Tables that are ahead
// of the program are an error.
func Pending[TTx any](ctx context.Context, c sqlrow.Conn, ours *goose.Provider, rivers *rivermigrate.Migrator[TTx]) (bool, error) {
	known := []int64{0} // goose's own first row
	for _, source := range ours.ListSources() {
		known = append(known, source.Version)
	}
	var jobs []int64
	for _, v := range rivers.AllVersions() {
		jobs = append(jobs, int64(v.Version))
	}
	behind := false
	for _, t := range []struct {
		what, table, query string
		known              []int64
	}{
		{"tables", "goose_db_version", "SELECT version_id FROM goose_db_version WHERE is_applied", known},
		{"job tables", "river_migration", "SELECT version FROM river_migration", jobs},
	} {
		applied, err := versions(ctx, c, t.table, t.query)
		if err != nil {
			return false, err
		}
		for _, v := range applied {
			if !slices.Contains(t.known, v) {
				return false, fmt.Errorf("its %s have version %d and this program knows %d: use the newer program that made them", t.what, v, slices.Max(t.known))
			}
		}
		behind = behind || slices.ContainsFunc(t.known, func(v int64) bool { return !slices.Contains(applied, v) })
	}
	return behind, nil
}

// versions reads the versions that a table lists, none when there is no such table.
func versions(ctx context.Context, c sqlrow.Conn, table, query string) ([]int64, error) {
	there := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
	if c.Dialect() == sqlrow.Postgres {
		there = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?"
	}
	n, err := sqlrow.Column[int64](ctx, c, there, table)
	if err != nil || n[0] == 0 {
		return nil, err
	}
	return sqlrow.Column[int64](ctx, c, query)
}
