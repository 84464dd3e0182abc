package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
)

// bulk is a post that folds letters.
type bulk struct{ *post }

// Tell takes any event.
func (b *bulk) Tell(m callbacks.Message, ev *callbacks.Event) (callbacks.Message, error) {
	return telling{b.post}.Tell(m, ev)
}

// Fold begins a letter that names those that it tells.
func (b *bulk) Fold() callbacks.Folding { return &bundle{post: b.post} }

type bundle struct {
	post  *post
	texts []string
}

// Add keeps the text; one that can't be read is nobody's.
func (b *bundle) Add(m callbacks.Message) (string, error) {
	var text string
	if err := json.Unmarshal(m.Payload, &text); err != nil {
		return "", err
	}
	b.texts = append(b.texts, text)
	return text, nil
}

// Message names all.
func (b *bundle) Message(ev *callbacks.Event) (callbacks.Message, error) {
	if slices.Contains(b.texts, "unfoldable") {
		return callbacks.Message{}, errors.New("no")
	}
	b.post.mu.Lock()
	b.post.pages = append(b.post.pages, ev.URL)
	b.post.mu.Unlock()
	text := "[" + strings.Join(b.texts, " ") + "]"
	if ev.Digest.Mended > 0 {
		text += fmt.Sprintf(" mended %d", ev.Digest.Mended)
	}
	p, err := json.Marshal(text)
	return callbacks.Message{Sender: "post", Channel: "post", Summary: "bundle", Payload: p}, err
}

// folds runs a test of what is folded, in no time. say has a DAG tell of an event.
func folds(t *testing.T, answer func(text string, attempt int) error, test func(t *testing.T, b *bench, p *post, say func(kind callbacks.Kind, dagID, text string))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		p := newPost(answer)
		b := newBench(t, &bulk{p})
		b.start()
		synctest.Wait()
		test(t, b, p, func(kind callbacks.Kind, dagID, text string) {
			t.Helper()
			bound, err := outbox.Bind(b.cbs, []dag.Callback{callback(t, "{callback: letter, text: "+text+", urgent: "+strconv.FormatBool(text == "urgent")+"}")})
			require.NoError(t, err)
			ev := &callbacks.Event{Kind: kind, DAGID: dagID, RunID: "r", TaskID: text, MapIndex: -1, TryNumber: 1}
			ds := b.out.Prepare(bound, ev, &template.Context{}, renders)
			require.NoError(t, b.store.Tx(context.Background(), func(tx store.Tx) error { return tx.InsertDeliveries(context.Background(), ds) }))
			b.out.Stored(ds)
			synctest.Wait()
		})
	})
}

func taken(string, int) error { return nil }

// The first alert of a DAG leaves at once. More of it is gathered for five seconds, and after a
// digest for twenty; another DAG does not wait, nor what is urgent, nor the news of a success.
func TestFoldGathers(t *testing.T) {
	t.Parallel()
	folds(t, taken, func(t *testing.T, b *bench, p *post, say func(callbacks.Kind, string, string)) {
		t.Helper()
		say(callbacks.Failure, "d", "first")
		say(callbacks.Failure, "d", "second")
		say(callbacks.Retry, "d", "third")
		say(callbacks.Failure, "e", "other")
		say(callbacks.Success, "f", "good")
		say(callbacks.Failure, "d", "urgent")
		assert.Equal(t, []string{"first 0s", "other 0s", "good 0s", "urgent 0s"}, p.logSoFar())
		time.Sleep(10 * time.Second)
		say(callbacks.Failure, "d", "fourth")
		time.Sleep(10 * time.Second)
		say(callbacks.Failure, "d", "fifth")
		time.Sleep(20 * time.Second)
		say(callbacks.Failure, "d", "sixth")
		time.Sleep(time.Minute)
		say(callbacks.Failure, "d", "seventh")
		assert.Equal(t, []string{"[second third] 5s", "[fourth fifth] 25s", "sixth 45s", "seventh 1m40s"}, p.logSoFar()[4:])
		ds := b.deliveries()
		digest := ds[slices.IndexFunc(ds, func(d *store.Delivery) bool { return d.Summary == "bundle" })]
		assert.Equal(t, store.DeliveryDelivered, digest.State)
		assert.Equal(t, "digest", digest.Owner.Event)
		p.mu.Lock()
		assert.Contains(t, p.pages, fmt.Sprintf("https://dag.example.com/alerts/%d", digest.ID), "its page has all that it tells")
		p.mu.Unlock()
		for i, state := range []store.DeliveryState{store.DeliveryDelivered, store.DeliveryFolded, store.DeliveryFolded, store.DeliveryDelivered} {
			assert.Equal(t, state, ds[i].State, i)
			if state == store.DeliveryFolded {
				assert.Equal(t, digest.ID, ds[i].DigestID)
			}
		}
	})
}

// Each DAG is told in order: the news of a success waits for the failure before it, which is being
// gathered, and leaves with it. One that came before that leaves at once, and what is urgent does.
func TestFoldGathersWhatCameAfter(t *testing.T) {
	t.Parallel()
	folds(t, taken, func(t *testing.T, _ *bench, p *post, say func(callbacks.Kind, string, string)) {
		t.Helper()
		say(callbacks.Failure, "d", "first")
		say(callbacks.Execute, "d", "before")
		say(callbacks.Failure, "d", "second")
		say(callbacks.Success, "d", "after")
		say(callbacks.Success, "e", "other")
		say(callbacks.Success, "d", "urgent")
		assert.Equal(t, []string{"first 0s", "before 0s", "other 0s", "urgent 0s"}, p.logSoFar())
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"[second after] 5s"}, p.logSoFar()[4:])
		say(callbacks.Success, "d", "last")
		assert.Equal(t, "last 1m0s", p.logSoFar()[5])
	})
}

// What finds out whether a receiver is back is the first message of its DAG, so that the order is kept;
// of several DAGs it is one that was tried least.
func TestFoldProbesInOrder(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	away.Store(true)
	folds(t, func(string, int) error {
		if away.Load() {
			return postError{retry: true}
		}
		return nil
	}, func(t *testing.T, _ *bench, p *post, say func(callbacks.Kind, string, string)) {
		t.Helper()
		say(callbacks.Failure, "d", "d1")
		say(callbacks.Success, "d", "d2")
		say(callbacks.Success, "e", "e1")
		time.Sleep(5 * time.Second)
		for _, line := range p.logSoFar() {
			assert.NotContains(t, line, "d2 ", "d1 is older")
		}
		assert.Contains(t, strings.Join(p.logSoFar(), "\n"), "e1 ", "d1 is not tried alone")
		away.Store(false)
		time.Sleep(time.Minute)
		taken := strings.Join(p.takenSoFar(), " ")
		assert.Less(t, strings.Index(taken, "d1"), strings.Index(taken, "d2"))
	})
}

// A digest that came back is told before what its DAGs have said since.
func TestFoldToldAgainFirst(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	folds(t, func(string, int) error {
		if away.Load() {
			return postError{retry: true, throttled: true, delay: 10 * time.Second}
		}
		return nil
	}, func(t *testing.T, _ *bench, p *post, say func(callbacks.Kind, string, string)) {
		t.Helper()
		say(callbacks.Failure, "d", "first")
		away.Store(true)
		say(callbacks.Retry, "d", "second")
		say(callbacks.Retry, "d", "third")
		time.Sleep(6 * time.Second)
		require.Equal(t, []string{"first 0s", "[second third] 5s"}, p.logSoFar())
		time.Sleep(8 * time.Second)
		say(callbacks.Success, "d", "fourth")
		away.Store(false)
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"first", "[second third]", "fourth"}, p.takenSoFar())
	})
}

// What waits for its receiver for over twenty seconds becomes one message, whatever it tells. What
// is younger, of another DAG, does not join.
func TestFoldOld(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	away.Store(true)
	folds(t, func(string, int) error {
		if away.Load() {
			return postError{retry: true, throttled: true, delay: time.Minute}
		}
		return nil
	}, func(t *testing.T, _ *bench, p *post, say func(callbacks.Kind, string, string)) {
		t.Helper()
		say(callbacks.Success, "d", "one")
		say(callbacks.Success, "e", "two")
		say(callbacks.Execute, "d", "three")
		say(callbacks.Success, "f", "urgent")
		time.Sleep(50 * time.Second)
		say(callbacks.Success, "g", "young")
		say(callbacks.Success, "d", "four")
		away.Store(false)
		time.Sleep(3 * time.Minute)
		assert.Equal(t, []string{"urgent", "[one two three four]", "young"}, p.takenSoFar())
	})
}

// By rank, and within one by turns of the DAGs; what a DAG has said before a failure goes with it.
func TestFoldOrder(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	away.Store(true)
	folds(t, func(string, int) error {
		if away.Load() {
			return postError{retry: true, throttled: true, delay: 10 * time.Second}
		}
		return nil
	}, func(t *testing.T, _ *bench, p *post, say func(callbacks.Kind, string, string)) {
		t.Helper()
		say(callbacks.Success, "d", "d1")
		say(callbacks.Success, "d", "d2")
		say(callbacks.Success, "e", "e1")
		say(callbacks.Retry, "f", "f1")
		say(callbacks.Success, "g", "g1")
		say(callbacks.Failure, "g", "g2")
		say(callbacks.Success, "d", "urgent")
		away.Store(false)
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"urgent", "[g1 g2]", "f1", "e1", "d1", "d2"}, p.takenSoFar())
	})
}

// A digest that could not leave tells what is new as well, and says what has been mended since.
func TestFoldAgain(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	away.Store(true)
	folds(t, func(text string, _ int) error {
		if away.Load() && text != "first" {
			return postError{retry: true, throttled: true, delay: time.Minute}
		}
		return nil
	}, func(t *testing.T, b *bench, p *post, say func(callbacks.Kind, string, string)) {
		t.Helper()
		say(callbacks.Failure, "d", "first")
		say(callbacks.Failure, "d", "second")
		say(callbacks.Failure, "d", "third")
		time.Sleep(10 * time.Second)
		require.Equal(t, []string{"first 0s", "[second third] 5s"}, p.logSoFar())
		say(callbacks.Failure, "e", "fourth")
		b.succeeds("d", "r", "third")
		time.Sleep(30 * time.Second)
		away.Store(false)
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"first", "[second third fourth] mended 1"}, p.takenSoFar())
		for _, d := range b.deliveries()[1:] {
			assert.Contains(t, []store.DeliveryState{store.DeliveryFolded, store.DeliveryDelivered}, d.State)
		}
	})
}

// A digest that waits tells nothing of what is silent: that has its own row again and is summed up. One of
// which nothing is left does not leave.
func TestFoldSilenced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		silence store.Silence
		taken   []string
	}{
		"a DAG":   {store.Silence{DAGs: []string{"d"}}, []string{"first", "[e1 e2]", "静默结束 Silence ended: DAG d: 2 alerts were silenced: 1 on_failure of d.second, 1 on_failure of d.third"}},
		"all":     {store.Silence{}, []string{"first", "静默结束 Silence ended: all alerts: 4 alerts were silenced: 1 on_failure of d.second, 1 on_failure of d.third, 1 on_failure of e.e1, …"}},
		"another": {store.Silence{DAGs: []string{"x"}}, []string{"first", "[second third e1 e2]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var away atomic.Bool
			folds(t, func(string, int) error {
				if away.Load() {
					return postError{retry: true, throttled: true, delay: time.Minute}
				}
				return nil
			}, func(t *testing.T, b *bench, p *post, say func(callbacks.Kind, string, string)) {
				t.Helper()
				say(callbacks.Failure, "d", "first")
				away.Store(true)
				say(callbacks.Failure, "d", "second")
				say(callbacks.Failure, "d", "third")
				time.Sleep(10 * time.Second)
				say(callbacks.Failure, "e", "e1")
				say(callbacks.Failure, "e", "e2")
				time.Sleep(90 * time.Second)
				away.Store(false)
				s := b.snooze(c.silence)
				counts, err := b.store.CountSilenced(context.Background(), s.ID)
				require.NoError(t, err)
				for _, d := range b.deliveries() {
					if d.SilenceID == s.ID {
						assert.Equal(t, store.DeliverySilenced, d.State)
						assert.Zero(t, d.DigestID)
						assert.NotEqual(t, "digest", d.Owner.Event)
						counts[s.ID]--
					}
				}
				assert.Zero(t, counts[s.ID])
				time.Sleep(2 * time.Hour)
				assert.Equal(t, c.taken, p.takenSoFar())
			})
		})
	}
}

// What comes between the look at what is to be silent and the telling is not told unlooked at.
func TestFoldOfWhatJustCame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPost(taken)
		b := newBench(t, &bulk{p})
		b.stopStore()
		var came atomic.Bool
		tell := func(task, text string) {
			b.tell(callbacks.Failure, task, callback(t, "{callback: letter, text: "+text+"}"))
		}
		b.wrap = func(s outbox.Store) outbox.Store {
			return &between{Store: s, then: func() {
				if came.CompareAndSwap(false, true) {
					tell("late", "late")
				}
			}}
		}
		b.open()
		tell("a", "one")
		tell("b", "two")
		b.snooze(store.Silence{DAGs: []string{"d"}, TaskID: "late"})
		b.start()
		time.Sleep(time.Minute)
		assert.True(t, came.Load())
		assert.Equal(t, []string{"[one two]"}, p.takenSoFar())
		b.stop()
	})
}

// between does something after the look at what is to be silent.
type between struct {
	outbox.Store

	then func()
}

// DeliveryLine is asked after that look.
func (s *between) DeliveryLine(ctx context.Context, channel string, now time.Time) ([]*store.DeliveryHead, time.Time, error) {
	heads, at, err := s.Store.DeliveryLine(ctx, channel, now)
	s.then()
	return heads, at, err
}

// What can't be told together leaves by itself.
func TestFoldNever(t *testing.T) {
	t.Parallel()
	folds(t, taken, func(t *testing.T, _ *bench, p *post, say func(callbacks.Kind, string, string)) {
		t.Helper()
		say(callbacks.Failure, "d", "first")
		say(callbacks.Failure, "d", "unfoldable")
		say(callbacks.Failure, "d", "third")
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"first", "unfoldable", "third"}, p.takenSoFar())
	})
}

// succeeds lets a task of a run have succeeded.
func (b *bench) succeeds(dagID, runID, taskID string) {
	b.t.Helper()
	ctx := context.Background()
	require.NoError(b.t, b.store.Tx(ctx, func(tx store.Tx) error {
		r := &store.Run{DAGID: dagID, RunID: runID, Type: dag.ManualRun, State: dag.RunRunning, RunAfter: time.Now(), QueuedAt: time.Now()}
		if _, err := tx.InsertRun(ctx, r); err != nil {
			return err
		}
		return tx.PutInstances(ctx, []*store.Instance{{RunKey: r.Key, TaskID: taskID, MapIndex: -1, State: dag.Success, Try: 2}})
	}))
}
