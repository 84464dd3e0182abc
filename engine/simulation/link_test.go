package simulation_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dingdag/dingdag/store"
)

// brokenError is the error of a database that cannot be reached. It is [store.ErrBusy], as those of the stores are.
type brokenError string

func (e brokenError) Error() string { return string(e) }

func (brokenError) Is(target error) bool { return target == store.ErrBusy }

const (
	errBroken    = brokenError("the connection to the database is lost")
	errUnending  = brokenError("the database has not answered for too long")
	errTakenBack = brokenError("the database has taken the transaction back, which stood still")
	errLocked    = brokenError("the transactions of other processes take too long")
)

// errDead is what a process meets that was killed. Nobody is there any more to whom it could matter.
var errDead = errors.New("the process is dead")

// answer is how long the database may take to answer.
const answer = 20 * time.Second

// link is what stands between a process and everything around it, and the process itself: it may be slow, lose what is
// sent, be cut, stand still, and die. It is safe for concurrent use.
type link struct {
	died chan struct{}

	mu  sync.Mutex
	rnd *rand.Rand
	// dead says that died is closed.
	dead bool
	// still is closed when a process that stands still goes on, and cut when a connection that was cut is there again; nil
	// while nothing of that is so.
	still, cut chan struct{}
	// refuses says that the cut is known at once; otherwise nothing comes back.
	refuses bool
	// loses is how likely it is that a connection breaks.
	loses float64
	// broken are told of the end of connections.
	broken map[*transaction]bool
}

func newLink(seed uint64) *link {
	return &link{died: make(chan struct{}), rnd: rand.New(rand.NewPCG(seed, seed)), broken: map[*transaction]bool{}}
}

// latency is how long the next way takes. No two are alike, so that one thing happens at a time.
func (l *link) latency() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Duration(200_000 + l.rnd.Int64N(1_800_000))
}

// luck reports whether the next thing goes wrong.
func (l *link) luck() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loses > 0 && l.rnd.Float64() < l.loses
}

// trip is a way to the database. Its error says that what was to be done there was not done.
func (l *link) trip(ctx context.Context) error {
	if err := l.pass(ctx, l.latency()); err != nil {
		return err
	}
	for late := time.After(answer); ; {
		l.mu.Lock()
		dead, still, cut, refuses := l.dead, l.still, l.cut, l.refuses
		l.mu.Unlock()
		switch {
		case dead:
			return errDead
		case still != nil:
			select {
			case <-still:
			case <-l.died:
			}
		case cut != nil && refuses:
			return errBroken
		case cut != nil:
			select {
			case <-cut:
				return errBroken
			case <-l.died:
			case <-ctx.Done():
				return ctx.Err()
			case <-late:
				return errUnending
			}
		case l.luck():
			return errBroken
		default:
			return nil
		}
	}
}

// reach waits until the database can be reached.
func (l *link) reach() error {
	for {
		switch err := l.trip(context.Background()); {
		case err == nil, errors.Is(err, errDead):
			return err
		}
		if err := l.pass(context.Background(), 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// pass lets the process do something for some time. It takes longer while the process stands still.
func (l *link) pass(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	var err error
	select {
	case <-t.C:
	case <-l.died:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	for {
		l.mu.Lock()
		dead, still := l.dead, l.still
		l.mu.Unlock()
		switch {
		case dead:
			return errDead
		case still == nil:
			return err
		}
		select {
		case <-still:
		case <-l.died:
		}
	}
}

// die ends everything, and the connections with it.
func (l *link) die() {
	l.mu.Lock()
	if l.dead {
		l.mu.Unlock()
		return
	}
	l.dead = true
	close(l.died)
	l.mu.Unlock()
	l.drop()
}

// drop has the database notice that the connections are gone.
func (l *link) drop() {
	l.mu.Lock()
	var open []*transaction
	for t := range l.broken {
		open = append(open, t)
	}
	l.mu.Unlock()
	for _, t := range open {
		t.takeBack(errBroken)
	}
}

// freeze has the process stand still until thaw is called.
func (l *link) freeze() (thaw func()) {
	c := make(chan struct{})
	l.mu.Lock()
	l.still = c
	l.mu.Unlock()
	return func() {
		l.mu.Lock()
		l.still = nil
		l.mu.Unlock()
		close(c)
	}
}

// part cuts the connection until heal is called. When it refuses both sides know at once.
func (l *link) part(refuses bool) (heal func()) {
	c := make(chan struct{})
	l.mu.Lock()
	l.cut, l.refuses = c, refuses
	l.mu.Unlock()
	if refuses {
		l.drop()
	}
	return func() {
		l.mu.Lock()
		l.cut = nil
		l.mu.Unlock()
		close(c)
	}
}

// lose makes connections break now and then.
func (l *link) lose(likely float64) {
	l.mu.Lock()
	l.loses = likely
	l.mu.Unlock()
}

// hears waits until what the database tells arrives, if it does: through a connection that is cut it does not.
func (l *link) hears() bool {
	if l.pass(context.Background(), l.latency()) != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.dead && l.cut == nil
}
