package chat

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/dingdag/dingdag/store"
)

const (
	// leaseTime is how long a lease lasts, renew how often its holder renews it, and watch how often the others look
	// whether it has ended: somebody takes over at the latest after leaseTime and watch, within 5 s.
	leaseTime = 4 * time.Second
	renew     = 1500 * time.Millisecond
	watch     = 500 * time.Millisecond
	// slack is how long before its end a lease counts as lost: what is begun then still ends in it.
	slack = 500 * time.Millisecond
	// again is the pause after DingTalk has refused an application.
	again = 30 * time.Second
)

// Standing says how it stands with the receiving of an application.
type Standing struct {
	ConnID string
	// HTTPOnly is that of its [App].
	HTTPOnly bool
	// Elsewhere says that another process on the store receives.
	Elsewhere bool
	Link
	// Latest is when something came last, zero for never since the process began.
	Latest time.Time
}

// Service receives for all applications of a home folder. Make one with [New].
type Service struct {
	o Options

	mu    sync.Mutex
	apps  map[string]*holder
	order []string
	// problem is what was wrong with the connections when they were read last.
	problem string
}

// New returns a service.
func New(o Options) *Service { return &Service{o: o, apps: map[string]*holder{}} }

// Run receives and works until ctx ends, and returns once all has stopped. Applications that are
// added, changed or taken away meanwhile are noticed.
func (s *Service) Run(ctx context.Context) {
	defer s.stopAll()
	for {
		s.follow(ctx)
		if !sleep(ctx, look) {
			return
		}
	}
}

// follow brings the holders up to date with the applications.
func (s *Service) follow(ctx context.Context) {
	apps, err := s.o.Apps(ctx)
	if ctx.Err() != nil {
		return
	}
	s.report(err)
	wanted := map[string]App{}
	var order []string
	for _, a := range apps {
		known, twice := wanted[a.Key]
		if !twice {
			order = append(order, a.Key)
		}
		if !twice || known.HTTPOnly && !a.HTTPOnly {
			wanted[a.Key] = a
		}
	}
	s.mu.Lock()
	if err != nil {
		for _, key := range s.order {
			if h := s.apps[key]; h != nil && wanted[key].Key == "" {
				wanted[key] = h.app
				order = append(order, key)
			}
		}
	}
	var gone []*holder
	for key, h := range s.apps {
		if wanted[key] != h.app {
			gone = append(gone, h)
			delete(s.apps, key)
		}
	}
	s.mu.Unlock()
	for _, h := range gone {
		h.stop()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = order
	for key, a := range wanted {
		if s.apps[key] == nil {
			s.apps[key] = hold(ctx, &s.o, a)
		}
	}
}

// report logs what is wrong with the connections, once for as long as it is.
func (s *Service) report(err error) {
	problem := ""
	if err != nil {
		problem = s.o.Masker.Mask(err.Error())
	}
	if problem != s.problem && err != nil {
		s.o.Log.Error("chat: not all connections can be read; those that cannot be stay as they were", "error", problem)
	}
	s.problem = problem
}

func (s *Service) stopAll() {
	s.mu.Lock()
	all := s.apps
	s.apps, s.order = map[string]*holder{}, nil
	s.mu.Unlock()
	var ends sync.WaitGroup
	for _, h := range all {
		ends.Go(h.stop)
	}
	ends.Wait()
}

// Standings say how it stands with each application, in the order of the applications.
func (s *Service) Standings() (out []Standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range s.order {
		if h := s.apps[key]; h != nil {
			out = append(out, h.standing())
		}
	}
	return out
}

// Accept keeps what came to an application by another way, as over HTTP, and reports whether it
// came for the first time. Whoever sent it may be told that it came once there is no error.
func (s *Service) Accept(ctx context.Context, app App, r Received) (first bool, err error) {
	if first, err = accept(ctx, &s.o, app, r); err != nil || !first {
		return first, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.apps[app.Key]; h != nil {
		h.compare(r)
		h.came()
	}
	return true, nil
}

// accept keeps what came.
func accept(ctx context.Context, o *Options, app App, r Received) (first bool, err error) {
	m, err := row(app, r, o.Sealer, o.Clock())
	if err != nil {
		return false, err
	}
	err = o.Store.Tx(ctx, func(tx store.Tx) (err error) {
		if r.Press != nil {
			switch before, err := pressedBefore(ctx, tx, m, r.Press); {
			case err != nil:
				return err
			case before != nil:
				o.Log.Info("chat: a press came again", "conn_id", app.ConnID, "id", before.ID)
				return nil
			}
		}
		first, err = tx.InsertChatMessage(ctx, m)
		return err
	})
	return first && err == nil, err
}

// holder holds an application, or waits until it may.
type holder struct {
	o      *Options
	app    App
	queue  *queue
	cancel context.CancelFunc
	ended  chan struct{}

	mu     sync.Mutex
	stands Standing
	// told is when it was last said that the clocks differ.
	told time.Time
}

func hold(ctx context.Context, o *Options, app App) *holder {
	ctx, cancel := context.WithCancel(ctx)
	h := &holder{o: o, app: app, queue: newQueue(o, app), cancel: cancel, ended: make(chan struct{}), stands: Standing{ConnID: app.ConnID, HTTPOnly: app.HTTPOnly, Link: Link{Since: o.Clock()}}}
	go func() {
		defer close(h.ended)
		h.run(ctx)
	}()
	return h
}

func (h *holder) stop() {
	h.cancel()
	<-h.ended
}

func (h *holder) standing() Standing {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stands
}

func (h *holder) stand(change func(*Standing)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(&h.stands)
}

// came notes that something came, and has it worked on.
func (h *holder) came() {
	h.stand(func(s *Standing) { s.Latest = h.o.Clock() })
	h.queue.told()
}

// LeaseName names the lease of an application.
func LeaseName(app App) string { return store.ChatLeases + app.Key }

// lease is what the holder asks for at a moment of the store, by whose clock leases go, with how it stands with its connection: who
// asks in another process reads it there.
func (h *holder) lease(l Link, now time.Time) (store.NamedLease, error) {
	told := store.ChatLink{ConnID: h.app.ConnID, Stream: !h.app.HTTPOnly, Connected: l.Connected, Since: l.Since.UTC().Truncate(time.Millisecond)}
	if l.Err != nil {
		told.Error = h.o.Masker.Mask(l.Err.Error())
	}
	note, err := json.Marshal(told)
	return store.NamedLease{Name: LeaseName(h.app), Holder: h.o.Node, Until: now.Add(leaseTime).UTC().Truncate(time.Millisecond), Note: note}, err
}

// take takes the lease or renews it. It holds until a moment by the clock of this process.
func (h *holder) take(ctx context.Context, link Link) (ok bool, until time.Time, err error) {
	until = h.o.Clock().Add(leaseTime)
	now, err := h.o.Store.LeaseClock(ctx)
	if err != nil {
		return false, time.Time{}, err
	}
	l, err := h.lease(link, now)
	if err != nil {
		return false, time.Time{}, err
	}
	err = h.o.Store.Tx(ctx, func(tx store.Tx) (err error) {
		ok, err = tx.TakeLease(ctx, l, l.Until.Add(-leaseTime))
		return err
	})
	return ok && err == nil, until, err
}

// free reports whether nobody holds the lease, without writing.
func (h *holder) free(ctx context.Context) (bool, error) {
	l, err := h.o.Store.NamedLease(ctx, LeaseName(h.app))
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	now, err := h.o.Store.LeaseClock(ctx)
	if err != nil {
		return false, err
	}
	return l.Holder == h.o.Node || !l.Until.After(now) || l.Until.After(now.Add(2*leaseTime)), nil
}

// run holds the application whenever nobody else does, until ctx ends.
func (h *holder) run(ctx context.Context) {
	for {
		free, err := h.free(ctx)
		if err == nil && free {
			var mine bool
			var until time.Time
			begun := Link{Since: h.o.Clock()}
			if mine, until, err = h.take(ctx, begun); mine {
				h.held(ctx, until, begun)
				continue
			}
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			h.o.Log.Error("chat: take the lease", "conn_id", h.app.ConnID, "error", h.o.Masker.Mask(err.Error()))
		default:
			h.stand(func(s *Standing) {
				if !s.Elsewhere {
					s.Elsewhere, s.Link = true, Link{Since: h.o.Clock()}
				}
			})
		}
		if !sleep(ctx, watch) {
			return
		}
	}
}

// held receives and works until ctx ends or the lease is lost.
func (h *holder) held(ctx context.Context, until time.Time, begun Link) {
	h.o.Log.Info("chat: receives", "conn_id", h.app.ConnID)
	h.stand(func(s *Standing) { s.Elsewhere, s.Link = false, begun })
	// What is begun ends with the lease, and otherwise some time after the process was to stop.
	leased, lost := context.WithCancel(context.WithoutCancel(ctx))
	defer lost()
	receiving, stop := context.WithCancel(leased)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	var work sync.WaitGroup
	var keeping sync.WaitGroup
	finished := make(chan struct{})
	keeping.Go(func() { h.keep(leased, until, lost, finished) })
	if err := h.queue.recover(leased); err != nil {
		h.o.Log.Error("chat: go on with what was cut off", "conn_id", h.app.ConnID, "error", h.o.Masker.Mask(err.Error()))
		lost()
	}
	work.Go(func() { h.receive(receiving) })
	work.Go(func() { h.queue.run(receiving, leased) })
	<-receiving.Done()
	hurry := time.AfterFunc(grace, lost)
	work.Wait()
	hurry.Stop()
	close(finished)
	keeping.Wait()
	end := context.WithoutCancel(ctx)
	if err := h.o.Store.Tx(end, func(tx store.Tx) error { return tx.DropLease(end, LeaseName(h.app), h.o.Node) }); err != nil {
		h.o.Log.Error("chat: give the lease up", "conn_id", h.app.ConnID, "error", h.o.Masker.Mask(err.Error()))
	}
	h.o.Log.Info("chat: receives no longer", "conn_id", h.app.ConnID)
	h.stand(func(s *Standing) { s.Link = Link{Since: h.o.Clock()} })
}

// keep renews the lease until all is finished, and calls lost before it ends if that fails.
func (h *holder) keep(ctx context.Context, until time.Time, lost func(), finished <-chan struct{}) {
	timer := time.NewTimer(renew)
	defer timer.Stop()
	for {
		select {
		case <-finished:
			return
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		end := max(until.Sub(h.o.Clock())-slack, 0)
		renewing, cancel := context.WithTimeout(ctx, end)
		mine, next, err := h.taken(renewing)
		cancel()
		switch {
		case mine:
			until = next
			timer.Reset(renew)
		case err == nil || !h.o.Clock().Add(slack).Before(until):
			h.o.Log.Error("chat: the lease is lost, receives no longer", "conn_id", h.app.ConnID, "error", err)
			lost()
			return
		default:
			timer.Reset(watch)
		}
	}
}

// taken is take that does not wait for a store that is busy beyond the end of the context.
func (h *holder) taken(ctx context.Context) (mine bool, until time.Time, err error) {
	type answer struct {
		mine  bool
		until time.Time
		err   error
	}
	c := make(chan answer, 1)
	go func() {
		mine, until, err := h.take(ctx, h.standing().Link)
		c <- answer{mine, until, err}
	}()
	select {
	case a := <-c:
		return a.mine, a.until, a.err
	case <-ctx.Done():
		return false, time.Time{}, ctx.Err()
	}
}

// receive keeps the application connected until ctx ends.
func (h *holder) receive(ctx context.Context) {
	keep := func(ctx context.Context, r Received) (bool, error) {
		h.compare(r)
		first, err := accept(ctx, h.o, h.app, r)
		if first {
			h.came()
		}
		return first, err
	}
	for {
		err := h.o.Receiver.Receive(ctx, h.app, keep, h.link)
		if ctx.Err() != nil {
			return
		}
		h.link(Link{Since: h.o.Clock(), Err: err})
		if err != nil {
			h.o.Log.Error("chat: DingTalk refuses the application", "conn_id", h.app.ConnID, "error", h.o.Masker.Mask(err.Error()))
		}
		if !sleep(ctx, again) {
			return
		}
	}
}

// link notes how it stands with the connection. While it is not connected, the moment since when it is not stays the
// first one, however many attempts fail.
func (h *holder) link(l Link) {
	h.stand(func(s *Standing) {
		if !l.Connected && !s.Connected {
			l.Since = s.Since
		}
		s.Link = l
	})
}

// compare tells it when this machine's clock and DingTalk's differ: nothing depends on it, but times that
// people read do.
func (h *holder) compare(r Received) {
	now := h.o.Clock()
	if r.Sent.IsZero() || now.Sub(r.Sent).Abs() < skewed {
		return
	}
	h.mu.Lock()
	lately := now.Sub(h.told).Abs() < remind
	if !lately {
		h.told = now
	}
	h.mu.Unlock()
	if lately {
		return
	}
	h.o.Log.Warn("chat: the clock of this machine and DingTalk's differ; set it by NTP", "conn_id", h.app.ConnID, "difference", now.Sub(r.Sent).Round(time.Second).String())
}

// sleep waits, and reports false when ctx ended before that.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
