package tell

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/store"
)

// Bound are the conversations that people have bound to DAGs: they hear of failures, recoveries, missed deadlines and
// missed ticks, beside the callbacks of a DAG. It may be used by several at once.
type Bound struct {
	// Store has the bindings.
	Store store.Bindings
	// Callback is what tells a conversation, as a file would have it.
	Callback func(*store.Binding) dag.Callback
	// Callbacks are those that it may name.
	Callbacks *callbacks.Registry
	Log       *slog.Logger

	mu sync.Mutex
	// last are the bindings to some things as they were read last: an alert is told by these when they cannot be read.
	last map[string][]*store.Binding
}

// mostRemembered bounds what is remembered of bindings.
const mostRemembered = 10000

// read returns the bindings to some things, each conversation once.
func (b *Bound) read(ctx context.Context, to []store.BoundTo) []*store.Binding {
	if b == nil {
		return nil
	}
	all, err := b.Store.BindingsTo(ctx, to...)
	key := fmt.Sprint(to)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.Log.Error("the bindings of conversations cannot be read: those known last are told", "error", err)
		return b.last[key]
	}
	told := map[[2]string]bool{}
	all = slices.DeleteFunc(all, func(x *store.Binding) bool {
		where := [2]string{x.ConnID, x.ConversationID}
		defer func() { told[where] = true }()
		return told[where]
	})
	if b.last == nil || len(b.last) >= mostRemembered {
		b.last = map[string][]*store.Binding{}
	}
	b.last[key] = all
	return all
}

// of are the callbacks of the conversations that are bound to some things.
func (b *Bound) of(ctx context.Context, to []store.BoundTo) (out []outbox.Callback) {
	for _, x := range b.read(ctx, to) {
		cbs, err := outbox.Bind(b.Callbacks, []dag.Callback{b.Callback(x)})
		if err != nil {
			b.Log.Error("a conversation that is bound cannot be told", "binding", x.ID, "conn_id", x.ConnID, "error", err)
			continue
		}
		out = append(out, cbs...)
	}
	return out
}

// everything is what tells of all DAGs, and of what belongs to none.
func everything() []store.BoundTo { return []store.BoundTo{{Kind: store.BoundAll}} }

// concerning is what tells of a DAG, of which something happened to the tasks of some owners, whose names commas
// separate.
func concerning(d *dag.DAG, owners string) []store.BoundTo {
	to := append(everything(), store.BoundTo{Kind: store.BoundDAG, Value: d.ID})
	for _, tag := range d.Tags {
		to = append(to, store.BoundTo{Kind: store.BoundTag, Value: tag})
	}
	for name := range strings.SplitSeq(owners, ",") {
		to = append(to, store.BoundTo{Kind: store.BoundOwner, Value: strings.TrimSpace(name)})
	}
	return to
}

// ofTask are the conversations that hear of an event of a task beside its own callbacks.
func (t *Teller) ofTask(ctx context.Context, kind callbacks.Kind, d *dag.DAG, task *dag.Task) []outbox.Callback {
	if kind != callbacks.Failure && kind != callbacks.Recovery {
		return nil
	}
	return t.Bound.of(ctx, concerning(d, task.Owner))
}

// ofDAG are those that hear of an event of a DAG.
func (t *Teller) ofDAG(ctx context.Context, d *dag.DAG) []outbox.Callback {
	return t.Bound.of(ctx, concerning(d, d.Owner))
}

// ofRun are those that hear of the end of a run. Its failed tasks were told before, so that a failure is told again only
// when there is none; and a success only where somebody cares for it, as on_success_callback says.
func (t *Teller) ofRun(ctx context.Context, kind callbacks.Kind, r Run) []outbox.Callback {
	switch kind {
	case callbacks.Failure:
		if len(r.failed()) > 0 {
			return nil
		}
	case callbacks.Success:
		if len(r.Plan.OnSuccess) == 0 {
			return nil
		}
	case callbacks.Missed: // the DAG was paused
	default: // recoveries are told of tasks
		return nil
	}
	return t.ofDAG(ctx, r.Plan.DAG)
}

// HearsTask reports whether somebody hears of the failure of a task: its callbacks or a conversation.
func (t *Teller) HearsTask(ctx context.Context, r Run, taskID string) bool {
	i := r.Plan.IndexOf(taskID)
	if i < 0 {
		return false
	}
	of := r.Plan.Tasks[i]
	return len(of.Callbacks[callbacks.Failure]) > 0 || len(t.ofTask(ctx, callbacks.Failure, r.Plan.DAG, of.Task)) > 0
}

// HearsRun reports whether somebody hears of the end of a run besides the callbacks of its DAG.
func (t *Teller) HearsRun(ctx context.Context, kind callbacks.Kind, r Run) bool {
	return len(t.ofRun(ctx, kind, r)) > 0
}

// HearsMissed does so for ticks of a DAG that started no run.
func (t *Teller) HearsMissed(ctx context.Context, d *dag.DAG) bool {
	return len(d.OnMissed) > 0 || len(t.ofDAG(ctx, d)) > 0
}

// beside adds what conversations are told to what callbacks have said. One that a callback tells already hears it once.
func beside(said, more []*store.Delivery) []*store.Delivery {
	for _, d := range more {
		if !slices.ContainsFunc(said, func(s *store.Delivery) bool { return s.Channel == d.Channel }) {
			said = append(said, d)
		}
	}
	return said
}
