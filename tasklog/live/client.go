package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/tasklog"
)

// The times within which another machine must answer.
const (
	connectTime = 2 * time.Second
	answerTime  = 5 * time.Second
	// readTime is for one question with its answer, of which a part has at most 4 MiB.
	readTime = 20 * time.Second
)

// ClientOptions are what a [Client] needs. All but Transport are required.
type ClientOptions struct {
	// Endpoints are where the processes of a machine that are at work serve, such as http://10.0.0.7:8793; none is no error.
	Endpoints func(ctx context.Context, node string) (urls []string, err error)
	Key       Key
	Clock     func() time.Time
	// Transport sends requests, for TLS with certificates of one's own, for instance; nil is one with short times for
	// connecting, and without a proxy.
	Transport http.RoundTripper
}

// Client asks other machines. It is a [tasklog.Nodes] and safe for concurrent use.
type Client struct {
	o    ClientOptions
	http *http.Client
}

// NewClient returns a client.
func NewClient(o ClientOptions) *Client {
	if o.Transport == nil {
		o.Transport = &http.Transport{
			DialContext:         (&net.Dialer{Timeout: connectTime}).DialContext,
			TLSHandshakeTimeout: connectTime, ResponseHeaderTimeout: answerTime, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
		}
	}
	return &Client{o, &http.Client{
		Transport:     o.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token is for nobody else
	}}
}

// Close closes connections that nobody uses.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// maxHeld bounds an answer about what a machine has of a log.
const maxHeld = 4 << 20

// Held is what a machine has of a log, see [tasklog.Nodes]. Of several processes with log folders of their own it is the one
// that began a part last of those that are not in the store, or else the first one that has the file.
func (c *Client) Held(ctx context.Context, node, name string) (tasklog.Held, error) {
	urls, err := c.endpoints(ctx, node)
	if err != nil {
		return tasklog.Held{Size: -1}, err
	}
	best, found := tasklog.Held{Size: -1}, false
	var failed error
	for _, base := range urls {
		h, err := c.held(ctx, base, node, name)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		if h.Size >= 0 && (!found || begun(h) > begun(best)) {
			best, found = h, true
		}
	}
	if !found && failed != nil { // the one that does not answer may have it
		return tasklog.Held{Size: -1}, failed
	}
	return best, nil
}

// begun is when the last part began that is not in the store, in milliseconds; 0 where there is none.
func begun(h tasklog.Held) (at int64) {
	for _, s := range h.Unsent {
		at = max(at, s.Start)
	}
	return at
}

func (c *Client) held(ctx context.Context, base, node, name string) (tasklog.Held, error) {
	h := tasklog.Held{Size: -1}
	err := c.ask(ctx, question{base: base, path: heldPath, node: node, name: name}, func(r *http.Response) error {
		if r.StatusCode != http.StatusOK {
			return refused(r)
		}
		if err := json.NewDecoder(io.LimitReader(r.Body, maxHeld)).Decode(&h); err != nil {
			return fmt.Errorf("its answer is not understood: %w", err)
		}
		return nil
	})
	return h, err
}

// ReadAt reads from the file of a machine, see [tasklog.Nodes].
func (c *Client) ReadAt(ctx context.Context, node, folder, name string, b []byte, off int64) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	urls, err := c.endpoints(ctx, node)
	if err != nil {
		return 0, err
	}
	var failed error
	for _, base := range urls {
		n, err := c.readAt(ctx, question{base: base, path: textPath, node: node, folder: folder, name: name}, b, off)
		if err == nil || errors.Is(err, io.EOF) {
			return n, err
		}
		if !errors.Is(err, tasklog.ErrNone) {
			failed = errors.Join(failed, err)
		}
	}
	if failed != nil {
		return 0, failed
	}
	return 0, tasklog.ErrNone
}

func (c *Client) readAt(ctx context.Context, q question, b []byte, off int64) (n int, err error) {
	q.span = "bytes=" + strconv.FormatInt(off, 10) + "-" + strconv.FormatInt(off+int64(len(b))-1, 10)
	err = c.ask(ctx, q, func(r *http.Response) error {
		switch r.StatusCode {
		case http.StatusPartialContent:
		case http.StatusRequestedRangeNotSatisfiable:
			return io.EOF
		case http.StatusNotFound:
			return tasklog.ErrNone
		default:
			return refused(r)
		}
		if n, err = io.ReadFull(r.Body, b); errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF
		}
		return err
	})
	return n, err
}

// endpoints are where a machine can be asked: at least one.
func (c *Client) endpoints(ctx context.Context, node string) ([]string, error) {
	urls, err := c.o.Endpoints(ctx, node)
	if err == nil && len(urls) == 0 {
		err = tasklog.ErrGone
	}
	return urls, err
}

// question is one for a process.
type question struct {
	base, path, node, folder, name string
	span                           string // the header Range, empty for all
}

// url is where it is asked.
func (q question) url() string {
	values := url.Values{"name": {q.name}}
	if q.folder != "" {
		values.Set("folder", q.folder)
	}
	return strings.TrimSuffix(q.base, "/") + q.path + "?" + values.Encode()
}

// ask asks a machine one question.
func (c *Client) ask(ctx context.Context, q question, use func(*http.Response) error) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, readTime, fmt.Errorf("it did not answer within %s", readTime))
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, q.url(), nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", scheme+c.o.Key.token(q.node, q.name, c.o.Clock().Add(tokenFor)))
	if q.span != "" {
		r.Header.Set("Range", q.span)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the address, which says no more than the machine
		}
		return fmt.Errorf("%s does not answer: %w", q.base, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	return use(resp)
}

// refused is the error that an answer is.
func refused(r *http.Response) error {
	const enough = 1 << 10
	text, err := io.ReadAll(io.LimitReader(r.Body, enough))
	if err != nil {
		return fmt.Errorf("it answers %s", r.Status)
	}
	return fmt.Errorf("it answers %s: %s", r.Status, strings.TrimSpace(string(text)))
}
