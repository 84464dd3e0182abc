package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dingdag/dingdag/operator"
)

// errTaken ends an attempt that this process does not hold any more.
var errTaken = errors.New("this process could not renew its lease in time, and the try was taken from it: it may run elsewhere, or have failed")

// endTaken ends the attempts of this process that others have taken: it was cut off, or stood still, for longer than its lease.
func (x *executor) endTaken(ctx context.Context) error {
	taken, err := x.store.Taken(ctx, x.atWork.jobs())
	for _, j := range taken {
		if x.atWork.end(j, fmt.Errorf("%w: %w", operator.ErrCanceled, errTaken)) {
			x.log.Warn("a try was taken from this process, which could not renew its lease in time; it ends here", "run", j.RunKey, "task", j.TaskID, "map_index", j.MapIndex, "try", j.Try)
		}
	}
	return err
}

// tenure is how long the lease of this process holds, as far as it knows itself. The zero value is that of one which needs none.
type tenure struct {
	mu    sync.Mutex
	timer *time.Timer
	over  context.CancelFunc
	holds context.Context //nolint:containedctx // it is what ends with the lease
}

// renew makes the lease hold for a while from now on.
func (n *tenure) renew(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.timer != nil && n.timer.Stop() {
		n.timer.Reset(d)
		return
	}
	n.holds, n.over = context.WithCancel(context.Background())
	n.timer = time.AfterFunc(d, n.over)
}

// end says that the lease is given up.
func (n *tenure) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.timer != nil {
		n.timer.Stop()
		n.over()
	}
}

// outlast returns a context that ends after ctx, when the lease does too; with ctx where none is needed.
func (n *tenure) outlast(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		n.mu.Lock()
		holds := n.holds
		n.mu.Unlock()
		if holds != nil {
			select {
			case <-holds.Done():
			case <-out.Done():
			}
		}
		cancel()
	})
	return out, func() { stop(); cancel() }
}
