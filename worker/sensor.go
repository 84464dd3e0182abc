package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// rescheduleError ends a look of a sensor in mode reschedule, or the work of an operator that has
// to wait: the worker is free until the next one. The try goes on and is not counted again.
type rescheduleError struct {
	at time.Time
	// reason is what it waits for, as far as it says.
	reason string
}

func (r *rescheduleError) Error() string {
	return "looking again at " + r.at.Format(time.RFC3339)
}

// sense looks until a sensor finds what it waits for (Airflow, BaseSensorOperator): in
// mode poke it keeps its worker between two looks, in mode reschedule it gives it back.
func (y *Try) sense(ctx context.Context, op operator.Operator, s *dag.Sensor) (any, error) {
	for n := 1; ; n++ {
		v, err := op.Execute(ctx, y.taskContext(ctx))
		again, wait := y.notYet(ctx, s, err)
		if !again {
			return v, sensorError(ctx, s, err)
		}
		if wait <= 0 {
			wait = pokeInterval(s, n)
		}
		now := y.w.o.Clock()
		left := y.waitingSince().Add(s.Timeout).Sub(now)
		if left <= 0 {
			err := fmt.Errorf("the sensor has waited for its timeout of %s", s.Timeout)
			if s.SoftFail {
				return nil, operator.Skip(err.Error())
			}
			return nil, operator.Fail(err)
		}
		wait = min(wait, left)
		reason := operator.Classify(ctx, err).Reason
		if s.Mode == "reschedule" {
			return nil, &rescheduleError{now.Add(wait), reason}
		}
		y.keepReason(ctx, reason)
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// keepReason keeps what a sensor that keeps its worker waits for, for people who ask meanwhile.
func (y *Try) keepReason(ctx context.Context, reason string) {
	reason = y.w.o.Masker.Mask(reason)
	if reason == y.waitsFor || y.in.RunKey == 0 { // a task that is tested by itself
		return
	}
	if err := y.w.o.Keep.KeepProgress(ctx, &y.in, reasonKey(&y.in), reason); err != nil {
		y.log.Warn("tasks why cannot say what the sensor waits for", "error", err)
		return
	}
	y.waitsFor = reason
}

// reasonKey is that of the progress of a try: what another try waited for says nothing.
func reasonKey(in *store.Instance) string { return fmt.Sprintf("try %d waits for", in.Try) }

// WaitsFor is what a sensor that looks now waits for, masked, as far as it has said so; else "".
func WaitsFor(ctx context.Context, s Store, in *store.Instance) (string, error) {
	return s.TaskProgress(ctx, in, reasonKey(in))
}

// waitingSince is when the sensor began to wait: with its first try, as a retry does not
// begin its timeout anew (Airflow, "Timeouts").
func (y *Try) waitingSince() time.Time {
	if y.in.FirstStart.IsZero() { // a task that is tested by itself
		return y.in.StartDate
	}
	return y.in.FirstStart
}

// notYet reports whether the sensor is to look again, and after how long if it knows.
func (y *Try) notYet(ctx context.Context, s *dag.Sensor, err error) (bool, time.Duration) {
	switch o := operator.Classify(ctx, err); o.Kind {
	case operator.Waiting:
		return true, o.RetryAfter
	case operator.Retry:
		if s.SilentFail {
			y.log.Error("the poke failed; silent_fail counts that as not yet", "error", err)
			return true, 0
		}
	default:
	}
	return false, 0
}

// sensorError turns an error of a look into what soft_fail and never_fail make of it.
func sensorError(ctx context.Context, s *dag.Sensor, err error) error {
	switch k := operator.Classify(ctx, err).Kind; {
	case k == operator.Success, k == operator.Skipped, k == operator.Shutdown, k == operator.Canceled:
		return err
	case s.NeverFail, s.SoftFail && (k == operator.Failed || k == operator.Timeout || errors.Is(err, context.DeadlineExceeded)):
		return operator.Skip(err.Error())
	default:
		return err
	}
}

// pokeInterval is the time before the next look after the n-th: poke_interval, or with
// exponential_backoff twice as long each time, up to max_wait.
func pokeInterval(s *dag.Sensor, n int) time.Duration {
	d := s.PokeInterval
	if s.ExponentialBackoff {
		for range min(n-1, 30) {
			d *= 2
			if s.MaxWait > 0 && d >= s.MaxWait || d > dagrun.MaxBackoff {
				break
			}
		}
		if s.MaxWait > 0 {
			d = min(d, s.MaxWait)
		}
	}
	return max(min(d, dagrun.MaxBackoff), time.Millisecond)
}
