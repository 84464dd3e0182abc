package operator

import (
	"encoding/json"
	"errors"
	"time"
)

// Person is somebody by the id under which people are known where they answer: in DingTalk that is the
// userid. Name is for people.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Question is what a task asks people. The params of the task are fields that they fill in besides.
type Question struct {
	// Subject is a line, Body is Markdown.
	Subject, Body string
	// Options are what can be chosen: one, or several with Multiple.
	Options  []string
	Multiple bool
	// Defaults are chosen when the time for the answer is over; none is an error then.
	Defaults []string
	// Timeout is the time for the answer; 0 takes the execution_timeout of the task.
	Timeout time.Duration
	// Assigned are those who may answer; none are all who may operate the DAG.
	Assigned []Person
	// Notice tells people, in addition to the notifiers of the task; nil for none.
	Notice *Notice
}

// Notice is a notifier with its parameters, as a DAG file would have them.
type Notice struct {
	Notifier string
	Params   map[string]any
}

// Reply is what became of a [Question].
type Reply struct {
	// Chosen are some of its options.
	Chosen []string
	// Params is a JSON object with the values of the params of the task.
	Params json.RawMessage
	// At is when that was settled.
	At time.Time
	// By is who answered, nil for nobody: the time was over.
	By *Person
	// TimedOut says that the time was over. Chosen are the defaults then, or empty.
	TimedOut bool
}

// Ask returns an error with which an operator asks people something. Its worker is free until somebody
// has answered, or the execution_timeout of the task is over; then Execute runs again, in the same try,
// with [TaskContext.Reply]. A retry asks again.
func Ask(q Question) error { return &outcomeError{Outcome{Kind: Asking, Question: &q}} }

// Asker is implemented by operators that [Ask].
type Asker interface {
	// Asks returns the question as the parameters have it, before templates are rendered.
	Asks() Question
}

// ErrTimeoutNoAnswer says that nobody answered in time (Airflow, HITLTimeoutError).
var ErrTimeoutNoAnswer = errors.New("nobody answered in time, and there are no defaults")
