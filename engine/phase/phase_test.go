package phase_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/phase"
	"github.com/dingdag/dingdag/store"
)

// written is a store that notes what is written, and fails at one step.
type written struct {
	list   []string
	fails  string
	commit error
}

func (w *written) step(what string) error {
	w.list = append(w.list, what)
	if w.fails == what {
		return errors.New(what + " fails")
	}
	return nil
}

// Tx runs fn and fails when the commit does.
func (w *written) Tx(_ context.Context, fn func(store.Tx) error) error {
	return errors.Join(fn(tx{written: w}), w.commit)
}

type tx struct {
	store.Tx
	*written
}

// Enqueue notes the jobs.
func (t tx) Enqueue(_ context.Context, js []store.Job) error {
	return t.step(fmt.Sprint("jobs ", len(js)))
}

// PutInstances notes the states.
func (t tx) PutInstances(_ context.Context, is []*store.Instance) error {
	all := []string{"rows"}
	for _, in := range is {
		all = append(all, fmt.Sprintf("%d:%s", in.RunKey, in.State))
	}
	return t.step(strings.Join(all, " "))
}

// InsertDeliveries notes the messages.
func (t tx) InsertDeliveries(_ context.Context, ds []*store.Delivery) error {
	return t.step(fmt.Sprint("messages ", len(ds)))
}

// run goes through all phases with two rows of a run, one of another and one that take adds.
func run(w *written, observed bool) (seen []string, err error) {
	ctx := context.Background()
	done, err := phase.Run(ctx, w, func(tx store.Tx) (phase.Prepared, error) {
		d := phase.Begin(observed)
		one, two := &store.Run{Key: 1, State: dag.RunRunning}, &store.Run{Key: 2}
		a, b := &store.Instance{RunKey: 1, State: dag.Queued}, &store.Instance{RunKey: 2, State: dag.Failed}
		d.Row(one, a)
		d.Changed(phase.Change{Run: *two})
		d.After(func() { seen = append(seen, "first") })
		d.After(func() { seen = append(seen, "second") })
		d.Row(one, a)
		d.Message(&store.Delivery{}, &store.Delivery{})
		d.Job(store.Job{})
		d.Row(two, b)
		d.Row(one, &store.Instance{RunKey: 1, State: dag.Skipped})
		if !d.HasRow(a) || d.HasRow(&store.Instance{}) {
			return phase.Prepared{}, errors.New("rows are noted by what they are")
		}
		if err := d.Rows(ctx, tx); err != nil {
			return phase.Prepared{}, err
		}
		h, err := d.HandOver(ctx, tx, func(jobs []store.Job) error {
			if err := tx.Enqueue(ctx, jobs); err != nil {
				return err
			}
			a.State, one.State = dag.Running, dag.RunSuccess
			d.Row(two, &store.Instance{RunKey: 2, State: dag.Running})
			return w.step("take")
		})
		if err != nil {
			return phase.Prepared{}, err
		}
		r, err := h.Record(ctx, tx, func(key int64) { w.list = append(w.list, fmt.Sprint("on ", key)) })
		if err != nil {
			return phase.Prepared{}, err
		}
		d.Freed()
		return r.Send(ctx, tx)
	})
	if err != nil {
		return seen, err
	}
	done.Follow(func(c phase.Change) {
		text := fmt.Sprintf("run %d %s", c.Run.Key, c.Run.State)
		if c.Instance != nil {
			text += " " + string(c.Instance.State)
		}
		seen = append(seen, text)
	})
	if !done.FreedSlot() || len(done.Messages()) != 2 {
		err = errors.New("the commit knows what was freed and sent")
	}
	return seen, err
}

// All is written in order, each row once and as it is at the end, those of a run together, before anybody hears of it.
func TestOrder(t *testing.T) {
	t.Parallel()
	w := &written{}
	seen, err := run(w, true)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"rows 1:queued 2:failed 1:skipped", // for readers in between
		"jobs 1", "take", "on 1", "rows 1:running 1:skipped", "on 2", "rows 2:failed 2:running", "messages 2",
	}, w.list)
	assert.Equal(t, []string{
		"run 1 success running", "run 2  failed", "run 1 success skipped", "run 2  running", "run 2 ", "first", "second",
	}, seen)
	seen, err = run(&written{}, false)
	require.NoError(t, err)
	assert.Equal(t, []string{"run 2 ", "first", "second"}, seen)
}

// What fails ends the transaction there, and nothing follows.
func TestFailure(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"jobs 1", "take", "rows 2:failed 2:running", "messages 2"} {
		w := &written{fails: step}
		seen, err := run(w, true)
		require.EqualError(t, err, step+" fails")
		assert.Equal(t, step, w.list[len(w.list)-1])
		assert.Empty(t, seen)
	}
	seen, err := run(&written{commit: errors.New("the disk is full")}, true)
	require.EqualError(t, err, "the disk is full")
	assert.Empty(t, seen)
}
