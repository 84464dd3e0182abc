// Package sandboxtest starts a local DingTalk inside a test.
//
//	box := sandboxtest.Start(t)
//	robot := box.AddRobot(sandbox.Robot{Name: "alerts", Keywords: []string{"build"}})
//	box.Fault(sandbox.Fault{Kind: sandbox.FaultBusy, Times: 2})
//	… send to box.URL with robot.Token …
//	messages := box.WaitMessages(1)
//
// Calls of apps need an app and people to act on:
//
//	app := box.Demo()
//	… get a token with app.AppKey and app.AppSecret, write to sandbox.DemoWorkbookID …
//	sheets, err := box.Sheets(sandbox.DemoWorkbookID)
//
// People write to the bot of an app that has a stream, and press the buttons of its cards:
//
//	team := box.AddChat(sandbox.Chat{Name: "ops", Owner: "user001", Bots: []string{app.AppKey}})
//	box.WaitStreams(app, 1)
//	said := box.Say("user001", team.OpenConversationID, "status example")
//	answers := box.WaitAnswers(said, 1)
//	box.Press("user001", outTrackID, "retry")
package sandboxtest

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dingdag/dingdag/sandbox"
)

// patience is how long WaitMessages waits.
const patience = 10 * time.Second

// Sandbox is a running sandbox that belongs to a test. The methods of the embedded
// server do the rest: Messages, Attempts, UpdateRobot, Clear.
type Sandbox struct {
	*sandbox.Server
	// URL is the base address, without a slash at its end.
	URL string

	tb testing.TB
}

type config struct {
	sandbox sandbox.Options
	prefix  string
}

// Option changes how a sandbox starts.
type Option func(*config)

// WithOptions sets the sandbox's own options: clock, rate, how much it keeps.
func WithOptions(o sandbox.Options) Option {
	return func(c *config) { c.sandbox = o }
}

// WithPathPrefix serves everything below a path, for instance "/dingtalk", as behind
// a proxy. The URL has the prefix in it.
func WithPathPrefix(prefix string) Option {
	return func(c *config) { c.prefix = strings.TrimRight("/"+strings.Trim(prefix, "/"), "/") }
}

// Start runs a sandbox on a free port of the loopback address until the test ends.
// It has no robots yet.
func Start(tb testing.TB, opts ...Option) *Sandbox {
	tb.Helper()
	var c config
	for _, opt := range opts {
		opt(&c)
	}
	var listen net.ListenConfig
	ln, err := listen.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("start the sandbox: %v", err)
	}
	url := "http://" + ln.Addr().String() + c.prefix
	if c.sandbox.BaseURL == "" {
		c.sandbox.BaseURL = url
	}
	server := sandbox.New(c.sandbox)
	// Not tb.Context(): it ends before the cleanups that may still send.
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	ended := make(chan error, 1)
	go func() { ended <- sandbox.Serve(ctx, ln, http.StripPrefix(c.prefix, server)) }()
	tb.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			tb.Errorf("the sandbox did not end well: %v", err)
		}
	})
	return &Sandbox{Server: server, URL: url, tb: tb}
}

// AddRobot adds a robot and returns it with its token. It ends the test when the
// robot makes no sense.
func (s *Sandbox) AddRobot(r sandbox.Robot) sandbox.Robot {
	s.tb.Helper()
	added, err := s.Server.AddRobot(r)
	if err != nil {
		s.tb.Fatal(err)
	}
	return added
}

// AddApp adds an app and returns it. It ends the test when the app makes no sense.
func (s *Sandbox) AddApp(a sandbox.App) sandbox.App {
	s.tb.Helper()
	if err := s.Server.AddApp(a); err != nil {
		s.tb.Fatal(err)
	}
	return a
}

// Seed adds an organisation, for instance [sandbox.DemoOrganisation]. It ends the test
// when something in it makes no sense.
func (s *Sandbox) Seed(o sandbox.Organisation) {
	s.tb.Helper()
	if err := s.Server.Seed(o); err != nil {
		s.tb.Fatal(err)
	}
}

// Demo seeds [sandbox.DemoOrganisation], adds an app with all scopes and returns it.
func (s *Sandbox) Demo() sandbox.App {
	s.tb.Helper()
	s.Seed(sandbox.DemoOrganisation())
	return s.AddApp(sandbox.DemoApp("demo"))
}

// AddDepartment adds a department. It ends the test when the department makes no sense.
func (s *Sandbox) AddDepartment(d sandbox.Department) {
	s.tb.Helper()
	if err := s.Server.AddDepartment(d); err != nil {
		s.tb.Fatal(err)
	}
}

// AddWorkbook adds a workbook with content and returns its node, whose ID is the
// workbookId. It ends the test when the workbook makes no sense.
func (s *Sandbox) AddWorkbook(w sandbox.Workbook) sandbox.Node {
	s.tb.Helper()
	node, err := s.Server.AddWorkbook(w)
	if err != nil {
		s.tb.Fatal(err)
	}
	return node
}

// AddUser adds a member of the organisation and returns him with his ids. It ends the
// test when he makes no sense.
func (s *Sandbox) AddUser(u sandbox.User) sandbox.User {
	s.tb.Helper()
	added, err := s.Server.AddUser(u)
	if err != nil {
		s.tb.Fatal(err)
	}
	return added
}

// AddChat adds a group chat and returns it with its ids. It ends the test when the chat
// makes no sense.
func (s *Sandbox) AddChat(c sandbox.Chat) sandbox.Chat {
	s.tb.Helper()
	added, err := s.Server.AddChat(c)
	if err != nil {
		s.tb.Fatal(err)
	}
	return added
}

// OpenSession returns the whole address at which a bot answers somebody who has
// written to it. It ends the test when there is no such bot or person.
func (s *Sandbox) OpenSession(in sandbox.Session) string {
	s.tb.Helper()
	path, _, err := s.Server.OpenSession(in)
	if err != nil {
		s.tb.Fatal(err)
	}
	return s.URL + path
}

// WebhookURL is the whole address that messages to a robot are posted to.
func (s *Sandbox) WebhookURL(r sandbox.Robot) string {
	return s.URL + r.WebhookPath()
}

// Fault switches a fault on. It ends the test when the fault makes no sense.
func (s *Sandbox) Fault(f sandbox.Fault) {
	s.tb.Helper()
	if err := s.AddFault(f); err != nil {
		s.tb.Fatal(err)
	}
}

// WaitMessages waits until n messages arrived and returns all there are, oldest
// first. After ten seconds it ends the test and lists what was tried.
func (s *Sandbox) WaitMessages(n int) []sandbox.Message {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), patience)
	defer cancel()
	messages, err := s.Server.WaitMessages(ctx, n, sandbox.Filter{})
	if err != nil {
		for _, a := range s.Attempts() {
			s.tb.Logf("attempt %d: %s to robot %q: errcode %d %s %s", a.ID, a.Call, a.Robot, a.Code, a.Reason, a.Fault)
		}
		s.tb.Fatal(err)
	}
	return messages
}
