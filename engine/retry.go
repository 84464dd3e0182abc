package engine

import (
	"context"
	"crypto/sha1" //nolint:gosec // Airflow's jitter, not a signature
	"fmt"
	"math"
	"math/big"
	"time"

	"github.com/dingdag/dingdag/store"

	"github.com/dingdag/dingdag/dag"
)

// maxBackoff is Airflow's cap on a delay that grows.
const maxBackoff = 24 * time.Hour

// retryDelay returns how long after its end the n-th try is repeated (Airflow,
// TaskInstance.next_retry_datetime): the plain delay, or with backoff the delay times
// m^(n-1) plus a jitter of up to as much again. The jitter is a hash of the instance
// and the try, so a restart finds the same moment.
func retryDelay(dagID string, t *dag.Task, logicalDate time.Time, n int) time.Duration {
	m := t.RetryExponentialBackoff
	if m == 0 || m == 1 || m < 0 {
		return t.RetryDelay
	}
	delay := maxBackoff
	if base := math.Ceil(t.RetryDelay.Seconds() * math.Pow(m, float64(n-1))); base < maxBackoff.Seconds() {
		b := int64(max(base, 1))
		date := "None"
		if !logicalDate.IsZero() {
			date = dag.ISOFormat(logicalDate, " ")
		}
		sum := sha1.Sum(fmt.Appendf(nil, "%s#%s#%s#%d", dagID, t.ID, date, n)) //nolint:gosec // see the import
		jitter := new(big.Int).Mod(new(big.Int).SetBytes(sum[:]), big.NewInt(b)).Int64()
		delay = min(time.Duration(b+jitter)*time.Second, maxBackoff)
	}
	if t.MaxRetryDelay > 0 {
		delay = min(delay, t.MaxRetryDelay)
	}
	return delay
}

// watchRetry arms the timer of an instance that waits for its retry.
func (c *change) watchRetry(in *store.Instance) {
	key, try, at := keyOf(in), in.Try, in.RetryAt
	c.after = append(c.after, func() {
		c.e.at(at, func() { c.e.retry(key, try) })
	})
}

// retry schedules an instance whose retry, or a sensor whose next look, is due.
func (e *Engine) retry(key attemptKey, try int) {
	err := e.change(context.Background(), func(c *change) error {
		lr, err := c.liveRun(key.run)
		if err != nil || lr == nil {
			return err
		}
		i := lr.plan.indexOf(key.task)
		if i < 0 {
			return nil
		}
		at, in := lr.find(i, key.mapIndex)
		if in == nil || in.State != dag.UpForRetry && in.State != dag.UpForReschedule || in.Try != try || in.RetryAt.After(c.now) {
			return nil
		}
		c.set(lr, at, dag.Scheduled)
		lr.await(at)
		return c.step(lr)
	})
	if err != nil {
		// The next beat reads the run again, and arms its timers.
		e.o.Log.Error("schedule a retry", "task", key.task, "error", err)
	}
}
