package home_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/postgres/postgrestest"
)

// on is a home folder of its own whose store is in a database.
func on(t *testing.T, database string, log io.Writer) *home.Home {
	t.Helper()
	env := map[string]string{"DINGDAG_DATABASE_URL": database, "DINGDAG_HOME": filepath.Join(t.TempDir(), "home")}
	h := home.New(show.IO{Out: log, Err: log, LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}, time.Now)
	t.Cleanup(func() { assert.NoError(t, h.Close()) })
	_, err := h.ReadSettings()
	require.NoError(t, err)
	return h
}

// said is a log of which each line is waited for.
type said chan string

func (s said) Write(line []byte) (int, error) {
	s <- string(line)
	return len(line), nil
}

// Where nothing listens, whoever asks is told at once, and who goes on for long waits; neither shows a password.
func TestADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := ln.Addr().String()
	require.NoError(t, ln.Close())
	log := make(said, 10)
	h := on(t, "postgres://ann:hunter2secret@"+closed+"/dingdag?sslpassword=hunter3secret&sslmode=disable", &log)
	assert.Equal(t, "postgres://"+closed+"/dingdag", h.Place())
	assert.Equal(t, "*** ***", h.Masker().Mask("hunter2secret hunter3secret"))
	has, err := h.HasStore()
	require.NoError(t, err)
	assert.True(t, has)
	_, err = h.OpenStore(t.Context())
	require.ErrorIs(t, err, store.ErrBusy)
	require.ErrorContains(t, err, "setting database_url: open the database: ")
	assert.NotContains(t, err.Error(), "hunter")

	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1)
	go func() {
		_, err := h.AwaitStore(ctx)
		waited <- err
	}()
	line := <-log
	assert.Contains(t, line, "the database cannot be reached; trying again until it is there")
	assert.NotContains(t, line, "hunter")
	cancel()
	require.ErrorIs(t, <-waited, context.Canceled)
}

// Two home folders share one store, and each has its own lock and name.
func TestHomesShareADatabase(t *testing.T) {
	t.Parallel()
	database := postgrestest.Schema(t)
	one, two := on(t, database, io.Discard), on(t, database, io.Discard)
	for _, h := range []*home.Home{one, two} {
		require.NoError(t, h.Lock())
		_, err := h.AwaitStore(t.Context())
		require.NoError(t, err)
		assert.NoFileExists(t, filepath.Join(h.Settings.Home, "dingdag.db"))
	}
	assert.NotEqual(t, one.Node(), two.Node())
	assert.Equal(t, one.Node(), one.Node())
	require.NoError(t, one.Store.Tx(t.Context(), func(tx store.Tx) error { return tx.PutPool(t.Context(), &store.Pool{Name: "shared", Slots: 3}) }))
	pools, err := two.Store.Pools(t.Context())
	require.NoError(t, err)
	var names []string
	for _, p := range pools {
		names = append(names, p.Name)
	}
	assert.Contains(t, names, "shared")
}
