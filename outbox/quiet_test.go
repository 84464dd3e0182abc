package outbox_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

// telling is a post that takes any event.
type telling struct{ *post }

func (telling) Tell(m callbacks.Message, ev *callbacks.Event) (callbacks.Message, error) {
	p, err := json.Marshal(ev.Title() + ": " + ev.Reason)
	return callbacks.Message{Sender: m.Sender, Channel: m.Channel, Summary: string(ev.Kind), Payload: p}, err
}

// inQuiet is inBubble with a post that takes any event.
func inQuiet(t *testing.T, answer func(text string, attempt int) error, test func(t *testing.T, b *bench, p *post)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		p := newPost(answer)
		test(t, newBench(t, telling{p}), p)
	})
}

func takesAll(string, int) error { return nil }

// snooze makes a silence as a command does that runs beside the outbox.
func (b *bench) snooze(s store.Silence) *store.Silence {
	b.t.Helper()
	s.Kind, s.Since = store.SilenceSnooze, time.Now()
	if s.Until.IsZero() {
		s.Until = s.Since.Add(time.Hour)
	}
	require.NoError(b.t, b.store.Tx(context.Background(), func(tx store.Tx) error {
		_, err := tx.InsertSilence(context.Background(), &s)
		return err
	}))
	b.out.Wake()
	synctest.Wait()
	return &s
}

// states are those of all messages with their summaries, the first for each.
func (b *bench) states() (out []string) {
	for _, d := range b.deliveries() {
		out = append(out, string(d.State)+" "+d.Summary)
	}
	return out
}

// What falls into a snooze is not sent, and at its end one message says so. Then all is as before.
func TestSnooze(t *testing.T) {
	t.Parallel()
	inQuiet(t, takesAll, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.start()
		s := b.snooze(store.Silence{DAGs: []string{"d"}, Reason: "hunter22 is changed", MadeBy: store.Actor{Name: "ann", Via: store.ViaCLI}})
		b.letters("a", "b")
		synctest.Wait()
		assert.Equal(t, []string{"silenced a of on_success", "silenced b of on_success"}, b.states(), "people see it at once")
		assert.Equal(t, "silenced by snooze 1 of DAG d, planned until "+s.Until.UTC().Format(time.RFC3339)+": *** is changed", b.delivery(0).Error)
		assert.Equal(t, s.ID, b.delivery(0).SilenceID)
		time.Sleep(59 * time.Minute)
		assert.Empty(t, p.logSoFar())
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, []string{"静默结束 Silence ended: DAG d: 2 alerts were silenced: 1 on_success of d.a, 1 on_success of d.b 1h0m0s"}, p.logSoFar())
		end := b.delivery(2)
		assert.Equal(t, store.Owner{Event: "on_silence_end", DAGID: "d", MapIndex: -1}, end.Owner)
		assert.Equal(t, store.DeliveryDelivered, end.State)
		assert.Equal(t, 3, end.Priority, "it tells of successes")
		b.letters("c")
		time.Sleep(24 * time.Hour)
		assert.Len(t, p.logSoFar(), 2, "the end is told once, and c was sent")
		b.stop()
	})
}

// A snooze is of what waits, too: whatever it waits for, and after a restart. What is being sent has its
// fate; if it comes back it is silent.
func TestSnoozeOfWhatWaits(t *testing.T) {
	t.Parallel()
	inQuiet(t, func(text string, attempt int) error {
		if text == "away" && attempt == 1 {
			time.Sleep(time.Minute) // it leaves as the snooze is made
		}
		if strings.HasPrefix(text, "静默") {
			return nil
		}
		return postError{retry: true}
	}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.letters("away", "behind")
		time.Sleep(30 * time.Second)
		b.snooze(store.Silence{Robots: []string{"other"}})
		assert.Equal(t, store.DeliveryWaiting, b.delivery(1).State)
		b.snooze(store.Silence{})
		assert.Equal(t, []string{"sending away of on_success", "silenced behind of on_success"}, b.states())
		time.Sleep(10 * time.Minute)
		assert.Equal(t, store.DeliverySilenced, b.delivery(0).State)
		assert.Equal(t, []string{"away 0s"}, p.logSoFar())
		b.stop()
		b.open()
		b.letters("later")
		synctest.Wait()
		assert.Equal(t, store.DeliverySilenced, b.delivery(2).State)
		b.stop()
		time.Sleep(3 * time.Hour) // nobody is there when it ends
		b.open()
		b.start()
		synctest.Wait()
		require.Len(t, p.logSoFar(), 2)
		assert.Contains(t, p.logSoFar()[1], "all alerts: 3 alerts were silenced")
		b.stop()
		b.open()
		b.start()
		time.Sleep(time.Hour)
		assert.Len(t, p.logSoFar(), 2, "once over restarts")
		b.stop()
	})
}

// Somebody ends a snooze before its time; one that kept nothing back ends in silence.
func TestSnoozeEndsEarly(t *testing.T) {
	t.Parallel()
	inQuiet(t, takesAll, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.start()
		s := b.snooze(store.Silence{DAGs: []string{"d"}, TaskID: "a"})
		b.snooze(store.Silence{DAGs: []string{"x*"}})
		b.letters("a", "b")
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"b 0s"}, p.logSoFar())
		require.NoError(t, b.store.Tx(context.Background(), func(tx store.Tx) error {
			_, err := tx.EndSilence(context.Background(), s.ID, time.Now(), store.Actor{Name: "bob"})
			return err
		}))
		b.out.Wake()
		time.Sleep(2 * time.Hour)
		require.Len(t, p.logSoFar(), 2)
		assert.Contains(t, p.logSoFar()[1], "task d.a: 1 alert was silenced: 1 on_success of d.a 1m0s")
		open, err := b.store.OpenSilences(context.Background())
		require.NoError(t, err)
		assert.Empty(t, open)
		b.stop()
	})
}

// What somebody sends again although it is silent leaves, and is not counted.
func TestSnoozedAndSentAgain(t *testing.T) {
	t.Parallel()
	inQuiet(t, takesAll, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.start()
		b.snooze(store.Silence{})
		b.letters("a", "b")
		synctest.Wait()
		d := b.delivery(0)
		d.State = store.DeliveryWaiting
		require.NoError(t, b.store.Tx(context.Background(), func(tx store.Tx) error {
			_, err := tx.DecideDelivery(context.Background(), d, store.DeliverySilenced)
			return err
		}))
		b.out.Wake()
		time.Sleep(2 * time.Hour)
		require.Len(t, p.logSoFar(), 2)
		assert.Equal(t, "a 0s", p.logSoFar()[0])
		assert.Contains(t, p.logSoFar()[1], "1 alert was silenced: 1 on_success of d.b 1h0m0s")
		b.stop()
	})
}

// Where silences overlap, each alert is summed up once, by the last silence that is of it; one that goes on is not
// broken by the end of another.
func TestSnoozesOverlap(t *testing.T) {
	t.Parallel()
	for name, longer := range map[string]store.Silence{"of all": {}, "of the same DAG": {DAGs: []string{"d"}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inQuiet(t, takesAll, func(t *testing.T, b *bench, p *post) {
				t.Helper()
				b.start()
				first := b.snooze(store.Silence{DAGs: []string{"d"}})
				b.letters("a", "b")
				time.Sleep(30 * time.Minute)
				longer.Until = time.Now().Add(time.Hour)
				second := b.snooze(longer)
				b.letters("c")
				synctest.Wait()
				assert.Equal(t, []int64{first.ID, first.ID, first.ID}, []int64{b.delivery(0).SilenceID, b.delivery(1).SilenceID, b.delivery(2).SilenceID})
				time.Sleep(45 * time.Minute)
				assert.Empty(t, p.logSoFar(), "the first has ended, and the second goes on")
				assert.Equal(t, second.ID, b.delivery(0).SilenceID)
				assert.Contains(t, b.delivery(0).Error, "silenced by snooze 2 of ")
				b.letters("e")
				time.Sleep(time.Hour)
				require.Len(t, p.logSoFar(), 1, "told once")
				assert.Contains(t, p.logSoFar()[0], "4 alerts were silenced: 1 on_success of d.a, 1 on_success of d.b, 1 on_success of d.c, … 1h30m0s")
				time.Sleep(24 * time.Hour)
				assert.Len(t, p.logSoFar(), 1)
				b.stop()
			})
		})
	}
}

// Who can't be told of the end is not left alone with it.
func TestEndOfASilenceThatNobodyTakes(t *testing.T) {
	t.Parallel()
	inBubble(t, takesAll, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.start()
		b.snooze(store.Silence{})
		b.letters("a")
		time.Sleep(2 * time.Hour)
		assert.Empty(t, p.logSoFar())
		require.Len(t, b.last.takenSoFar(), 1)
		assert.Contains(t, b.last.takenSoFar()[0], "post cannot be told the end of a silence")
		b.stop()
	})
}

// A window of the configuration comes again and again. It is of what happens in it.
func TestMaintenance(t *testing.T) {
	t.Parallel()
	var p *post
	var away atomic.Bool
	away.Store(true)
	inQuiet(t, func(string, int) error {
		if away.Load() {
			return postError{retry: true}
		}
		return nil
	}, func(t *testing.T, b *bench, made *post) {
		t.Helper()
		p = made // 2000-01-01T00:00:00Z
		daily, err := timetable.Cron("0 2 * * *", time.UTC)
		require.NoError(t, err)
		b.stopStore()
		b.windows = []outbox.Window{{DAGs: []string{"d*"}, Begins: daily, For: 90 * time.Minute, Reason: "backup"}}
		b.open()
		at := func(d time.Duration) { time.Sleep(time.Until(p.began.Add(d))) }
		at(119 * time.Minute)
		b.letters("before")
		at(150 * time.Minute)
		assert.True(t, unsettled(b.delivery(0)), "it tells of what was before")
		b.letters("in")
		synctest.Wait()
		assert.Equal(t, store.DeliverySilenced, b.delivery(1).State)
		away.Store(false)
		at(4 * time.Hour)
		log := p.logSoFar()
		require.GreaterOrEqual(t, len(log), 2)
		assert.Contains(t, log[len(log)-1], "DAG d*: 1 alert was silenced: 1 on_success of d.in 3h30m0s", "to the second")
		b.letters("after")
		at(26*time.Hour + time.Second)
		b.letters("next day")
		at(30 * time.Hour)
		log = p.logSoFar()
		assert.Contains(t, log[len(log)-1], "1 on_success of d.next day 27h30m0s")

		// Who changes the configuration ends what it had begun.
		at(50*time.Hour + time.Minute)
		b.letters("third")
		b.stop()
		b.windows = nil
		b.open()
		b.letters("told")
		synctest.Wait()
		log = p.logSoFar()
		assert.Contains(t, strings.Join(log[len(log)-2:], "\n"), "told 50h1m0s")
		assert.Contains(t, strings.Join(log[len(log)-2:], "\n"), "1 on_success of d.third 50h1m0s")
		b.stop()
	})
}

// The end of a silence that falls into another one is told at the end of that, with what it was to tell.
func TestEndOfASilenceInAnother(t *testing.T) {
	t.Parallel()
	inQuiet(t, takesAll, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.stopStore()
		b.windows = []outbox.Window{{From: p.began.Add(30 * time.Minute), Until: p.began.Add(3 * time.Hour)}}
		b.open()
		b.start()
		b.snooze(store.Silence{DAGs: []string{"d"}})
		b.letters("a", "b")
		b.tell(callbacks.Failure, "t", callback(t, "{callback: letter, text: x, dedupe_key: k, dedupe_window: 2h}"))
		time.Sleep(2 * time.Hour)
		b.letters("b")
		time.Sleep(50 * time.Minute)
		assert.Empty(t, p.logSoFar())
		time.Sleep(time.Hour)
		require.Len(t, p.logSoFar(), 1)
		assert.Contains(t, p.logSoFar()[0], "4 alerts were silenced: 2 on_success of d.b, 1 on_success of d.a, 1 on_failure of d.t 3h0m0s")
		b.stop()
	})
}

// A window that begins and ends once, at dates.
func TestMaintenanceOnce(t *testing.T) {
	t.Parallel()
	inQuiet(t, takesAll, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.stopStore()
		b.windows = []outbox.Window{{From: p.began.Add(10 * time.Second), Until: p.began.Add(20 * time.Second)}}
		b.open()
		for i, id := range []string{"a", "b", "c"} {
			time.Sleep(time.Until(p.began.Add(time.Duration(5+10*i) * time.Second)))
			b.letters(id)
		}
		time.Sleep(48 * time.Hour)
		log := p.logSoFar()
		require.Len(t, log, 3)
		assert.Equal(t, []string{"a 5s", "c 25s"}, []string{log[0], log[2]})
		assert.Contains(t, log[1], "1 on_success of d.b 20s")
		b.stop()
	})
}

// Of messages with one dedupe_key one is enough for a time, and then one says how many there were.
func TestDedupe(t *testing.T) {
	t.Parallel()
	inQuiet(t, func(text string, _ int) error {
		if text == "refused" {
			return postError{}
		}
		return nil
	}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.start()
		tell := func(kind callbacks.Kind, task, text, key string) {
			b.tell(kind, task, callback(t, "{callback: letter, text: "+text+", dedupe_key: \""+key+"\", dedupe_window: 10m}"))
			synctest.Wait()
		}
		tell(callbacks.Failure, "t", "one", "disk {{ 'full' }}")
		time.Sleep(9 * time.Minute)
		tell(callbacks.Failure, "u", "two", "disk full")
		tell(callbacks.Failure, "v", "three", "disk full")
		tell(callbacks.Success, "v", "four", "disk full")
		tell(callbacks.Failure, "v", "five", "memory")
		assert.Equal(t, []string{"one 0s", "four 9m0s", "five 9m0s"}, p.logSoFar(), "another kind of event or key is another thing")
		assert.Equal(t, "the same as alert 1 (dedupe_key disk full)", b.delivery(2).Error)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, "相同告警又有 2 次 The same alert 2 more times: disk full: 2 alerts were silenced: 1 on_failure of d.u, 1 on_failure of d.v 10m0s", p.logSoFar()[3])
		tell(callbacks.Failure, "t", "six", "disk full")
		assert.Equal(t, "six 10m0s", p.logSoFar()[4], "its time is over")
		time.Sleep(5 * time.Minute)
		b.stop()
		b.open()
		b.start()
		tell(callbacks.Failure, "t", "seven", "disk full")
		assert.Len(t, p.logSoFar(), 5, "over restarts")
		time.Sleep(time.Hour)
		require.Len(t, p.logSoFar(), 6)
		assert.Contains(t, p.logSoFar()[5], "The same alert 1 more time: disk full: 1 alert was silenced: 1 on_failure of d.t 20m0s")

		tell(callbacks.Failure, "t", "refused", "disk full")
		tell(callbacks.Failure, "t", "eight", "disk full")
		assert.True(t, strings.HasPrefix(p.logSoFar()[7], "eight "), "nobody was told")
		b.stop()
	})
}

// What waits behind another one with its key is silenced without waiting itself, and what comes to
// life while nobody works is counted, too.
func TestDedupeOfWhatWaits(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	away.Store(true)
	inQuiet(t, func(string, int) error {
		if away.Load() {
			return postError{retry: true}
		}
		return nil
	}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		for _, task := range []string{"a", "b", "c"} {
			b.tell(callbacks.Failure, task, callback(t, "{callback: letter, text: "+task+", dedupe_key: k}"))
		}
		b.start()
		synctest.Wait()
		assert.Equal(t, []string{"waiting a of on_failure", "silenced b of on_failure", "silenced c of on_failure"}, b.states())
		time.Sleep(time.Minute)
		away.Store(false)
		time.Sleep(2 * time.Hour)
		taken := p.takenSoFar()
		require.Len(t, taken, 2)
		assert.Equal(t, "a", taken[0])
		assert.Contains(t, taken[1], "The same alert 2 more times: k")
		b.stop()
	})
}
