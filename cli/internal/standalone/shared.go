package standalone

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/signals"
	"github.com/dingdag/dingdag/cli/internal/upkeep"
	"github.com/dingdag/dingdag/engine"
)

// errNotShared is the error of what makes sense among several processes only.
var errNotShared = errors.New("it works together with other processes, which share a PostgreSQL database: set database_url (DINGDAG_DATABASE_URL); on one machine without one, run dingdag standalone")

// NewScheduler makes the command scheduler of a version of the program.
func NewScheduler(a *app.App, version string) *cobra.Command {
	return &cobra.Command{
		Use:   "scheduler",
		Short: "Schedule for workers, or stand by",
		Long: `Runs the DAGs of the DAGs folder on their schedules, for workers that share the PostgreSQL
database of the setting database_url. It runs no tasks itself. Of several schedulers one leads;
another one takes over when that ends, is cut off or stands still. All of them serve pages and
the REST API, as standalone does.`,
		Example: `  DINGDAG_DATABASE_URL=postgres://dingdag@db.example.com/dingdag dingdag scheduler`,
		Args:    command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := shared(a); err != nil {
				return err
			}
			return untilStopped(cmd.Context(), a, func(ctx context.Context) error { return run(ctx, a, version, false) })
		},
	}
}

// NewWorker makes the command worker.
func NewWorker(a *app.App) *cobra.Command {
	var queues []string
	var concurrency int
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Run tasks for a scheduler on another machine",
		Long: `Runs the tasks that a scheduler hands out through the PostgreSQL database of the setting
database_url. It needs no DAG files. It takes the tasks of some queues: those whose task has
queue set to one of them, and of the queue default those that have none.

SIGTERM, Ctrl-C or SIGHUP, unless that is ignored (nohup), stops it: running tasks have the
grace period to finish; those that do not are queued again, and the try is not counted. See
dingdag nodes drain for a worker that is to end its tasks however long they take.`,
		Example: `  DINGDAG_DATABASE_URL=postgres://dingdag@db.example.com/dingdag dingdag worker
  dingdag worker --queues gpu,default --concurrency 4`,
		Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := shared(a); err != nil {
				return err
			}
			if cmd.Flags().Changed("concurrency") {
				if concurrency < 1 {
					return command.Usagef("--concurrency: %d: must be a whole number above 0", concurrency)
				}
				a.Settings.Workers = concurrency
			}
			if cmd.Flags().Changed("queues") {
				if len(queues) == 0 || slices.Contains(queues, "") {
					return command.Usagef("--queues: name queues, separated by commas, or * for all")
				}
				a.Settings.Queues = queues
			}
			return untilStopped(cmd.Context(), a, func(ctx context.Context) error { return work(ctx, a) })
		},
	}
	cmd.Flags().StringSliceVarP(&queues, "queues", "q", nil, "queues whose tasks it runs, separated by commas; * is all (default: the setting queues)")
	cmd.Flags().IntVarP(&concurrency, "concurrency", "c", 0, "how many tasks run at once (default: the setting workers)")
	return cmd
}

// shared refuses what makes sense on a store that processes share only.
func shared(a *app.App) error {
	if _, err := a.ReadSettings(); err != nil {
		return err
	}
	if !a.Shared() {
		return command.UsageError{Err: errNotShared}
	}
	return nil
}

// work runs tries until ctx ends.
func work(ctx context.Context, a *app.App) error {
	if err := a.Lock(); err != nil {
		return err
	}
	s, err := a.AwaitStore(ctx)
	if err != nil {
		return err
	}
	logs, err := openTaskLogs(ctx, a, s)
	if err != nil {
		return err
	}
	if err := a.OpensSecrets(ctx, s); err != nil {
		return err
	}
	e, err := a.Engine(s, s.Connections(), func(o *engine.Options) {
		logs.engine(o)
		o.LogDir, o.Program, o.ProcessDir = a.LogDir(), a.Program(), a.ProcessDir()
	})
	if err != nil {
		return err
	}
	a.Works(e)
	a.Log().Info("dingdag worker starts", "home", a.Settings.Home, "database", a.Place(), "node", a.Node(), "queues", a.Settings.Queues, "workers", a.Settings.Workers)
	beside, stop := context.WithCancel(ctx)
	var sweeping sync.WaitGroup
	err = e.Run(ctx, engine.RunOptions{
		Interrupted: signals.Interrupted(ctx), Hurry: signals.Hurry(ctx), Before: a.EndLeftovers, Ready: func() {
			a.Log().Info("dingdag works")
			sweeping.Go(func() { upkeep.RunLocal(beside, a, s, logs.waiting()) })
		},
	})
	stop()
	sweeping.Wait()
	if err = errors.Join(err, logs.Close()); err != nil {
		return fmt.Errorf("run the worker: %w", err)
	}
	a.Log().Info("dingdag has stopped")
	return nil
}
