// Package sandbox is a local DingTalk: it answers as the platform does, keeps what
// it was sent and shows it on a page, and can be told to misbehave.
//
// It is written from DingTalk's rules and imports nothing of this module, so a
// wrong JSON key in the client cannot pass by being wrong on both sides. Keys are
// matched in their exact case. Where DingTalk's behaviour is not published, the
// doc comment of the part says what was chosen.
//
// Besides custom robots it has an organisation: apps with tokens, a directory, group
// chats, a knowledge base with workbooks, and work notices. What a call writes, another
// reads back, and so do the methods of [Server].
//
// [Server] is an [http.Handler] that serves three things on one address: the calls
// of DingTalk ("/robot/send"), a JSON API to look at and steer the sandbox
// ("/sandbox/api/…"), and the page ("/"). Tests start one with package sandboxtest.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	defaultKeep = 1000
	// shutdownGrace is how long requests under way may take to end once Run's context is done.
	shutdownGrace = time.Second
)

// Options configures [New]. The zero value is ready to use.
type Options struct {
	// Now is the one clock of the sandbox: signatures, rates and times of arrival
	// go by it. The default is time.Now.
	Now func() time.Time
	// Rate is for robots and unknown tokens that have none of their own. The default
	// is DingTalk's: 20 a minute, then blocked for ten minutes.
	Rate Rate
	// Keep is how many messages and how many attempts are kept; the oldest go
	// first. The default is 1000 of each.
	Keep int
	// WorkbookStart is how long a workbook that doc.create made answers that it is still
	// initialising. The default is no time; [Server.HoldWorkbook] is for a single one.
	WorkbookStart time.Duration
	// Hosts are further names by which the sandbox may be called, without a port. It always
	// answers to addresses, to localhost and to the names of DingTalk's hosts, and refuses
	// any other name, so that no web page reads it by having a name of its own resolve to
	// this machine (DNS rebinding). "*" is any name.
	Hosts []string
}

// Server is the sandbox. It is safe for concurrent use. Make one with [New].
type Server struct {
	now  func() time.Time
	rate Rate
	mux  *http.ServeMux
	// workbookStart is the option of the same name.
	workbookStart time.Duration
	hosts         []string

	// mu guards everything below. A call is decided and recorded under it as one
	// step, so what a test sees is never half of a request.
	mu        sync.Mutex
	robots    []*robotState
	throttles map[string]*throttle
	faults    []Fault
	inbox     inbox
	ids       ids
	apps      apps
	corpID    string
	directory directory
	chats     chats
	sent      []*sentMessage
	dings     []*Ding
	media     []*Media
	cards     map[string]*cardState
	sessions  map[string]*sessionState
	wiki      wiki
	notices   notices
}

// New returns a sandbox with an empty organisation. Fill it with [Server.Seed] or piece by
// piece, and add robots with [Server.AddRobot] and apps with [Server.AddApp].
func New(opts Options) *Server {
	if opts.Now == nil {
		opts.Now = time.Now //nolint:forbidigo // the clock starts here
	}
	if opts.Keep <= 0 {
		opts.Keep = defaultKeep
	}
	s := &Server{
		now:           opts.Now,
		rate:          opts.Rate.or(Rate{PerMinute: 20, Block: 10 * time.Minute}),
		mux:           http.NewServeMux(),
		workbookStart: opts.WorkbookStart,
		hosts:         slices.Clone(opts.Hosts),
		throttles:     map[string]*throttle{},
		inbox:         newInbox(opts.Keep),
		apps:          newApps(),
		corpID:        defaultCorpID,
		directory:     newDirectory(),
		chats:         newChats(),
		cards:         map[string]*cardState{},
		sessions:      map[string]*sessionState{},
		notices:       newNotices(),
	}
	for _, c := range calls() {
		s.mux.Handle(c.pattern, s.serveCall(c))
	}
	s.routeAPI()
	s.routePage()
	s.mux.HandleFunc("/", unknownPath)
	return s
}

// calls is the route table of DingTalk's own paths. A new family of endpoints is a
// file that declares its calls, and one entry here.
func calls() []call {
	return slices.Concat(
		[]call{robotSendCall()},
		tokenCalls(),
		userCalls(),
		departmentCalls(),
		chatCalls(),
		sceneGroupCalls(),
		botCalls(),
		dingCalls(),
		mediaCalls(),
		cardCalls(),
		sessionCalls(),
		workspaceCalls(),
		nodeCalls(),
		docCalls(),
		worksheetCalls(),
		lineCalls(),
		rangeCalls(),
		noticeCalls(),
	)
}

// Calls lists the names of all calls, for [Fault] and [Attempt]: "robot.send".
func Calls() []string {
	var names []string
	for _, c := range calls() {
		names = append(names, c.name)
	}
	return names
}

// ServeHTTP answers one request. Some faults cut the connection; they do it by
// panicking with [http.ErrAbortHandler], which net/http understands.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.answersTo(r.Host) {
		http.Error(w, fmt.Sprintf("the sandbox does not answer to the name %q; start it with --host %[1]s if it shall", hostname(r.Host)), http.StatusMisdirectedRequest)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// answersTo checks the Host of a request.
func (s *Server) answersTo(host string) bool {
	name := hostname(host)
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	known := append([]string{"localhost", "oapi.dingtalk.com", "api.dingtalk.com"}, s.hosts...)
	return slices.ContainsFunc(known, func(k string) bool { return k == "*" || strings.EqualFold(k, name) })
}

// hostname is a Host without its port and without the brackets of an IPv6 address.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// Run serves the sandbox on the listener until ctx is done, then ends slow answers
// and event streams, and returns once all requests have ended. It closes the
// listener. The error is nil after an orderly end.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	return Serve(ctx, ln, s)
}

// Serve is [Server.Run] for a handler that wraps a sandbox, for instance to put it
// under a path prefix.
func Serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the sandbox: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	err := srv.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		// Browsers hold spare connections, for which Shutdown waits in case of a request.
		err = srv.Close()
	}
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}
