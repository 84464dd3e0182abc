package outbox_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/store"
)

// observer keeps what it is told.
type observer struct {
	mu  sync.Mutex
	all []string
}

func (o *observer) see(d *store.Delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, string(d.State)+" "+d.Summary)
}

func (o *observer) seen() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string{}, o.all...)
}

// Whoever watches is told of a message that can't be made, with the others of its event.
func TestObserveWhatCannotBePrepared(t *testing.T) {
	t.Parallel()
	inBubble(t, func(string, int) error { return nil }, func(t *testing.T, b *bench, _ *post) {
		t.Helper()
		var o observer
		b.stopStore()
		b.observe = o.see
		b.open()
		b.tell(callbacks.Failure, "t", callback(t, "{callback: letter, text: '{{ nonsense }}'}"))
		assert.Equal(t, []string{"refused on_failure of d.t by callback letter"}, o.seen(), "what waits is told of once it was tried")
		b.start()
		b.later("it is settled", b.settled)
		assert.Equal(t, []string{"refused on_failure of d.t by callback letter", "delivered said"}, o.seen())
	})
}

// Whoever watches is told of each message that was leaving when a process died and must not
// leave again.
func TestObserveWhatACrashLeaves(t *testing.T) {
	t.Parallel()
	leaving, release := make(chan struct{}, 1), make(chan struct{})
	p := newPost(nil)
	p.answer = func(string, int) error {
		leaving <- struct{}{}
		<-release
		return nil
	}
	b := newBench(t, p)
	b.letters("one")
	t.Cleanup(func() { close(release) })
	<-leaving
	next := b.crash()
	var o observer
	next.stopStore()
	next.observe = o.see
	next.open()
	next.start()
	next.until("somebody is told", func() bool { return len(o.seen()) > 0 })
	assert.Equal(t, []string{"uncertain one of on_success"}, o.seen())
	assert.Equal(t, store.DeliveryUncertain, next.delivery(0).State)
}

// What stands in for a refused message leaves at once, through whatever channel.
func TestStandInLeavesAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(string, int) error { return postError{} }, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.start()
		synctest.Wait() // it waits for what tell says: nothing else wakes it
		b.tell(callbacks.Failure, "t", callback(t, "{callback: letter}"))
		b.later("somebody is told", func() bool { return len(b.last.takenSoFar()) == 1 })
		assert.Less(t, time.Since(p.began), time.Second)
	})
}

// After an outage the pauses begin anew.
func TestOutboxPausesBeginAnew(t *testing.T) {
	t.Parallel()
	inBubble(t, func(text string, attempt int) error {
		if text == "a" && attempt <= 3 || text == "b" && attempt == 1 {
			return postError{retry: true}
		}
		return nil
	}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.letters("a")
		b.later("the first", func() bool { return len(p.takenSoFar()) == 1 })
		time.Sleep(time.Until(p.began.Add(20 * time.Second)))
		b.letters("b")
		b.later("both", func() bool { return len(p.takenSoFar()) == 2 })
		assert.Equal(t, []string{"a 0s", "a 1s", "a 3s", "a 7s", "b 20s", "b 21s"}, p.logSoFar())
	})
}
