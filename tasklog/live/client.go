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

// ErrGone says that no process of a machine is at work.
var ErrGone = errors.New("no process of it is at work")

// ClientOptions are what a [Client] needs. All but Transport are required.
type ClientOptions struct {
	// Endpoint is where the process of a machine serves, such as http://10.0.0.7:8793; ok says whether it is at work.
	Endpoint func(ctx context.Context, node string) (url string, ok bool)
	Key      Key
	Clock    func() time.Time
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

// Held is what a machine has of a log, see [tasklog.Nodes].
func (c *Client) Held(ctx context.Context, node, name string) (tasklog.Held, error) {
	h := tasklog.Held{Size: -1}
	err := c.ask(ctx, node, name, heldPath, "", func(r *http.Response) error {
		if r.StatusCode != http.StatusOK {
			return refused(r)
		}
		if err := json.NewDecoder(io.LimitReader(r.Body, maxHeld)).Decode(&h); err != nil {
			return fmt.Errorf("its answer is not understood: %w", err)
		}
		return nil
	})
	if err != nil {
		return tasklog.Held{Size: -1}, err
	}
	return h, nil
}

// ReadAt reads from the file of a machine, see [tasklog.Nodes].
func (c *Client) ReadAt(ctx context.Context, node, name string, b []byte, off int64) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	want := "bytes=" + strconv.FormatInt(off, 10) + "-" + strconv.FormatInt(off+int64(len(b))-1, 10)
	err = c.ask(ctx, node, name, textPath, want, func(r *http.Response) error {
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

// ask asks a machine one question.
func (c *Client) ask(ctx context.Context, node, name, path, span string, use func(*http.Response) error) (err error) {
	base, ok := c.o.Endpoint(ctx, node)
	if !ok {
		return ErrGone
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readTime, fmt.Errorf("it did not answer within %s", readTime))
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+path+"?name="+url.QueryEscape(name), nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", scheme+c.o.Key.token(node, name, c.o.Clock().Add(tokenFor)))
	if span != "" {
		r.Header.Set("Range", span)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the address, which says no more than the machine
		}
		return fmt.Errorf("%s does not answer: %w", base, err)
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
