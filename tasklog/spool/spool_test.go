package spool_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/tasklog"
	"github.com/dingdag/dingdag/tasklog/folder"
	"github.com/dingdag/dingdag/tasklog/spool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const logName = "dag_id=d/run_id=r/task_id=t/attempt=1.log"

// node is a machine with a log folder and a log store.
type node struct {
	dir   string
	store tasklog.Store
	keep  bool
	grace time.Duration
	log   *slog.Logger
	clock func() time.Time
}

func newNode(t *testing.T) *node {
	t.Helper()
	return &node{dir: filepath.Join(t.TempDir(), "logs"), store: folder.New(filepath.Join(t.TempDir(), "shared")), clock: ticking(), grace: time.Minute}
}

// ticking is a clock that is a millisecond further each time.
func ticking() func() time.Time {
	var n atomic.Int64
	return func() time.Time { return time.UnixMilli(1767225600000 + n.Add(1)) }
}

func (n *node) open(t *testing.T) *spool.Spool {
	t.Helper()
	s, err := spool.Open(n.options())
	require.NoError(t, err)
	return s
}

func (n *node) options() spool.Options {
	return spool.Options{Dir: n.dir, Node: "a", Store: n.store, Keep: n.keep, Grace: n.grace, Clock: n.clock, Log: n.log}
}

// write writes into a log as a try does.
func (n *node) write(t *testing.T, s *spool.Spool, name, text string) (done func()) {
	t.Helper()
	done, err := s.Begin(name)
	require.NoError(t, err)
	file := filepath.Join(n.dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o750))
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = f.WriteString(text)
	require.NoError(t, errors.Join(err, f.Close()))
	return done
}

// sent lets a spool send what has ended, and closes it.
func sent(t *testing.T, s *spool.Spool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Run(ctx) // for as long as the grace
	require.NoError(t, s.Close())
}

// stored are the parts of a log in the store.
func (n *node) stored(t *testing.T, name string) (texts []string) {
	t.Helper()
	parts, err := n.store.Parts(t.Context(), name)
	require.NoError(t, err)
	for _, p := range parts {
		b := make([]byte, p.Size)
		_, err := n.store.ReadAt(t.Context(), name, p, b, 0)
		require.NoError(t, err)
		texts = append(texts, string(b))
	}
	return texts
}

// left are the files in the log folder, but for the lock.
func (n *node) left(t *testing.T) (all []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(n.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "lock" {
			all = append(all, strings.TrimPrefix(path, n.dir+"/"))
		}
		return err
	}))
	return all
}

func TestSent(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	s := n.open(t)
	done := n.write(t, s, logName, "one\n")
	held, err := s.Held(logName)
	require.NoError(t, err)
	assert.Equal(t, tasklog.Held{Size: 4, Unsent: []tasklog.Span{{Start: 1767225600001, From: 0, To: 4}}}, held, "while it is written")
	assert.Zero(t, s.Waiting())
	done()
	done() // once more does nothing
	assert.Equal(t, 1, s.Waiting())
	sent(t, s)
	assert.Equal(t, []string{"one\n"}, n.stored(t, logName))
	assert.Empty(t, n.left(t), "nothing of it stays on the machine")
	assert.NoDirExists(t, filepath.Join(n.dir, "dag_id=d"))
}

func TestKept(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.keep = true
	for _, text := range []string{"one\n", "two\n"} { // the try goes on, perhaps after a restart
		s := n.open(t)
		n.write(t, s, logName, text)()
		sent(t, s)
	}
	assert.Equal(t, []string{"one\n", "two\n"}, n.stored(t, logName))
	assert.Equal(t, []string{logName}, n.left(t))
}

// Of a process that was killed everything comes into the store: what had ended, and what was being written.
func TestCrash(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	s := n.open(t)
	n.write(t, s, logName, "one\n")()
	n.write(t, s, logName, "two\n")
	n.write(t, s, "dag_id=d/run_id=r/task_id=u/attempt=1.log", "of another try\n")
	require.NoError(t, s.Close()) // as the end of a process closes it
	require.NoError(t, os.WriteFile(filepath.Join(n.dir, ".unsent", "1767225600009-half.json"), []byte(`{"na`), 0o600))

	s = n.open(t)
	assert.Equal(t, 3, s.Waiting())
	n.write(t, s, logName, "three\n")() // the try goes on at once
	sent(t, s)
	assert.Equal(t, []string{"one\n", "two\n", "three\n"}, n.stored(t, logName))
	assert.Equal(t, []string{"of another try\n"}, n.stored(t, "dag_id=d/run_id=r/task_id=u/attempt=1.log"))
	assert.Empty(t, n.left(t))
}

// A file is not removed while a try writes into it again.
func TestWrittenAgain(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	s := n.open(t)
	n.write(t, s, logName, "one\n")()
	second := n.write(t, s, logName, "two\n")
	third := n.write(t, s, logName, "two too\n") // beside it, a note of the engine
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); s.Run(ctx) }()
	require.Eventually(t, func() bool { return s.Waiting() == 0 }, 10*time.Second, time.Millisecond)
	assert.FileExists(t, filepath.Join(n.dir, logName))
	held, err := s.Held(logName)
	require.NoError(t, err)
	assert.Equal(t, []tasklog.Span{{Start: 1767225600003, From: 4, To: 16}}, held.Unsent)
	second()
	assert.Zero(t, s.Waiting(), "one still writes")
	third()
	require.Eventually(t, func() bool { return s.Waiting() == 0 }, 10*time.Second, time.Millisecond)
	cancel()
	<-ran
	require.NoError(t, s.Close())
	assert.Equal(t, []string{"one\n", "two\ntwo too\n"}, n.stored(t, logName))
	assert.Empty(t, n.left(t))
}

func TestNothingToSend(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	s := n.open(t)
	done, err := s.Begin(logName) // the log could not be opened
	require.NoError(t, err)
	done()
	n.write(t, s, "dag_id=d/run_id=old/task_id=t/attempt=1.log", "removed with old logs\n")()
	require.NoError(t, os.RemoveAll(filepath.Join(n.dir, "dag_id=d/run_id=old")))
	sent(t, s)
	assert.Empty(t, n.stored(t, logName))
	assert.Empty(t, n.left(t))

	_, err = n.open(t).Begin("../elsewhere.log")
	require.ErrorContains(t, err, "no name of a task log")
}

// One log folder has one process that writes, so that nobody sends what another one is writing.
func TestLocked(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	s := n.open(t)
	_, err := spool.Open(n.options())
	require.ErrorContains(t, err, "another process writes task logs into "+n.dir)
	require.NoError(t, s.Close())
	require.NoError(t, n.open(t).Close())
}

// Where nothing can be noted nothing is written: it would be lost in a crash.
func TestNoJournal(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	s := n.open(t)
	require.NoError(t, os.RemoveAll(filepath.Join(n.dir, ".unsent")))
	_, err := s.Begin(logName)
	require.ErrorContains(t, err, "note in the journal of task logs")
	require.ErrorIs(t, err, os.ErrNotExist)
	held, err := s.Held(logName)
	require.NoError(t, err)
	assert.Empty(t, held.Unsent)
	require.NoError(t, s.Close())
}

// broken is a store that fails, or hangs, while it is told to.
type broken struct {
	tasklog.Store

	down, hangs atomic.Bool
	tries       atomic.Int32
}

func (b *broken) Put(ctx context.Context, name string, p tasklog.Part, text io.Reader) error {
	b.tries.Add(1)
	if b.hangs.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if b.down.Load() {
		return errors.New("connection refused")
	}
	return b.Store.Put(ctx, name, p, text)
}

// lines is a log that tests read.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// A store that cannot be reached is tried again after longer and longer pauses, and its logs stay until it can.
func TestStoreDown(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	down := &broken{Store: n.store}
	down.down.Store(true)
	told := &lines{}
	n.store, n.log = down, slog.New(slog.NewTextHandler(told, nil))
	synctest.Test(t, func(t *testing.T) {
		s := n.open(t)
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan struct{})
		go func() { defer close(ran); s.Run(ctx) }()
		n.write(t, s, logName, "one\n")()
		n.write(t, s, "dag_id=d/run_id=r/task_id=u/attempt=1.log", "two\n")()
		time.Sleep(10 * time.Minute) // of the bubble
		synctest.Wait()
		assert.Equal(t, 2, s.Waiting())
		assert.InDelta(t, 2*15, down.tries.Load(), 8, "1 s, 2 s, 4 s … then once a minute")
		assert.Equal(t, 1, told.count("cannot be brought into the log store"), "it is told once")
		down.down.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Zero(t, s.Waiting())
		assert.Equal(t, 1, told.count("go into the log store again"))
		cancel()
		<-ran
		require.NoError(t, s.Close())
	})
	assert.Equal(t, []string{"one\n"}, n.stored(t, logName))
	assert.Empty(t, n.left(t))
}

// A process ends in time although the store hangs, and the next one sends what it could not.
func TestGrace(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	hangs := &broken{Store: n.store}
	hangs.hangs.Store(true)
	told := &lines{}
	n.store, n.log, n.grace = hangs, slog.New(slog.NewTextHandler(told, nil)), 5*time.Second
	synctest.Test(t, func(t *testing.T) {
		s := n.open(t)
		n.write(t, s, logName, "one\n")()
		began := time.Now()
		sent(t, s)
		assert.Equal(t, n.grace, time.Since(began))
	})
	assert.Equal(t, 1, told.count("are sent after the next start"))
	hangs.hangs.Store(false)
	sent(t, n.open(t))
	assert.Equal(t, []string{"one\n"}, n.stored(t, logName))
}

// How many wait, and since when, is known, also of what an earlier process has left.
func TestBacklog(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	now := time.UnixMilli(1767225600000)
	n.clock = func() time.Time { return now }
	backlog := func(s *spool.Spool, want int, oldest time.Duration) {
		t.Helper()
		parts, since := s.Backlog()
		assert.Equal(t, want, parts)
		assert.Equal(t, oldest, since)
	}
	s := n.open(t)
	backlog(s, 0, 0)
	done := n.write(t, s, logName, "one\n")
	now = now.Add(time.Hour)
	backlog(s, 0, 0) // it grows
	done()
	now = now.Add(time.Minute)
	backlog(s, 1, time.Minute)
	n.write(t, s, "dag_id=d/run_id=r/task_id=u/attempt=1.log", "two\n")()
	now = now.Add(time.Minute)
	backlog(s, 2, 2*time.Minute)
	require.NoError(t, s.Close())
	for path, ago := range map[string]time.Duration{logName: 5 * time.Minute, "dag_id=d/run_id=r/task_id=u/attempt=1.log": 4 * time.Minute} {
		require.NoError(t, os.Chtimes(filepath.Join(n.dir, path), now, now.Add(-ago)))
	}
	s = n.open(t)
	backlog(s, 2, 5*time.Minute)
	sent(t, s)
	backlog(s, 0, 0)
}
