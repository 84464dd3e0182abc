package api_test

import (
	"context"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/tasklog"
	"github.com/dingdag/dingdag/tasklog/live"
	"github.com/dingdag/dingdag/worker"
)

// Each try of a task is read from the machine that ran it.
func TestLogsOfMachines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.seen("hourly", false)
	last := &store.Instance{TaskID: "only", MapIndex: 0, State: dag.Running, Try: 3, Host: "b"}
	r := w.run(d, 5, dag.RunRunning, last)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.PutPastTries(ctx, []*store.Instance{
			{RunKey: r.Key, TaskID: "only", MapIndex: 0, Try: 1, State: dag.Failed, Host: "a"}, {RunKey: r.Key, TaskID: "only", MapIndex: 0, Try: 2, State: dag.Failed, Host: "c"},
		})
	})
	key, err := live.NewKey([]byte("secret"))
	require.NoError(t, err)
	endpoints := map[string]string{}
	for try, node := range map[int]string{1: "a", 3: "b"} {
		dir := t.TempDir()
		path := filepath.Join(dir, worker.LogPath(r, last, try))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("on "+node), 0o600))
		server := httptest.NewServer(live.NewHandler(live.HandlerOptions{Dir: dir, Node: node, Local: tasklog.Dir(dir), Key: key, Clock: w.options.Clock}))
		t.Cleanup(server.Close)
		endpoints[node] = server.URL
	}
	client := live.NewClient(live.ClientOptions{Key: key, Clock: w.options.Clock, Endpoints: func(_ context.Context, node string) ([]string, error) {
		if u, ok := endpoints[node]; ok {
			return []string{u}, nil
		}
		return nil, nil
	}})
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	w.options.Logs = tasklog.NewReader(tasklog.Options{Dir: w.dir, Node: "here", Nodes: client})
	a := api.New(w.options)
	open := func(try int) (string, error) {
		l, err := a.Log(t.Context(), api.TryQuery{DAGID: "hourly", TaskID: "only", RunID: r.RunID, MapIndex: 0, Try: try})
		require.NoError(t, err)
		text, err := l.Open(t.Context())
		if err != nil {
			return "", err
		}
		defer text.Close()
		b, err := io.ReadAll(text)
		return string(b), err
	}
	for try, want := range map[int]string{0: "on b", 3: "on b", 1: "on a"} {
		got, err := open(try)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err = open(2)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorContains(t, err, "attempt=2.log is on the machine c, which cannot be asked for it: no process of it is at work")
}
