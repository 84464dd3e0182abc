package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator/standard/process"
)

func newCmdStandalone(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "standalone",
		Short: "Run scheduler and workers in one process",
		Long: `Runs the DAGs of the DAGs folder on their schedules, with the store in the home folder.
SIGTERM, Ctrl-C or SIGHUP, unless that is ignored (nohup), stops it: running attempts have
the grace time to finish, others are queued again and not counted. A second Ctrl-C or
SIGTERM ends what still runs, a third one the process. It goes on when nobody reads its log. One process works on a home folder at a time.`,
		Example: `  dingdag standalone
  DINGDAG_HOME=/var/lib/dingdag dingdag standalone --dags-folder /etc/dingdag/dags`,
		Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runStandalone(cmd.Context(), a) },
	}
}

func runStandalone(ctx context.Context, a *app) error {
	defer outliveReaders()()
	if err := a.lock(); err != nil {
		return err
	}
	a.collectOften()
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	c, err := a.catalog()
	if err != nil {
		return err
	}
	told, err := a.onImportError(c)
	if err != nil {
		return err
	}
	e, err := a.engine(s, s.Connections(), func(o *engine.Options) {
		o.OnImportError = told
		o.LogDir, o.Observe = filepath.Join(a.cfg.Home, "logs"), logRuns(a.log())
		o.Program = a.program()
		o.ProcessDir = a.processDir()
	})
	if err != nil {
		return err
	}
	f, err := a.folder(e.Catalog())
	if err != nil {
		return err
	}
	if err := f.refresh(ctx, e.SetLoaded); err != nil {
		return err
	}
	a.log().Info("dingdag starts", "home", a.cfg.Home, "dags_folder", a.cfg.DAGsFolder, "dags", f.count(), "workers", a.cfg.Workers)
	watching, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.watch(watching, a.cfg.Refresh, e.SetLoaded)
	}()
	err = e.Run(ctx, engine.RunOptions{
		Interrupted: interrupted(ctx), Hurry: hurry(ctx), Schedule: true, Watch: true, Reload: f.reload(e.SetLoaded),
		Before: a.endLeftovers, Ready: func() { a.log().Info("dingdag works") },
	})
	stop()
	<-done
	if err != nil {
		return fmt.Errorf("standalone: %w", err)
	}
	a.log().Info("dingdag has stopped")
	return nil
}

// processDir is where the commands of tasks are noted.
func (a *app) processDir() string { return filepath.Join(a.cfg.Home, "processes") }

// endLeftovers ends what killed processes left running. Somebody whose start is refused,
// because the home is in use or its key is missing, has nothing to end.
func (a *app) endLeftovers(ctx context.Context) {
	if _, err := process.EndLeftovers(ctx, a.processDir(), a.log()); err != nil {
		a.log().Error("not all is gone that an earlier process left running", "error", err) // and no reason to do nothing
	}
}

// collectOften halves the garbage that lies about beside what is in use, which with ten
// thousand DAGs is more than all else, unless GOGC says how often to collect it.
func (a *app) collectOften() {
	if _, set := a.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(50)
	}
}
