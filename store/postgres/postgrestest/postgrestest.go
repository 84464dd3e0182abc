// Package postgrestest gives tests stores in the PostgreSQL database of DINGDAG_TEST_POSTGRES_URL. To make the tables takes
// many times as long as to empty them, so that a test gets those of one that has ended.
package postgrestest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dingdag/dingdag/store/postgres"
)

// Variable names the database of the tests.
const Variable = "DINGDAG_TEST_POSTGRES_URL"

// most bounds the tests at once, of which each has some connections: a database has 100 unless told otherwise.
const most = 4

var (
	slots = make(chan struct{}, most)
	spare = make(chan string, most)
)

// Schema returns the URL of an empty schema of the test's own, which goes with it. Without a database the test is skipped.
func Schema(tb testing.TB) string {
	tb.Helper()
	needDatabase(tb)
	schema := newSchema(tb)
	tb.Cleanup(func() {
		if err := run(dropping(schema)); err != nil {
			tb.Errorf("drop a schema: %v", err)
		}
	})
	return in(tb, schema)
}

func needDatabase(tb testing.TB) {
	tb.Helper()
	if os.Getenv(Variable) == "" {
		tb.Skip(Variable + " names no database")
	}
}

func newSchema(tb testing.TB) string {
	tb.Helper()
	schema := "test_" + strings.ToLower(rand.Text())
	if err := run("CREATE SCHEMA " + schema); err != nil {
		tb.Fatalf("create a schema: %v", err)
	}
	return schema
}

func dropping(schema string) string { return "DROP SCHEMA " + schema + " CASCADE" }

// URL returns the URL of a schema of the test's own with all tables, in which there is nothing. Without a database the test
// is skipped.
func URL(tb testing.TB) string {
	tb.Helper()
	needDatabase(tb)
	slots <- struct{}{}
	var schema string
	tb.Cleanup(func() {
		if schema != "" {
			if err := run(Emptying(schema)); err != nil {
				tb.Errorf("empty the tables: %v", err)
			}
			spare <- schema
		}
		<-slots
	})
	select {
	case schema = <-spare:
		return in(tb, schema)
	default:
	}
	schema = newSchema(tb)
	s, err := postgres.Open(context.Background(), in(tb, schema), postgres.Options{})
	if err != nil {
		tb.Fatalf("open the store: %v", err)
	}
	if err := s.Close(); err != nil {
		tb.Fatalf("close the store: %v", err)
	}
	return in(tb, schema)
}

// Open opens a store. Whoever asks for it closes it.
func Open(tb testing.TB, database string, o postgres.Options) *postgres.Store {
	tb.Helper()
	s, err := postgres.Open(context.Background(), database, o)
	if err != nil {
		tb.Fatalf("open the store: %v", err)
	}
	return s
}

// Drop removes what the tests have made. A TestMain calls it when they have ended.
func Drop() error {
	var errs []error
	for len(spare) > 0 {
		errs = append(errs, run(dropping(<-spare)))
	}
	return errors.Join(errs...)
}

// in is the database of the tests with a schema as its first.
func in(tb testing.TB, schema string) string {
	tb.Helper()
	u, err := url.Parse(os.Getenv(Variable))
	if err != nil {
		tb.Fatalf("%s: %v", Variable, err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	q.Set("pool_max_conns", "3")
	u.RawQuery = q.Encode()
	return u.String()
}

func run(statement string) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, os.Getenv(Variable))
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, statement)
	return errors.Join(err, c.Close(ctx))
}

// Emptying is the statement that empties the tables of a schema.
func Emptying(schema string) string {
	return fmt.Sprintf(`DO $$ DECLARE name text; BEGIN
		FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = '%[1]s' AND tablename NOT IN ('goose_db_version', 'additive_migration', 'river_migration') LOOP
			EXECUTE format('DELETE FROM %[1]s.%%I', name);
		END LOOP;
		PERFORM setval(seqrelid, seqstart, false) FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid
			WHERE relnamespace = '%[1]s'::regnamespace AND relname <> 'goose_db_version_id_seq';
	END $$`, schema)
}
