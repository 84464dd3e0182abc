package app

import (
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/tasklog"
	"github.com/dingdag/dingdag/tasklog/folder"
)

// The setting log_store names a place, or it is said what is wrong with it.
func TestLogStore(t *testing.T) {
	t.Parallel()
	s := sqlitetest.Open(t, filepath.Join(t.TempDir(), "db"), sqlite.Options{Synchronous: "NORMAL"})
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	shared := t.TempDir()
	for setting, want := range map[string]string{
		"": "", "/srv/logs": "/srv/logs", "file:///srv/logs": "/srv/logs", "database": "the database", "database?max_mib=16": "the database", "odd://x": "odd://x",
		"logs": "error: write the whole path", "database?max_mib=0": "error: write database?max_mib=N", "database?max=1": "error: write database?max_mib=N",
		"s3://bucket": "error: dingdag-s3, which make s3 builds, does", "gs://bucket": "error: it knows file, odd, and database",
	} {
		home := t.TempDir()
		a := New(show.IO{In: nil, Out: io.Discard, Err: io.Discard, LookupEnv: func(name string) (string, bool) {
			v, ok := map[string]string{"DINGDAG_HOME": home, "DINGDAG_LOG_STORE": setting, "DINGDAG_LOG_STORE_KEY": "id:hush-hush"}[name]
			return v, ok
		}}, time.Now, Parts{LogStores: map[string]func(string, string) (tasklog.Store, error){"odd": func(u, key string) (tasklog.Store, error) {
			assert.Equal(t, "id:hush-hush", key)
			return place{folder.New(shared), u}, nil
		}}})
		_, err := a.ReadSettings()
		require.NoError(t, err, setting)
		got, err := a.LogStore(s)
		reader := a.logReader(s)
		_, rerr := reader.Open(t.Context(), tasklog.Try{Name: "dag_id=d/run_id=r/task_id=t/attempt=1.log"})
		cleaned, cerr := a.CleanedLogs(s)
		switch {
		case len(want) > 7 && want[:7] == "error: ":
			require.ErrorContains(t, err, want[7:], setting)
			require.ErrorContains(t, err, "log_store: ", setting)
			require.ErrorContains(t, rerr, want[7:], "who reads is told too")
			require.Error(t, cerr)
		case want == "":
			require.NoError(t, err)
			assert.Nil(t, got)
			assert.Nil(t, cleaned)
			assert.False(t, reader.Elsewhere())
		default:
			require.NoError(t, err, setting)
			assert.Equal(t, want, got.String())
			require.ErrorIs(t, rerr, tasklog.ErrNone)
			assert.NotNil(t, cleaned)
			if setting == "odd://x" {
				assert.Equal(t, "***", a.Mask("hush-hush"))
			}
		}
		require.NoError(t, a.Close())
	}
}

// place is a store with another name.
type place struct {
	tasklog.Store

	name string
}

func (p place) String() string { return p.name }
