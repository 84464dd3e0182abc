package engine

import (
	"context"
	"runtime"
	"sync"

	"github.com/dingdag/dingdag/store"
)

// reading reads what jobs are to run, of all that wait at once, while those that come meanwhile wait for the next time: workers
// fetch several jobs in one statement, and to ask for each of them alone would keep the database busier than the fetch. Its store
// is to be set.
type reading struct {
	store interface {
		Attempts(ctx context.Context, js []store.Job) ([]store.Attempt, error)
	}

	mu sync.Mutex
	// waiting are the jobs that nobody has begun to read, and under says that others are being read.
	waiting []*read
	under   bool
}

// read is a job of which it is read what it is to run.
type read struct {
	job   store.Job
	found store.Attempt
	err   error
	done  chan struct{}
}

// atOnce is of how many jobs it is read at once.
const atOnce = 200

// read returns what a job is to run.
func (rd *reading) read(ctx context.Context, j store.Job) (store.Attempt, error) {
	r := &read{job: j, done: make(chan struct{})}
	rd.mu.Lock()
	rd.waiting = append(rd.waiting, r)
	begins := !rd.under
	rd.under = true
	rd.mu.Unlock()
	if begins {
		go rd.run(context.WithoutCancel(ctx)) // none of those who wait ends it for the others
	}
	select {
	case <-r.done:
		return r.found, r.err
	case <-ctx.Done():
		return store.Attempt{}, ctx.Err()
	}
}

// run reads until nobody waits.
func (rd *reading) run(ctx context.Context) {
	runtime.Gosched() // those that were fetched with the first one have begun to wait then
	for {
		rd.mu.Lock()
		n := min(len(rd.waiting), atOnce)
		all := rd.waiting[:n:n]
		rd.waiting = rd.waiting[n:]
		rd.under = n > 0
		rd.mu.Unlock()
		if n == 0 {
			return
		}
		js := make([]store.Job, n)
		for i, r := range all {
			js[i] = r.job
		}
		found, err := rd.store.Attempts(ctx, js)
		for i, r := range all {
			if r.err = err; err == nil {
				r.found = found[i]
			}
			close(r.done)
		}
	}
}
