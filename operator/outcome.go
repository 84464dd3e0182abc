package operator

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The causes with which the engine cancels the context of a try. An operator may look
// at them with [context.Cause].
var (
	// ErrTimeout says that the execution_timeout of the task has passed.
	ErrTimeout = errors.New("execution_timeout has passed")
	// ErrShutdown says that the process is ending; the try is not counted.
	ErrShutdown = errors.New("the worker is shutting down")
	// ErrCanceled says that a person or the end of the run took the task away.
	ErrCanceled = errors.New("the task was canceled")
)

// Kind is what became of a try.
type Kind string

// The kinds of outcomes.
const (
	// Success is a try that returned no error.
	Success Kind = "success"
	// Skipped is a try that asked to be skipped, see [Skip].
	Skipped Kind = "skipped"
	// Failed is a try after which none must follow, see [Fail].
	Failed Kind = "failed"
	// Retry is any other error: the task is tried again while tries remain.
	Retry Kind = "retry"
	// Timeout is an error after execution_timeout. It counts like Retry.
	Timeout Kind = "timeout"
	// Shutdown is an error because the worker ends: queued again, not counted.
	Shutdown Kind = "shutdown"
	// Waiting is a try that goes on later: that of a sensor which has not found what it waits for,
	// see [NotYet], or of another operator which can't do its work now, see [ComeAgain].
	Waiting Kind = "waiting"
	// Asking is a try that goes on when people have answered what it asks, see [Ask].
	Asking Kind = "asking"
	// Canceled is an error because the task was taken away; its state is set already.
	Canceled Kind = "canceled"
)

// Outcome is what became of one try.
type Outcome struct {
	Kind Kind
	// Err is the error of the try, nil for Success and Skipped.
	Err error
	// Reason is why a Skipped try was skipped, and what a Waiting one waits for.
	Reason string
	// RetryAfter is the least time before the next try, or of a sensor the next look; 0
	// leaves it to retry_delay and poke_interval.
	RetryAfter time.Duration
	// Question is what an Asking try asks.
	Question *Question
}

// outcomeError carries an outcome through an error.
type outcomeError struct{ Outcome }

func (e *outcomeError) Error() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.Kind == Skipped && e.Reason != "":
		return "skipped: " + e.Reason
	default:
		return string(e.Kind)
	}
}

func (e *outcomeError) Unwrap() error { return e.Err }

// Skip returns an error that ends the task instance as skipped. It is Airflow's
// AirflowSkipException.
func Skip(reason string) error { return &outcomeError{Outcome{Kind: Skipped, Reason: reason}} }

// Fail returns an error that fails the task instance at once, whatever tries remain.
// It is Airflow's AirflowFailException.
func Fail(err error) error { return &outcomeError{Outcome{Kind: Failed, Err: err}} }

// RetryAfter returns an error after which the next try, if one remains, starts no
// sooner than after d.
func RetryAfter(d time.Duration, err error) error {
	return &outcomeError{Outcome{Kind: Retry, Err: err, RetryAfter: d}}
}

// Classify turns what Execute returned into an outcome. The context is the one that
// Execute ran with. What an operator says with [Skip], [Fail] or [RetryAfter] goes
// before the cause of a canceled context, and both before a plain error. The Err of
// the outcome is all of err, so that what was wrapped around stays readable.
func Classify(ctx context.Context, err error) Outcome {
	if err == nil {
		return Outcome{Kind: Success}
	}
	if said, ok := errors.AsType[*outcomeError](err); ok {
		outcome := said.Outcome
		if outcome.Kind != Skipped {
			outcome.Err = err
		}
		return outcome
	}
	if ctx.Err() == nil {
		return Outcome{Kind: Retry, Err: err}
	}
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, ErrShutdown):
		return Outcome{Kind: Shutdown, Err: because(err, cause)}
	case errors.Is(cause, ErrTimeout), errors.Is(cause, context.DeadlineExceeded):
		return Outcome{Kind: Timeout, Err: because(err, cause)}
	case errors.Is(cause, ErrCanceled):
		return Outcome{Kind: Canceled, Err: because(err, cause)}
	default:
		return Outcome{Kind: Retry, Err: err}
	}
}

// because names the cause of the cancellation, which an error often hides behind
// "context canceled".
func because(err, cause error) error {
	if errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", cause, err)
}

// NotYet is what a sensor's Execute returns when what it waits for is not there yet.
// The engine looks again after poke_interval, in the way the task's mode says.
func NotYet() error { return NotYetFor(0) }

// NotYetBecause is [NotYet] with what the sensor waits for, for people who ask.
func NotYetBecause(reason string) error {
	return &outcomeError{Outcome{Kind: Waiting, Reason: reason}}
}

// NotYetFor is [NotYet] of a sensor that knows when to look again: after d, not before
// and, where the engine can, not later.
func NotYetFor(d time.Duration) error {
	return &outcomeError{Outcome{Kind: Waiting, RetryAfter: d}}
}

// ComeAgain is what an operator that is no sensor returns when it can't do its work before d is
// over. The worker is free until then, and the try is not counted again.
func ComeAgain(d time.Duration, reason string) error {
	return &outcomeError{Outcome{Kind: Waiting, RetryAfter: d, Reason: reason}}
}

// Branch is the result of an operator that chooses among its direct downstream tasks:
// the others are skipped, except those that also follow a chosen one. No id skips
// them all. It is stored as the XCom of the task, unless it chose nothing, as None in Airflow.
type Branch struct {
	// TaskIDs are full or bare ids of tasks, or of groups, directly downstream.
	TaskIDs []string
	// AsList stores a single id, or none, as a list, too.
	AsList bool
}

// SkipDownstream is the result of an operator that stops the run below it.
type SkipDownstream struct {
	// Value is stored as the XCom of the task.
	Value any
	// DirectOnly skips only the direct downstream tasks and leaves the rest to their
	// trigger rules; otherwise everything below is skipped.
	DirectOnly bool
}
