// Package callbacks is the contract of what happens beside a DAG run: notifiers and
// functions that are told when a task or a run succeeds, fails, is retried or skipped.
//
// A callback works in two steps so that nothing is lost in a crash. [Callback.Prepare]
// turns the event into a [Message] without any I/O; the engine writes it to the
// outbox in the transaction that ends the attempt. A [Sender] delivers it later, in
// order for each channel, and after a restart if need be.
package callbacks

import (
	"context"
	"encoding/json"
	"time"
)

// Kind says what happened. The values are Airflow's words.
type Kind string

// The kinds of events. Execute comes before each attempt; Skipped only when the
// task itself asked to be skipped (Airflow, "Callbacks").
const (
	Execute Kind = "on_execute"
	Success Kind = "on_success"
	Failure Kind = "on_failure"
	Retry   Kind = "on_retry"
	Skipped Kind = "on_skipped"
	// Missed tells of due ticks of a schedule that started no run.
	Missed Kind = "on_missed"
	// Deadline tells of a run that has not finished by a deadline of its DAG.
	Deadline Kind = "on_deadline"
)

// Event is what a callback is told. Encodes to JSON.
type Event struct {
	Kind  Kind   `json:"kind"`
	DAGID string `json:"dag_id"`
	RunID string `json:"run_id"`
	// TaskID is empty for DAG-level callbacks.
	TaskID    string `json:"task_id,omitempty"`
	MapIndex  int    `json:"map_index"`
	TryNumber int    `json:"try_number,omitempty"`
	MaxTries  int    `json:"max_tries,omitempty"`
	State     string `json:"state"`
	// Reason is set for DAG-level callbacks: task_failure, success, timed_out,
	// all_tasks_deadlocked or deadline_missed.
	Reason string `json:"reason,omitempty"`
	// Error is the masked error text of the attempt; empty when there is none.
	Error       string     `json:"error,omitempty"`
	LogicalDate *time.Time `json:"logical_date,omitempty"`
	StartDate   *time.Time `json:"start_date,omitempty"`
	EndDate     *time.Time `json:"end_date,omitempty"`
	// NextRetry is when the next try starts, for on_retry.
	NextRetry *time.Time `json:"next_retry,omitempty"`
	// FailedTasks lists the ids of failed tasks, for DAG-level callbacks.
	FailedTasks []string `json:"failed_tasks,omitempty"`
	// Ticks are the due ticks that started no run, for on_missed; RunID is empty then,
	// State is missed or skipped, and Reason says why.
	Ticks *Ticks `json:"ticks,omitempty"`
	// Deadline is the moment by which the run was to have finished, for on_deadline.
	Deadline *time.Time `json:"deadline,omitempty"`
	// Log is where the log of the attempt lies.
	Log string `json:"log,omitempty"`
	// DAGFolder is the directory of the DAG file, for relative file names.
	DAGFolder string `json:"-"`
}

// Ticks is a stretch of due ticks. First and Last are the moments at which the first and
// the last of them were due, Count is how many there are.
type Ticks struct {
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	Count int       `json:"count"`
}

// Callback is one configured callback, decoded from a DAG file or built in Go.
type Callback interface {
	// Prepare turns the event into what is to be delivered. It does no I/O. The
	// templated fields of the callback have been rendered before. A returned
	// error is logged and swallowed by the engine.
	Prepare(ev *Event) (Message, error)
}

// Message is one delivery, as it lies in the outbox.
type Message struct {
	// Sender names the [Sender] that delivers it, for instance "dingding".
	Sender string
	// Channel orders deliveries: messages of one channel leave one after another.
	Channel string
	// Summary is one line for people: what is delivered to whom.
	Summary string
	// Payload is the sender's own JSON. It holds no credentials: these are looked
	// up at delivery.
	Payload json.RawMessage
}

// Sender delivers messages of one kind.
type Sender interface {
	// Send delivers one message and returns the receiver's answer for the record.
	Send(ctx context.Context, m Message) (receipt string, err error)
}

// DeliveryError lets a sender tell the outbox what to do after a failed delivery.
// Any other error counts as final.
type DeliveryError interface {
	error
	// Retryable reports whether a later try may help and cannot deliver twice.
	Retryable() bool
	// Uncertain reports that the message may have been delivered.
	Uncertain() bool
	// RetryDelay is the least time to wait before the next try, 0 for the default.
	RetryDelay() time.Duration
}

// RepeatSender is implemented by senders that can tell whether sending a message twice
// does no harm. The outbox asks when a process died while a message was leaving;
// without this method the message counts as uncertain and is not sent again.
type RepeatSender interface {
	// RepeatSafe reports whether m may be sent again although it may have arrived.
	RepeatSafe(m Message) bool
}
