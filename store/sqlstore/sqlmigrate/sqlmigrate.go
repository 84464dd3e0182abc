// Package sqlmigrate compares the tables of a database with those that the program knows, and says whether programs of
// another version may work with them.
//
// A migration whose file inserts its own number into additive_migration changes nothing that an older program relies on:
// that goes on beside it. Each other one keeps out programs that do not know it, and waits until those that are at work have
// stopped.
package sqlmigrate

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// Migration is one of those that the program knows.
type Migration struct {
	Version int64
	// Name is that of its file without the folder, such as 00061_backfill_latest.sql. One in Go has its number.
	Name string
	// Additive says that a program that does not know it goes on beside it.
	Additive bool
	// Effects are what it does to tables, in the order of its statements. Those of one in Go are not known.
	Effects []Effect
}

// State is how the tables of a database stand to what the program knows.
type State struct {
	// Version is the highest migration that was made, 0 for none. Compatible is the highest that a program must know to
	// work with the tables, and Known the highest that this program knows.
	Version, Compatible, Known int64
	// Applied are all that were made, in their order.
	Applied []int64
	// Pending are those of the program that the tables lack, in their order. Migrations have landed in another order than that
	// of their numbers, so one with a lower number than Version may be among them.
	Pending []Migration
	// Beside are those that the program does not know and may pass over.
	Beside []int64
	// JobVersion is that of River's tables, 0 for none, JobKnown the highest that the program knows, and JobsPending are those that they lack.
	JobVersion, JobKnown int64
	JobsPending          []int64

	newer error
}

// Behind reports whether the tables lack something.
func (s *State) Behind() bool { return len(s.Pending)+len(s.JobsPending) > 0 }

// Newer is an error when the tables are those of a newer program, with which this one may not work.
func (s *State) Newer() error { return s.newer }

// Additive reports whether programs that are at work may go on while all that is pending is made.
func (s *State) Additive() bool {
	return len(s.JobsPending) == 0 && !slices.ContainsFunc(s.Pending, func(m Migration) bool { return !m.Additive })
}

// Look reads how the tables stand to the migrations in files, of which ours is made, and to River's.
func Look[TTx any](ctx context.Context, c sqlrow.Conn, files fs.FS, ours *goose.Provider, rivers *rivermigrate.Migrator[TTx]) (*State, error) {
	s := &State{}
	known := map[int64]bool{0: true} // goose's own first row
	applied, err := versions(ctx, c, "goose_db_version", "SELECT version_id FROM goose_db_version WHERE is_applied")
	if err != nil {
		return nil, err
	}
	for _, source := range ours.ListSources() {
		known[source.Version] = true
		s.Known = max(s.Known, source.Version)
		if slices.Contains(applied, source.Version) {
			continue
		}
		m, err := read(files, source)
		if err != nil {
			return nil, err
		}
		s.Pending = append(s.Pending, m)
	}
	additive, err := versions(ctx, c, additiveTable, "SELECT version FROM "+additiveTable)
	if err != nil {
		return nil, err
	}
	slices.Sort(applied)
	s.Applied = applied
	for _, v := range applied {
		s.Version = max(s.Version, v)
		if !slices.Contains(additive, v) {
			s.Compatible = max(s.Compatible, v)
		}
		switch {
		case known[v]:
		case slices.Contains(additive, v):
			s.Beside = append(s.Beside, v)
		default:
			s.newer = newer("tables", v, s.Known)
		}
	}
	return s, s.lookAtJobs(ctx, c, rivers.AllVersions())
}

// lookAtJobs reads the same of River's tables, whose migrations say nothing of programs that do not know them.
func (s *State) lookAtJobs(ctx context.Context, c sqlrow.Conn, all []rivermigrate.Migration) error {
	applied, err := versions(ctx, c, "river_migration", "SELECT version FROM river_migration")
	if err != nil {
		return err
	}
	for _, m := range all {
		v := int64(m.Version)
		s.JobKnown = max(s.JobKnown, v)
		if !slices.Contains(applied, v) {
			s.JobsPending = append(s.JobsPending, v)
		}
	}
	for _, v := range applied {
		s.JobVersion = max(s.JobVersion, v)
	}
	if s.JobVersion > s.JobKnown && s.newer == nil {
		s.newer = newer("job tables", s.JobVersion, s.JobKnown)
	}
	return nil
}

func newer(what string, v, known int64) error {
	return fmt.Errorf("its %s have version %d and this program knows %d, and cannot work with what is newer: use the newer program that made them", what, v, known)
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

// read reads a migration from its file.
func read(files fs.FS, source *goose.Source) (Migration, error) {
	if source.Path == "" {
		return Migration{Version: source.Version, Name: fmt.Sprintf("%05d", source.Version), Effects: []Effect{{Work: Unknown}}}, nil
	}
	text, err := fs.ReadFile(files, filepath.Base(source.Path))
	if err != nil {
		return Migration{}, fmt.Errorf("read a migration: %w", err)
	}
	m := Parse(source.Version, string(text))
	m.Name = filepath.Base(source.Path)
	return m, nil
}

// additiveTable is where a migration says of itself that it is additive.
const additiveTable = "additive_migration"

// Parse reads a migration from the text of its file.
func Parse(version int64, text string) Migration {
	m := Migration{Version: version}
	_, up, _ := strings.Cut(text, "-- +goose Up")
	up, _, _ = strings.Cut(up, "-- +goose Down")
	made := map[string]bool{}
	for _, statement := range statements(up) {
		if strings.EqualFold(statement, "INSERT INTO "+additiveTable+" (version) VALUES ("+strconv.FormatInt(version, 10)+")") {
			m.Additive = true
			continue
		}
		e := effect(statement)
		if e.Work == Creates {
			made[e.Table] = true
		} else if made[e.Table] {
			continue // nothing is in it
		}
		m.Effects = append(m.Effects, e)
	}
	return m
}
