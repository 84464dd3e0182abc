// Package gate paces what is sent to robots. DingTalk takes 20 messages a minute from a custom
// robot and then refuses all for ten minutes, whoever sent them: so alerts, tasks and people who
// test a connection, in whatever process, enter the same gate before each request.
//
// A [Gate] lets a request pass when the robot has counted fewer than its rate within the last
// minute, as the robot may have seen it, and is not known to refuse. Who can't pass gets a place
// in the line and the moment at which to come again. The line goes by rank ([Rank]), DAGs of one
// rank take turns, and within a DAG it goes by time.
//
// Alerts have room in any minute: reports leave a quarter of the rate to them, and they themselves
// leave at once only while two fifths are used. From then on they spread what is left, so that
// one leaves every few seconds, however many there are; the outbox folds what waits into it. A
// sixth of the rate is for reports in any case.
package gate

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/dingdag/dingdag/store"
)

// Rank is how urgent a message is. A lower one goes first.
type Rank int

// The ranks.
const (
	// Urgent is what people have marked so: it may use all of the rate at once.
	Urgent Rank = iota
	// Failure is of failed tasks and runs, missed ticks and deadlines, and broken DAG files.
	Failure
	// Retry is of tasks that are tried again.
	Retry
	// Success is of all other events.
	Success
	// Report is of tasks that send messages.
	Report
)

const (
	// window is how long a robot counts a request. The second beside the minute is for clocks
	// that do not agree.
	window = time.Minute + time.Second
	// grace is how long one who is to come again is waited for.
	grace = 10 * time.Second
	// forgotten is after how long the place of one who did not come is given up.
	forgotten = time.Hour
	// lineLimit is how many of those who wait are looked at.
	lineLimit = 200
)

// Robot is whom a request goes to.
type Robot struct {
	// Key tells robots apart and is no secret. Name is how people know it.
	Key, Name string
	// Rate is how many requests it takes within a minute, 1 or more.
	Rate int
	// Quota is how many messages it is to get in a month of China, 0 for no limit. Retries and successes
	// leave the last fifth of it to others, reports the last tenth.
	Quota int
	// Timeout is how long a request may take until the robot has it.
	Timeout time.Duration
}

// Turn is who wants to send, and what. Without one in its context a request is a report of
// nobody, who does not stand in line.
type Turn struct {
	// Key tells those who wait apart; empty is nobody's.
	Key string
	// Rank is that of the message, DAGID what it is about.
	Rank  Rank
	DAGID string
}

type turnKey struct{}

type waitsKey struct{}

// Waiting returns a context whose requests wait in [Gate.Enter] until they pass. told is told why
// before each wait.
func Waiting(ctx context.Context, told func(*ClosedError)) context.Context {
	return context.WithValue(ctx, waitsKey{}, told)
}

// With returns a context whose requests are a turn's.
func With(ctx context.Context, t Turn) context.Context { return context.WithValue(ctx, turnKey{}, t) }

// TurnOf is the turn of a context.
func TurnOf(ctx context.Context) Turn {
	if t, ok := ctx.Value(turnKey{}).(Turn); ok {
		return t
	}
	return Turn{Rank: Report}
}

// ClosedError says that a request has to wait.
type ClosedError struct {
	// Robot is the robot's name.
	Robot string
	// Until is when to come again.
	Until time.Time
	// Refused says that the robot takes nothing until then; else it has had enough for now.
	Refused bool

	wait time.Duration
}

// Wait is how long it is until then.
func (e *ClosedError) Wait() time.Duration { return e.wait }

// Error says what is waited for.
func (e *ClosedError) Error() string {
	if e.Refused {
		return fmt.Sprintf("robot %q takes no messages before %s, since it was sent too many", e.Robot, e.Until.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("robot %q has had its messages of this minute: the next leaves at %s", e.Robot, e.Until.UTC().Format(time.RFC3339))
}

// QuotaError says that a robot has had its messages of the month, or so many that the rest is for
// what is more urgent.
type QuotaError struct {
	// Robot is the robot's name.
	Robot string
	// Sent is how many messages it has had in Month, such as 2026-11, and Quota how many it is to get.
	Sent, Quota int
	Month       string
}

// Spent is true: it does not help to come again.
func (e *QuotaError) Spent() bool { return true }

// Error says how much is used up.
func (e *QuotaError) Error() string {
	text := fmt.Sprintf("robot %q has had %d of the %d messages that its extra.quota allows in %s", e.Robot, e.Sent, e.Quota, e.Month)
	if e.Sent < e.Quota {
		text += ", and the rest is kept for what is more urgent"
	}
	return text
}

// Tenths of a quota: until the first retries and successes are sent, until the second reports.
const lessUrgentTenths, reportTenths = 8, 9

// share is so many tenths of a quota.
func share(quota, tenths int) int { return max(quota*tenths/10, 1) }

// Reports is how many of the messages of a quota are sent before reports no longer are.
func Reports(quota int) int { return share(quota, reportTenths) }

// NearlySpent reports whether a robot has had so much of its quota of this month that retries and
// successes are no longer sent to it.
func NearlySpent(row *store.Gate, now time.Time) bool {
	return row.Quota > 0 && row.Month == Month(now) && row.Sent >= share(row.Quota, lessUrgentTenths)
}

// china is the zone of DingTalk, which has no summer time.
var china = time.FixedZone("Asia/Shanghai", 8*60*60)

// Month is the month of the count of a moment, such as 2026-11: that of China, where DingTalk counts.
func Month(at time.Time) string { return at.In(china).Format("2006-01") }

// spent is nil while a robot may get a message of a rank in this month.
func spent(row *store.Gate, r Robot, rank Rank, now time.Time) error {
	if r.Quota == 0 || row.Month != Month(now) {
		return nil
	}
	most := r.Quota
	switch rank {
	case Urgent, Failure:
	case Report:
		most = share(r.Quota, reportTenths)
	default:
		most = share(r.Quota, lessUrgentTenths)
	}
	if row.Sent < most {
		return nil
	}
	return &QuotaError{Robot: r.Name, Sent: row.Sent, Quota: r.Quota, Month: row.Month}
}

// Store is what a gate needs of the store.
type Store interface {
	store.Gates
	// Write runs fn in a transaction and commits it unless fn fails.
	Write(ctx context.Context, fn func(Tx) error) error
}

// Tx is a transaction on gates.
type Tx interface {
	store.Gates
	store.GatesTx
}

// Owner runs transactions of a process, see [store.Membership].
type Owner interface {
	Own(ctx context.Context, fn func(store.Tx) error) error
}

// In is the gates' part of a store. Whoever sends writes there, also a process that has just lost the lead of others.
func In(s interface {
	store.Gates
	Owner
},
) Store {
	return part{s, s}
}

type part struct {
	store.Gates
	s Owner
}

func (p part) Write(ctx context.Context, fn func(Tx) error) error {
	return p.s.Own(ctx, func(tx store.Tx) error { return fn(tx) })
}

// Gate is the gate of all robots. It is safe for concurrent use.
type Gate struct {
	store Store
	clock func() time.Time
	// prefix and next name the requests of this process.
	prefix string

	mu    sync.Mutex
	next  int
	known map[string]*memory
}

// memory is what a process knows of a robot beside the store.
type memory struct {
	// became is what became of requests since the store was written last.
	became map[string]outcome
	// sends are the moments at which the robot had the requests of this process, by a clock
	// that nobody sets.
	sends []time.Time
}

type outcome struct {
	at   time.Time
	left bool
}

// New returns the gate in a store, by the clock of the store's rows.
func New(s Store, clock func() time.Time) *Gate {
	return &Gate{store: s, clock: clock, prefix: rand.Text()[:8], known: map[string]*memory{}}
}

// Pass lets one request leave. Every pass is to be ended by one of its methods.
type Pass struct {
	g     *Gate
	robot Robot
	id    string
}

// Enter lets a request to a robot pass now, or returns a [*ClosedError]; whoever has a turn in ctx
// stands in line from then on. Any other error is one of the store, or the end of a wait with ctx.
func (g *Gate) Enter(ctx context.Context, r Robot) (*Pass, error) {
	for {
		pass, err := g.enter(ctx, r)
		closed, ok := errors.AsType[*ClosedError](err)
		waits, waiting := ctx.Value(waitsKey{}).(func(*ClosedError))
		if !ok || !waiting {
			return pass, err
		}
		waits(closed)
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(closed.wait):
		}
	}
}

func (g *Gate) enter(ctx context.Context, r Robot) (*Pass, error) {
	var pass *Pass
	closed, err := g.ask(ctx, r, func(tx Tx, row *store.Gate, t Turn, now time.Time) error {
		pass = &Pass{g, r, g.name()}
		row.Sends = append(row.Sends, store.GateSend{
			ID: pass.id, At: now, Seen: now.Add(r.Timeout).Truncate(time.Millisecond), Rank: int(t.Rank), DAGID: t.DAGID,
		})
		if m := Month(now); row.Month != m {
			row.Month, row.Sent, row.Quota = m, 0, 0
		}
		row.Sent++
		row.EnteredAt, row.GoneAt, row.Gone = now, time.Time{}, ""
		if r.Name == row.Name || row.Quota == 0 || r.Quota > 0 && r.Quota <= row.Quota {
			row.Name, row.Quota = r.Name, r.Quota // else it stays that of the other connection
		}
		if t.Key == "" {
			return nil
		}
		return errors.Join(tx.DropGateTicket(ctx, r.Key, t.Key), tx.DropGateTickets(ctx, now.Add(-forgotten)))
	})
	if err != nil {
		return nil, err
	}
	if closed != nil {
		return nil, closed
	}
	return pass, nil
}

// Ask is Enter for somebody who does not want to send yet: without an error a request would pass.
func (g *Gate) Ask(ctx context.Context, r Robot) error {
	closed, err := g.ask(ctx, r, nil)
	if err == nil && closed != nil {
		return closed
	}
	return err
}

// Leave ends the waiting of the turn in ctx, which sends nothing there any more.
func (g *Gate) Leave(ctx context.Context, r Robot) error {
	key := TurnOf(ctx).Key
	if key == "" {
		return nil
	}
	return g.store.Write(ctx, func(tx Tx) error { return tx.DropGateTicket(ctx, r.Key, key) })
}

// ask looks whether a request may pass, and lets enter write that it does.
func (g *Gate) ask(ctx context.Context, r Robot, enter func(Tx, *store.Gate, Turn, time.Time) error) (closed *ClosedError, err error) {
	if r.Rate < 1 {
		return nil, fmt.Errorf("robot %q takes %d messages a minute: there must be some", r.Name, r.Rate)
	}
	t := TurnOf(ctx)
	var known []string
	err = g.store.Write(ctx, func(tx Tx) error {
		closed = nil // the store may call it again
		now := g.now()
		row, err := tx.LockGate(ctx, r.Key)
		if err != nil {
			return err
		}
		var changed bool
		known, changed = g.tidy(row, now)
		if err := spent(row, r, t.Rank, now); err != nil {
			return err
		}
		mine := &store.GateTicket{Robot: r.Key, Key: t.Key, Rank: int(t.Rank), DAGID: t.DAGID, Since: now}
		ahead, err := ahead(ctx, tx, mine, row, now)
		if err != nil {
			return err
		}
		switch at, refused := opens(row, g.sentHere(r), r.Rate, t.Rank, ahead, now); {
		case at.After(now):
			mine.LookAt = at
			closed = &ClosedError{Robot: r.Name, Until: at, Refused: refused, wait: at.Sub(now)}
			if t.Key != "" {
				if err := tx.PutGateTicket(ctx, mine); err != nil {
					return err
				}
			}
		case enter != nil:
			changed = true
			err = enter(tx, row, t, now)
		}
		if err == nil && changed {
			err = tx.PutGate(ctx, row)
		}
		return err
	})
	if err == nil {
		g.forget(r.Key, known)
	}
	return closed, err
}

// ahead counts who goes before a turn, and sets since when it waits.
func ahead(ctx context.Context, tx Tx, mine *store.GateTicket, row *store.Gate, now time.Time) (n int, err error) {
	if mine.Key != "" {
		before, err := tx.GateTicket(ctx, mine.Robot, mine.Key)
		if err != nil {
			return 0, err
		}
		if before != nil && before.Since.Before(now) {
			mine.Since = before.Since
		}
	}
	line, err := tx.GateLine(ctx, mine.Robot, mine.Rank, now.Add(-grace), lineLimit)
	if err != nil {
		return 0, err
	}
	served := turns(row)
	for _, other := range line {
		if other.Key != mine.Key && before(other, mine, served) {
			n++
		}
	}
	return n, nil
}

// before reports whether a goes before b.
func before(a, b *store.GateTicket, served map[string]time.Time) bool {
	return cmp.Or(
		cmp.Compare(a.Rank, b.Rank),
		served[a.DAGID].Compare(served[b.DAGID]),
		a.Since.Compare(b.Since),
		cmp.Compare(a.Key, b.Key),
	) < 0
}

// turns are the moments at which DAGs had their last turn.
func turns(row *store.Gate) map[string]time.Time {
	out := map[string]time.Time{}
	for _, s := range row.Sends {
		if s.At.After(out[s.DAGID]) {
			out[s.DAGID] = s.At
		}
	}
	return out
}

// tidy brings a row up to date: what became of requests, whose ids it returns, without those that
// no longer count. A clock that was set back makes nobody wait longer than from now on.
func (g *Gate) tidy(row *store.Gate, now time.Time) (known []string, changed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var became map[string]outcome
	if m := g.known[row.Robot]; m != nil {
		became = m.became
		known = slices.Collect(maps.Keys(became))
	}
	kept := row.Sends[:0]
	for _, s := range row.Sends {
		if o, ok := became[s.ID]; ok {
			changed = true
			if !o.left {
				row.Sent = max(row.Sent-1, 0)
				continue
			}
			s.Seen = o.at
		}
		if s.At.After(now) {
			s.Seen, s.At, changed = now.Add(s.Seen.Sub(s.At)), now, true
		}
		if s.Seen.After(now.Add(-window)) {
			kept = append(kept, s)
		} else {
			changed = true
		}
	}
	row.Sends = kept
	if row.ClosedAt.After(now) {
		row.ClosedAt, row.ClosedUntil, changed = now, now.Add(row.ClosedUntil.Sub(row.ClosedAt)), true
	}
	if !row.ClosedUntil.IsZero() && !row.ClosedUntil.After(now) {
		row.ClosedAt, row.ClosedUntil, changed = time.Time{}, time.Time{}, true
	}
	return known, changed
}

// forget drops what became of requests, which the store knows now.
func (g *Gate) forget(robot string, ids []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m := g.known[robot]; m != nil {
		for _, id := range ids {
			delete(m.became, id)
		}
	}
}

// opens is when a request of a rank may leave behind others, by what is known of the robot and by
// when this process has sent, and whether that is because the robot refuses.
func opens(row *store.Gate, here []time.Time, rate int, rank Rank, ahead int, now time.Time) (at time.Time, refused bool) {
	var last time.Time // of the alerts
	seen, reports := make([]time.Time, 0, len(row.Sends)), 0
	for _, s := range row.Sends {
		seen = append(seen, s.Seen)
		if Rank(s.Rank) == Report {
			reports++
		} else if s.At.After(last) {
			last = s.At
		}
	}
	slices.SortFunc(seen, time.Time.Compare)
	most := rate
	if rank == Report && reports >= rate/6 {
		most = max(rate*3/4, 1)
	}
	at = later(fewer(seen, most, ahead, now), fewer(here, rate, ahead, now))
	if left := most - len(seen); rank != Report && rank != Urgent && len(seen)+ahead >= max(rate*2/5, 1) && left > 0 {
		at = later(at, last.Add(time.Duration(ahead+1)*window/time.Duration(left+2)))
	}
	if row.ClosedUntil.After(at) {
		return row.ClosedUntil, true
	}
	return at, false
}

// fewer is when at most so many requests are counted with one more behind those ahead of it.
func fewer(seen []time.Time, most, ahead int, now time.Time) time.Time {
	beyond := len(seen) + ahead + 1 - most // so many have to be forgotten first
	switch {
	case beyond <= 0:
		return now
	case beyond <= len(seen):
		return later(now, seen[beyond-1].Add(window))
	default: // some of those who have not left yet
		return now.Add(window + time.Duration(beyond-len(seen)-1)*window/time.Duration(most))
	}
}

// sentHere are the moments of the last minute at which robots had requests of this process, oldest
// first, on the clock of the rows as it stands now, whatever was done to that clock meanwhile.
func (g *Gate) sentHere(r Robot) []time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.known[r.Key]
	if m == nil {
		return nil
	}
	m.sends = slices.DeleteFunc(m.sends, func(t time.Time) bool { return time.Since(t) >= window })
	now := g.now()
	out := make([]time.Time, 0, len(m.sends))
	for _, t := range m.sends {
		out = append(out, now.Add(-time.Since(t)))
	}
	return out
}

func (g *Gate) name() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next++
	return g.prefix + strconv.Itoa(g.next)
}

// now is the time as the store keeps it.
func (g *Gate) now() time.Time { return g.clock().UTC().Truncate(time.Millisecond) }

// settle notes what became of a request.
func (p *Pass) settle(left bool) {
	g := p.g
	now := g.now().Add(time.Millisecond) // not before it was
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.known[p.robot.Key]
	if m == nil {
		m = &memory{became: map[string]outcome{}}
		g.known[p.robot.Key] = m
	}
	m.became[p.id] = outcome{now, left}
	if left {
		m.sends = append(m.sends, time.Now()) //nolint:forbidigo // a clock that nobody sets
	}
}

// Answered says that the robot has answered, or had the time to: it counts the request.
func (p *Pass) Answered() { p.settle(true) }

// Unsent says that the request never left.
func (p *Pass) Unsent() { p.settle(false) }

// Refused says that the robot answered that it was sent too many messages: the gate closes for
// everybody for the time of the block, and returns until when. What the robot refuses meanwhile
// does not put that off.
func (p *Pass) Refused(ctx context.Context, block time.Duration) (until time.Time, err error) {
	p.settle(true)
	err = p.g.change(ctx, p.robot.Key, func(row *store.Gate, now time.Time) bool {
		closes := row.ClosedUntil.IsZero()
		if closes {
			row.ClosedAt, row.ClosedUntil = now, now.Add(block)
		}
		until = row.ClosedUntil
		return closes
	})
	return until, err
}

// Gone says that the robot answered that it does not exist, or takes nothing any more. Unless DingTalk counts such
// a request it is none of the month.
func (p *Pass) Gone(ctx context.Context, answer string, counts bool) error {
	p.settle(counts)
	return p.g.change(ctx, p.robot.Key, func(row *store.Gate, now time.Time) bool {
		row.Name, row.GoneAt, row.Gone = p.robot.Name, now, answer
		return true
	})
}

// Reopen opens the gate of a robot that refuses, because somebody knows better.
func (g *Gate) Reopen(ctx context.Context, robot string) error {
	return g.change(ctx, robot, func(row *store.Gate, _ time.Time) bool {
		closed := !row.ClosedUntil.IsZero()
		row.ClosedAt, row.ClosedUntil = time.Time{}, time.Time{}
		return closed
	})
}

func (g *Gate) change(ctx context.Context, robot string, do func(row *store.Gate, now time.Time) bool) error {
	var known []string
	err := g.store.Write(ctx, func(tx Tx) error {
		row, err := tx.LockGate(ctx, robot)
		if err != nil {
			return err
		}
		now := g.now()
		ids, changed := g.tidy(row, now)
		known = ids
		if do(row, now) || changed {
			return tx.PutGate(ctx, row)
		}
		return nil
	})
	if err == nil {
		g.forget(robot, known)
	}
	return err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
