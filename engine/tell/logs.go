package tell

import (
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
)

// Logs is where the task logs of the processes that share a store are. It is safe for concurrent use.
type Logs struct {
	// Dir is the log folder of this process; empty where it is not kept, so that no message names a log.
	Dir string
	// Host and PID are this process. Shared says that others may run tries, Stored that their logs go into a log store.
	Host           string
	PID            int
	Shared, Stored bool

	mu sync.Mutex
	// others are the log folders of other processes, as they have said.
	others map[process]string
}

// process is one of those that share a store.
type process struct {
	host string
	pid  int
}

// mostOthers is how many processes are remembered: more than are at work at once.
const mostOthers = 10_000

// Note notes where a process has its log folder, which may be empty for one of an older version.
func (l *Logs) Note(host string, pid int, dir string) {
	if dir == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.others) >= mostOthers {
		for _, p := range slices.Collect(maps.Keys(l.others))[:mostOthers/2] {
			delete(l.others, p)
		}
	}
	if l.others == nil {
		l.others = map[process]string{}
	}
	l.others[process{host, pid}] = dir
}

// of is where the log of a try is: a path, below an unknown log folder if need be, and the machine unless it is where this process
// has its own logs.
func (l *Logs) of(in *store.Instance) (path, host string) {
	if l.Dir == "" {
		return "", ""
	}
	by := process{in.Host, in.PID}
	if !l.Shared || in.Host == "" || by == (process{l.Host, l.PID}) {
		return filepath.Join(l.Dir, in.Log), ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return filepath.Join(l.others[by], in.Log), in.Host
}

// tell says where the log of a try is, and which machine ran it.
func (l *Logs) tell(ev *callbacks.Event, in *store.Instance) {
	ev.Log, ev.LogHost = l.of(in)
	ev.LogStored = ev.LogHost != "" && l.Stored
	if l.Shared && in.Host != "" {
		ev.Host = in.Host
	}
}

// show shows templates the same of a task instance. They have the page of a try in place of its log where there are pages.
func (l *Logs) show(tc *template.Context, in *store.Instance) {
	if !l.Shared || in.Host == "" {
		return
	}
	tc.TI.Hostname = in.Host
	if path, host := l.of(in); host != "" && tc.TI.LogURL == filepath.Join(l.Dir, in.Log) {
		tc.TI.LogURL = path
	}
}
