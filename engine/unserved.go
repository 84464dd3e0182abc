package engine

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store"
)

// queueBeats is after how many beats a process that leads looks whether tasks wait that no node takes.
const queueBeats = 5

// unserved are the queues of which it was said that no node serves them.
type unserved map[string]bool

// look says in the log of which queues that is so from now on, and of which no longer.
func (u unserved) look(ctx context.Context, s store.Store, log *slog.Logger) error {
	living, now, err := store.Living(ctx, s)
	if err != nil {
		return err
	}
	waiting, err := store.Unserved(ctx, s, living, now)
	if err != nil {
		return err
	}
	still := map[string]bool{}
	for _, b := range waiting {
		still[b.Queue] = true
		if u[b.Queue] {
			continue
		}
		u[b.Queue] = true
		log.Warn("tasks wait in a queue that no live node serves: start a worker with it among its queues, or correct the queue of the tasks",
			"queue", b.Queue, "tasks", b.Jobs, "since", b.Since.UTC().Format(time.RFC3339), "nodes", servedBy(living))
	}
	for queue := range u {
		if !still[queue] {
			delete(u, queue)
			log.Info("no task waits any more in a queue that no live node served", "queue", queue)
		}
	}
	return nil
}

// servedBy is which nodes take tasks, and of which queues.
func servedBy(living []*store.Node) string {
	var out []string
	for _, n := range living {
		if n.Serves("") || len(n.Queues) > 0 && n.Serves(n.Queues[0]) {
			queues := "all"
			if n.Queues != nil {
				queues = strings.Join(n.Queues, ",")
			}
			out = append(out, n.ID+"="+queues)
		}
	}
	return strings.Join(out, " ")
}
