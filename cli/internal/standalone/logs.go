package standalone

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/tasklog"
	"github.com/dingdag/dingdag/tasklog/live"
	"github.com/dingdag/dingdag/tasklog/spool"
	"github.com/dingdag/dingdag/web"
	"github.com/dingdag/dingdag/web/listening"
)

const (
	// sendTime is how long a process that stops waits until its last task logs are in the log store.
	sendTime = 10 * time.Second
	// The times of the server of task logs; an answer has at most 4 MiB.
	logHeaderTime, logAnswerTime, logIdleTime, logStopTime = 5 * time.Second, 30 * time.Second, 2 * time.Minute, time.Second
	logHeaderSize                                          = 16 << 10
)

// taskLogs bring the task logs of this process into the log store, and show them to other machines until then.
type taskLogs struct {
	spool    *spool.Spool // nil without a log store
	endpoint string       // where they are shown, empty for nowhere
	end      []func()     // what Close does, the last one first
	close    func() error
}

// openTaskLogs begins that on a store. It goes on until Close, which is for when the tries have ended, or until the App is closed.
func openTaskLogs(ctx context.Context, a *app.App, s store.Store) (*taskLogs, error) {
	l := &taskLogs{}
	l.close = sync.OnceValue(func() (err error) {
		for len(l.end) > 0 {
			last := l.end[len(l.end)-1]
			l.end = l.end[:len(l.end)-1]
			last()
		}
		if l.spool != nil {
			err = l.spool.Close()
		}
		return err
	})
	a.OnClose(l.close)
	var err error
	if l.spool, err = a.OpenSpool(s, sendTime); err != nil {
		return nil, err
	}
	if err := l.show(ctx, a, s); err != nil {
		return nil, err
	}
	if l.spool != nil {
		l.beside(ctx, l.spool.Run) // it ends first: others read meanwhile
	}
	return l, nil
}

// Close waits until the last logs are in the log store, for a while.
func (l *taskLogs) Close() error { return l.close() }

// waiting is how many logs are not in the log store yet; nil without one.
func (l *taskLogs) waiting() func() int {
	if l.spool == nil {
		return nil
	}
	return l.spool.Waiting
}

// engine has an engine write its task logs so.
func (l *taskLogs) engine(o *engine.Options) {
	if l.spool != nil {
		o.LogJournal, o.LogsWaiting = l.spool, l.spool.Backlog
	}
	o.Endpoint = l.endpoint
}

// beside runs something until Close, which may be long after ctx.
func (l *taskLogs) beside(ctx context.Context, run func(context.Context)) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	l.end = append(l.end, func() { stop(); <-done })
}

// show serves the logs at worker_listen.
func (l *taskLogs) show(ctx context.Context, a *app.App, s store.Store) error {
	if a.Settings.WorkerListen == "" {
		return nil
	}
	if !a.Shared() {
		a.Log().Warn("settings", "problem", "worker_listen has no effect without database_url: nobody would ask for task logs there")
		return nil
	}
	key, err := a.LogKey(s)
	if err != nil {
		return err
	}
	if err := tasklog.Dir(a.LogDir()).Mark(rand.Text()); err != nil {
		return err
	}
	tls, err := certificate(a)
	if err != nil {
		return err
	}
	ln, err := listenForLogs(ctx, a)
	if err != nil {
		return err
	}
	var local tasklog.Local = tasklog.Dir(a.LogDir())
	if l.spool != nil {
		local = l.spool
	}
	srv := &http.Server{
		Handler:           live.NewHandler(live.HandlerOptions{Dir: a.LogDir(), Node: app.Host(), Local: local, Key: key, Clock: a.Clock, Log: a.Log()}),
		ReadHeaderTimeout: logHeaderTime, ReadTimeout: logHeaderTime, WriteTimeout: logAnswerTime, IdleTimeout: logIdleTime, MaxHeaderBytes: logHeaderSize,
		ErrorLog: slog.NewLogLogger(a.Log().Handler(), slog.LevelDebug), TLSConfig: tls,
	}
	if l.endpoint = a.Settings.WorkerURL; l.endpoint == "" {
		l.endpoint = logURL(ln.Addr(), a.Settings.WorkerListen, app.Host(), tls != nil)
	}
	l.beside(ctx, func(ctx context.Context) { serveLogs(ctx, srv, ln, a.Log()) })
	a.Log().Info("dingdag shows its task logs to other machines", "listen", ln.Addr().String(), "url", l.endpoint)
	return nil
}

// listenForLogs opens the address. Where nobody has set it another program, such as a scheduler on this machine, may have the port.
func listenForLogs(ctx context.Context, a *app.App) (net.Listener, error) {
	ln, err := web.Listen(ctx, a.Settings.WorkerListen)
	if err != nil && a.Settings.WorkerListenByDefault {
		a.Log().Warn("task logs are shown to other machines at a free port: set worker_listen to another address, or to off", "problem", err.Error())
		ln, err = web.Listen(ctx, ":0")
	}
	if err != nil {
		return nil, fmt.Errorf("setting worker_listen: %w; choose another port, or end the process that has it", err)
	}
	return ln, nil
}

// logURL is where others reach an address that was opened: by its own IP address, or by the name of the machine where it is any.
func logURL(at net.Addr, listen, host string, encrypted bool) string {
	scheme := "http"
	if encrypted {
		scheme = "https"
	}
	name, _, err := listening.Split(listen)
	if ip := net.ParseIP(name); err != nil || name == "" || ip != nil && ip.IsUnspecified() {
		name = host
	}
	_, port, _ := net.SplitHostPort(at.String()) // a listener has one
	return scheme + "://" + net.JoinHostPort(strings.ToLower(name), port)
}

// serveLogs serves until ctx ends.
func serveLogs(ctx context.Context, srv *http.Server, ln net.Listener, log *slog.Logger) {
	served := make(chan error, 1)
	go func() {
		if srv.TLSConfig != nil {
			served <- srv.ServeTLS(ln, "", "")
			return
		}
		served <- srv.Serve(ln)
	}()
	select {
	case err := <-served:
		log.Error("task logs are no longer shown to other machines", "error", err)
		return
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), logStopTime)
	defer cancel()
	if srv.Shutdown(stop) != nil {
		_ = srv.Close() // who still reads is cut off
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		log.Error("show task logs to other machines", "error", err)
	}
}
