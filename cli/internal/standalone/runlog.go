package cli

import (
	"context"
	"log/slog"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
)

// logRuns tells the program's log what becomes of runs, and of tasks that fail. What
// goes well inside a run is in the task logs.
func logRuns(log *slog.Logger) func(engine.Update) {
	return func(u engine.Update) {
		log := log.With("dag", u.Run.DAGID, "run", u.Run.RunID)
		switch in := u.Instance; {
		case u.Delivery != nil:
		case in != nil && in.State == dag.Failed:
			log.Error("task failed", "task", in.Label(), "try", in.Try, "error", in.Error)
		case in != nil && in.State == dag.UpForRetry:
			log.Warn("task failed and is tried again", "task", in.Label(), "try", in.Try, "of", in.MaxTries, "at", in.RetryAt, "error", in.Error)
		case in != nil:
		case u.Run.State == dag.RunRunning:
			log.Info("run begins")
		case u.Run.State == dag.RunFailed:
			log.Error("run failed", "reason", u.Run.Reason, "took", u.Run.EndDate.Sub(u.Run.StartDate))
		case u.Run.State == dag.RunSuccess:
			log.Info("run succeeded", "took", u.Run.EndDate.Sub(u.Run.StartDate))
		}
	}
}

// onlyWarnings drops what a part of the program says in detail, and keeps its warnings: the
// engine tells of each message in one line, so its body, on each attempt, need not be there.
func onlyWarnings(log *slog.Logger) *slog.Logger { return slog.New(warnings{log.Handler()}) }

type warnings struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (h warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// WithAttrs implements [slog.Handler].
func (h warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h warnings) WithGroup(name string) slog.Handler { return warnings{h.Handler.WithGroup(name)} }
