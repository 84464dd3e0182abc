package gate_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ops = gate.Robot{Key: "ops", Name: "dingding_ops", Rate: 20, Timeout: 10 * time.Second}

// block is how long the robot refuses everything.
const block = 10 * time.Minute

// bench is a gate on a real store, in which time passes at once.
type bench struct {
	t     *testing.T
	g     *gate.Gate
	store *sqlite.Store
	// set is by how much somebody has set the clock.
	set   atomic.Int64
	began time.Time
}

func inBubble(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, began: time.Now()}
		b.store = sqlitetest.Open(t, filepath.Join(t.TempDir(), "db"), sqlite.Options{Synchronous: "NORMAL"})
		b.g = b.process()
		defer func() { assert.NoError(t, b.store.Close()) }()
		test(t, b)
	})
}

// process is the gate of another process.
func (b *bench) process() *gate.Gate {
	return gate.New(gate.In(b.store), func() time.Time { return time.Now().Add(time.Duration(b.set.Load())) })
}

func turn(key string, rank gate.Rank, dagID string) context.Context {
	return gate.With(context.Background(), gate.Turn{Key: key, Rank: rank, DAGID: dagID})
}

// enter is the pass, or after how long to come again.
func (b *bench) enter(ctx context.Context, g *gate.Gate) (*gate.Pass, time.Duration) {
	b.t.Helper()
	p, err := g.Enter(ctx, ops)
	if c, ok := errors.AsType[*gate.ClosedError](err); ok {
		return nil, c.Wait()
	}
	require.NoError(b.t, err)
	return p, 0
}

// send sends n requests at once, which must all pass.
func (b *bench) send(n int, ctx context.Context) { //nolint:revive // reads as it is said
	b.t.Helper()
	for i := range n {
		p, wait := b.enter(ctx, b.g)
		require.NotNil(b.t, p, "request %d is to wait for %s", i+1, wait)
		p.Answered()
	}
}

// wait is after how long a request may come again, which must not pass now.
func (b *bench) wait(ctx context.Context) time.Duration {
	b.t.Helper()
	p, wait := b.enter(ctx, b.g)
	require.Nil(b.t, p, "it must wait")
	return wait.Round(time.Second)
}

func (b *bench) after(d time.Duration) {
	<-time.After(d)
}

func TestReportsLeaveRoomForAlerts(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		b.send(15, turn("", gate.Report, "d"))
		assert.Equal(t, 61*time.Second, b.wait(turn("", gate.Report, "d")))
		b.send(1, turn("", gate.Failure, "e"))
		assert.Equal(t, 10*time.Second, b.wait(turn("", gate.Failure, "e")), "what is left is spread")
		b.after(11 * time.Second)
		b.send(1, turn("", gate.Failure, "e"))
		b.send(3, turn("", gate.Urgent, "e"))
		assert.Equal(t, 50*time.Second, b.wait(turn("", gate.Urgent, "e")), "20 of the minute are gone")
		b.after(51 * time.Second)
		b.send(15, turn("", gate.Urgent, "e"))
	})
}

func TestAlertsAreSpread(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		failure := turn("channel", gate.Failure, "d")
		b.send(8, failure)
		longest, sent := time.Duration(0), 0
		for time.Since(b.began) < 10*time.Minute {
			p, wait := b.enter(failure, b.g)
			if p != nil {
				p.Answered()
				sent++
				continue
			}
			longest = max(longest, wait)
			b.after(wait)
		}
		assert.Less(t, longest, 13*time.Second)
		assert.Greater(t, sent, 60)
	})
}

func TestARobotThatTakesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		_, err := b.g.Enter(t.Context(), gate.Robot{Key: "k", Name: "n"})
		require.EqualError(t, err, `robot "n" takes 0 messages a minute: there must be some`)
	})
}

func TestTheRateOfARobot(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		for _, rate := range []int{1, 2, 3, 60} {
			r := gate.Robot{Key: strconv.Itoa(rate), Name: "r", Rate: rate, Timeout: time.Second}
			for _, rank := range []gate.Rank{gate.Report, gate.Failure, gate.Urgent} {
				sent := 0
				for {
					p, err := b.g.Enter(turn("", rank, ""), r)
					if err != nil {
						break
					}
					p.Answered()
					sent++
				}
				switch rank {
				case gate.Report:
					assert.Equal(t, max(rate*3/4, 1), sent, "rate %d", rate)
				case gate.Urgent:
					assert.Zero(t, b.left(r), "rate %d", rate)
				default:
				}
			}
		}
	})
}

// left is how many requests pass.
func (b *bench) left(r gate.Robot) (n int) {
	for b.g.Ask(turn("", gate.Urgent, ""), r) == nil && n < 1000 {
		n++
	}
	return n
}

func TestRefusedClosesTheGateOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		first, _ := b.enter(turn("", gate.Urgent, ""), b.g)
		second, _ := b.enter(turn("", gate.Urgent, ""), b.g)
		until, err := first.Refused(t.Context(), block)
		require.NoError(t, err)
		assert.Equal(t, 10*time.Minute, time.Until(until).Round(time.Second))
		b.after(time.Minute)
		again, err := second.Refused(t.Context(), block)
		require.NoError(t, err)
		assert.Equal(t, until, again, "what it refuses meanwhile does not make it longer")

		other := b.process() // another process knows it
		_, err = other.Enter(turn("x", gate.Urgent, ""), ops)
		closed, ok := errors.AsType[*gate.ClosedError](err)
		require.True(t, ok, "%v", err)
		assert.True(t, closed.Refused)
		assert.Equal(t, until, closed.Until)
		assert.Contains(t, closed.Error(), `robot "dingding_ops" takes no messages before `)
		b.after(9 * time.Minute)
		p, wait := b.enter(turn("x", gate.Urgent, ""), other)
		require.NotNil(t, p, wait)
		until, err = p.Refused(t.Context(), block)
		require.NoError(t, err)
		assert.Equal(t, 10*time.Minute, time.Until(until).Round(time.Second), "that was another block")

		require.NoError(t, b.g.Reopen(t.Context(), ops.Key))
		p, _ = b.enter(turn("", gate.Urgent, ""), b.g)
		assert.NotNil(t, p)
	})
}

func TestWhatNeverLeftDoesNotCount(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		for range 30 {
			p, wait := b.enter(turn("", gate.Urgent, ""), b.g)
			require.NotNil(t, p, wait)
			p.Unsent()
		}
		b.send(20, turn("", gate.Urgent, ""))
		g, err := b.store.Gate(t.Context(), ops.Key)
		require.NoError(t, err)
		assert.Equal(t, 20, g.Sent)
		assert.Equal(t, gate.Month(time.Now()), g.Month)
		assert.Equal(t, "dingding_ops", g.Name)
	})
}

// A process that died while requests were leaving: the next one waits until they are a minute old
// at the latest moment at which the robot can have had them.
func TestTheRequestsOfADeadProcess(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		for range 20 {
			p, _ := b.enter(turn("", gate.Urgent, ""), b.g)
			require.NotNil(t, p)
		}
		p, wait := b.enter(turn("", gate.Urgent, ""), b.process())
		assert.Nil(t, p)
		assert.Equal(t, 71*time.Second, wait)
	})
}

func TestTheLine(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		for i := range 20 { // from now on there is room for one every three seconds
			rank := gate.Urgent
			if i > 8 && i < 14 {
				rank = gate.Report // they have had their share
			}
			b.send(1, turn("", rank, "busy"))
			b.after(3 * time.Second)
		}
		// Those who come later are better: they go first.
		for i, who := range []struct {
			key  string
			rank gate.Rank
			dag  string
		}{{"report 1", gate.Report, "a"}, {"report 2", gate.Report, "a"}, {"success", gate.Success, "a"}, {"failure a", gate.Failure, "busy"}, {"failure b", gate.Failure, "other"}} {
			b.after(50 * time.Millisecond)
			assert.NotZero(t, b.wait(turn(who.key, who.rank, who.dag)), "%d", i)
		}
		var order []string
		waiting := map[string]context.Context{
			"report 1": turn("report 1", gate.Report, "a"), "report 2": turn("report 2", gate.Report, "a"), "success": turn("success", gate.Success, "a"),
			"failure a": turn("failure a", gate.Failure, "busy"), "failure b": turn("failure b", gate.Failure, "other"),
		}
		come := map[string]time.Time{}
		for len(waiting) > 0 {
			for _, key := range slices.Sorted(maps.Keys(waiting)) {
				if come[key].After(time.Now()) {
					continue
				}
				p, wait := b.enter(waiting[key], b.g)
				if p == nil {
					come[key] = time.Now().Add(wait)
					continue
				}
				p.Answered()
				order = append(order, key)
				delete(waiting, key)
			}
			b.after(10 * time.Millisecond)
			require.Less(t, time.Since(b.began), 10*time.Minute)
		}
		reports := func(key string) bool { return strings.HasPrefix(key, "report") }
		assert.Equal(t, []string{"failure b", "failure a", "success"}, slices.DeleteFunc(slices.Clone(order), reports), "DAGs of one rank take turns")
		assert.Equal(t, []string{"report 1", "report 2"}, slices.DeleteFunc(order, func(key string) bool { return !reports(key) }))
	})
}

// One who waits and does not come holds nobody for long.
func TestTheLineWaitsForNobody(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		b.send(20, turn("", gate.Urgent, ""))
		wait := b.wait(turn("gone", gate.Urgent, ""))
		b.after(wait)
		late := b.wait(turn("late", gate.Failure, ""))
		assert.LessOrEqual(t, late, 10*time.Second, "gone is waited for")
		b.after(11 * time.Second)
		p, again := b.enter(turn("late", gate.Failure, ""), b.g)
		assert.NotNil(t, p, again)

		require.NoError(t, b.g.Leave(turn("late", gate.Failure, ""), ops))
		left, err := b.store.GateTicket(t.Context(), ops.Key, "late")
		require.NoError(t, err)
		assert.Nil(t, left)
	})
}

// People who try something wait, and are told so.
func TestEnterWaits(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		b.send(20, turn("", gate.Urgent, ""))
		var told []string
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		waits := gate.Waiting(gate.With(ctx, gate.Turn{Key: "me", Rank: gate.Report}), func(c *gate.ClosedError) { told = append(told, c.Robot) })
		p, err := b.g.Enter(waits, ops)
		require.NoError(t, err)
		p.Answered()
		assert.Equal(t, []string{"dingding_ops"}, told)
		assert.Equal(t, 61*time.Second, time.Since(b.began).Truncate(time.Second))
		b.send(19, turn("", gate.Urgent, ""))
		go func() {
			b.after(time.Second)
			cancel()
		}()
		_, err = b.g.Enter(waits, ops)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// However many alerts there are, some reports leave in each minute.
func TestAlertsLeaveRoomForReports(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		alert, report := turn("channel", gate.Failure, "d"), turn("task", gate.Report, "e")
		var alerts, reports time.Time // when they come again
		sent := 0
		for time.Since(b.began) < 5*time.Minute {
			if p, wait := b.enter(alert, b.g); p != nil {
				p.Answered()
			} else {
				alerts = time.Now().Add(wait)
			}
			if !reports.After(time.Now()) {
				p, wait := b.enter(report, b.g)
				if p != nil {
					p.Answered()
					sent++
				}
				reports = time.Now().Add(wait)
			}
			b.after(min(time.Until(alerts), time.Second))
		}
		assert.GreaterOrEqual(t, sent, 3*4, "three a minute")
	})
}

// A clock that is set back makes nobody wait for longer, and one that is set forward lets
// nobody through too early.
func TestClockIsSet(t *testing.T) {
	t.Parallel()
	t.Run("back", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(t *testing.T, b *bench) {
			t.Helper()
			b.send(20, turn("", gate.Urgent, ""))
			b.set.Store(int64(-3 * time.Hour))
			assert.Equal(t, 61*time.Second, b.wait(turn("", gate.Urgent, "")))
			b.after(62 * time.Second)
			p, wait := b.enter(turn("", gate.Urgent, ""), b.g)
			require.NotNil(t, p, wait)
			_, err := p.Refused(t.Context(), block)
			require.NoError(t, err)
			b.set.Store(int64(-9 * time.Hour))
			assert.Equal(t, 10*time.Minute, b.wait(turn("", gate.Urgent, "")))
		})
	})
	t.Run("forward", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(t *testing.T, b *bench) {
			t.Helper()
			b.send(20, turn("", gate.Urgent, ""))
			b.set.Store(int64(3 * time.Hour))
			assert.Equal(t, 61*time.Second, b.wait(turn("", gate.Urgent, "")))
			b.after(62 * time.Second)
			b.send(20, turn("", gate.Urgent, ""))
		})
	})
}

// robot is the other side: it counts what arrives, and blocks as DingTalk does.
type robot struct {
	mu       sync.Mutex
	arrivals []time.Time
	most     int
}

func (r *robot) take() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.arrivals = append(r.arrivals, now)
	n := 0
	for _, a := range r.arrivals {
		if now.Sub(a) < time.Minute {
			n++
		}
	}
	r.most = max(r.most, n)
}

// Whatever is sent by whom and however long it takes, the robot never sees more than its rate in
// any minute, everything leaves, and alerts leave soon.
func TestAnyTraffic(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, b *bench) {
				t.Helper()
				anyTraffic(t, b, rand.New(rand.NewPCG(seed, 1)))
			})
		})
	}
}

func anyTraffic(t *testing.T, b *bench, random *rand.Rand) {
	t.Helper()
	var (
		r       robot
		work    sync.WaitGroup
		longest atomic.Int64
	)
	processes := []*gate.Gate{b.g, b.process(), b.process()}
	send := func(g *gate.Gate, ctx context.Context, before, behind time.Duration) {
		for {
			p, wait := b.enter(ctx, g)
			if p == nil {
				b.after(wait)
				continue
			}
			b.after(before)
			r.take()
			b.after(behind)
			p.Answered()
			return
		}
	}
	pause := func(most time.Duration) time.Duration { return time.Duration(random.Int64N(int64(most))) }
	for i := range 60 { // reports of tasks
		at, g, before, behind := pause(3*time.Minute), processes[random.IntN(3)], pause(3*time.Second), pause(3*time.Second)
		work.Go(func() {
			b.after(at)
			send(g, turn(fmt.Sprint("task ", i), gate.Report, fmt.Sprint("dag ", i%7)), before, behind)
		})
	}
	for c := range 2 { // two channels of alerts, which fold what waits
		g := processes[c]
		var pauses, latencies []time.Duration
		for range 40 {
			pauses, latencies = append(pauses, pause(8*time.Second)), append(latencies, pause(2*time.Second))
		}
		work.Go(func() {
			for i := range pauses {
				b.after(pauses[i])
				began := time.Now()
				send(g, turn(fmt.Sprint("channel ", c), gate.Failure, "d"), latencies[i]/2, latencies[i]/2)
				for waited := int64(time.Since(began) - latencies[i]); ; {
					if old := longest.Load(); waited <= old || longest.CompareAndSwap(old, waited) {
						break
					}
				}
			}
		})
	}
	work.Wait()
	assert.LessOrEqual(t, r.most, 20)
	assert.Len(t, r.arrivals, 140)
	assert.Less(t, time.Duration(longest.Load()), 40*time.Second)
	lines, err := b.store.GateLine(t.Context(), ops.Key, 100, time.Time{}, 10)
	require.NoError(t, err)
	assert.Empty(t, lines, "nobody waits")
}

// DingTalk counts by the calendar of China, which is 8 hours ahead all year.
func TestMonthIsThatOfChina(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-06-30T15:59:59Z": "2026-06", "2026-06-30T16:00:00Z": "2026-07", "2026-12-31T16:00:00Z": "2027-01", "2026-12-31T20:00:00-08:00": "2027-01",
	} {
		at, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		assert.Equal(t, want, gate.Month(at), text)
	}
}

// A month's quota is kept for what is urgent towards its end, and begins anew with the month.
func TestQuota(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		g := b.process()
		robot := gate.Robot{Key: "metered", Name: "ops", Rate: 1000, Quota: 10, Timeout: time.Second}
		sent := func(rank gate.Rank) (n int) {
			for ; n < 20; n++ {
				pass, err := g.Enter(turn("", rank, "d"), robot)
				if over, ok := errors.AsType[*gate.QuotaError](err); ok {
					require.ErrorAs(t, g.Ask(turn("", rank, "d"), robot), &over)
					return n
				}
				if err != nil {
					return n
				}
				pass.Answered()
				time.Sleep(2 * time.Minute)
			}
			return n
		}
		nearly := func() bool {
			row, err := b.store.Gate(t.Context(), "metered")
			require.NoError(t, err)
			return gate.NearlySpent(row, time.Now())
		}
		require.False(t, nearly(), "nobody has entered it")
		pass, err := g.Enter(turn("", gate.Success, "d"), robot)
		require.NoError(t, err)
		pass.Answered()
		require.False(t, nearly())
		assert.Equal(t, 7, sent(gate.Success))
		assert.True(t, nearly())
		assert.Zero(t, sent(gate.Retry))
		assert.Equal(t, 1, sent(gate.Report))
		assert.Equal(t, 1, sent(gate.Failure))
		assert.Zero(t, sent(gate.Urgent))
		_, err = g.Enter(turn("", gate.Urgent, "d"), robot)
		require.EqualError(t, err, `robot "ops" has had 10 of the 10 messages that its extra.quota allows in `+gate.Month(time.Now()))
		time.Sleep(32 * 24 * time.Hour)
		assert.False(t, nearly(), "the count is of last month")
		assert.Equal(t, 8, sent(gate.Success))
		_, err = g.Enter(turn("", gate.Success, "d"), robot)
		require.ErrorContains(t, err, "and the rest is kept for what is more urgent")
	})
}

// Of the connections that lead to a robot the one with the lowest quota counts, whoever sends last, until it is
// changed or gone.
func TestQuotaOfSeveralConnections(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		g := b.process()
		send := func(name string, quota int) {
			t.Helper()
			pass, err := g.Enter(turn("", gate.Failure, "d"), gate.Robot{Key: "shared", Name: name, Rate: 1000, Quota: quota, Timeout: time.Second})
			require.NoError(t, err)
			pass.Answered()
		}
		has := func(name string, quota int) {
			t.Helper()
			row, err := b.store.Gate(t.Context(), "shared")
			require.NoError(t, err)
			assert.Equal(t, name, row.Name)
			assert.Equal(t, quota, row.Quota)
		}
		send("other", 0)
		has("other", 0)
		send("ops", 10)
		has("ops", 10)
		send("other", 0)
		has("ops", 10)
		send("third", 20)
		has("ops", 10)
		send("ops", 30)
		has("ops", 30)
		send("third", 20)
		has("third", 20)
		send("third", 0)
		has("third", 0)
		send("ops", 30)
		require.NoError(t, b.store.Connections().PutConnection(t.Context(), &connections.Connection{ID: "ops", Type: "dingding"}, true))
		send("other", 0)
		has("other", 0)
		send("ops", 30)
		require.NoError(t, b.store.Connections().DeleteConnection(t.Context(), "ops"))
		send("other", 0)
		has("other", 0)
		send("ops", 30)
		time.Sleep(32 * 24 * time.Hour)
		send("other", 0)
		has("other", 0)
	})
}

// A robot that is gone stays known as such until another request leaves, or its connection is changed. A request
// that DingTalk counts for no robot is none of the month.
func TestGone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bench) {
		t.Helper()
		row := func() *store.Gate {
			t.Helper()
			row, err := b.store.Gate(t.Context(), ops.Key)
			require.NoError(t, err)
			return row
		}
		b.send(1, t.Context())
		pass, _ := b.enter(t.Context(), b.g)
		require.NoError(t, pass.Gone(t.Context(), "300005 token is not exist", false))
		now := row()
		assert.Equal(t, 1, now.Sent)
		assert.Equal(t, "300005 token is not exist", now.Gone)
		assert.WithinDuration(t, time.Now(), now.GoneAt, time.Millisecond)
		assert.WithinDuration(t, time.Now(), now.EnteredAt, time.Millisecond)

		pass, _ = b.enter(t.Context(), b.g)
		require.NoError(t, pass.Gone(t.Context(), "400106 removed", true))
		assert.Equal(t, 2, row().Sent)
		b.send(1, t.Context())
		assert.Zero(t, row().GoneAt)
		assert.Empty(t, row().Gone)

		pass, _ = b.enter(t.Context(), b.g)
		require.NoError(t, pass.Gone(t.Context(), "400106 removed", true))
		require.NoError(t, b.store.Connections().PutConnection(t.Context(), &connections.Connection{ID: ops.Name, Type: "dingding"}, true))
		assert.Zero(t, row().GoneAt)
	})
}
