package sandbox

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Message is a message that arrived.
type Message struct {
	// ID counts from 1 and goes on after a clear.
	ID int `json:"id"`
	// Time is when it arrived, by the sandbox's clock.
	Time time.Time `json:"time"`
	// Robot and Group are the names at that time. A bot has the name of its app, which
	// also stands for the group in messages to people.
	Robot string `json:"robot"`
	Group string `json:"group"`
	// To are the user ids of people whom a bot wrote to, outside of a group.
	To []string `json:"to,omitempty"`
	// Key is the processQueryKey of a bot's message and the outTrackId of a card.
	Key string `json:"key,omitempty"`
	// Recalled messages are seen by nobody any more.
	Recalled bool `json:"recalled,omitempty"`
	// Type is DingTalk's msgtype, or the one that a bot's template draws like.
	Type     string   `json:"type"`
	Content  Content  `json:"content"`
	Mentions Mentions `json:"mentions"`
	RemoteIP string   `json:"remote_ip"`
	// Raw is the body as it was sent.
	Raw json.RawMessage `json:"raw"`
}

// Attempt is a request to one of DingTalk's calls, accepted or not.
type Attempt struct {
	// ID counts from 1 and goes on after a clear.
	ID       int       `json:"id"`
	Time     time.Time `json:"time"`
	Call     string    `json:"call"`
	RemoteIP string    `json:"remote_ip"`
	// Method, Path and Query are as they were sent: percent-encoded, without the base
	// address. Tokens and secrets in the query are written as "***".
	Method string `json:"method"`
	Path   string `json:"path"`
	Query  string `json:"query,omitempty"`
	// Robot is a name; empty for an unknown token and for calls of apps.
	Robot string `json:"robot,omitempty"`
	// App is the name of the app that called; empty for an unknown token and for robots.
	App string `json:"app,omitempty"`
	// Status is the HTTP status; zero when the connection was cut before the call.
	Status int `json:"status,omitempty"`
	// Code and Reason are the errcode and errmsg of the call, even when a fault kept
	// them from the client. What the gateway wraps in 88 is told by the inner code.
	Code   int    `json:"code"`
	Reason string `json:"reason,omitempty"`
	// ErrorCode is the code of a refusal in the new generation: "InvalidAuthentication".
	ErrorCode string `json:"error_code,omitempty"`
	// Ignored are parameters that the call does not know. DingTalk says nothing of them.
	Ignored []string `json:"ignored,omitempty"`
	// MessageID is the message that came of it; zero for none.
	MessageID int `json:"message_id,omitempty"`
	// Duplicate says that the msgUuid was seen before: answered ok, not delivered.
	Duplicate bool `json:"duplicate,omitempty"`
	// Fault is the fault that hit the request.
	Fault FaultKind `json:"fault,omitempty"`
	// Bytes is the size of the body, of which Body holds at most the first 20000, and
	// nothing when there is a secret in it.
	Bytes int    `json:"bytes"`
	Body  string `json:"body"`
}

func newAttempt(c call, req *request, a answer, fault Fault) Attempt {
	body := req.body[:min(len(req.body), maxRobotBody)]
	if c.private {
		body = nil
	}
	return Attempt{
		Time:      req.at,
		Call:      c.name,
		RemoteIP:  req.ip.String(),
		Method:    req.Method,
		Path:      req.URL.EscapedPath(),
		Query:     maskQuery(req.URL.RawQuery),
		Robot:     a.note.robot,
		App:       a.note.app,
		Ignored:   a.note.ignored,
		Status:    a.status,
		Code:      a.note.code,
		ErrorCode: a.note.errorCode,
		Reason:    a.note.reason,
		MessageID: a.note.messageID,
		Duplicate: a.note.duplicate,
		Fault:     fault.Kind,
		Bytes:     len(req.body),
		Body:      string(body),
	}
}

var secretInQuery = regexp.MustCompile(`\b(access_token|appsecret|session|sign)=[^&]*`)

func maskQuery(query string) string {
	return secretInQuery.ReplaceAllString(query, "$1=***")
}

// Sender is the name of the robot or app; empty for an unknown token.
func (a Attempt) Sender() string { return cmp.Or(a.Robot, a.App) }

// Refused tells whether the call was not done.
func (a Attempt) Refused() bool {
	return a.Code != 0 || a.ErrorCode != "" || a.Fault.prevents()
}

// Filter selects messages. Empty fields select all.
type Filter struct {
	// Robot is a name.
	Robot string
	// Type is a msgtype.
	Type string
	// Text must occur in what people read: title, text, buttons or links, in any case.
	Text string
	// After selects messages with a higher ID.
	After int
}

func (f Filter) match(m Message) bool {
	return m.ID > f.After &&
		(f.Robot == "" || f.Robot == m.Robot) &&
		(f.Type == "" || f.Type == m.Type) &&
		(f.Text == "" || strings.Contains(strings.ToLower(m.searchable()), strings.ToLower(f.Text)))
}

func (m Message) searchable() string {
	parts := []string{m.Content.readable()}
	for _, b := range m.Content.Buttons {
		parts = append(parts, b.Title)
	}
	return strings.Join(parts, "\n")
}

// inbox keeps what arrived. The server's lock guards it.
type inbox struct {
	keep        int
	messages    []Message
	attempts    []Attempt
	lastMessage int
	lastAttempt int
	version     int
	changed     chan struct{} // closed at the next change
}

func newInbox(keep int) inbox {
	return inbox{keep: keep, changed: make(chan struct{})}
}

// touch wakes everyone who waits for a change.
func (in *inbox) touch() {
	in.version++
	close(in.changed)
	in.changed = make(chan struct{})
}

func (in *inbox) addMessage(m Message) int {
	in.lastMessage++
	m.ID = in.lastMessage
	in.messages = last(append(in.messages, m), in.keep)
	return m.ID
}

// change changes a message that may be gone already.
func (in *inbox) change(id int, how func(*Message)) {
	for i := range in.messages {
		if in.messages[i].ID == id {
			how(&in.messages[i])
		}
	}
}

// addAttempt is the last step of every call, so it does the waking.
func (in *inbox) addAttempt(a Attempt) {
	in.lastAttempt++
	a.ID = in.lastAttempt
	in.attempts = last(append(in.attempts, a), in.keep)
	in.touch()
}

func last[T any](in []T, n int) []T {
	return in[max(0, len(in)-n):]
}

func (in *inbox) find(f Filter) []Message {
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
func (s *Server) Messages(f Filter) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inbox.find(f)
}

// Message returns one message, or an error that wraps [ErrNotFound].
func (s *Server) Message(id int) (Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.inbox.messages {
		if m.ID == id {
			return m, nil
		}
	}
	return Message{}, fmt.Errorf("message %d: %w", id, ErrNotFound)
}

// WaitMessages waits until the filter selects at least n messages and returns them,
// oldest first. When ctx is done first, it returns those there are, and an error
// that wraps the cause.
func (s *Server) WaitMessages(ctx context.Context, n int, f Filter) ([]Message, error) {
	for {
		s.mu.Lock()
		found, changed := s.inbox.find(f), s.inbox.changed
		s.mu.Unlock()
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
func (s *Server) Attempts() []Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.inbox.attempts)
}

// Clear forgets messages and attempts. Robots, rates, faults and the organisation with
// its notices stay.
func (s *Server) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inbox.messages, s.inbox.attempts = nil, nil
	s.inbox.touch()
}
