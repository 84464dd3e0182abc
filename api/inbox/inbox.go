// Package inbox reads what a local DingTalk was sent: the messages in the inbox of the sandbox, where one runs beside this program.
package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
)

const (
	// MaxLimit is how many messages a page has at most.
	MaxLimit = 100
	// lookTime is how long it may take to find out whether a sandbox answers, readTime how long an answer may take, and maxAnswer
	// how many bytes that may have.
	lookTime  = 2 * time.Second
	readTime  = 10 * time.Second
	maxAnswer = 8 << 20
	// fresh is how long it counts which sandbox answers, or that none does.
	fresh = 5 * time.Second
	// off is the address of none.
	off = "off"
)

// Options are what an [Inbox] stands on. All but Address are required.
type Options struct {
	// Address is that of the sandbox, such as http://sandbox:8100; "off" for none. When it is empty, the connections say where
	// one is: see [Place].
	Address string
	// Connections are those that may lead to a sandbox. What can be read of them counts, whatever the error.
	Connections func(context.Context) ([]*connections.Connection, error)
	// Mask hides secrets in what messages say.
	Mask  func(string) string
	Clock func() time.Time
}

// Inbox is that of the sandbox, wherever it is. It may be used by several at once.
type Inbox struct {
	o      Options
	client *http.Client
	turn   chan struct{} // who looks for it holds it
	found  string
	why    error // there is none
	at     time.Time
	late   atomic.Pointer[time.Time] // when one did not answer as soon as somebody needed it; nil since one did
}

// New returns the inbox of the sandbox that is there when it is asked for.
func New(o Options) *Inbox {
	return &Inbox{o: o, turn: make(chan struct{}, 1), client: &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // no proxy: it is on this machine, or named
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Place is the address of a sandbox on this machine to which a connection leads: that of a connection of DingTalk's whose host is
// an http URL of a loopback address. It has no slash at its end, and is empty for none. Whether a sandbox answers there is not known.
func Place(c *connections.Connection) string {
	u, err := url.Parse(strings.TrimSpace(c.GetHost()))
	if err != nil || u.Scheme != "http" || c.Type != "dingding" && c.Type != "dingtalk" {
		return ""
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return ""
	}
	if u.Port() == "" && c.GetPort() != 0 {
		u.Host += ":" + strconv.Itoa(c.GetPort())
	}
	path := strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/robot/send") // as the hook reads a host
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}).String()
}

// There reports whether a sandbox answers, as of at most five seconds ago. Where it did not before the context was over, nobody waits
// for it again in that time.
func (in *Inbox) There(ctx context.Context) bool {
	if late := in.late.Load(); late != nil && in.isFresh(*late) {
		return false
	}
	_, err := in.Address(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		in.late.Store(new(in.o.Clock()))
	}
	return err == nil
}

// isFresh reports whether what was found at a moment still counts.
func (in *Inbox) isFresh(at time.Time) bool {
	age := in.o.Clock().Sub(at)
	return !at.IsZero() && age >= 0 && age < fresh
}

// Address is where the sandbox is, and its page, without a slash at its end, as of at most five seconds ago. The error wraps
// [store.ErrNotFound] where none answers, and says how to have one.
func (in *Inbox) Address(ctx context.Context) (string, error) {
	select {
	case in.turn <- struct{}{}:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	defer func() { <-in.turn }()
	if in.isFresh(in.at) {
		return in.found, in.why
	}
	looking, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	found, err := in.look(looking)
	if ctx.Err() != nil {
		return "", context.Cause(ctx) // what was found is that nobody waits for it
	}
	in.found, in.why, in.at = found, err, in.o.Clock()
	in.late.Store(nil)
	return found, err
}

// look finds the sandbox that answers.
func (in *Inbox) look(ctx context.Context) (string, error) {
	switch in.o.Address {
	case off:
		return "", store.Missing("no sandbox is looked for: the setting sandbox_url is off")
	case "":
	default:
		if _, err := in.ask(ctx, in.o.Address, Query{}); err != nil {
			return "", store.Missing("no sandbox answers at sandbox_url: %s", err.Error())
		}
		return in.o.Address, nil
	}
	all, err := in.o.Connections(ctx)
	var asked []string
	for _, c := range all {
		at := Place(c)
		if at == "" || slices.Contains(asked, at) {
			continue
		}
		asked = append(asked, at)
		if _, err := in.ask(ctx, at, Query{}); err == nil {
			return at, nil
		}
	}
	const way = "start dingdag sandbox and add a connection that it prints, or name its address in the setting sandbox_url"
	switch {
	case len(asked) > 0:
		return "", store.Missing("no sandbox answers at %s, where connections lead: %s", strings.Join(asked, ", "), way)
	case err != nil: // perhaps one that cannot be read leads to one
		return "", fmt.Errorf("look for the connection of a sandbox: %w", err)
	default:
		return "", store.Missing("no connection leads to a sandbox on this machine: %s", way)
	}
}

// answer is what the sandbox answers.
type answer struct {
	Messages *[]Message `json:"messages"`
	Total    *int       `json:"total"`
}

// ask asks the sandbox at an address for messages.
func (in *Inbox) ask(ctx context.Context, at string, q Query) (*answer, error) {
	v := url.Values{"limit": {strconv.Itoa(q.Limit)}, "offset": {strconv.Itoa(q.Offset)}}
	for name, value := range map[string]string{"robot": q.Robot, "type": q.Type, "text": q.Text, "conversation": q.Conversation} {
		if value != "" {
			v.Set(name, value)
		}
	}
	var a answer
	if err := in.get(ctx, at+"/sandbox/api/messages?"+v.Encode(), &a); err != nil {
		return nil, err
	}
	if a.Messages == nil || a.Total == nil || len(*a.Messages) > q.Limit {
		return nil, fmt.Errorf("%s: what answers is no sandbox, or one of an older version", at)
	}
	return &a, nil
}

// statusError is an answer with another status than 200.
type statusError int

// Error names it.
func (s statusError) Error() string { return strconv.Itoa(int(s)) + " " + http.StatusText(int(s)) }

// get reads JSON. Its errors have no query.
func (in *Inbox) get(ctx context.Context, address string, into any) error {
	bare, _, _ := strings.Cut(address, "?")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fmt.Errorf("%s is not the address of a sandbox", bare)
	}
	resp, err := in.client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the query
		}
		return fmt.Errorf("%s: %w", bare, err)
	}
	defer func() { _ = resp.Body.Close() }() // it is read
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %w", bare, statusError(resp.StatusCode))
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", bare, err)
	case len(b) > maxAnswer:
		return fmt.Errorf("%s: the answer has more than %d bytes", bare, maxAnswer)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: what answers is no sandbox: %w", bare, err)
	}
	return nil
}
