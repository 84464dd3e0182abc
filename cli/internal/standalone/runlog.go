package standalone

import (
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
			log.Info("run started")
		case u.Run.State == dag.RunFailed:
			log.Error("run failed", "reason", u.Run.Reason, "took", u.Run.EndDate.Sub(u.Run.StartDate))
		case u.Run.State == dag.RunSuccess:
			log.Info("run succeeded", "took", u.Run.EndDate.Sub(u.Run.StartDate))
		}
	}
}
