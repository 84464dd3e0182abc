package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"sync"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/signals"
	"github.com/dingdag/dingdag/cli/internal/upkeep"
	"github.com/dingdag/dingdag/engine"
)

func newCmdStandalone(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use:   "standalone",
		Short: "Run scheduler and workers in one process",
		Long: `Runs the DAGs of the DAGs folder on their schedules, with the store in the home folder.
SIGTERM, Ctrl-C or SIGHUP, unless that is ignored (nohup), stops it: running tasks have the
grace period to finish; those that do not are queued again, and the try is not counted. A
second Ctrl-C or SIGTERM ends what still runs, a third one the process. It survives the end of
whatever reads its log. Only one process at a time works on a home folder.`,
		Example: `  dingdag standalone
  DINGDAG_HOME=/var/lib/dingdag dingdag standalone --dags-folder /etc/dingdag/dags`,
		Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runStandalone(cmd.Context(), a) },
	}
}

func runStandalone(ctx context.Context, a *app.App) error {
	defer signals.OutliveReaders()()
	if err := a.Lock(); err != nil {
		return err
	}
	collectOften(a)
	s, err := a.OpenStore(ctx)
	if err != nil {
		return err
	}
	c, err := a.Catalog()
	if err != nil {
		return err
	}
	told, err := a.OnImportError(c)
	if err != nil {
		return err
	}
	e, err := a.Engine(s, s.Connections(), func(o *engine.Options) {
		o.OnImportError = told
		o.LogDir, o.Observe = filepath.Join(a.Settings.Home, "logs"), logRuns(a.Log())
		o.Program = a.Program()
		o.ProcessDir = a.ProcessDir()
	})
	if err != nil {
		return err
	}
	f, err := a.DAGs.Watcher(e.Catalog())
	if err != nil {
		return err
	}
	keeper, err := upkeep.New(a, s)
	if err != nil {
		return err
	}
	load := keeper.Loading(e.SetLoaded)
	if err := f.Refresh(ctx, load); err != nil {
		return err
	}
	a.Log().Info("dingdag starts", "home", a.Settings.Home, "dags_folder", a.Settings.DAGsFolder, "dags", f.Count(), "workers", a.Settings.Workers)
	beside, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { f.Watch(beside, a.Settings.Refresh, load) })
	err = e.Run(ctx, engine.RunOptions{
		Interrupted: signals.Interrupted(ctx), Hurry: signals.Hurry(ctx), Schedule: true, Watch: true, Reload: f.Reload(load),
		Before: a.EndLeftovers, Ready: func() {
			a.Log().Info("dingdag works")
			work.Go(func() { keeper.Run(beside) })
		},
	})
	stop()
	work.Wait()
	if err != nil {
		return fmt.Errorf("standalone: %w", err)
	}
	a.Log().Info("dingdag has stopped")
	return nil
}

// collectOften halves the garbage that lies about beside what is in use, which with ten
// thousand DAGs is more than all else, unless GOGC says how often to collect it.
func collectOften(a *app.App) {
	if _, set := a.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(50)
	}
}
