package history

import (
	"context"
	"maps"
	"time"

	"github.com/dingdag/dingdag/store"
)

// longestHold is how long a step may hold the writer. It wants less, because a commit takes its time
// and a slow machine has slow moments.
const (
	longestHold = 50 * time.Millisecond
	wantedHold  = longestHold / 3
)

const (
	firstSize = 8
	maxSize   = 4096
)

// size is how much a step of a sort does at most, which follows from how long the last ones took.
type size struct{ n int }

// next learns from a step that did n things in some time.
func (s *size) next(n int, took time.Duration) {
	if n <= 0 {
		return
	}
	fit := maxSize
	if each := took / time.Duration(n); each > 0 {
		fit = max(1, min(int(wantedHold/each), maxSize))
	}
	if fit > s.n {
		if n < s.n {
			return // it had less to do: that says nothing of a larger one
		}
		fit = min(fit, s.n*2)
	}
	s.n = fit
}

// sized returns the size of the steps of a sort.
func (c *Cleaner) sized(sort string) *size {
	if c.sizes[sort] == nil {
		c.sizes[sort] = &size{firstSize}
	}
	return c.sizes[sort]
}

// share is what one step may do.
type share struct {
	// n is how many things.
	n int
	// over reports whether the step has taken its time.
	over func() bool
}

// step runs a transaction that does its share, and returns how many things it did. It measures how long
// the transaction held the writer, from its beginning to the end of the commit.
func (r *pass) step(ctx context.Context, sort string, do func(tx store.Tx, s share) (done int, err error)) error {
	size := r.c.sized(sort)
	var began time.Time
	var done int
	before := r.report
	before.Counts = maps.Clone(r.report.Counts)
	err := r.c.o.Store.Tx(ctx, func(tx store.Tx) (err error) {
		began = r.c.o.Clock()
		done, err = do(tx, share{size.n, func() bool { return r.c.o.Clock().Sub(began) > wantedHold }})
		return err
	})
	if err != nil {
		r.report = before // it was taken back
		return err
	}
	held := r.c.o.Clock().Sub(began)
	size.next(done, held)
	r.report.Steps++
	r.report.Longest = max(r.report.Longest, held)
	r.c.o.Rest(ctx, held)
	return ctx.Err()
}
