package standalone

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/receiving"
	"github.com/dingdag/dingdag/cli/internal/serving"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/web"
)

// serveWeb serves over HTTP, if that is set, until the function that it returns is called. That is after
// the end of the work: who asks meanwhile is told that the process stops.
func (s *service) serveWeb(ctx context.Context, a *app.App, version string) (stop func(), err error) {
	address := a.Settings.Listen
	if address == "" && a.Settings.BaseURL != "" {
		a.Log().Warn("settings", "problem", "base_url has no effect without listen: nothing is served, and messages have no links")
	}
	if address == "" {
		return func() {}, nil
	}
	links, err := receiving.Links(a, a.Store, s.cards, s.engine, s.signs.isWorking)
	if err != nil {
		return nil, fmt.Errorf("signed links: %w", err)
	}
	ln, err := web.Listen(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("setting listen: %w; choose another port, or end the process that has it", err)
	}
	process := func() health.Process { return s.signs.process(s.engine.Latest()) }
	ding, err := receiving.HTTP(a, a.Store, s.chat)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	o := web.Options{DingTalk: ding, Health: a.Health(a.Store, process), Links: links, Mask: a.Mask, Clock: a.Clock, Log: a.Log()}
	var srv *web.Server
	site, err := serving.New(a, a.Store, s.pages, func(ctx context.Context) *health.Health { return srv.Now(ctx) }, version)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	if below := serving.Below(a.Settings.BaseURL); below {
		a.Log().Warn("settings", "problem", "base_url has a path, and pages are served at the root of a host only: there are none but the health and those of links")
	} else {
		o.SignIn, o.REST, o.Pages, o.Stop = site.Gate, a.REST(a.Store, version, s.reload), site.Gate.Identify(site.Pages), s.pages.Stop //nolint:contextcheck // each call has the context of its request
		if err := setUp(ctx, a, site, "http://"+ln.Addr().String()); err != nil {
			return nil, errors.Join(err, ln.Close())
		}
	}
	srv = web.New(o)
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() {
		if err := srv.Run(serving, ln); err != nil {
			a.Log().Error("serve over HTTP", "error", err)
		}
	})
	a.Log().Info("dingdag serves pages", "url", "http://"+ln.Addr().String())
	return func() { end(); done.Wait() }, nil
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
