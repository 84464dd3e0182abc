package remote

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store"
)

// The limits of a server.
const (
	// MostCommands is how many commands run at once, MostOfUser how many of them for one user.
	MostCommands = 64
	MostOfUser   = 8
	// LookEvery is how often it is looked whether whoever has called a command still may.
	LookEvery = 5 * time.Second
	// requestTime is how long a client may take to say what it wants, closeTime how long it may take to leave.
	requestTime = 10 * time.Second
	closeTime   = time.Second
	// stopTime is how long commands may take to end when the server stops, before their clients are told that they are cut off.
	stopTime = 500 * time.Millisecond
	// cutTime is how long their connections live on then.
	cutTime = 800 * time.Millisecond
)

// Call is a command that somebody calls from another machine.
type Call struct {
	Args []string
	IO   show.IO
	Who  access.Identity
	// Via is the way on which it came; empty is [store.ViaRESTAPI].
	Via store.Via
	// Program is how the caller calls the program.
	Program string
	// LookupEnv reads those settings in the environment of the caller that count.
	LookupEnv func(string) (string, bool)
}

// Options are what a [Server] stands on. All but Every are required.
type Options struct {
	// Run runs a command until it ends, or ctx does, and returns its exit code. It decides whether Who may.
	Run func(ctx context.Context, c *Call) int
	// Still reports whether whoever sent a request may do what he could then. It is asked every so often, see Every.
	Still func(r *http.Request, who access.Identity) bool
	// Every is how often that is; 0 is [LookEvery].
	Every time.Duration
	// Version is that of the program.
	Version string
	// Mask hides secrets in what is logged.
	Mask func(string) string
	Log  *slog.Logger
}

// Server runs commands for people on other machines.
type Server struct {
	o    Options
	stop chan struct{} // closed when the server stops

	mu      sync.Mutex
	stopped bool
	running map[string]int // by user
	total   int
}

// New returns a server.
func New(o Options) *Server {
	return &Server{o: o, stop: make(chan struct{}), running: map[string]int{}}
}

// Stop ends all commands, and refuses new ones. It does not wait.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.stopped = true
		close(s.stop)
	}
}

// ServeHTTP runs one command. Whoever calls it proves that by a token or a password, which pages of other sites cannot send, and
// not by the session of a browser.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	who, known := access.From(r.Context())
	switch {
	case r.Header.Get("Origin") != "":
		refuse(w, http.StatusForbidden, "commands are for dingdag --server, and not for pages")
		return
	case !known || r.Header.Get("Authorization") == "":
		w.Header().Set("WWW-Authenticate", "Bearer")
		refuse(w, http.StatusUnauthorized, "commands need a token: the session of a browser does not count here")
		return
	case who.Role < access.Viewer:
		refuse(w, http.StatusForbidden, fmt.Sprintf("%s may call no commands: this needs the role %s", who.User, access.Viewer))
		return
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		w.Header().Set("Upgrade", "websocket")
		refuse(w, http.StatusUpgradeRequired, "commands come over a WebSocket: use dingdag --server")
		return
	}
	if status, text := s.enter(who.User); status != 0 {
		w.Header().Set("Retry-After", "5")
		refuse(w, status, text)
		return
	}
	defer s.leave(who.User)
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		s.o.Log.Debug("take a command", "user", who.User, "address", who.Address, "error", err) // the client was told
		return
	}
	Bound(conn)
	// What follows outlives the request, whose context a server that stops cuts off before the client is told.
	s.serve(context.WithoutCancel(r.Context()), conn, r, who)
}

// enter takes one of the places of a user, or says with a status why there is none.
func (s *Server) enter(user string) (status int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopped:
		return http.StatusServiceUnavailable, "the server stops: please try again later"
	case s.total >= MostCommands:
		return http.StatusServiceUnavailable, fmt.Sprintf("%d commands run here at once, and no more: please try again later", MostCommands)
	case s.running[user] >= MostOfUser:
		return http.StatusTooManyRequests, fmt.Sprintf("%d commands of %s run at once, and no more: end one, or try again later", MostOfUser, user)
	}
	s.total++
	s.running[user]++
	return 0, ""
}

func (s *Server) leave(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.running[user]--; s.running[user] == 0 {
		delete(s.running, user)
	}
}

// refuse answers in the form of the REST API.
func refuse(w http.ResponseWriter, status int, detail string) {
	b, err := json.Marshal(map[string]string{"detail": detail})
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // a client that is gone cannot be told
}

// serve runs the command that a client sends.
func (s *Server) serve(ctx context.Context, conn *websocket.Conn, r *http.Request, who access.Identity) {
	var work sync.WaitGroup
	defer work.Wait()
	defer func() { _ = conn.CloseNow() }() // after a good end it is closed already
	var req Request
	first, cancel := context.WithTimeout(ctx, requestTime)
	err := Receive(first, conn, &req)
	cancel()
	if err != nil {
		dismiss(conn, err)
		return
	}
	ctx, interrupt := context.WithCancel(ctx)
	defer interrupt()
	session := newSession(context.WithoutCancel(ctx), conn, interrupt)
	defer session.leave(nil)
	session.consoles = [...]show.Console{consoleIn: sane(req.In), consoleOut: sane(req.Out), consoleErr: sane(req.Err)}
	work.Go(session.listen)
	work.Go(func() { session.ping(session.gone) })
	work.Go(func() { s.cutOff(session) })
	if session.send(Message{Type: Hello, Name: s.o.Version, Code: Protocol}) != nil { //nolint:contextcheck // a session outlives what the command may take
		return
	}
	if problem := req.check(); problem != "" {
		session.end(command.Usage, "error: "+problem+"\n") //nolint:contextcheck // a session outlives what the command may take
		return
	}
	revoked := make(chan struct{})
	work.Go(func() { s.look(session, r.WithContext(ctx), who, revoked) })
	var text string
	done := make(chan int, 1)
	work.Go(func() { done <- s.run(ctx, session, &req, who) })
	select {
	case code := <-done:
		session.end(code, "") //nolint:contextcheck // a session outlives what the command may take
		return
	case <-session.gone.Done():
		return
	case <-s.stop:
		text = "error: the server stops, and has ended the command: "
	case <-revoked:
		text = "error: the token was revoked, or its rights are others now, and the server has ended the command: "
	}
	interrupt()
	text += "look what it has done, for instance with dingdag events list\n"
	select {
	case <-done:
	case <-session.gone.Done():
	case <-time.After(stopTime):
	}
	session.end(command.Failed, text) //nolint:contextcheck // a session outlives what the command may take
}

// look closes revoked when whoever has called the command may not do any more what he could.
func (s *Server) look(session *session, r *http.Request, who access.Identity, revoked chan<- struct{}) {
	t := time.NewTicker(cmp.Or(s.o.Every, LookEvery))
	defer t.Stop()
	for {
		select {
		case <-session.gone.Done():
			return
		case <-t.C:
		}
		if !s.o.Still(r, who) {
			close(revoked)
			return
		}
	}
}

// cutOff ends a connection some time after the server has begun to stop.
func (s *Server) cutOff(session *session) {
	select {
	case <-session.gone.Done():
		return
	case <-s.stop:
	}
	select {
	case <-session.gone.Done():
	case <-time.After(cutTime):
		session.leave(errClient)
	}
}

// run runs the command.
func (s *Server) run(ctx context.Context, session *session, req *Request, who access.Identity) (code int) {
	defer func() { //nolint:contextcheck // a session outlives what the command may take
		if p := recover(); p != nil {
			s.o.Log.Error("a command of somebody on another machine panicked", "user", who.User, "panic", s.o.Mask(fmt.Sprint(p)), "stack", s.o.Mask(string(debug.Stack())))
			_ = session.send(Message{Type: Stderr, Data: []byte("error: the command failed by a mistake of the program, which the server's log tells\n")})
			code = command.Failed
		}
	}()
	program := "dingdag"
	if req.Server != "" {
		program += " --server " + callbacks.ShellWord(req.Server)
	}
	out := &output{session, Stdout, consoleOut}
	return s.o.Run(access.With(ctx, who), &Call{
		Args: req.Args, Who: who, Program: program,
		IO: show.IO{In: &input{s: session, ctx: ctx}, Out: out, Err: &output{session, Stderr, consoleErr}, Files: files{session}},
		LookupEnv: func(name string) (string, bool) {
			return req.Timezone, name == settings.TimezoneVariable && req.Timezone != ""
		},
	})
}

// check says what is wrong with a request.
func (r *Request) check() string {
	if r.Protocol != Protocol {
		return fmt.Sprintf("this server takes commands of protocol %d, and dingdag %s sends protocol %d: use the version of the server", Protocol, cmp.Or(r.Version, "there"), r.Protocol)
	}
	size := 0
	for _, arg := range r.Args {
		size += len(arg)
		if strings.ContainsRune(arg, 0) || !utf8.ValidString(arg) {
			return "an argument has characters that no command line has"
		}
	}
	if size > MaxArgs {
		return TooLong(size)
	}
	return ""
}

// TooLong says that the arguments are.
func TooLong(size int) string {
	return fmt.Sprintf("the arguments have %d bytes together, and a server takes %d", size, MaxArgs)
}

// maxWidth is how many columns a terminal has at most.
const maxWidth = 10_000

// sane is a console as it can be.
func sane(c show.Console) show.Console {
	if c.Width < 0 || c.Width > maxWidth {
		c.Width = 0
	}
	return c
}

// end tells the client that the command has ended, and lets it go.
func (s *session) end(code int, text string) {
	if text != "" && s.send(Message{Type: Stderr, Data: []byte(text)}) != nil {
		return
	}
	if s.send(Message{Type: Exit, Code: code}) != nil {
		return
	}
	// The client leaves when it has read that, which listen notices. One that does not is cut off.
	select {
	case <-s.gone.Done():
	case <-time.After(closeTime):
	}
}
