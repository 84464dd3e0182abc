package outbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/store"
)

// noting is a post whose letters have notes, but for cards.
type noting struct{ *bulk }

// WithNote writes the note behind the text.
func (noting) WithNote(m callbacks.Message, note string) (callbacks.Message, bool) {
	var text string
	if err := json.Unmarshal(m.Payload, &text); err != nil {
		return m, false
	}
	text, _, _ = strings.Cut(text, " + ")
	ok := note == "" || !strings.HasPrefix(text, "card")
	if ok && note != "" {
		text += " + " + strings.TrimPrefix(note, "注意 Note: ")
	}
	m.Payload, _ = json.Marshal(text)
	return m, ok
}

// notes runs a test of notes in no time. The answer to a letter is the next of those for its text
// without the note: "lost", "later", "no", and when there are none it is taken.
func notes(t *testing.T, answers map[string][]string, test func(t *testing.T, b *bench, p *post)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		var mu sync.Mutex
		p := newPost(func(text string, _ int) error {
			mu.Lock()
			defer mu.Unlock()
			text, _, _ = strings.Cut(text, " + ")
			next := answers[text]
			if len(next) == 0 {
				return nil
			}
			answers[text] = next[1:]
			return map[string]error{"lost": postError{uncertain: true}, "later": postError{retry: true}, "no": postError{}}[next[0]]
		})
		b := newBench(t, noting{&bulk{p}})
		test(t, b, p)
	})
}

// said is what the log of a post has without its moments.
func said(p *post) []string {
	var texts []string
	for _, line := range p.logSoFar() {
		texts = append(texts, line[:strings.LastIndex(line, " ")])
	}
	return texts
}

const oneLost = " + 1 earlier message may not have arrived: on_success of d.lost at 00:00 (alert 1)"

// Of a message that may have arrived the next one tells, and the one behind that does not.
func TestUncertainIsNamedOnce(t *testing.T) {
	t.Parallel()
	notes(t, map[string][]string{"lost": {"lost"}}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.letters("lost", "one", "two")
		b.later("all of them", b.settled)
		assert.Equal(t, []string{"lost", "one" + oneLost, "two"}, said(p))
		assert.Equal(t, b.delivery(1).ID, b.delivery(0).NamedIn)
		assert.JSONEq(t, `"one`+oneLost+`"`, string(b.delivery(1).Payload), "the record is what was sent")
	})
}

// A note that did not arrive, or that a message has no room for, is in the next one.
func TestUncertainIsNamedInWhatArrives(t *testing.T) {
	t.Parallel()
	notes(t, map[string][]string{"lost": {"lost"}, "refused": {"no"}, "again": {"lost"}}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.letters("lost", "refused", "card", "again", "one", "two")
		b.later("all of them", b.settled)
		both := " + 2 earlier messages may not have arrived: on_success of d.lost at 00:00 (alert 1), on_success of d.again at 00:00 (alert 4)"
		assert.Equal(t, []string{"lost", "refused" + oneLost, "card", "again" + oneLost, "one" + both, "two"}, said(p))
		assert.Equal(t, b.delivery(4).ID, b.delivery(0).NamedIn)
		assert.Equal(t, b.delivery(4).ID, b.delivery(3).NamedIn)
	})
}

// A message that is tried again says what is uncertain by then.
func TestUncertainIsNamedAnew(t *testing.T) {
	t.Parallel()
	notes(t, map[string][]string{"lost": {"lost"}, "one": {"later", "later"}}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.letters("lost", "one")
		b.later("two tries", func() bool { return len(p.logSoFar()) == 3 })
		synctest.Wait()
		require.NoError(t, b.store.Tx(context.Background(), func(tx store.Tx) error {
			d := b.delivery(0)
			d.State, d.Error = store.DeliveryRefused, "dismissed"
			_, err := tx.DecideDelivery(context.Background(), d, store.DeliveryUncertain)
			return err
		}))
		b.later("it arrives", b.settled)
		assert.Equal(t, []string{"lost", "one" + oneLost, "one" + oneLost, "one"}, said(p))
		assert.Zero(t, b.delivery(0).NamedIn)
	})
}

// A message that tells several tells of it, too.
func TestUncertainIsNamedInADigest(t *testing.T) {
	t.Parallel()
	notes(t, map[string][]string{"lost": {"lost"}, "[two three]": {"later"}}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.start()
		for _, id := range []string{"lost", "two", "three"} {
			b.tell(callbacks.Failure, id, callback(t, "{callback: letter, text: "+id+"}"))
			synctest.Wait()
		}
		b.later("all of them", b.settled)
		digest := "[two three]" + strings.ReplaceAll(oneLost, "on_success", "on_failure")
		assert.Equal(t, []string{"lost", digest, digest}, said(p), "tried twice")
		assert.Equal(t, b.delivery(3).ID, b.delivery(0).NamedIn)
	})
}

// What the last process left uncertain is named by the next, unless it was long ago.
func TestUncertainIsNamedAfterARestart(t *testing.T) {
	t.Parallel()
	notes(t, map[string][]string{"lost": {"lost"}}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.letters("lost")
		b.later("it is lost", b.settled)
		b.stop()
		b.open()
		old := b.delivery(0)
		old.UpdatedAt = old.UpdatedAt.Add(-24*time.Hour - time.Second)
		require.NoError(t, b.store.Tx(context.Background(), func(tx store.Tx) error {
			return tx.InsertDeliveries(context.Background(), []*store.Delivery{old})
		}))
		b.letters("one")
		b.later("it arrives", b.settled)
		assert.Equal(t, []string{"lost", "one" + oneLost}, said(p))
		assert.Zero(t, b.delivery(1).NamedIn)
	})
}

// fragile is a post that panics with a secret where it may.
type fragile struct{ *post }

func (fragile) WithNote(callbacks.Message, string) (callbacks.Message, bool) {
	panic("hunter22 of a note")
}

func (fragile) Fallback(callbacks.Message, *callbacks.Event, error) (callbacks.Message, bool) {
	panic("hunter22 of a stand-in")
}

// What a sender panics with is in the log without secrets, and the alert is told all the same.
func TestPanicsOfASenderAreMasked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPost(func(text string, _ int) error {
			return map[string]error{"lost": postError{uncertain: true}, "refused": postError{}}[text]
		})
		b := newBench(t, fragile{p})
		b.stopStore()
		var log bytes.Buffer
		b.log = slog.New(slog.NewTextHandler(&log, nil))
		b.open()
		b.start()
		for _, id := range []string{"lost", "one", "refused"} {
			b.tell(callbacks.Failure, id, callback(t, "{callback: letter, urgent: true, text: "+id+"}"))
			synctest.Wait()
		}
		b.later("all of them", b.settled)
		b.stop()
		assert.Equal(t, []string{"one"}, p.takenSoFar())
		assert.Len(t, b.last.takenSoFar(), 1)
		assert.NotContains(t, log.String(), "hunter22")
		assert.Contains(t, log.String(), "*** of a note")
		assert.Contains(t, log.String(), "*** of a stand-in")
	})
}
