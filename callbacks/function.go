package callbacks

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"

	"github.com/dingdag/dingdag/params/declare"
)

// Function is a Go function that DAG files may name as a callback. It goes through the
// outbox like every callback: it is called after the transaction that ends the attempt
// has committed, in order with the other events for the same function.
type Function struct {
	name string
	call func(ctx context.Context, ev *Event) error
}

// Func makes a [Function] for [NewRegistry]. The name is what DAG files write, for
// instance "mycompany.alerts.page". An error of call counts as final unless it is a
// [DeliveryError]. When the process dies while call runs, it is called again; call may
// compare DAGID, RunID, TaskID and TryNumber to notice.
func Func(name string, call func(ctx context.Context, ev *Event) error) Function {
	return Function{name: name, call: call}
}

// sender is the name under which the function's messages wait in the outbox.
func (f Function) sender() string { return "func:" + f.name }

// spec declares the function as a callback without parameters.
func (f Function) spec() Spec {
	create := func() *functionCall { return &functionCall{function: f.name, sender: f.sender()} }
	return declare.DefineWith[Callback](kind, f.name, create)
}

// Send calls the function with the event in the payload of m. A panic of the function
// becomes an error with the stack.
func (f Function) Send(ctx context.Context, m Message) (receipt string, err error) {
	var ev Event
	if err := json.Unmarshal(m.Payload, &ev); err != nil {
		return "", fmt.Errorf("callback function %s: read the event: %w", f.name, err)
	}
	defer func() {
		if p := recover(); p != nil {
			receipt, err = "", fmt.Errorf("callback function %s: panic: %v\n%s", f.name, p, debug.Stack())
		}
	}()
	if err := f.call(ctx, &ev); err != nil {
		return "", fmt.Errorf("callback function %s: %w", f.name, err)
	}
	return "", nil
}

// RepeatSafe is true: a function decides itself what a second call for one event does.
func (f Function) RepeatSafe(Message) bool { return true }

// Tell calls the function with ev.
func (f Function) Tell(_ Message, ev *Event) (Message, error) {
	return (&functionCall{function: f.name, sender: f.sender()}).Prepare(ev)
}

// functionCall is a [Function] in a DAG file.
type functionCall struct{ function, sender string }

// Prepare puts the event itself into the outbox.
func (c *functionCall) Prepare(ev *Event) (Message, error) {
	payload, err := json.Marshal(ev)
	if err != nil {
		return Message{}, fmt.Errorf("callback function %s: encode the event: %w", c.function, err)
	}
	return Message{
		Sender: c.sender, Channel: c.sender, Payload: payload,
		Summary: fmt.Sprintf("%s of %s to function %s", ev.Kind, ev.Subject(), c.function),
	}, nil
}
