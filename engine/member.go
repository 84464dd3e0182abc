package engine

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/store"
)

// member is this process among those that share a store. It renews its lease, leads when it may and nobody else does, and
// runs attempts for whoever leads.
type member struct {
	e *Engine
	o RunOptions

	mu sync.Mutex
	// drained says that no more attempts are to be taken; changed is closed when that changes.
	drained bool
	changed chan struct{}

	// What follows is of the goroutine that beats.

	node  store.Node
	epoch int64
	// term is that of now, nil while this process does not lead, and ending are those before it of which messages may still leave.
	term   *term
	ending []*term
	// rests is until when it does not lead, since it could not take up the lead a moment ago.
	rests time.Time
	// failing is why the last beat failed, and follows says that it was said that another process leads.
	failing string
	follows bool
	// compared says that its secret key was compared with those of the others.
	compared bool
}

// runShared is Run on a store that processes share.
func (e *Engine) runShared(ctx context.Context, o RunOptions) error {
	e.desk.join()
	e.runs.Join()
	m := &member{e: e, o: o, changed: make(chan struct{}), node: store.Node{
		Process: e.by, Schedules: o.Lead, Works: !o.NoWork, Queues: e.o.Queues, Endpoint: e.o.Endpoint, KeyMark: e.o.KeyMark, State: store.NodeWorking, StartedAt: e.runs.Now(),
	}}
	over := make(chan struct{})
	var saying sync.WaitGroup
	saying.Go(func() { e.executor.sayStopping(o.Interrupted, o.Hurry, over) })
	defer saying.Wait()
	defer close(over)

	working, stop := context.WithCancel(ctx)
	defer stop()
	// The lease is renewed as long as attempts run, which others would take over otherwise.
	living, die := context.WithCancel(context.WithoutCancel(ctx))
	defer die()
	first := make(chan struct{})
	beating := make(chan error, 1)
	go func() {
		defer stop()
		beating <- m.beats(living, working.Done(), first)
	}()
	var err error
	select {
	case <-first: // nothing runs before there is a lease
		err = m.work(working)
	case <-working.Done():
	}
	stop()
	die()
	return errors.Join(err, <-beating)
}

// work runs attempts until ctx ends and those that run have ended. While the node is drained it takes none.
func (m *member) work(ctx context.Context) error {
	if m.o.Before != nil {
		m.o.Before(ctx)
	}
	ready := sync.OnceFunc(func() {
		if m.o.Ready != nil {
			m.o.Ready()
		}
	})
	if m.o.NoWork {
		ready()
		<-ctx.Done()
		return nil
	}
	over := make(chan struct{})
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer close(over)
	hurry := make(chan struct{})
	waiting.Go(func() { m.hurry(ctx.Done(), over, hurry) })
	for ctx.Err() == nil {
		drained, changed := m.draining()
		if drained {
			select {
			case <-ctx.Done():
			case <-changed:
			}
			continue
		}
		if err := m.workUntil(ctx, changed, hurry, ready); err != nil {
			return err
		}
	}
	return nil
}

// workUntil runs attempts until ctx ends or changed is closed.
func (m *member) workUntil(ctx context.Context, changed, hurry <-chan struct{}, ready func()) error {
	ctx, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer stop()
	watching.Go(func() {
		defer stop()
		select {
		case <-changed:
		case <-ctx.Done():
		}
	})
	return m.e.store.Work(ctx, store.WorkOptions{
		Workers: m.e.o.Workers, Queues: m.e.o.Queues, Grace: math.MaxInt64, Hurry: hurry, Ready: ready,
		Handle: func(hctx context.Context, j store.Job) error { return m.e.executor.handle(hctx, j, ctx.Done()) },
	})
}

// hurry closes end when running attempts are to end: a while after stopping. Those of a node that is drained may take as
// long as they take.
func (m *member) hurry(stopping, over <-chan struct{}, end chan<- struct{}) {
	defer close(end)
	select {
	case <-stopping:
	case <-m.o.Hurry:
		return
	case <-over:
		return
	}
	grace := time.NewTimer(m.e.o.Grace)
	defer grace.Stop()
	select {
	case <-grace.C:
	case <-m.o.Hurry:
	case <-over:
	}
}

// draining reports whether no more attempts are to be taken, and what is closed when that changes.
func (m *member) draining() (drained bool, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.drained, m.changed
}

func (m *member) drain(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.drained == on {
		return
	}
	if m.drained = on; on {
		m.e.o.Log.Warn("this node is drained: it takes no more attempts, and does not lead")
	} else {
		m.e.o.Log.Info("this node is no longer drained")
	}
	close(m.changed)
	m.changed = make(chan struct{})
}

// beats renews the lease until ctx ends, and leads meanwhile as far as it may, until stopping is closed. It closes first once
// there is a lease. The error is that of a lead which this process cannot take up.
func (m *member) beats(ctx context.Context, stopping <-chan struct{}, first chan<- struct{}) error {
	var beside sync.WaitGroup
	defer beside.Wait()
	watching, unwatch := context.WithCancel(ctx)
	defer unwatch()
	vacant := make(chan struct{}, 1)
	beside.Go(func() { m.watch(watching, vacant) })
	t := time.NewTicker(m.e.o.Beat)
	defer t.Stop()
	for {
		m.beat(ctx)
		if first != nil && m.failing == "" {
			close(first)
			first = nil
		}
		select {
		case <-ctx.Done():
			return m.leave(context.WithoutCancel(ctx))
		case <-stopping:
			stopping, m.node.State = nil, store.NodeStopping
		case <-m.ended():
			if err := m.endTerm(ctx); err != nil {
				return errors.Join(err, m.leave(context.WithoutCancel(ctx)))
			}
		case <-vacant:
		case <-t.C:
		}
	}
}

// ended is closed when the term that there is has ended by itself.
func (m *member) ended() <-chan struct{} {
	if m.term == nil {
		return nil
	}
	return m.term.quiet
}

// mayLead reports whether this process wants to lead now.
func (m *member) mayLead() bool {
	return m.o.Lead && m.node.State == store.NodeWorking && !m.e.o.Clock().Before(m.rests)
}

// beat renews the lease, and begins to lead or leads no more.
func (m *member) beat(ctx context.Context) {
	if m.term != nil && !m.mayLead() {
		_ = m.endTerm(ctx) // it leads no more, whatever it was
	}
	m.node.Running = len(m.e.executor.atWork.names())
	if m.e.o.LogsWaiting != nil {
		logs, oldest := m.e.o.LogsWaiting()
		m.node.LogsWaiting, m.node.LogsWaitingFor = logs, oldest.Truncate(time.Second)
	}
	before := m.e.o.Clock()
	r, err := m.e.store.Renew(ctx, &m.node, store.Renewal{Lease: 3 * m.e.o.Beat, Lead: m.mayLead(), Epoch: m.epoch})
	if err != nil {
		if ctx.Err() == nil && m.failing != err.Error() { // a store that stays away says so once
			m.failing = err.Error()
			m.e.o.Log.Error("the lease of this process cannot be renewed; it is tried again", "error", err)
		}
		return
	}
	if m.failing != "" {
		m.failing = ""
		m.e.o.Log.Info("the lease of this process is renewed again")
	}
	m.e.executor.tenure.renew(3 * m.e.o.Beat)
	if err := m.e.executor.endTaken(ctx); err != nil && ctx.Err() == nil {
		m.e.o.Log.Error("look for tries that others have taken", "error", err) // the next beat looks again
	}
	m.compareClocks(r.Now, before, m.e.o.Clock())
	m.compareKeys(ctx)
	m.drain(r.Drain)
	switch {
	case m.node.State == store.NodeStopping:
	case r.Drain:
		m.node.State = store.NodeDraining
	default:
		m.node.State = store.NodeWorking
	}
	switch was := m.epoch; {
	case was == 0 && r.Epoch != 0:
		m.epoch = r.Epoch
		m.beginTerm(ctx)
	case was != 0 && r.Epoch == 0:
		m.epoch = 0
		m.e.o.Log.Warn("another process has taken the lead; this one works on for it")
		_ = m.endTerm(ctx) // it has lost what it led
	case r.Epoch != 0:
		m.term.take(r.Lost)
	case m.mayLead() && !m.follows:
		m.follows = true
		m.e.o.Log.Info("another process leads; this one takes the lead when that ends")
	}
	if m.term == nil {
		m.e.plans.Trim()
	}
}

// compareKeys says once that the secret key of this process is not that of the others.
func (m *member) compareKeys(ctx context.Context) {
	if m.compared || m.node.KeyMark == "" {
		return
	}
	living, _, err := store.Living(ctx, m.e.store)
	if err != nil {
		return // the next beat comes
	}
	m.compared = true
	if first := store.OtherKey(living, m.node.KeyMark); first != nil {
		m.e.o.Log.Warn("the secret key of this process is another one than that of a process that has worked here before: neither can read the connections and variables that the other one encrypts, nor show its task logs. "+
			"Set the same DINGDAG_SECRET_KEY for all, or copy secret.key from the home folder of the other one, and start this one again", "other", first.ID)
	}
}

// compareClocks notes by how much the clock of this process differs from that of the store, as which it was now at some moment
// between two of this process, and says so when it begins to matter and when it is over. Others hear of it with the next beat.
func (m *member) compareClocks(now, before, after time.Time) {
	was := m.node.ClockIsOff()
	switch {
	case now.Before(before):
		m.node.ClockAhead = before.Sub(now).Round(time.Millisecond)
	case now.After(after):
		m.node.ClockAhead = after.Sub(now).Round(time.Millisecond)
	default:
		m.node.ClockAhead = 0
	}
	switch off := m.node.ClockIsOff(); {
	case off && !was:
		m.e.o.Log.Warn("the clock of this machine is not that of the database: have all machines take their time from one source (NTP), because runs start by the clock of the node that leads",
			"ahead", m.node.ClockAhead)
	case was && !off:
		m.e.o.Log.Info("the clock of this machine is that of the database again")
	}
}

// term is a stretch in which this process leads.
type term struct {
	stop context.CancelFunc
	// lost are jobs of processes whose lease has ended.
	lost chan []store.Job
	// quiet is closed when nothing more is changed, and done when the messages under way have left as well.
	quiet, done chan struct{}
	// err is why it has ended, once it is quiet.
	err error
}

// take gives the term lost jobs, unless it has not looked at those of the last beat yet.
func (t *term) take(lost []store.Job) {
	if len(lost) == 0 {
		return
	}
	select {
	case t.lost <- lost:
	default: // they are found again
	}
}

func (m *member) beginTerm(ctx context.Context) {
	m.follows = false
	m.e.o.Log.Info("this process leads", "epoch", m.epoch)
	before := slices.Clone(m.ending)
	ctx, stop := context.WithCancel(ctx)
	t := &term{stop: stop, lost: make(chan []store.Job, 1), quiet: make(chan struct{}), done: make(chan struct{})}
	m.term = t
	go func() {
		defer close(t.done)
		defer stop()
		for _, b := range before { // whose messages are still leaving
			<-b.done
		}
		m.e.lead(ctx, m.o, t)
	}()
}

// endTerm ends the term that there is, and gives up the lead. The error is one for which it could not go on at a
// second try either.
func (m *member) endTerm(ctx context.Context) error {
	t := m.term
	t.stop()
	<-t.quiet
	m.ending = append(slices.DeleteFunc(m.ending, (*term).isDone), t)
	m.term = nil
	// One that has lost the lead says by this that it changes nothing any more as the leader.
	epoch := m.epoch
	m.epoch = 0
	if _, err := m.e.store.Renew(context.WithoutCancel(ctx), &m.node, store.Renewal{Lease: 3 * m.e.o.Beat, Epoch: epoch}); err != nil && epoch != 0 {
		m.e.o.Log.Error("give up the lead; it runs out", "error", err)
	}
	if t.err == nil {
		return nil
	}
	if !store.Temporary(t.err) {
		return t.err
	}
	m.e.o.Log.Error("this process could not go on leading", "error", t.err)
	m.rests = m.e.o.Clock().Add(3 * m.e.o.Beat)
	return nil
}

// isDone reports whether the messages of a term have left.
func (t *term) isDone() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// leave gives up what this process has: the lead at once, the lease in the end.
func (m *member) leave(ctx context.Context) (err error) {
	if m.term != nil {
		err = m.endTerm(ctx)
	}
	for _, t := range m.ending {
		<-t.done
	}
	m.e.executor.tenure.end()
	m.node.State = store.NodeStopped
	if _, rerr := m.e.store.Renew(ctx, &m.node, store.Renewal{}); rerr != nil {
		m.e.o.Log.Error("give up the lease; it runs out", "error", rerr)
	}
	return err
}

// hearing is the least time between two looks at what others wrote, by a process that does not lead.
const hearing = 50 * time.Millisecond

// watch hears of what others write until ctx ends. A process that leads takes it in; one that does not ends attempts that
// are no longer wanted, and says through vacant that nobody leads.
func (m *member) watch(ctx context.Context, vacant chan<- struct{}) {
	news := make(chan struct{}, 1)
	var looking sync.WaitGroup
	defer looking.Wait()
	looking.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-news:
			}
			m.look(ctx, vacant)
			select {
			case <-ctx.Done():
			case <-time.After(hearing):
			}
		}
	})
	err := m.e.store.Watch(ctx, func() {
		m.e.reported()
		m.e.ask()
		if m.o.Noticed != nil && m.e.Follows() {
			m.o.Noticed()
		}
		select {
		case news <- struct{}{}:
		default: // it will look anyway
		}
	})
	if err != nil {
		m.e.o.Log.Warn("what other processes do is found at the next beat only", "error", err)
	}
}

func (m *member) look(ctx context.Context, vacant chan<- struct{}) {
	if err := m.e.executor.endCanceled(ctx); err != nil && ctx.Err() == nil {
		m.e.o.Log.Error("look for attempts that are to end", "error", err) // the next look comes
	}
	if !m.o.Lead || m.e.runs.Working() {
		return
	}
	if leased, err := store.LeasedNow(ctx, m.e.store); err == nil && !leased {
		select {
		case vacant <- struct{}{}:
		default:
		}
	}
}

// endCanceled ends the attempts of this process that whoever leads wants to end.
func (x *executor) endCanceled(ctx context.Context) error {
	if !x.shared || len(x.atWork.names()) == 0 {
		return nil
	}
	cs, err := x.store.Canceled(ctx)
	if err != nil {
		return err
	}
	for _, c := range cs {
		x.attempts.Cancel(live.Attempt{Run: c.RunKey, Task: c.TaskID, MapIndex: c.MapIndex, Try: c.Try}, errors.New(c.Why))
	}
	return nil
}
