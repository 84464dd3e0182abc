package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/cli/internal/client"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/remote"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/cli/internal/signals"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "dd_correct"

// serving is a server whose commands do what run does. Ann has the token.
func serving(t *testing.T, run func(ctx context.Context, c *remote.Call) int) (url string, s *remote.Server) {
	t.Helper()
	return servingWhile(t, func() bool { return true }, run)
}

// servingWhile is one where ann may do something as long as may says so.
func servingWhile(t *testing.T, may func() bool, run func(ctx context.Context, c *remote.Call) int) (url string, s *remote.Server) {
	t.Helper()
	still := func(r *http.Request, who access.Identity) bool {
		return r.Header.Get("Authorization") == "Bearer "+token && who.User == "ann" && may()
	}
	s = remote.New(remote.Options{Run: run, Still: still, Every: time.Millisecond, Version: "server", Mask: func(s string) string { return s }, Log: slog.New(slog.DiscardHandler)})
	var open sync.WaitGroup
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		open.Add(1)
		defer open.Done()
		if !strings.HasPrefix(r.URL.Path, "/base"+remote.Path) {
			http.NotFound(w, r)
			return
		}
		if r.Header.Get("Authorization") == "Bearer "+token || r.Header.Get("Cookie") != "" {
			r = r.WithContext(access.With(r.Context(), access.Identity{User: "ann", Role: access.Viewer, Address: "192.0.2.1"}))
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		s.Stop()
		open.Wait()
		srv.Close()
	})
	return srv.URL + "/base", s
}

// called is what a call of a command was answered with.
type called struct {
	code     int
	err      error
	out, log string
}

// call calls a command on a server.
func call(ctx context.Context, o client.Options) called {
	var out, log bytes.Buffer
	if o.IO.In == nil {
		o.IO.In = strings.NewReader("")
	}
	o.IO.Out, o.IO.Err = &out, &log
	if o.Token == "" {
		o.Token = token
	}
	o.Version = "server"
	code, err := client.Run(ctx, o)
	return called{code, err, out.String(), log.String()}
}

func TestACommandRuns(t *testing.T) {
	t.Parallel()
	url, _ := serving(t, func(ctx context.Context, c *remote.Call) int {
		who, _ := access.From(ctx)
		zone, _ := c.LookupEnv("DINGDAG_TIMEZONE")
		_, other := c.LookupEnv("DINGDAG_HOME")
		text, err := io.ReadAll(c.IO.In)
		fmt.Fprintf(c.IO.Out, "%q %s %s %s %t %q %v", c.Args, who.User, c.Who.Address, zone, other, text, err)
		fmt.Fprintf(c.IO.Err, "%s %v", c.Program, c.IO.Terminal())
		return 2
	})
	got := call(t.Context(), client.Options{Server: url + "/", Typed: true, Args: []string{"dags", "--a=b c", "--", "日"}, Timezone: "Asia/Shanghai", IO: show.IO{In: strings.NewReader("in\nput")}})
	require.NoError(t, got.err)
	assert.Equal(t, 2, got.code)
	assert.Equal(t, `["dags" "--a=b c" "--" "日"] ann 192.0.2.1 Asia/Shanghai false "in\nput" <nil>`, got.out)
	assert.Equal(t, "dingdag --server "+url+"/ false", got.log)
}

// What is long comes whole, both ways.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 30_000)
	url, _ := serving(t, func(_ context.Context, c *remote.Call) int {
		if _, err := io.Copy(c.IO.Out, c.IO.In); err != nil {
			return 1
		}
		return 0
	})
	got := call(t.Context(), client.Options{Server: url, IO: show.IO{In: strings.NewReader(long)}})
	require.NoError(t, got.err)
	assert.Equal(t, long, got.out)
}

// Files are those of the client, and only those that the command line names and the command reads or writes.
func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	named, other := filepath.Join(dir, "named"), filepath.Join(dir, "other")
	long := bytes.Repeat([]byte("x"), 3*remote.Chunk+1)
	require.NoError(t, os.WriteFile(named, long, 0o600))
	require.NoError(t, os.WriteFile(other, []byte("private"), 0o600))
	url, _ := serving(t, func(ctx context.Context, c *remote.Call) int {
		disk := c.IO.Disk()
		text, err := disk.Read(ctx, named)
		fmt.Fprintln(c.IO.Out, "named", len(text), err)
		text, err = disk.Read(ctx, other)
		fmt.Fprintln(c.IO.Out, "other", len(text), err)
		_, err = disk.Read(ctx, "missing")
		fmt.Fprintln(c.IO.Out, err)
		fmt.Fprintln(c.IO.Out, "write", disk.Write(ctx, named, bytes.ToUpper(long)))
		fmt.Fprintln(c.IO.Out, "write other", disk.Write(ctx, other, nil))
		_, err = disk.Edit(ctx, "connection.yaml", []byte("a"))
		fmt.Fprintln(c.IO.Out, "edit", err)
		return 0
	})
	refused := func(what, name string) string {
		return fmt.Sprintf("the server asks for what the command line does not name (%s %q): refused", what, name)
	}
	got := call(t.Context(), client.Options{Server: url, Reads: true, Names: []string{named, "missing"}})
	assert.Equal(t, fmt.Sprintf("named %d <nil>\nother 0 %s\nmissing: no such file or directory\nwrite %s\nwrite other %s\nedit %s\n",
		len(long), refused("read", other), refused("write", named), refused("write", other), refused("edit", "connection.yaml")), got.out)
	got = call(t.Context(), client.Options{Server: url, Writes: true, Names: []string{named}})
	assert.Equal(t, fmt.Sprintf("named 0 %s\nother 0 %s\n%s\nwrite <nil>\nwrite other %s\nedit %s\n",
		refused("read", named), refused("read", other), refused("read", "missing"), refused("write", other), refused("edit", "connection.yaml")), got.out)
	text, err := os.ReadFile(named)
	require.NoError(t, err)
	assert.Equal(t, string(bytes.ToUpper(long)), string(text))
	text, err = os.ReadFile(other)
	require.NoError(t, err)
	assert.Equal(t, "private", string(text))
}

// A name that is no file on the command line is none for the server, either.
func TestArgumentsThatAreNoFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id, from := filepath.Join(dir, "id"), filepath.Join(dir, "from")
	for _, name := range []string{id, from} {
		require.NoError(t, os.WriteFile(name, []byte("text"), 0o600))
	}
	url, _ := serving(t, func(ctx context.Context, c *remote.Call) int {
		for _, name := range []string{id, from} {
			text, err := c.IO.Disk().Read(ctx, name)
			fmt.Fprintln(c.IO.Out, filepath.Base(name), len(text), err == nil)
		}
		return 0
	})
	for _, args := range [][]string{
		{"connections", "edit", id, "--from", from}, {"connections", "edit", "--from=" + from, id},
	} {
		root, group := &cobra.Command{Use: "dingdag"}, &cobra.Command{Use: "connections"}
		edit := &cobra.Command{Use: "edit ID", RunE: func(*cobra.Command, []string) error { return errors.New("it ran here") }}
		edit.Flags().String("from", "", "")
		root.AddCommand(group)
		group.AddCommand(edit)
		var out bytes.Buffer
		env := func(name string) (string, bool) {
			v, ok := map[string]string{"DINGDAG_SERVER": url, "DINGDAG_TOKEN": token}[name]
			return v, ok
		}
		client.Attach(root, args, show.IO{In: strings.NewReader(""), Out: &out, Err: io.Discard, LookupEnv: env}, "server")
		root.SetArgs(args)
		require.NoError(t, root.ExecuteContext(t.Context()))
		assert.Equal(t, "id 0 false\nfrom 4 true\n", out.String())
	}
}

// The editor is that of the client.
func TestEdit(t *testing.T) {
	t.Parallel()
	url, _ := serving(t, func(ctx context.Context, c *remote.Call) int {
		e, err := c.IO.Disk().Edit(ctx, "connection.yaml", []byte("one"))
		if err != nil {
			return 1
		}
		text, err := e.Open(ctx)
		fmt.Fprintln(c.IO.Out, string(text), err, filepath.Base(e.Path()))
		if err := e.Discard(ctx); err != nil {
			return 1
		}
		return 0
	})
	env := func(name string) (string, bool) { return "sed -i s/one/two/", name == "EDITOR" }
	got := call(t.Context(), client.Options{Server: url, Edits: true, IO: show.IO{LookupEnv: env}})
	require.NoError(t, got.err)
	assert.Equal(t, "two <nil> connection.yaml\n", got.out)
	assert.Equal(t, 0, got.code)
}

// A line that is not shown is read from a terminal alone.
func TestHiddenLineNeedsATerminal(t *testing.T) {
	t.Parallel()
	url, _ := serving(t, func(ctx context.Context, c *remote.Call) int {
		_, err := c.IO.In.(show.LineReader).ReadHidden(ctx)
		fmt.Fprintln(c.IO.Out, err)
		return 0
	})
	assert.Equal(t, "there is no terminal to read it from\n", call(t.Context(), client.Options{Server: url}).out)
}

// Ctrl-C ends the command on the server, which may still say something.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	url, _ := serving(t, func(ctx context.Context, c *remote.Call) int {
		fmt.Fprintln(c.IO.Out, "begun")
		interrupt()
		<-ctx.Done()
		fmt.Fprintln(c.IO.Err, "ended")
		return 1
	})
	got := call(ctx, client.Options{Server: url})
	require.NoError(t, got.err)
	assert.Equal(t, called{code: 1, out: "begun\n", log: "ended\n"}, got)
}

// A client that goes away ends its command.
func TestAClientThatGoes(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	url, _ := serving(t, func(ctx context.Context, c *remote.Call) int {
		fmt.Fprintln(c.IO.Out, "begun")
		<-ctx.Done()
		_, err := c.IO.Out.Write([]byte("more"))
		ended <- err
		return 1
	})
	conn := dial(t, url)
	require.NoError(t, remote.Send(t.Context(), conn, remote.Request{Protocol: remote.Protocol}))
	var m remote.Message
	require.NoError(t, remote.Receive(t.Context(), conn, &m))
	require.NoError(t, remote.Receive(t.Context(), conn, &m))
	assert.Equal(t, "begun\n", string(m.Data))
	require.NoError(t, conn.CloseNow())
	require.Error(t, <-ended)
}

// A server that stops says so, in good time even when the command does not end.
func TestTheServerStops(t *testing.T) {
	t.Parallel()
	begun, free := make(chan struct{}), make(chan struct{})
	url, s := serving(t, func(_ context.Context, c *remote.Call) int {
		fmt.Fprintln(c.IO.Out, "begun")
		close(begun)
		<-free
		return 0
	})
	go func() { <-begun; s.Stop() }()
	got := call(t.Context(), client.Options{Server: url})
	close(free)
	require.NoError(t, got.err)
	assert.Equal(t, command.Failed, got.code)
	assert.Contains(t, got.log, "error: the server stops, and has ended the command")
	got = call(t.Context(), client.Options{Server: url})
	require.ErrorContains(t, got.err, "the server stops: please try again later")
}

// A command ends when whoever called it may not call it any more.
func TestARevokedToken(t *testing.T) {
	t.Parallel()
	var revoked atomic.Bool
	url, _ := servingWhile(t, func() bool { return !revoked.Load() }, func(ctx context.Context, c *remote.Call) int {
		fmt.Fprintln(c.IO.Out, "begun")
		revoked.Store(true)
		<-ctx.Done()
		return 0
	})
	got := call(t.Context(), client.Options{Server: url})
	require.NoError(t, got.err)
	assert.Equal(t, called{code: command.Failed, out: "begun\n", log: "error: the token was revoked, or its rights are others now, and the server has ended the command: look what it has done, for instance with dingdag events list\n"}, got)
}

// A command that panics ends by itself.
func TestAPanic(t *testing.T) {
	t.Parallel()
	url, _ := serving(t, func(context.Context, *remote.Call) int { panic("no") })
	got := call(t.Context(), client.Options{Server: url})
	require.NoError(t, got.err)
	assert.Equal(t, command.Failed, got.code)
	assert.Contains(t, got.log, "a mistake of the program")
}

// A user has so many commands at once, and gets their places back.
func TestMostOfAUser(t *testing.T) {
	t.Parallel()
	var running sync.WaitGroup
	var n atomic.Int32
	free := make(chan struct{})
	full := make(chan struct{})
	url, _ := serving(t, func(context.Context, *remote.Call) int {
		if n.Add(1) == remote.MostOfUser {
			close(full)
		}
		<-free
		return 0
	})
	for range remote.MostOfUser {
		running.Go(func() { assert.NoError(t, call(t.Context(), client.Options{Server: url}).err) })
	}
	<-full
	got := call(t.Context(), client.Options{Server: url})
	require.ErrorContains(t, got.err, "8 commands of ann run at once")
	close(free)
	running.Wait()
	require.Eventually(t, func() bool { return call(t.Context(), client.Options{Server: url}).err == nil }, time.Minute, 10*time.Millisecond)
}

// What is wrong with the way is said before anything is sent.
func TestTheWay(t *testing.T) {
	t.Parallel()
	url, _ := serving(t, func(context.Context, *remote.Call) int { return 0 })
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	elsewhere := httptest.NewServer(http.RedirectHandler("https://dingdag.example.com/x", http.StatusFound))
	defer elsewhere.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") }))
	defer plain.Close()
	own := httptest.NewTLSServer(http.NotFoundHandler())
	defer own.Close()
	for name, c := range map[string]struct {
		server, token, want string
		code                int
	}{
		"no address":            {"dingdag.example.com", "", "is not the address of a server", 2},
		"no host":               {"https://:8080", "", "is not the address of a server", 2},
		"another scheme":        {"ftp://dingdag.example.com", "", "is not the address of a server", 2},
		"a password":            {"https://ann:hunter2@dingdag.example.com", "", "only scheme, host, port and path", 2},
		"a password and no URL": {"ann:hunter2@dingdag.example.com", "", "is not the address of a server", 2},
		"a password with an @":  {"ann:secret@hunter2@dingdag.example.com", "", "is not the address of a server", 2},
		"unencrypted":           {"http://dingdag.example.com", "", "unencrypted: use https, or a tunnel", 2},
		"no token":              {url, "@" + empty, "is empty", 2},
		"no name of a token":    {url, "@", "the name of a file has to follow the @", 2},
		"a token with a break":  {url, "a\nb", "characters that no token has", 2},
		"no such file":          {url, "@/nowhere/token", "read the token: /nowhere/token: no such file", 2},
		"a wrong token":         {url, "dd_wrong", "does not take the token", 1},
		"another path":          {strings.TrimSuffix(url, "/base"), "", "takes no commands", 1},
		"nobody there":          {"http://127.0.0.1:1", "", "reach http://127.0.0.1:1: ", 1},
		"a redirect":            {elsewhere.URL, "", `leads elsewhere, to "https://dingdag.example.com/x"`, 1},
		"no WebSocket":          {plain.URL, "", "a proxy on the way may pass on no WebSockets", 1},
		"a certificate":         {own.URL, "", "set SSL_CERT_FILE to the file", 1},
	} {
		got := call(t.Context(), client.Options{Server: c.server, Token: c.token})
		require.ErrorContains(t, got.err, c.want, name)
		assert.Equal(t, c.code, command.ExitCode(got.err), name)
		for _, secret := range []string{"hunter2", token, "dd_wrong"} {
			assert.NotContains(t, got.err.Error(), secret, name)
		}
	}
	got := call(t.Context(), client.Options{Server: url, Args: []string{strings.Repeat("x", 10<<20)}})
	require.ErrorContains(t, got.err, "the arguments have 10485760 bytes")
	assert.Equal(t, command.Usage, command.ExitCode(got.err))
}

// dial opens a connection as a client of other making does.
func dial(t *testing.T, url string) *websocket.Conn {
	t.Helper()
	conn, resp, err := websocket.Dial(t.Context(), url+remote.Path, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}}) //nolint:bodyclose // none is open
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

// Whoever is not the command line of somebody with a token gets no connection.
func TestWhoGetsNoConnection(t *testing.T) {
	t.Parallel()
	url, _ := serving(t, func(context.Context, *remote.Call) int { panic("it ran") })
	for name, c := range map[string]struct {
		header http.Header
		want   int
	}{
		"nobody":           {http.Header{}, http.StatusUnauthorized},
		"a session":        {http.Header{"Cookie": {"dingdag=x"}}, http.StatusUnauthorized},
		"another site":     {http.Header{"Authorization": {"Bearer " + token}, "Origin": {"https://evil.example"}}, http.StatusForbidden},
		"a page of ours":   {http.Header{"Authorization": {"Bearer " + token}, "Origin": {url}}, http.StatusForbidden},
		"a wrong token":    {http.Header{"Authorization": {"Bearer x"}}, http.StatusUnauthorized},
		"a session, twice": {http.Header{"Cookie": {"dingdag=x"}, "Origin": {"null"}}, http.StatusForbidden},
	} {
		_, resp, err := websocket.Dial(t.Context(), url+remote.Path, &websocket.DialOptions{HTTPHeader: c.header}) //nolint:bodyclose // none is open
		require.Error(t, err, name)
		require.NotNil(t, resp, name)
		assert.Equal(t, c.want, resp.StatusCode, name)
		var answer struct {
			Detail string `json:"detail"`
		}
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer), name)
		assert.NotEmpty(t, answer.Detail, name)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+remote.Path, http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusUpgradeRequired, resp.StatusCode)
	http.DefaultClient.CloseIdleConnections()
}

// A client of other making does no harm.
func TestStrangeClients(t *testing.T) {
	t.Parallel()
	url, _ := serving(t, func(_ context.Context, c *remote.Call) int {
		b := make([]byte, 10)
		n, err := c.IO.In.Read(b)
		fmt.Fprintf(c.IO.Out, "%q %v", b[:n], err)
		return 0
	})
	// last is what the server says last to a request and what follows it.
	last := func(request any, more ...any) (all []remote.Message, err error) {
		conn := dial(t, url)
		remote.Bound(conn)
		for i, m := range append([]any{request}, more...) {
			for i == 1 { // an answer before its question is dropped
				var q remote.Message
				if err := remote.Receive(t.Context(), conn, &q); err != nil {
					return all, err
				}
				if all = append(all, q); q.Type == remote.AskInput {
					break
				}
			}
			if text, ok := m.(string); ok {
				err = conn.Write(t.Context(), websocket.MessageText, []byte(text))
			} else {
				err = remote.Send(t.Context(), conn, m)
			}
			if err != nil {
				return all, err
			}
		}
		for {
			var m remote.Message
			if err := remote.Receive(t.Context(), conn, &m); err != nil {
				return all, err
			}
			if all = append(all, m); m.Type == remote.Exit {
				return all, nil
			}
		}
	}
	said := func(all []remote.Message) string {
		var b strings.Builder
		for _, m := range all {
			b.Write(m.Data)
		}
		return b.String()
	}
	good := remote.Request{Protocol: remote.Protocol, Version: "old"}
	all, err := last(remote.Request{Protocol: 99, Version: "new"})
	require.NoError(t, err)
	assert.Contains(t, said(all), "this server takes commands of protocol 1, and dingdag new sends protocol 99")
	assert.Equal(t, command.Usage, all[len(all)-1].Code)
	all, err = last(remote.Request{Protocol: remote.Protocol, Args: []string{"a\x00b"}})
	require.NoError(t, err)
	assert.Contains(t, said(all), "characters that no command line has")
	all, err = last(remote.Request{Protocol: remote.Protocol, Args: []string{strings.Repeat("x", remote.MaxArgs+1)}})
	require.NoError(t, err)
	assert.Contains(t, said(all), "a server takes 262144")
	_, err = last(`{"args": ["` + strings.Repeat("x", 10<<20) + `"]}`)
	require.Error(t, err)
	_, err = last("no JSON")
	assert.Equal(t, "a message must be a JSON object of the protocol of commands, and one was none", remote.Dismissed(err))
	assert.Equal(t, websocket.StatusInvalidFramePayloadData, websocket.CloseStatus(err))
	conn := dial(t, url)
	require.NoError(t, conn.Write(t.Context(), websocket.MessageBinary, []byte("{}")))
	_, _, err = conn.Read(t.Context())
	assert.Equal(t, "a message must be JSON as text, and one was binary", remote.Dismissed(err))
	assert.Equal(t, websocket.StatusUnsupportedData, websocket.CloseStatus(err))
	all, err = last(good, remote.Message{Type: "what"})
	assert.Equal(t, websocket.StatusPolicyViolation, websocket.CloseStatus(err))
	assert.Equal(t, "a message has a type that the protocol of commands has not", remote.Dismissed(err))
	assert.Empty(t, said(all))
	all, err = last(good, remote.Message{Type: remote.Answer, ID: 7, Data: []byte("unasked")}, remote.Message{Type: remote.Answer, ID: 1, Data: []byte("asked")})
	require.NoError(t, err)
	assert.Equal(t, `"asked" <nil>`, said(all))
	all, err = last(good, remote.Message{Type: remote.Answer, ID: 1, Data: bytes.Repeat([]byte("x"), remote.Chunk+1)})
	require.NoError(t, err)
	assert.Contains(t, said(all), "more than it was asked for")
}

// The width of a terminal changes while a command runs, to what a terminal can have.
func TestResize(t *testing.T) {
	t.Parallel()
	url, _ := serving(t, func(_ context.Context, c *remote.Call) int {
		for range 3 {
			if _, err := c.IO.In.Read(make([]byte, 1)); err != nil { // the answer comes after the width
				return 1
			}
			fmt.Fprint(c.IO.Out, c.IO.Width(), " ")
		}
		return 0
	})
	conn := dial(t, url)
	require.NoError(t, remote.Send(t.Context(), conn, remote.Request{Protocol: remote.Protocol, Out: show.Console{Terminal: true, Width: 80}}))
	widths := []int{120, 1 << 40, -1}
	var said strings.Builder
	for {
		var m remote.Message
		require.NoError(t, remote.Receive(t.Context(), conn, &m))
		said.Write(m.Data)
		if m.Type == remote.Exit {
			break
		}
		if m.Type == remote.AskInput {
			require.NoError(t, remote.Send(t.Context(), conn, remote.Message{Type: remote.Resize, Code: widths[m.ID-1]}))
			require.NoError(t, remote.Send(t.Context(), conn, remote.Message{Type: remote.Answer, ID: m.ID, Data: []byte("x")}))
		}
	}
	assert.Equal(t, "120 120 120 ", said.String())
}

// Ctrl-C before a server has answered is no fault of the server.
func TestInterruptOnTheWay(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		interrupt()
		<-r.Context().Done()
	}))
	defer slow.Close()
	got := call(ctx, client.Options{Server: slow.URL})
	require.ErrorIs(t, got.err, signals.ErrInterrupted)
	require.EqualError(t, got.err, "reach "+slow.URL+": interrupted")
}

// An error on the way says that nobody knows what was done.
func TestAConnectionThatBreaks(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		_, _, _ = conn.Read(r.Context())
		if r.URL.Path == "/said"+remote.Path {
			_ = conn.Close(websocket.StatusInvalidFramePayloadData, "that was \x1b[31mno message")
		}
		_ = conn.CloseNow()
	}))
	defer srv.Close()
	why := call(t.Context(), client.Options{Server: srv.URL + "/said"})
	require.ErrorContains(t, why.err, "broke (the server closed it: that was ")
	require.ErrorContains(t, why.err, "no message): whether")
	assert.NotContains(t, why.err.Error(), "\x1b")
	got := call(t.Context(), client.Options{Server: srv.URL})
	require.ErrorContains(t, got.err, "whether the command was done is not known")
	assert.Equal(t, command.Failed, command.ExitCode(got.err))
	require.NotErrorIs(t, got.err, context.Canceled)
	require.False(t, errors.Is(got.err, io.EOF))
}
