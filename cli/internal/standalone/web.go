package standalone

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/api/nodes"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/measuring"
	"github.com/dingdag/dingdag/cli/internal/receiving"
	"github.com/dingdag/dingdag/cli/internal/remote"
	"github.com/dingdag/dingdag/cli/internal/serving"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/web"
	"github.com/dingdag/dingdag/web/tlsfile"
)

// serveWeb serves over HTTP, if that is set, until the function that it returns is called. That is after
// the end of the work: who asks meanwhile is told that the process stops.
func (s *service) serveWeb(ctx context.Context, a *app.App, version string) (stop func(), err error) {
	listen := a.Settings.Listen
	if listen == "" && a.Settings.BaseURL != "" {
		a.Log().Warn("settings", "problem", "base_url has no effect without listen: nothing is served, and messages have no links")
	}
	if listen == "" {
		return func() {}, nil
	}
	ln, err := web.Listen(ctx, listen)
	switch {
	case err != nil && a.Settings.ListenByDefault: // the work is worth more than pages that nobody asked for
		a.Settings.Listen = ""
		a.Log().Warn("nothing is served over HTTP: set listen to another address, or to off", "problem", err.Error())
		return func() {}, nil
	case err != nil:
		return nil, fmt.Errorf("setting listen: %w; choose another port, or end the process that has it", err)
	}
	srv, err := s.server(ctx, a, version, ln)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() {
		if err := srv.Run(serving, ln); err != nil {
			a.Log().Error("serve over HTTP", "error", err)
		}
	})
	a.Log().Info("dingdag serves pages", "url", address(a, ln))
	return func() { end(); done.Wait() }, nil
}

// address is where this machine reaches what is served.
func address(a *app.App, ln net.Listener) string {
	scheme := "http"
	if a.Settings.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + ln.Addr().String()
}

// server is what answers at an address that is open.
func (s *service) server(ctx context.Context, a *app.App, version string, ln net.Listener) (srv *web.Server, err error) {
	o := web.Options{Open: !isLoopback(ln), Proxies: a.Settings.TrustedProxies, Base: a.Settings.BaseURL, Mask: a.Mask, Clock: a.Clock, Log: a.Log()}
	if o.TLS, err = certificate(a); err != nil {
		return nil, err
	}
	process := func() health.Process {
		p := s.signs.process(s.engine.Latest())
		p.Follows = s.engine.Follows()
		return p
	}
	o.Health = a.Health(a.Store, process)
	if o.Links, err = receiving.Links(a, a.Store, s.cards, s.engine, s.signs.isWorking); err != nil {
		return nil, fmt.Errorf("signed links: %w", err)
	}
	if o.DingTalk, err = receiving.HTTP(a, a.Store, s.chat); err != nil {
		return nil, err
	}
	now := func(ctx context.Context) *health.Health { return srv.Now(ctx) }
	site, err := serving.New(ctx, a, a.Store, s.pages, now, version, measuring.SigningIn(s.metrics))
	if err != nil {
		return nil, err
	}
	if err := mayListen(ctx, a, site, o); err != nil {
		return nil, err
	}
	if err := setUp(ctx, a, site, address(a, ln)); err != nil {
		return nil, err
	}
	commands := remote.New(remote.Options{Run: a.Call, Still: site.Gate.Still, Version: version, Mask: a.Mask, Log: a.Log()})
	o.Commands, o.Stop = commands, func() { s.pages.Stop(); commands.Stop() }
	o.SignIn, o.REST, o.Pages = site.Gate, a.REST(a.Store, version, s.reload, s.pages, serving.Tester(a)), site.Pages //nolint:contextcheck // each call has the context of its request
	o.Own = a.OwnREST(a.Store, version)                                                                               //nolint:contextcheck // each call has the context of its request
	measuring.Serve(s.metrics, &o, &measuring.Sources{
		Engine: s.engine, Store: a.Store, Workers: a.Settings.Workers, Nodes: s.nodes(a), Health: now, DAGs: s.dags.Count, Streams: s.pages.Open, Parsed: s.dags.Took, Clock: a.Clock,
	})
	srv = web.New(o)
	return srv, nil
}

// nodes returns the processes that share the store now.
func (*service) nodes(a *app.App) func(context.Context) ([]nodes.Node, error) {
	return func(ctx context.Context) ([]nodes.Node, error) {
		if !a.Shared() {
			return nil, nil
		}
		now, err := a.Store.LeaseClock(ctx)
		if err != nil {
			return nil, err
		}
		return nodes.Shared(ctx, a.Store, now)
	}
}

// certificate is what the server encrypts with; nil for nothing.
func certificate(a *app.App) (*tls.Config, error) {
	if a.Settings.TLSCert == "" {
		return nil, nil //nolint:nilnil // none
	}
	pair, err := tlsfile.Load(a.Settings.TLSCert, a.Settings.TLSKey, a.Clock, a.Log())
	if err != nil {
		return nil, fmt.Errorf("settings tls_cert and tls_key: %w", err)
	}
	return pair.Config(), nil
}

// mayListen refuses to serve other machines while nobody has to sign in, and where passwords would go to it in the clear.
func mayListen(ctx context.Context, a *app.App, site *serving.Site, o web.Options) error {
	if !o.Open {
		return nil
	}
	some, err := site.HasUsers(ctx)
	switch {
	case err != nil:
		return err
	case !some && !site.Elsewhere:
		return fmt.Errorf("setting listen: other machines reach %s, and there are no users: create one first with %s, or listen at 127.0.0.1", a.Settings.Listen, a.Program()+" users create NAME --role admin")
	case o.TLS == nil && len(o.Proxies) == 0:
		return fmt.Errorf("setting listen: other machines reach %s, and passwords would go there in the clear: set tls_cert and tls_key, or trusted_proxies where a reverse proxy encrypts, or listen at 127.0.0.1", a.Settings.Listen)
	}
	return nil
}

// isLoopback reports whether this machine alone reaches a listener.
func isLoopback(ln net.Listener) bool {
	at, ok := ln.Addr().(*net.TCPAddr)
	return ok && at.IP.IsLoopback()
}

// setUp prints the address at which the first user is made, while there are none. It is for whoever started the program, and
// not for its log.
func setUp(ctx context.Context, a *app.App, site *serving.Site, base string) error {
	address, err := site.SetUp(ctx, base)
	if err != nil || address == "" {
		return err
	}
	_, err = fmt.Fprintf(a.Out, "Nobody can sign in yet. This page makes the first user, once, until the next start:\n  %s\n", address)
	return err
}

// signs are what the process knows of itself.
type signs struct {
	began time.Time

	mu      sync.Mutex
	working func() bool
	beat    *health.Heartbeat
}

// works notes that the work has begun. It goes on until ctx ends.
func (s *signs) works(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.working = func() bool { return ctx.Err() == nil }
}

// isWorking reports whether the work goes on.
func (s *signs) isWorking() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.working != nil && s.working()
}

// heartbeat returns what notes whether a request to heartbeat_url was taken.
func (s *signs) heartbeat(clock func() time.Time) func(error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beat = &health.Heartbeat{}
	return func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.beat.Failing = err != nil; err == nil {
			s.beat.LatestSuccess = new(clock().UTC())
		}
	}
}

// process is all of it, with what the engine did last.
func (s *signs) process(l engine.Latest) health.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := health.Process{Working: s.working != nil && s.working(), Started: s.began, Beat: l.Beat, Pass: l.Pass, Round: l.Round}
	if s.beat != nil {
		p.Heartbeat = new(*s.beat)
	}
	return p
}
