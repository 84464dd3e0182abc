package standard

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/operator"
)

// withoutEffect accepts what Airflow's deferrable operators take, and more names that
// change nothing here.
func withoutEffect(more ...string) operator.Option {
	return operator.IgnoredParams(append(more, "deferrable", "start_from_trigger", "end_from_trigger", "trigger_kwargs",
		"tcp_keep_alive", "tcp_keep_alive_idle", "tcp_keep_alive_count", "tcp_keep_alive_interval")...)
}

// waitUntil ends a look of a sensor that waits for a moment.
func waitUntil(ctx context.Context, tc *operator.TaskContext, moment time.Time) error {
	now := tc.Now()
	if !now.Before(moment) {
		return nil
	}
	tc.Log.InfoContext(ctx, "waiting", "until", moment)
	return operator.NotYetFor(moment.Sub(now))
}
