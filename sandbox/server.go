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

	"github.com/dingdag/dingdag/sandbox/internal/bot"
	"github.com/dingdag/dingdag/sandbox/internal/card"
	"github.com/dingdag/dingdag/sandbox/internal/chat"
	"github.com/dingdag/dingdag/sandbox/internal/core"
	"github.com/dingdag/dingdag/sandbox/internal/directory"
	"github.com/dingdag/dingdag/sandbox/internal/media"
	"github.com/dingdag/dingdag/sandbox/internal/notice"
	"github.com/dingdag/dingdag/sandbox/internal/page"
	"github.com/dingdag/dingdag/sandbox/internal/robot"
	"github.com/dingdag/dingdag/sandbox/internal/stream"
	"github.com/dingdag/dingdag/sandbox/internal/talk"
	"github.com/dingdag/dingdag/sandbox/internal/wiki"
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
	// is [DingTalkRate].
	Rate Rate
	// Keep is how many messages and how many attempts are kept; the oldest go
	// first. The default is 1000 of each.
	Keep int
	// WorkbookStart is how long a workbook that doc.create made answers that it is still
	// initialising. The default is no time; HoldWorkbook is for a single one.
	WorkbookStart time.Duration
	// Hosts are further names by which the sandbox may be called, without a port. It always
	// answers to addresses, to localhost and to the names of DingTalk's hosts, and refuses
	// any other name, so that no web page reads it by having a name of its own resolve to
	// this machine (DNS rebinding). "*" is any name.
	Hosts []string
	// BaseURL is the address of the sandbox, without a slash at its end. Messages over HTTP have it in
	// their sessionWebhook when they were not said through the JSON API, whose own address counts.
	BaseURL string
}

// The families of calls, each with the methods that look at it and steer it.
type (
	inboxPart     = core.Inbox
	faultPart     = core.Faults
	appPart       = core.Apps
	robotPart     = robot.Service
	botPart       = bot.Service
	directoryPart = directory.Service
	chatPart      = chat.Service
	noticePart    = notice.Service
	mediaPart     = media.Service
	cardPart      = card.Service
	wikiPart      = wiki.Service
	streamPart    = stream.Service
	talkPart      = talk.Service
)

// Server is the sandbox. It is safe for concurrent use. Make one with [New].
//
// Its methods are those of its parts:
//
//   - what arrived: Messages, Message, WaitMessages, Attempts, Clear
//   - faults: AddFault, Faults, ClearFaults
//   - apps: AddApp, UpdateApp, Apps, SetQPS, ExpireTokens
//   - robots: AddRobot, UpdateRobot, Robots, OpenSession, and ReadMessage for what bots sent
//   - people: AddDepartment, Departments, AddUser, Users
//   - group chats: AddChat, Chats, Chat
//   - notices: Notices, ReadNotice, Dings
//   - the knowledge base: AddWorkspace, Workspaces, AddNode, Nodes, AddTemplate,
//     AddWorkbook, Sheets, HoldWorkbook
//   - Card, Cards, Buttons, WaitCard and Media
//   - what people do: Say, Said, RecallSaid, EditSaid, Press, Presses, Happen, Happenings
//   - streams: SetStream, Stream, Connections, WaitConnections, Deliveries, WaitDeliveries, Redeliver,
//     Disconnect, HangUp, AddStreamFault, StreamFaults, ClearStreamFaults
type Server struct {
	*inboxPart
	*faultPart
	*appPart
	*robotPart
	*botPart
	*directoryPart
	*chatPart
	*noticePart
	*mediaPart
	*cardPart
	*wikiPart
	*streamPart
	*talkPart

	core  *core.Core
	hosts []string
}

// New returns a sandbox with an empty organisation. Fill it with [Server.Seed] or piece by
// piece, and add robots with AddRobot and apps with AddApp.
func New(opts Options) *Server {
	if opts.Now == nil {
		opts.Now = time.Now //nolint:forbidigo // the clock starts here
	}
	if opts.Keep <= 0 {
		opts.Keep = defaultKeep
	}
	c := core.New(opts.Now, opts.Keep)
	s := &Server{
		inboxPart:     c.Inbox,
		faultPart:     c.Faults,
		appPart:       c.Apps,
		robotPart:     robot.New(c, opts.Rate),
		directoryPart: directory.New(c),
		chatPart:      chat.New(c),
		botPart:       bot.New(c),
		mediaPart:     media.New(c),
		cardPart:      card.New(c),
		wikiPart:      wiki.New(c, opts.WorkbookStart),
		noticePart:    notice.New(c),
		streamPart:    stream.New(c),
		talkPart:      talk.New(c, opts.BaseURL),
		core:          c,
		hosts:         slices.Clone(opts.Hosts),
	}
	c.API("POST /sandbox/api/organisation", core.APIAdd(func(o Organisation) (any, error) { return core.Object{}, s.Seed(o) }))
	page.Install(c)
	return s
}

// Calls lists the names of all calls, for [Fault] and [Attempt]: "robot.send".
func Calls() []string { return core.Names(New(Options{}).core.Calls()) }

// ServeHTTP answers one request. Some faults cut the connection; they do it by
// panicking with [http.ErrAbortHandler], which net/http understands.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.answersTo(r.Host) {
		http.Error(w, fmt.Sprintf("the sandbox does not answer to the name %q; start it with --host %[1]s if it shall", hostname(r.Host)), http.StatusMisdirectedRequest)
		return
	}
	s.core.ServeHTTP(w, r)
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
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	running := &counted{handler: h}
	running.none = sync.NewCond(&running.mu)
	srv.Handler = running
	defer running.wait() // Shutdown does not know the streams, which end with ctx
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

// counted is a handler that knows how many requests it has in hand, those of hijacked connections, too.
type counted struct {
	handler http.Handler

	mu   sync.Mutex
	none *sync.Cond
	n    int
}

// ServeHTTP counts the request.
func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.add(1)
	defer c.add(-1)
	c.handler.ServeHTTP(w, r)
}

func (c *counted) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
	if c.n == 0 {
		c.none.Broadcast()
	}
}

// wait returns when there is none.
func (c *counted) wait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.n > 0 {
		c.none.Wait()
	}
}
