package core

import (
	"context"
	"fmt"
	"slices"
)

// Inbox keeps what arrived.
type Inbox struct {
	core        *Core
	keep        int
	messages    []Message
	attempts    []Attempt
	lastMessage int
	lastAttempt int
	version     int
	changed     chan struct{} // closed at the next change
}

func newInbox(c *Core, keep int) *Inbox {
	return &Inbox{core: c, keep: keep, changed: make(chan struct{})}
}

// touch wakes everyone who waits for a change.
func (in *Inbox) touch() {
	in.version++
	close(in.changed)
	in.changed = make(chan struct{})
}

func (in *Inbox) addMessage(m Message) int {
	in.lastMessage++
	m.ID = in.lastMessage
	in.messages = Last(append(in.messages, m), in.keep)
	return m.ID
}

// change changes a message that may be gone already.
func (in *Inbox) change(id int, how func(*Message)) {
	for i := range in.messages {
		if in.messages[i].ID == id {
			how(&in.messages[i])
		}
	}
}

// addAttempt is the last step of every call, so it does the waking.
func (in *Inbox) addAttempt(a Attempt) {
	in.lastAttempt++
	a.ID = in.lastAttempt
	in.attempts = Last(append(in.attempts, a), in.keep)
	in.touch()
}

func (in *Inbox) find(f Filter) []Message {
	var out []Message
	for _, m := range in.messages {
		if f.match(m) {
			out = append(out, m)
		}
	}
	return out
}

// Messages returns the messages that the filter selects, oldest first. The caller
// must not change what is inside them.
func (in *Inbox) Messages(f Filter) []Message {
	in.core.Lock()
	defer in.core.Unlock()
	return in.find(f)
}

// Message returns one message, or an error that wraps [ErrNotFound].
func (in *Inbox) Message(id int) (Message, error) {
	in.core.Lock()
	defer in.core.Unlock()
	for _, m := range in.messages {
		if m.ID == id {
			return m, nil
		}
	}
	return Message{}, fmt.Errorf("message %d: %w", id, ErrNotFound)
}

// WaitMessages waits until the filter selects at least n messages and returns them,
// oldest first. When ctx is done first, it returns those there are, and an error
// that wraps the cause.
func (in *Inbox) WaitMessages(ctx context.Context, n int, f Filter) ([]Message, error) {
	for {
		in.core.Lock()
		found, changed := in.find(f), in.changed
		in.core.Unlock()
		if len(found) >= n {
			return found, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return found, fmt.Errorf("wait for %d messages, %d arrived: %w", n, len(found), context.Cause(ctx))
		}
	}
}

// Attempts returns all requests to DingTalk's calls, accepted or not, oldest first.
func (in *Inbox) Attempts() []Attempt {
	in.core.Lock()
	defer in.core.Unlock()
	return slices.Clone(in.attempts)
}

// Clear forgets messages and attempts. Robots, rates, faults and the organisation with
// its notices stay.
func (in *Inbox) Clear() {
	in.core.Lock()
	defer in.core.Unlock()
	in.messages, in.attempts = nil, nil
	in.touch()
}

// AddMessage keeps a message and returns its id. The caller holds the lock.
func (c *Core) AddMessage(m Message) int { return c.Inbox.addMessage(m) }

// ChangeMessage changes a message that may be gone already. The caller holds the lock.
func (c *Core) ChangeMessage(id int, how func(*Message)) { c.Inbox.change(id, how) }

// Keep is how many messages are kept, and how much of what a family lists.
func (c *Core) Keep() int { return c.Inbox.keep }

// Touch wakes everyone who waits for a change. The caller holds the lock.
func (c *Core) Touch() { c.Inbox.touch() }

// Changed is closed at the next change. The caller holds the lock.
func (c *Core) Changed() <-chan struct{} { return c.Inbox.changed }

// FindMessages returns the messages that the filter selects, oldest first. The caller holds the lock.
func (c *Core) FindMessages(f Filter) []Message { return c.Inbox.find(f) }

// KeptAttempts returns the attempts, oldest first. The caller holds the lock.
func (c *Core) KeptAttempts() []Attempt { return c.Inbox.attempts }
