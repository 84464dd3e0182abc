package database_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/postgres/postgrestest"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/tasklog"
	"github.com/dingdag/dingdag/tasklog/database"
	"github.com/dingdag/dingdag/tasklog/tasklogtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openSQLite(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s := sqlitetest.Open(t, path, sqlite.Options{Synchronous: "NORMAL"})
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	tasklogtest.Run(t, func(t *testing.T) tasklogtest.Open {
		t.Helper()
		path := filepath.Join(t.TempDir(), "db")
		return func(t *testing.T) tasklog.Store { t.Helper(); return database.New(openSQLite(t, path), 0) }
	})
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	if os.Getenv(postgrestest.Variable) == "" {
		t.Skip(postgrestest.Variable + " names no database")
	}
	tasklogtest.Run(t, func(t *testing.T) tasklogtest.Open {
		t.Helper()
		at := postgrestest.Schema(t)
		return func(t *testing.T) tasklog.Store {
			t.Helper()
			s, err := postgres.Open(t.Context(), at, postgres.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			return database.New(s, 0)
		}
	})
}

const logName = "dag_id=d/run_id=r/task_id=t/attempt=1.log"

// Of a long log the beginning and the end are kept, in whole lines, and it says what is not.
func TestBound(t *testing.T) {
	t.Parallel()
	s := database.New(openSQLite(t, filepath.Join(t.TempDir(), "db")), 1) // the least is more
	var text strings.Builder
	for i := 0; text.Len() < 10*database.MinMaxBytes; i++ {
		fmt.Fprintf(&text, "line %d of many\n", i)
	}
	all := text.String()
	for node, reader := range map[string]func() *plain{"read": func() *plain { return &plain{strings.NewReader(all)} }, "seek": nil} {
		p := tasklog.Part{Start: time.UnixMilli(1767225600000).UTC(), Node: node, Size: int64(len(all))}
		name := strings.Replace(logName, "=t", "="+node, 1)
		if reader != nil {
			require.NoError(t, s.Put(t.Context(), name, p, reader()))
		} else {
			require.NoError(t, s.Put(t.Context(), name, p, strings.NewReader(all)))
		}
		parts, err := s.Parts(t.Context(), name)
		require.NoError(t, err)
		require.Len(t, parts, 1)
		assert.InDelta(t, database.MinMaxBytes, parts[0].Size, 200)
		b := make([]byte, parts[0].Size)
		_, err = s.ReadAt(t.Context(), name, parts[0], b, 0)
		require.NoError(t, err)
		lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
		assert.Equal(t, "line 0 of many", lines[0])
		assert.Equal(t, strings.Split(all, "\n")[strings.Count(all, "\n")-1], lines[len(lines)-1])
		told, kept := 0, 0
		for _, l := range lines {
			if strings.HasPrefix(l, "*** ") {
				var gone int
				_, err := fmt.Sscanf(l, "*** %d bytes of the log are left out here: the database keeps at most 65536 bytes of a log (log_store)", &gone)
				require.NoError(t, err)
				told++
				assert.Equal(t, len(all), gone+len(b)-len(l)-1)
				continue
			}
			assert.Regexp(t, `^line \d+ of many$`, l)
			kept++
		}
		assert.Equal(t, 1, told)
		assert.Greater(t, kept, 3000)
	}

	// The bound is of the log, and its parts share it.
	p := tasklog.Part{Start: time.UnixMilli(1767225600001).UTC(), Node: "a", Size: int64(len(all))}
	name := strings.Replace(logName, "=t", "=read", 1)
	require.NoError(t, s.Put(t.Context(), name, p, strings.NewReader(all)))
	parts, err := s.Parts(t.Context(), name)
	require.NoError(t, err)
	require.Len(t, parts, 2)
	assert.Less(t, parts[1].Size, int64(9<<10), "something of each part is kept")
}

// plain is a text that can be read alone.
type plain struct{ r *strings.Reader }

func (p *plain) Read(b []byte) (int, error) { return p.r.Read(b) }
