// Package standalone has the command that schedules and works: the service.
package standalone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/chat"
	"github.com/dingdag/dingdag/chat/card"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/folder"
	"github.com/dingdag/dingdag/cli/internal/heartbeat"
	"github.com/dingdag/dingdag/cli/internal/measuring"
	"github.com/dingdag/dingdag/cli/internal/receiving"
	"github.com/dingdag/dingdag/cli/internal/serving"
	"github.com/dingdag/dingdag/cli/internal/signals"
	"github.com/dingdag/dingdag/cli/internal/upkeep"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/metrics"
	"github.com/dingdag/dingdag/owners/lookup"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/web/pages/live"
)

// New makes the command standalone of a version of the program.
func New(a *app.App, version string) *cobra.Command {
	return &cobra.Command{
		Use:   "standalone",
		Short: "Run scheduler and workers in one process",
		Long: `Runs the DAGs of the DAGs folder on their schedules, with the store in the home folder.
SIGTERM, Ctrl-C or SIGHUP, unless that is ignored (nohup), stops it: running tasks have the
grace period to finish; those that do not are queued again, and the try is not counted. A
second Ctrl-C or SIGTERM ends what still runs, a third one the process. It survives the end of
whatever reads its log. Only one process at a time works on a home folder.

It serves pages and a REST API at http://127.0.0.1:8080, or where the setting listen says.`,
		Example: `  dingdag standalone
  DINGDAG_HOME=/var/lib/dingdag dingdag standalone --dags-folder /etc/dingdag/dags`,
		Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return untilStopped(cmd.Context(), a, func(ctx context.Context) error { return run(ctx, a, version, true) })
		},
	}
}

// untilStopped runs a service. One that is stopped while it starts has not failed.
func untilStopped(ctx context.Context, a *app.App, run func(context.Context) error) error {
	defer signals.OutliveReaders()()
	if err := run(ctx); !errors.Is(err, context.Canceled) || ctx.Err() == nil {
		return err
	}
	a.Log().Info("dingdag has stopped before it had started")
	return nil
}

// run schedules, and with works runs tries as well.
func run(ctx context.Context, a *app.App, version string, works bool) error {
	if err := a.Lock(); err != nil {
		return err
	}
	s, err := newService(ctx, a, version)
	if err != nil {
		return err
	}
	load := collecting(a.LookupEnv, s.keeper.Loading(s.engine.SetLoaded))
	s.reload = s.dags.Reload(load)
	stop, err := s.serveWeb(ctx, a, version)
	if err != nil {
		return err
	}
	defer stop()
	if a.Shared() {
		a.Log().Info("dingdag starts", "home", a.Settings.Home, "database", a.Place(), "node", a.Node(), "dags_folder", a.Settings.DAGsFolder, "workers", a.Settings.Workers)
		err = s.serveShared(ctx, a, load, works)
	} else {
		if err := s.dags.Refresh(ctx, load); err != nil {
			return err
		}
		a.Log().Info("dingdag starts", "home", a.Settings.Home, "dags_folder", a.Settings.DAGsFolder, "dags", s.dags.Count(), "workers", a.Settings.Workers)
		err = s.serve(ctx, a, load)
	}
	if err = errors.Join(err, s.logs.Close()); err != nil {
		return fmt.Errorf("run the service: %w", err)
	}
	a.Log().Info("dingdag has stopped")
	return nil
}

// service is what works on a home folder.
type service struct {
	engine *engine.Engine
	dags   *folder.Watcher
	reload func(context.Context) error // loads the files if they have changed
	keeper *upkeep.Upkeep
	people *lookup.Keeper
	signs  *signs
	cards  *card.Keeper
	chat   *chat.Service
	logs   *taskLogs
	pages  *live.Hub
	// metrics are nil when nobody wants any.
	metrics *metrics.Metrics
}

// newService makes the service of a home folder that is locked.
func newService(ctx context.Context, a *app.App, version string) (*service, error) {
	m := measuring.New(a, version)
	s, err := a.AwaitStore(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.OpensSecrets(ctx, s); err != nil {
		return nil, err
	}
	if err := reportConnections(ctx, a, s.Connections()); err != nil {
		return nil, err
	}
	problems, err := a.SettingsProblems(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range problems {
		a.Log().Warn("settings", "problem", p)
	}
	told, daily, err := a.Told()
	if err != nil {
		return nil, err
	}
	cards, err := a.CardKeeper(s)
	if err != nil {
		return nil, err
	}
	logs, err := openTaskLogs(ctx, a, s)
	if err != nil {
		return nil, err
	}
	hub := serving.NewHub()
	e, err := a.Engine(s, s.Connections(), func(o *engine.Options) {
		o.OnImportError, o.DailyDigest = told, daily
		o.LogDir, o.Observe = a.LogDir(), serving.Telling(hub, waking(cards, logRuns(a.Log())))
		logs.engine(o)
		measuring.Engine(m, o)
		o.Program = a.Program()
		o.ProcessDir = a.ProcessDir()
	})
	if err != nil {
		return nil, err
	}
	if err := makeFolder(ctx, a, s); err != nil {
		return nil, err
	}
	dags, err := a.DAGs.Watcher(e.Catalog())
	if err != nil {
		return nil, err
	}
	people, err := a.OwnerKeeper(s)
	if err != nil {
		return nil, err
	}
	if err := people.Restore(ctx); err != nil {
		return nil, err
	}
	keeper, err := upkeep.New(a, s)
	if err != nil {
		return nil, err
	}
	a.Works(e)
	a.DAGs.Remember()
	talk, err := receiving.New(a, s, cards, e)
	return &service{engine: e, dags: dags, keeper: keeper, people: people, signs: &signs{began: a.Clock()}, cards: cards, chat: talk, logs: logs, pages: hub, metrics: m}, err
}

// makeFolder makes the DAGs folder below a home folder that has never had a DAG. Where there were some, or where somebody has
// named the folder, one that is missing is a mistake.
func makeFolder(ctx context.Context, a *app.App, s store.Reader) error {
	if a.Settings.DAGsFolder != filepath.Join(a.Settings.Home, "dags") {
		return nil
	}
	known, err := s.DAGs(ctx)
	if err != nil || len(known) > 0 {
		return err
	}
	if err := os.MkdirAll(a.Settings.DAGsFolder, 0o750); err != nil {
		return fmt.Errorf("create the DAGs folder: %w", command.WithoutOp(err))
	}
	return nil
}

// waking has the cards redrawn that a change may be about, after tell was told of it.
func waking(cards *card.Keeper, tell func(engine.Update)) func(engine.Update) {
	return func(u engine.Update) {
		tell(u)
		cards.Wake()
	}
}

// reportConnections logs what is wrong with the fallbacks of connections, and what may be wrong with their
// extras, those of the environment and of the connections file too. Alerts go round that.
func reportConnections(ctx context.Context, a *app.App, stored connections.Store) error {
	all, err := a.ConnectionIDs(ctx)
	if err != nil {
		a.Log().Error("some connections can't be read", "error", a.Mask(err.Error()))
	}
	src, _, err := a.Sources(stored)
	if err != nil {
		return err
	}
	for _, id := range all {
		c, err := src.Connection(ctx, id)
		if err != nil {
			continue // whoever uses it is told
		}
		for _, note := range a.ExtraNotes(ctx, src, c) {
			a.Log().Warn("the extra of a connection may be wrong", "conn_id", id, "problem", a.Mask(note))
		}
		if ids, err := c.Fallbacks(); err == nil && len(ids) == 0 {
			continue
		}
		_, problems := a.Fallbacks(ctx, src, id)
		for _, p := range problems {
			a.Log().Error("the fallbacks of a connection are wrong", "conn_id", id, "problem", a.Mask(p.Error()))
		}
	}
	return nil
}

// serveShared works until ctx ends on a store that processes share. What there must be once is done by the process that leads.
func (s *service) serveShared(ctx context.Context, a *app.App, load folder.Use, works bool) error {
	beside, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	work.Go(func() { s.dags.Watch(beside, a.Settings.Refresh, load) })
	return s.engine.Run(ctx, engine.RunOptions{
		Interrupted: signals.Interrupted(ctx), Hurry: signals.Hurry(ctx), Schedule: true, Lead: true, NoWork: !works, Reload: s.reload, Before: a.EndLeftovers,
		Noticed: func() { s.pages.Changed(live.Topic{}) }, // of what is not known; a page is told at most once a second
		Leading: func(ctx context.Context) error { return s.dags.Anew(ctx, load) },
		Led: func(ctx context.Context) {
			work.Go(func() { s.people.Run(ctx) })
			work.Go(func() { s.cards.Run(ctx) })
			work.Go(func() { s.keeper.Run(ctx) })
			if target := a.Settings.HeartbeatURL; target != "" {
				work.Go(func() {
					heartbeat.Run(ctx, heartbeat.Options{URL: target, Interval: a.Settings.HeartbeatInterval, Progress: s.engine.Progress, Log: a.Log(), Observe: s.signs.heartbeat(a.Clock)})
				})
			}
		},
		Ready: func() {
			a.Log().Info("dingdag works")
			s.signs.works(ctx)
			work.Go(func() { s.chat.Run(beside) })
			work.Go(func() { upkeep.RunLocal(beside, a, a.Store, s.logs.waiting()) }) // also of one that leads: it may not have led before
		},
	})
}

// serve works until ctx ends. DAG files are followed, owners are looked up, and old history goes,
// beside the engine.
func (s *service) serve(ctx context.Context, a *app.App, load folder.Use) error {
	beside, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	work.Go(func() { s.dags.Watch(beside, a.Settings.Refresh, load) })
	work.Go(func() { s.people.Run(beside) })
	work.Go(func() { s.cards.Run(beside) })
	work.Go(func() { watchPlace(beside, a.Store.InPlace, a.Log()) })
	return s.engine.Run(ctx, engine.RunOptions{
		Interrupted: signals.Interrupted(ctx), Hurry: signals.Hurry(ctx), Schedule: true, Watch: true, Reload: s.reload,
		Before: a.EndLeftovers, Ready: func() {
			a.Log().Info("dingdag works")
			s.signs.works(ctx)
			work.Go(func() { s.keeper.Run(beside) })
			work.Go(func() { s.chat.Run(beside) })
			if target := a.Settings.HeartbeatURL; target != "" {
				work.Go(func() {
					heartbeat.Run(beside, heartbeat.Options{URL: target, Interval: a.Settings.HeartbeatInterval, Progress: s.engine.Progress, Log: a.Log(), Observe: s.signs.heartbeat(a.Clock)})
				})
			}
		},
	})
}
