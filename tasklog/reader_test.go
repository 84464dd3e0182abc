package tasklog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/tasklog"
	"github.com/dingdag/dingdag/tasklog/folder"
	"github.com/dingdag/dingdag/tasklog/live"
	"github.com/dingdag/dingdag/tasklog/spool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const logName = "dag_id=d/run_id=r/task_id=t/attempt=1.log"

// cluster is some machines with a log store, or without.
type cluster struct {
	store    tasklog.Store
	machines map[string]*machine
	clock    func() time.Time
}

// machine is one of them: its logs are shown to the others by a server.
type machine struct {
	c      *cluster
	name   string
	dir    string
	spool  *spool.Spool // nil without a store
	server *httptest.Server
	client *live.Client
	reader *tasklog.Reader
}

func newCluster(t *testing.T, store tasklog.Store, names ...string) *cluster {
	t.Helper()
	c := &cluster{store: store, machines: map[string]*machine{}}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c.clock = func() time.Time { now = now.Add(time.Millisecond); return now }
	for _, name := range names {
		c.machines[name] = c.newMachine(t, name, t.TempDir())
	}
	return c
}

func (c *cluster) newMachine(t *testing.T, name, dir string) *machine {
	t.Helper()
	m := &machine{c: c, name: name, dir: dir}
	require.NoError(t, tasklog.Dir(dir).Mark(dir))
	var local tasklog.Local = tasklog.Dir(dir)
	if c.store != nil {
		var err error
		m.spool, err = spool.Open(spool.Options{Dir: dir, Node: name, Store: c.store, Grace: time.Minute, Clock: c.clock})
		require.NoError(t, err)
		local = m.spool
	}
	key, err := live.NewKey([]byte("secret"))
	require.NoError(t, err)
	m.server = httptest.NewServer(live.NewHandler(live.HandlerOptions{Dir: dir, Node: name, Local: local, Key: key, Clock: c.clock}))
	m.client = live.NewClient(live.ClientOptions{Key: key, Clock: c.clock, Endpoints: func(_ context.Context, node string) (urls []string, err error) {
		for _, other := range c.machines {
			if other.name == node && other != m {
				urls = append(urls, other.server.URL)
			}
		}
		return urls, nil
	}})
	m.reader = tasklog.NewReader(tasklog.Options{Dir: dir, Node: name, Local: local, Store: c.store, Nodes: m.client})
	t.Cleanup(func() {
		m.server.Close()
		assert.NoError(t, m.client.Close())
		if m.spool != nil {
			assert.NoError(t, m.spool.Close())
		}
	})
	return m
}

// write writes as a try does.
func (m *machine) write(t *testing.T, text string) (done func()) {
	t.Helper()
	done = func() {}
	if m.spool != nil {
		var err error
		done, err = m.spool.Begin(logName)
		require.NoError(t, err)
	}
	file := filepath.Join(m.dir, logName)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o750))
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = f.WriteString(text)
	require.NoError(t, errors.Join(err, f.Close()))
	return done
}

// send brings what has ended into the store.
func (m *machine) send(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.spool.Run(ctx)
	require.Zero(t, m.spool.Waiting())
}

// reads is what a machine shows of the log of a try that another one ran last.
func (m *machine) reads(t *testing.T, node string) string {
	t.Helper()
	l, err := m.reader.Open(t.Context(), tasklog.Try{Name: logName, Node: node})
	require.NoError(t, err)
	defer func() { assert.NoError(t, l.Close()) }()
	b, err := io.ReadAll(l)
	require.NoError(t, err)
	require.Len(t, b, int(l.Size()))
	require.NoError(t, iotest.TestReader(io.NewSectionReader(l, 0, l.Size()), b))
	return string(b)
}

func shared(t *testing.T) tasklog.Store { t.Helper(); return folder.New(t.TempDir()) }

// Without a store a log is read where it is.
func TestOtherMachine(t *testing.T) {
	t.Parallel()
	c := newCluster(t, nil, "a", "b")
	a, b := c.machines["a"], c.machines["b"]
	_, err := b.reader.Open(t.Context(), tasklog.Try{Name: logName, Node: "a"})
	require.ErrorIs(t, err, tasklog.ErrNone)
	a.write(t, "one\n")
	assert.Equal(t, "one\n", b.reads(t, "a"))
	assert.Equal(t, "one\n", a.reads(t, "a"))
	a.write(t, "two\n")
	assert.Equal(t, "one\ntwo\n", b.reads(t, "a"), "while it grows")
	_, err = b.reader.Open(t.Context(), tasklog.Try{Name: logName, Node: ""})
	require.ErrorIs(t, err, tasklog.ErrNone)

	b.write(t, "the machine a is lost\n") // what the scheduler notes about it
	assert.Equal(t, "one\ntwo\nthe machine a is lost\n", b.reads(t, "a"))

	delete(c.machines, "a")
	assert.Equal(t, "the machine a is lost\n", b.reads(t, "a"))
	require.NoError(t, os.Remove(filepath.Join(b.dir, logName)))
	_, err = b.reader.Open(t.Context(), tasklog.Try{Name: logName, Node: "a"})
	gone, ok := errors.AsType[*tasklog.NodeError](err)
	require.True(t, ok)
	assert.Equal(t, "a", gone.Node)
	require.ErrorIs(t, err, tasklog.ErrGone)
}

// Two processes of one machine may have a log folder each.
func TestTwoProcessesOfAMachine(t *testing.T) {
	t.Parallel()
	c := newCluster(t, nil, "a")
	worker := c.machines["a"]
	scheduler := c.newMachine(t, "a", t.TempDir())
	worker.write(t, "one\n")
	assert.Equal(t, "one\n", scheduler.reads(t, "a"))
	delete(c.machines, "a")
	_, err := scheduler.reader.Open(t.Context(), tasklog.Try{Name: logName, Node: "a"})
	require.ErrorIs(t, err, tasklog.ErrNone)
}

// A try may go on in another process of the same machine: the part that is written last is shown until it is in the store, and what
// goes into the store meanwhile is not read from the file of the other one.
func TestTryMovesToAnotherProcessOfItsMachine(t *testing.T) {
	t.Parallel()
	c := newCluster(t, shared(t), "a", "b")
	c.machines["second"] = c.newMachine(t, "a", t.TempDir())
	first, second, b := c.machines["a"], c.machines["second"], c.machines["b"]
	first.write(t, "first\n")()
	l, err := b.reader.Open(t.Context(), tasklog.Try{Name: logName, Node: "a"})
	require.NoError(t, err)
	done := second.write(t, "later\n")
	first.send(t)
	text, err := io.ReadAll(l)
	require.NoError(t, errors.Join(err, l.Close()))
	assert.Equal(t, "first\n", string(text))
	assert.Equal(t, "first\nlater\n", b.reads(t, "a"))
	third := first.write(t, "last\n")
	assert.Equal(t, "first\nlast\n", b.reads(t, "a"), "what the second one has comes with the store")
	done()
	second.send(t)
	third()
	assert.Equal(t, "first\nlater\nlast\n", b.reads(t, "a"))
}

// A log folder that machines share is not read twice.
func TestSharedLogFolder(t *testing.T) {
	t.Parallel()
	c := newCluster(t, nil, "a")
	c.machines["b"] = c.newMachine(t, "b", c.machines["a"].dir)
	c.machines["a"].write(t, "one\n")
	assert.Equal(t, "one\n", c.machines["b"].reads(t, "a"))
}

// With a store a log is read before it is there, while a part of it is, and when the machine is gone.
func TestStore(t *testing.T) {
	t.Parallel()
	c := newCluster(t, shared(t), "a", "b", "c")
	a, b, watch := c.machines["a"], c.machines["b"], c.machines["c"]
	done := a.write(t, "a looks\n")
	assert.Equal(t, "a looks\n", watch.reads(t, "a"), "it is written")
	done()
	assert.Equal(t, "a looks\n", watch.reads(t, "a"), "it waits for the store")
	a.send(t)
	assert.NoFileExists(t, filepath.Join(a.dir, logName))
	assert.Equal(t, "a looks\n", watch.reads(t, "a"), "it is in the store")

	done = b.write(t, "b looks\n") // the sensor looks again, elsewhere
	assert.Equal(t, "a looks\nb looks\n", watch.reads(t, "b"))
	assert.Equal(t, "a looks\nb looks\n", b.reads(t, "b"))
	done()
	b.send(t)
	done = a.write(t, "a looks again\n")
	assert.Equal(t, "a looks\nb looks\na looks again\n", watch.reads(t, "a"))
	assert.Equal(t, "a looks\nb looks\na looks again\n", a.reads(t, "a"), "its file has the last part alone")
	done()
	watch.write(t, "the engine notes something\n")()
	assert.Equal(t, "a looks\nb looks\na looks again\nthe engine notes something\n", watch.reads(t, "a"))
	a.send(t)
	delete(c.machines, "a")
	assert.Equal(t, "a looks\nb looks\na looks again\nthe engine notes something\n", watch.reads(t, "a"))
}

// The machine of all parts may have the last one alone in its file.
func TestOneMachine(t *testing.T) {
	t.Parallel()
	c := newCluster(t, shared(t), "a")
	a := c.machines["a"]
	a.write(t, "it looks\n")()
	a.send(t)
	done := a.write(t, "it looks again, and says more\n")
	defer done()
	assert.Equal(t, "it looks\nit looks again, and says more\n", a.reads(t, "a"))
}

// What a machine has not brought into the store is not silently left out.
func TestLostMachine(t *testing.T) {
	t.Parallel()
	c := newCluster(t, shared(t), "a", "b")
	done := c.machines["a"].write(t, "one\n")
	delete(c.machines, "a")
	_, err := c.machines["b"].reader.Open(t.Context(), tasklog.Try{Name: logName, Node: "a"})
	require.ErrorIs(t, err, tasklog.ErrGone)
	require.ErrorContains(t, err, "the task log is on a, which cannot be asked: no process of it is at work")
	done()
	_, err = c.machines["b"].reader.Open(t.Context(), tasklog.Try{Name: "dag_id=d/../x.log"})
	require.ErrorIs(t, err, tasklog.ErrNone)
}

// A log that came to be before there was a store stays where it is, and is read there.
func TestBeforeTheStore(t *testing.T) {
	t.Parallel()
	c := newCluster(t, shared(t), "a", "b")
	file := filepath.Join(c.machines["a"].dir, logName)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o750))
	require.NoError(t, os.WriteFile(file, []byte("old\n"), 0o600))
	assert.Equal(t, "old\n", c.machines["a"].reads(t, "a"))
	assert.Equal(t, "old\n", c.machines["b"].reads(t, "a"))
}

// A part may come into the store, and go from its machine, while somebody reads it.
func TestMovesWhileRead(t *testing.T) {
	t.Parallel()
	c := newCluster(t, shared(t), "a", "b")
	done := c.machines["a"].write(t, "one\n")
	l, err := c.machines["b"].reader.Open(t.Context(), tasklog.Try{Name: logName, Node: "a"})
	require.NoError(t, err)
	done()
	c.machines["a"].send(t)
	b, err := io.ReadAll(l)
	require.NoError(t, errors.Join(err, l.Close()))
	assert.Equal(t, "one\n", string(b))
}

// down is a store that cannot be reached.
type down struct{ tasklog.Store }

func (down) Parts(context.Context, string) ([]tasklog.Part, error) {
	return nil, errors.New("connection refused")
}

func TestStoreDown(t *testing.T) {
	t.Parallel()
	c := newCluster(t, down{shared(t)}, "a", "b")
	done := c.machines["a"].write(t, "one\n")
	defer done()
	assert.Equal(t, "one\n", c.machines["a"].reads(t, "a"), "what is here is read")
	_, err := c.machines["b"].reader.Open(t.Context(), tasklog.Try{Name: logName, Node: "a"})
	require.ErrorContains(t, err, "look for a task log in "+c.store.String()+": connection refused")
}

// A long log is read in blocks, from any place.
func TestBlocks(t *testing.T) {
	t.Parallel()
	c := newCluster(t, shared(t), "a", "b")
	var text bytes.Buffer
	for i := 0; text.Len() < 3<<20; i++ {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	c.machines["a"].write(t, text.String())()
	c.machines["a"].send(t)
	done := c.machines["a"].write(t, strings.Repeat("more\n", 50_000))
	defer done()
	all := text.String() + strings.Repeat("more\n", 50_000)
	l, err := c.machines["b"].reader.Open(t.Context(), tasklog.Try{Name: logName, Node: "a"})
	require.NoError(t, err)
	defer l.Close()
	assert.Equal(t, int64(len(all)), l.Size())
	for _, span := range [][2]int{{0, 10}, {128<<10 - 1, 128<<10 + 1}, {text.Len() - 5, text.Len() + 5}, {len(all) - 1, len(all)}, {5, len(all) - 5}} {
		b := make([]byte, span[1]-span[0])
		_, err := l.ReadAt(b, int64(span[0]))
		require.NoError(t, err, "%v", span)
		require.Equal(t, all[span[0]:span[1]], string(b), "%v", span)
	}
	at, err := l.Seek(-10, io.SeekEnd)
	require.NoError(t, err)
	assert.Equal(t, int64(len(all)-10), at)
	b, err := io.ReadAll(l)
	require.NoError(t, err)
	assert.Equal(t, "more\nmore\n", string(b))
	_, err = l.Seek(-1, io.SeekStart)
	require.Error(t, err)
}

func TestPartName(t *testing.T) {
	t.Parallel()
	p := tasklog.Part{Start: time.UnixMilli(1767225600123).UTC(), Node: "host.example.com/1 值"}
	text := tasklog.PartName("dag_id=d.e/attempt=1.log", p)
	assert.Equal(t, "dag_id=d.e/attempt=1.1767225600123.host.example.com%2F1%20%E5%80%BC.log", text)
	name, got, ok := tasklog.ParsePart(text)
	require.True(t, ok)
	assert.Equal(t, "dag_id=d.e/attempt=1.log", name)
	assert.Equal(t, p, got)
	for _, bad := range []string{"dag_id=d.e/attempt=1.log", "attempt=1.12.a.log", "attempt=1.1767225600123.log", "attempt=1.1767225600123.a.txt", "attempt=1.1767225600123.%zz.log"} {
		_, _, ok := tasklog.ParsePart(bad)
		assert.False(t, ok, bad)
	}
}
