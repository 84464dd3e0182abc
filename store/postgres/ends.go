package postgres

import (
	"context"
	"sync"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
)

// mostEnds is the most jobs that end in one statement.
const mostEnds = 200

// ends ends jobs with their reports, all that wait at once by one statement, while others of the process wait for its answer. They
// do not follow the transactions of other processes: nothing is read there before it is written. A statement is its own
// transaction, and so a process that is frozen holds up nobody.
type ends struct {
	s    *Store
	todo chan *pendingEnd
	// told says that other processes are to be told.
	told chan struct{}
	work sync.WaitGroup
}

type pendingEnd struct {
	sqlqueue.Ending
	err  error
	done chan struct{}
}

// run ends jobs until the store is closed.
func (e *ends) run() {
	for {
		var ps []*pendingEnd
		select {
		case <-e.s.queue.Closing():
			return
		case p := <-e.todo:
			ps = append(ps, p)
		}
	more:
		for len(ps) < mostEnds {
			select {
			case p := <-e.todo:
				ps = append(ps, p)
			default:
				break more
			}
		}
		e.end(ps)
	}
}

// end ends jobs and tells those who wait.
func (e *ends) end(ps []*pendingEnd) {
	all := make([]sqlqueue.Ending, len(ps))
	for i, p := range ps {
		all[i] = p.Ending
	}
	ctx := context.Background() // none of those who wait ends it for the others
	left, err := sqlqueue.End(ctx, e.s.conn(), e.s.process, all)
	if err == nil && len(left) < len(all) {
		e.tell()
	}
	for _, p := range ps {
		switch {
		case err != nil:
			p.err = err
		case len(left) > 0 && left[0] == p.Ending:
			left = left[1:]
			e.work.Go(func() { // it may have to wait
				defer close(p.done)
				if p.err = sqlqueue.EndOne(ctx, e.s.conn(), e.s.process, p.Ending); p.err == nil {
					e.tell()
				}
			})
			continue
		}
		close(p.done)
	}
}

// tell has other processes told. That comes after the commit, as those that tell with theirs commit one after another.
func (e *ends) tell() {
	select {
	case e.told <- struct{}{}:
	default: // they will be
	}
}

// tellOthers tells them until ctx ends. One that hears nothing looks with its next beat.
func (e *ends) tellOthers(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.told:
			if err := e.s.tell(ctx); err != nil && ctx.Err() == nil {
				e.s.opts.Log.Debug("other processes are not told of attempts that have ended; they find that by looking", "error", mark(err))
			}
		}
	}
}

// End ends the job of an attempt with a report, see [store.Membership].
func (s *Store) End(ctx context.Context, j store.Job, r *store.Report) error {
	e, err := sqlqueue.NewEnding(j, r)
	if err != nil {
		return err
	}
	p := &pendingEnd{Ending: e, done: make(chan struct{})}
	select {
	case s.ends.todo <- p:
	case <-s.queue.Closing():
		return sqlcommit.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-p.done:
		return p.err
	case <-s.queue.Closing():
		s.ends.work.Wait() // it may have been taken before
		select {
		case <-p.done:
			return p.err
		default:
			return sqlcommit.ErrClosed
		}
	}
}
