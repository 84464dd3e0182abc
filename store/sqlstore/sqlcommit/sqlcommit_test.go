package sqlcommit_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
)

// errBoom ends a function, and errDisk is what a database says that has taken back a transaction by itself.
var errBoom, errDisk = errors.New("boom"), errors.New("the disk is full")

// database notes what a committer does with it. It is a transaction too.
type database struct {
	mu  sync.Mutex
	did []string
	// fails are the errors of what is done, by its name.
	fails map[string]error
}

func (d *database) do(what string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.did = append(d.did, what)
	return d.fails[what]
}

func (d *database) done() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.did)
}

func (d *database) Run(_ context.Context, statement string) error { return d.do(statement) }
func (d *database) Commit(context.Context) error                  { return d.do("commit") }
func (d *database) Rollback(context.Context) error                { return d.do("rollback") }

// view is what a function sees.
type view struct {
	*database
	woke      bool
	onFailure func(func())
}

func (v *view) Woke() bool { return v.woke }

// write does something by which the function is known.
func (v *view) write(what string) { _ = v.do(what) }

type committer = sqlcommit.Committer[*database, *view]

// start starts a committer on a database.
func start(t *testing.T, d *database) *committer {
	t.Helper()
	c := sqlcommit.New(sqlcommit.Config[*database, *view]{
		Begin: func(context.Context) (*database, error) { return d, d.do("begin") },
		View:  func(d *database, onFailure func(func())) *view { return &view{database: d, onFailure: onFailure} },
		Wake:  func() { _ = d.do("wake") },
		Began: time.Now,
		Took:  func(_ sqlcommit.Stage, _ time.Time) time.Time { return time.Now() },
	})
	t.Cleanup(c.Close)
	return c
}

// writes is a function that writes something, and ends with an error.
func writes(what string, err error) func(*view) error {
	return func(v *view) error {
		v.write(what)
		return err
	}
}

// A function that shares a transaction has a savepoint of its own, and one that fails takes back
// nothing but its own.
func TestFunctionsShareACommit(t *testing.T) {
	t.Parallel()
	d := &database{}
	errs := start(t, d).Together(t.Context(), writes("one", nil), writes("two", errBoom), writes("three", nil))
	assert.Equal(t, []error{nil, errBoom, nil}, errs)
	assert.Equal(t, []string{
		"begin", "SAVEPOINT one", "one", "RELEASE one", "SAVEPOINT one", "two", "ROLLBACK TO one", "RELEASE one", "SAVEPOINT one", "three", "RELEASE one", "commit",
	}, d.done())
}

// A function alone needs no savepoint.
func TestAFunctionAlone(t *testing.T) {
	t.Parallel()
	d := &database{}
	c := start(t, d)
	require.NoError(t, c.Do(t.Context(), writes("one", nil)))
	require.ErrorIs(t, c.Do(t.Context(), writes("two", errBoom)), errBoom)
	assert.Equal(t, []string{"begin", "one", "commit", "begin", "two", "rollback"}, d.done())
}

// What a function wants undone is, in reverse, when it fails in whatever way, and before its caller or another
// function goes on.
func TestFailuresAreUndone(t *testing.T) {
	t.Parallel()
	two := func(d *database, name string, err error) func(*view) error {
		return func(v *view) error {
			v.onFailure(func() { _ = d.do("undo 1 of " + name) })
			v.onFailure(func() { _ = d.do("undo 2 of " + name) })
			return err
		}
	}
	for name, c := range map[string]struct {
		fails map[string]error
		end   error
		want  []error
		did   []string
	}{
		"none": {want: []error{nil, nil}, did: []string{"commit"}},
		"one of two": {
			end: errBoom, want: []error{errBoom, nil},
			did: []string{"ROLLBACK TO one", "RELEASE one", "undo 2 of a", "undo 1 of a", "SAVEPOINT one", "RELEASE one", "commit"},
		},
		"the commit": {
			fails: map[string]error{"commit": errDisk}, want: []error{errDisk, errDisk},
			did: []string{"commit", "undo 2 of a", "undo 1 of a", "undo 2 of b", "undo 1 of b"},
		},
		"the database itself": {
			fails: map[string]error{"ROLLBACK TO one": errDisk}, end: errBoom, want: []error{store.ErrBusy, store.ErrBusy},
			did: []string{"ROLLBACK TO one", "rollback", "undo 2 of a", "undo 1 of a"},
		},
		"a savepoint": {fails: map[string]error{"SAVEPOINT one": errDisk}, want: []error{errDisk, errDisk}, did: []string{"SAVEPOINT one", "rollback"}},
		"the begin":   {fails: map[string]error{"begin": errDisk}, want: []error{errDisk, errDisk}, did: []string{"begin"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &database{fails: c.fails}
			errs := start(t, d).Together(t.Context(), two(d, "a", c.end), two(d, "b", nil))
			for i, want := range c.want {
				require.ErrorIs(t, errs[i], want)
			}
			did := d.done()
			assert.Equal(t, c.did, did[len(did)-len(c.did):])
		})
	}
}

// A panic is the error of its function alone, and so is one while it is undone.
func TestPanics(t *testing.T) {
	t.Parallel()
	d := &database{}
	errs := start(t, d).Together(t.Context(), func(v *view) error {
		v.onFailure(func() { panic("undoing") })
		panic("doing")
	}, writes("two", nil))
	require.ErrorContains(t, errs[0], "panic: doing")
	require.ErrorContains(t, errs[0], "panic: undoing")
	require.ErrorContains(t, errs[0], "sqlcommit_test.go", "where it was")
	require.NoError(t, errs[1])
	assert.Contains(t, d.done(), "commit")
}

// A function whose caller is gone does not run, and its neighbours do.
func TestACallerThatIsGone(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, alone := range []bool{true, false} {
		d := &database{}
		c := start(t, d)
		fns := []func(*view) error{writes("never", nil)}
		if !alone {
			fns = append(fns, writes("neither", nil))
		}
		for _, err := range c.Together(gone, fns...) {
			require.ErrorIs(t, err, context.Canceled)
		}
		assert.NotContains(t, d.done(), "never")
		assert.NotContains(t, d.done(), "neither")
	}
}

// Workers are woken after the commit of a function that has handed out jobs, and not by one that failed.
func TestWaking(t *testing.T) {
	t.Parallel()
	woke := func(err error) func(*view) error {
		return func(v *view) error {
			v.woke = true
			return err
		}
	}
	for name, c := range map[string]struct {
		fns   []func(*view) error
		fails map[string]error
		want  bool
	}{
		"alone":               {[]func(*view) error{woke(nil)}, nil, true},
		"the first of two":    {[]func(*view) error{woke(nil), writes("b", nil)}, nil, true},
		"nothing handed out":  {[]func(*view) error{writes("a", nil), writes("b", nil)}, nil, false},
		"alone, failed":       {[]func(*view) error{woke(errBoom)}, nil, false},
		"one of two, failed":  {[]func(*view) error{woke(errBoom), writes("b", nil)}, nil, false},
		"not committed":       {[]func(*view) error{woke(nil)}, map[string]error{"commit": errDisk}, false},
		"not committed, both": {[]func(*view) error{woke(nil), woke(nil)}, map[string]error{"commit": errDisk}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &database{fails: c.fails}
			start(t, d).Together(t.Context(), c.fns...)
			did := d.done()
			if !c.want {
				assert.NotContains(t, did, "wake")
				return
			}
			assert.Equal(t, []string{"commit", "wake"}, did[len(did)-2:])
		})
	}
}

// Those that wait for a transaction under way share the next one, the most of them that one commit serves, in the order
// in which they came.
func TestThoseThatWaitShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &database{}
		c := start(t, d)
		let := make(chan struct{})
		var all sync.WaitGroup
		do := func(fn func(*view) error) {
			all.Go(func() { assert.NoError(t, c.Do(t.Context(), fn)) })
			synctest.Wait()
		}
		do(func(v *view) error {
			<-let
			v.write("first")
			return nil
		})
		for i := range sqlcommit.Most {
			do(writes(strconv.Itoa(i), nil))
		}
		assert.Equal(t, sqlcommit.Most, c.Waiting())
		late := make(chan error)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { late <- c.Do(ctx, writes("late", nil)) }()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-late, context.Canceled, "there is no room for it, and its caller goes")
		close(let)
		all.Wait()
		want := []string{"begin", "first", "commit", "begin"}
		for i := range sqlcommit.Most {
			want = append(want, "SAVEPOINT one", strconv.Itoa(i), "RELEASE one")
		}
		assert.Equal(t, append(want, "commit"), d.done())
	})
}

// The transaction under way ends before a committer does. Those that wait behind it, or come later, get an error
// that passes with the next process.
func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &database{}
		c := start(t, d)
		let, first, second := make(chan struct{}), make(chan error, 1), make(chan error, 1)
		go func() {
			first <- c.Do(t.Context(), func(*view) error {
				<-let
				return nil
			})
		}()
		synctest.Wait()
		closed := make(chan struct{})
		go func() {
			c.Close()
			close(closed)
		}()
		synctest.Wait()
		<-c.Closing()
		go func() { second <- c.Do(t.Context(), writes("late", nil)) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("it has ended before the transaction")
		default:
		}
		close(let)
		require.NoError(t, <-first)
		<-closed
		err := <-second
		if err != nil { // both were possible when it came
			require.ErrorIs(t, err, store.ErrBusy)
		}
		require.ErrorIs(t, c.Do(t.Context(), writes("later", nil)), sqlcommit.ErrClosed)
		assert.NotContains(t, d.done(), "later")
	})
}

// Each function waits, those that share a commit write once, and a commit counts when it has landed.
func TestStages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fails map[string]error
		want  []sqlcommit.Stage
	}{
		"landed": {nil, []sqlcommit.Stage{sqlcommit.Waiting, sqlcommit.Waiting, sqlcommit.Writing, sqlcommit.Committing}},
		"failed": {map[string]error{"commit": errDisk}, []sqlcommit.Stage{sqlcommit.Waiting, sqlcommit.Waiting, sqlcommit.Writing}},
	} {
		d := &database{fails: c.fails}
		now := time.Unix(0, 0)
		began := map[sqlcommit.Stage]time.Time{}
		var stages []sqlcommit.Stage
		tick := func() time.Time {
			now = now.Add(time.Second)
			return now
		}
		k := sqlcommit.New(sqlcommit.Config[*database, *view]{
			Begin: func(context.Context) (*database, error) { return d, nil },
			View:  func(d *database, _ func(func())) *view { return &view{database: d} },
			Wake:  func() {},
			Began: tick,
			Took: func(s sqlcommit.Stage, at time.Time) time.Time {
				stages = append(stages, s)
				began[s] = at
				return tick()
			},
		})
		k.Together(t.Context(), writes("a", nil), writes("b", nil))
		k.Close()
		assert.Equal(t, c.want, stages, name)
		assert.Equal(t, time.Unix(2, 0), began[sqlcommit.Waiting], "%s: since it came", name)
		assert.Equal(t, time.Unix(5, 0), began[sqlcommit.Writing], "%s: since its turn", name)
	}
}
