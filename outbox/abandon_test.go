package outbox_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/store"
)

// failures starts the outbox when that many tasks have failed, and waits until all is settled.
func (b *bench) failures(n int) {
	b.t.Helper()
	for i := range n {
		b.tell(callbacks.Failure, fmt.Sprint("t", i), callback(b.t, fmt.Sprintf("{callback: letter, text: t%d}", i)))
	}
	b.start()
	b.hours()
}

// hours waits in a bubble until all is settled, and looks ever more seldom.
func (b *bench) hours() {
	b.t.Helper()
	began := time.Now()
	for pause := 50 * time.Millisecond; !b.settled(); pause = min(2*pause, 20*time.Second) {
		require.Less(b.t, time.Since(began), 3*time.Hour, "all is to be settled")
		time.Sleep(pause)
	}
}

// errors are those of the rows, by state.
func (b *bench) reasons(s store.DeliveryState) (out []string) {
	for _, d := range b.deliveries() {
		if d.State == s {
			out = append(out, d.Error)
		}
	}
	return out
}

// When a receiver stays away for the deadline, others are told of all that waits for it, also of
// what was not tried yet, and what comes later has its own hour.
func TestOutboxDeadline(t *testing.T) {
	t.Parallel()
	inBubble(t, func(string, int) error { return postError{retry: true} }, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.failures(100)
		took := time.Since(p.began)
		assert.GreaterOrEqual(t, took, time.Hour)
		assert.Less(t, took, time.Hour+2*time.Minute)
		assert.Less(t, len(p.logSoFar()), 80, "about a try a minute")
		refused := b.reasons(store.DeliveryRefused)
		require.Len(t, refused, 100)
		for _, reason := range refused {
			assert.Contains(t, reason, "not delivered within 1h0m0s")
			assert.Contains(t, reason, "not taken")
		}
		told := b.last.takenSoFar()
		require.Len(t, told, 100, "each is told of by somebody else")
		assert.True(t, strings.HasPrefix(told[0], "on_failure t"), told[0])

		b.tell(callbacks.Failure, "late", callback(t, "{callback: letter, text: late}"))
		time.Sleep(30 * time.Minute)
		assert.True(t, unsettled(b.delivery(200)), "it has half an hour left")
		b.hours()
		assert.Len(t, b.last.takenSoFar(), 101)
	})
}

// A message that fails for itself is tried until the deadline, and the last time just then.
func TestOutboxDeadlineOfOne(t *testing.T) {
	t.Parallel()
	inBubble(t, func(text string, _ int) error {
		if text == "t1" {
			return postError{retry: true}
		}
		return nil
	}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.failures(3)
		assert.Equal(t, []string{"not taken (not delivered within 1h0m0s, so this is final)"}, b.reasons(store.DeliveryRefused))
		log := p.logSoFar()
		assert.Equal(t, "t1 1h0m0s", log[len(log)-1])
		assert.Len(t, b.last.takenSoFar(), 1)
	})
}

// What waits for room at its receiver has no deadline: it will leave.
func TestOutboxThrottledHasNoDeadline(t *testing.T) {
	t.Parallel()
	inBubble(t, func(_ string, attempt int) error {
		if attempt <= 12 {
			return postError{retry: true, throttled: true, delay: 10 * time.Minute}
		}
		return nil
	}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.failures(1)
		assert.Equal(t, []string{"t0"}, p.takenSoFar())
		assert.GreaterOrEqual(t, time.Since(p.began), 2*time.Hour)
	})
}

// A pause is not the same for everybody.
func TestOutboxJitter(t *testing.T) {
	t.Parallel()
	for random, want := range map[float64][]string{0: {"a 0s", "a 750ms", "a 2.25s"}, 0.999: {"a 0s", "a 1.249s", "a 3.748s"}} {
		synctest.Test(t, func(t *testing.T) {
			p := newPost(nil)
			var log []string
			p.answer = func(text string, attempt int) error {
				log = append(log, fmt.Sprint(text, " ", time.Since(p.began)))
				if attempt < 3 {
					return postError{retry: true}
				}
				return nil
			}
			b := newBench(t, p)
			b.stopStore()
			b.random = func() float64 { return random }
			b.open()
			b.letters("a")
			b.later("it is delivered", b.settled)
			b.stop()
			assert.Equal(t, want, log)
		})
	}
}

// A receiver that is gone is not asked about each of hundreds of messages.
func TestOutboxGoneReceiver(t *testing.T) {
	t.Parallel()
	inBubble(t, func(string, int) error { return postError{gone: true} }, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.failures(500)
		assert.Equal(t, []string{"t0 0s"}, p.logSoFar())
		assert.Less(t, time.Since(p.began), time.Second)
		refused := b.reasons(store.DeliveryRefused)
		require.Len(t, refused, 500)
		assert.Equal(t, "not taken", refused[0])
		assert.Equal(t, "not sent, since the receiver refused alert 1 and would refuse this one: not taken", refused[499])
		assert.Len(t, b.last.takenSoFar(), 500)
		for _, d := range b.deliveries()[500:] {
			assert.NotZero(t, d.StandsInFor)
		}
	})
}

// Messages without the receiver's keyword are refused one by one only until it is clear that
// all of them lack it; one that has it shows that they do not.
func TestOutboxNoKeyword(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		word  func(text string) bool
		tries int
	}{
		"none has it": {func(string) bool { return false }, 3},
		"every third": {func(text string) bool {
			n, err := strconv.Atoi(text[1:])
			return err == nil && n%3 == 2
		}, 30},
		"the first ones":  {func(text string) bool { return len(text) == 2 }, 13},
		"all but the end": {func(text string) bool { return text != "t29" }, 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(text string, _ int) error {
				if c.word(text) {
					return nil
				}
				return postError{noKeyword: true}
			}, func(t *testing.T, b *bench, p *post) {
				t.Helper()
				b.failures(30)
				assert.Len(t, p.logSoFar(), c.tries)
				assert.Len(t, b.last.takenSoFar(), 30-len(p.takenSoFar()))
			})
		})
	}
}

// What is refused for another reason says nothing of keywords, however many lacked theirs before.
func TestOutboxNoKeywordBefore(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{"none": "word", "own ones": "own"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPost(nil)
				p.answer = func(text string, _ int) error {
					switch {
					case strings.Contains(text, "word"), strings.HasPrefix(text, "own"):
						return postError{noKeyword: true}
					case strings.Contains(text, "bad"), strings.HasPrefix(text, "simpler"):
						return postError{}
					}
					return nil
				}
				var sender callbacks.Sender = p
				if before == "own" {
					sender = simplified{p}
				}
				b := newBench(t, sender)
				b.start()
				for i := range 3 {
					b.letters(fmt.Sprint(before, i))
					b.hours()
				}
				b.letters("bad", "good")
				b.hours()
				b.stop()
				assert.Equal(t, []string{"good"}, p.takenSoFar())
			})
		})
	}
}

// What was silenced or folded meanwhile is not given up.
func TestOutboxGivesUpOnlyWhatWaits(t *testing.T) {
	t.Parallel()
	inBubble(t, func(string, int) error { return postError{gone: true} }, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.stopStore()
		s := &silencing{t: t}
		b.wrap = func(inner outbox.Store) outbox.Store {
			s.Store = inner
			return s
		}
		b.open()
		b.failures(3)
		assert.Equal(t, []string{"t0 0s"}, p.logSoFar())
		assert.Equal(t, "silenced t1 of on_failure", b.states()[1])
		assert.Equal(t, "refused t2 of on_failure", b.states()[2])
		assert.Len(t, b.last.takenSoFar(), 2)
		assert.Len(t, b.deliveries(), 5, "nothing stands in for what is silenced")
	})
}

// silencing silences message 2 once it was read as one that waits.
type silencing struct {
	outbox.Store

	t *testing.T
}

func (s *silencing) WaitingDeliveries(ctx context.Context, channel string, written time.Time, after int64, limit int) ([]*store.Delivery, error) {
	ds, err := s.Store.WaitingDeliveries(ctx, channel, written, after, limit)
	if after > 0 {
		return ds, err
	}
	require.NoError(s.t, s.Hush(ctx, func(tx outbox.HushTx) error {
		d, err := tx.Delivery(ctx, 2)
		if err != nil {
			return err
		}
		snooze := &store.Silence{Kind: store.SilenceSnooze, DAGs: []string{"d"}, TaskID: "t1", Since: time.Now(), Until: time.Now().Add(24 * time.Hour)}
		if _, err := tx.InsertSilence(ctx, snooze); err != nil {
			return err
		}
		d.State, d.SilenceID, d.Error = store.DeliverySilenced, snooze.ID, "quiet"
		ok, err := tx.SilenceDelivery(ctx, d)
		assert.True(s.t, ok)
		return err
	}))
	return ds, err
}

// Messages that people wrote give way to default ones without being tried once three of them had
// no keyword, and the default ones are tried.
func TestOutboxNoKeywordInOwnMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPost(func(text string, _ int) error {
			if strings.HasPrefix(text, "simpler") {
				return nil
			}
			return postError{noKeyword: true}
		})
		b := newBench(t, simplified{p})
		b.failures(20)
		assert.Len(t, p.logSoFar(), 3+20)
		assert.Len(t, p.takenSoFar(), 20)
		assert.Contains(t, p.takenSoFar()[19], "not sent, since the receiver refused one message after another for want of a keyword")
		assert.Empty(t, b.last.takenSoFar())
		b.stop()
	})
}
