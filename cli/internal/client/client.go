// Package client calls commands on a server. They run there, and read and write here.
package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/remote"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/cli/internal/signals"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/web/listening"
)

const (
	// dialTime is how long a server may take to take a command.
	dialTime = 30 * time.Second
	// pingEvery is how often the client looks whether the server is there, pongTime how long the answer may take.
	pingEvery = 20 * time.Second
	pongTime  = time.Minute
	// endTime is how long a command may take to end after Ctrl-C.
	endTime = 15 * time.Second
	// maxAnswer is how much of a refusal is read, in bytes.
	maxAnswer = 4 << 10
)

// Options say what to call, and where.
type Options struct {
	// Server is the URL at which people reach the server, with the path of its base_url. Typed says that it was given on the
	// command line, so that commands that are proposed need it too.
	Server string
	Typed  bool
	// Token is an API token, or @ and the name of a file that has one.
	Token string
	// Args are the words of the command, its flags and arguments.
	Args []string
	// Reads, Writes and Edits are what the command may do with the files of this machine: those that Names has.
	Reads, Writes, Edits bool
	Names                []string
	// Timezone is the zone in which times are shown, of the environment; empty for that of the server.
	Timezone string
	// Version is that of this program.
	Version string
	IO      show.IO
}

// Run calls a command on a server, and returns its exit code once it has ended. An error is about the way there.
func Run(ctx context.Context, o Options) (code int, err error) {
	size := 0
	for _, arg := range o.Args {
		size += len(arg)
	}
	if size > remote.MaxArgs {
		return command.Usage, command.Usagef("%s", remote.TooLong(size))
	}
	at, err := target(o.Server)
	if err != nil {
		return command.Usage, command.UsageError{Err: err}
	}
	token, err := readToken(ctx, o)
	if err != nil {
		return command.Usage, command.UsageError{Err: err}
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: dialTime}
	defer transport.CloseIdleConnections()
	conn, err := dial(ctx, at, token, &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }})
	if err != nil {
		return command.Failed, err
	}
	defer func() { _ = conn.CloseNow() }() // after a good end it is closed already
	remote.Bound(conn)
	c := &session{o: o, conn: conn, at: at}
	return c.run(ctx)
}

// target is the address of the commands of a server.
func target(server string) (*url.URL, error) {
	u, err := url.Parse(server)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("--server %q is not the address of a server: write it as https://dingdag.example.com", without(server))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("--server %s: only scheme, host, port and path belong there; a token goes into DINGDAG_TOKEN", (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
	case u.Scheme == "http" && !listening.IsLoopback(u.Hostname()):
		return nil, fmt.Errorf("--server %s: the token would go there unencrypted: use https, or a tunnel such as ssh -L 8080:127.0.0.1:8080 %s with --server http://127.0.0.1:8080", server, u.Hostname())
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + remote.Path
	u.RawPath = ""
	return u, nil
}

// without is a text that is no address without what may be a password in it.
func without(server string) string {
	if i := strings.LastIndex(server, "@"); i >= 0 { // a password may have one too
		return "…" + server[i:]
	}
	return server
}

// readToken is the token that the options name.
func readToken(ctx context.Context, o Options) (connections.Secret, error) {
	if name, ok := strings.CutPrefix(o.Token, "@"); ok {
		if name == "" {
			return "", errors.New("read the token: the name of a file has to follow the @")
		}
		text, err := show.Local{}.Read(ctx, name)
		if err != nil {
			return "", fmt.Errorf("read the token: %w", command.WithoutOp(err))
		}
		o.Token = strings.TrimSpace(string(text))
		if o.Token == "" {
			return "", fmt.Errorf("read the token: %s is empty", name)
		}
	}
	switch {
	case o.Token == "":
		return "", errors.New("a command on a server needs a token: set DINGDAG_TOKEN to one, or to @ and the name of a file that has one; an admin makes it there with dingdag tokens create")
	case strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New("the token has characters that no token has")
	}
	return connections.Secret(o.Token), nil
}

// dial opens the connection, or says what the server has against it.
func dial(ctx context.Context, at *url.URL, token connections.Secret, with *http.Client) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx, at.String(), &websocket.DialOptions{ //nolint:bodyclose // it has none that is open
		HTTPClient: with, HTTPHeader: http.Header{"Authorization": {"Bearer " + token.Reveal()}}, CompressionMode: websocket.CompressionDisabled,
	})
	server := strings.TrimSuffix(at.String(), remote.Path)
	if err == nil {
		return conn, nil
	}
	if resp == nil {
		return nil, unreached(ctx, server, err)
	}
	detail := http.StatusText(resp.StatusCode)
	if resp.Body != nil {
		var answer struct {
			Detail string `json:"detail"`
		}
		b, rerr := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if rerr == nil && json.Unmarshal(b, &answer) == nil {
			detail = cmp.Or(answer.Detail, detail)
		}
	}
	detail = show.Harmless(show.OneLine(detail))
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized:
		return nil, fmt.Errorf("%s does not take the token: %s; an admin makes another one there with dingdag tokens create", server, detail)
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return nil, fmt.Errorf("%s takes no commands: it is no dingdag, or an older one, or its base_url has another path", server)
	case status >= 300 && status < 400:
		return nil, fmt.Errorf("%s leads elsewhere, to %q: give --server as it is there", server, show.Harmless(resp.Header.Get("Location")))
	case status < 300:
		return nil, fmt.Errorf("%s answers, but opens no connection: a proxy on the way may pass on no WebSockets", server)
	default:
		return nil, fmt.Errorf("%s refuses the command: %s", server, detail)
	}
}

// unreached is the error when nothing has answered.
func unreached(ctx context.Context, server string, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("reach %s: %w", server, signals.ErrInterrupted)
	}
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err // the address is that of ours
	}
	text := err.Error()
	if i := strings.Index(text, "x509: "); i >= 0 {
		return fmt.Errorf("%s is not trusted: %s; where it has a certificate of your own, set SSL_CERT_FILE to the file with that of its issuer", server, text[i:])
	}
	if _, ok := errors.AsType[net.Error](err); ok && ctx.Err() != nil {
		text = "it does not answer"
	}
	return fmt.Errorf("reach %s: %s", server, text)
}

// session is a command that runs on a server.
type session struct {
	o    Options
	conn *websocket.Conn
	at   *url.URL
	edit show.Edit // that is under way, or nil

	hidden sync.WaitGroup // holds a terminal that does not show what is typed
}

// run calls the command and serves it until it ends.
func (c *session) run(ctx context.Context) (code int, err error) {
	// The life of the connection: Ctrl-C ends the command, which then says so.
	life, over := context.WithCancelCause(context.WithoutCancel(ctx))
	defer over(nil)
	req := remote.Request{
		Protocol: remote.Protocol, Version: c.o.Version, Args: c.o.Args, Timezone: c.o.Timezone,
		In: show.ConsoleOf(c.o.IO.In), Out: show.ConsoleOf(c.o.IO.Out), Err: show.ConsoleOf(c.o.IO.Err),
	}
	if c.o.Typed {
		req.Server = c.o.Server
	}
	if err := remote.Send(life, c.conn, req); err != nil {
		return command.Failed, c.broken(life, err)
	}
	go c.interrupt(ctx, life, over)
	go c.ping(life, over)
	if req.Out.Terminal {
		go c.resize(life)
	}
	answering, stop := context.WithCancel(life)
	defer context.AfterFunc(ctx, stop)() // Ctrl-C ends a question too
	defer c.hidden.Wait()
	defer stop()
	questions := make(chan remote.Message, 1)
	defer close(questions)
	go c.answer(answering, life, questions, over)
	newer := ""
	for {
		var m remote.Message
		if err := remote.Receive(life, c.conn, &m); err != nil {
			return command.Failed, c.broken(life, err)
		}
		switch m.Type {
		case remote.Hello:
			if m.Name != c.o.Version {
				newer = strings.TrimSpace(m.Name)
			}
		case remote.Stdout:
			_, err = c.o.IO.Out.Write(m.Data)
		case remote.Stderr:
			_, err = c.o.IO.Err.Write(m.Data)
		case remote.Exit:
			if m.Code == command.Usage && newer != "" {
				fmt.Fprintf(c.o.IO.Err, "note: the server has another version: %s\n", show.Harmless(newer))
			}
			_ = c.conn.Close(websocket.StatusNormalClosure, "") // the command has ended, whatever comes of it
			return min(max(m.Code, command.Done), command.Usage), nil
		default:
			select {
			case questions <- m:
			case <-life.Done():
			}
		}
		if err != nil { // nobody reads the output
			return command.Failed, fmt.Errorf("write the output: %w", err)
		}
	}
}

// errSilent says that the server does not answer any more, errEnd that the command does not end.
var (
	errSilent = errors.New("the server does not answer any more")
	errEnd    = errors.New("the command did not end")
)

// broken says what is not known when the connection ends before the command.
func (c *session) broken(life context.Context, err error) error {
	if cause := context.Cause(life); cause != nil {
		err = cause
	}
	text := err.Error()
	if why := remote.Dismissed(err); why != "" {
		text = "the server closed it: " + show.Harmless(show.OneLine(why))
	}
	if status := websocket.CloseStatus(err); status == websocket.StatusMessageTooBig {
		return errors.New("the server takes no message as long as this one")
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		text = "it was closed"
	}
	return fmt.Errorf("the connection to %s broke (%s): whether the command was done is not known; dingdag events list tells what was changed", strings.TrimSuffix(c.at.String(), remote.Path), text)
}

// interrupt ends the command when ctx ends, and the connection when the command does not end then.
func (c *session) interrupt(ctx, life context.Context, over context.CancelCauseFunc) {
	select {
	case <-life.Done():
		return
	case <-ctx.Done():
	}
	if remote.Send(life, c.conn, remote.Message{Type: remote.Cancel}) != nil {
		return // which the reader notices
	}
	select {
	case <-life.Done():
	case <-time.After(endTime):
		over(errEnd)
	}
}

// ping looks whether the server is there.
func (c *session) ping(life context.Context, over context.CancelCauseFunc) {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-life.Done():
			return
		case <-t.C:
		}
		wait, cancel := context.WithTimeout(life, pongTime)
		err := c.conn.Ping(wait)
		cancel()
		if err != nil && life.Err() == nil {
			over(errSilent)
			return
		}
	}
}

// resize tells the server when the terminal gets another width.
func (c *session) resize(life context.Context) {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	defer signal.Stop(changed)
	for {
		select {
		case <-life.Done():
			return
		case <-changed:
		}
		if remote.Send(life, c.conn, remote.Message{Type: remote.Resize, Code: c.o.IO.Width()}) != nil {
			return
		}
	}
}
