package tell

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
)

// Where the log of a try is depends on which process ran it.
func TestWhereLogsAre(t *testing.T) {
	t.Parallel()
	here, elsewhere := store.Instance{Host: "lead", PID: 7, Log: "d/1.log"}, store.Instance{Host: "work", PID: 8, Log: "d/1.log"}
	for what, c := range map[string]struct {
		l    *Logs
		in   store.Instance
		want callbacks.Event
	}{
		"not kept":            {&Logs{Host: "lead", PID: 7, Shared: true}, elsewhere, callbacks.Event{Host: "work"}},
		"alone":               {&Logs{Dir: "/a", Host: "lead", PID: 9}, elsewhere, callbacks.Event{Host: "lead", Log: "/a/d/1.log"}},
		"here":                {&Logs{Dir: "/a", Host: "lead", PID: 7, Shared: true, Stored: true}, here, callbacks.Event{Host: "lead", Log: "/a/d/1.log"}},
		"nowhere":             {&Logs{Dir: "/a", Host: "lead", PID: 7, Shared: true}, store.Instance{Log: "d/1.log"}, callbacks.Event{Host: "lead", Log: "/a/d/1.log"}},
		"elsewhere":           {&Logs{Dir: "/a", Host: "lead", PID: 7, Shared: true}, elsewhere, callbacks.Event{Host: "work", Log: "/b/d/1.log", LogHost: "work"}},
		"with a log store":    {&Logs{Dir: "/a", Host: "lead", PID: 7, Shared: true, Stored: true}, elsewhere, callbacks.Event{Host: "work", Log: "/b/d/1.log", LogHost: "work", LogStored: true}},
		"another process":     {&Logs{Dir: "/a", Host: "work", PID: 7, Shared: true}, elsewhere, callbacks.Event{Host: "work", Log: "/b/d/1.log", LogHost: "work"}},
		"who has said naught": {&Logs{Dir: "/a", Host: "lead", PID: 7, Shared: true}, store.Instance{Host: "old", PID: 9, Log: "d/1.log"}, callbacks.Event{Host: "old", Log: "d/1.log", LogHost: "old"}},
	} {
		l := c.l
		l.Note("work", 8, "/b")
		l.Note("old", 9, "")
		ev := callbacks.Event{Host: "lead"}
		l.tell(&ev, &c.in)
		assert.Equal(t, c.want, ev, what)
		tc := &template.Context{TI: template.TaskInstanceInfo{Hostname: "lead", LogURL: "/a/d/1.log"}}
		l.show(tc, &c.in)
		assert.Equal(t, c.want.Host, tc.TI.Hostname, what)
		want := "/a/d/1.log"
		if ev.LogHost != "" {
			want = ev.Log
		}
		assert.Equal(t, want, tc.TI.LogURL, what)
		tc.TI.LogURL = "https://dingdag.example.com/dags/d"
		l.show(tc, &c.in)
		assert.Equal(t, "https://dingdag.example.com/dags/d", tc.TI.LogURL, what)
	}
}

// Processes that come and go for years are not all remembered.
func TestLogsOfManyProcesses(t *testing.T) {
	t.Parallel()
	l := &Logs{Dir: "/a", Host: "lead", Shared: true}
	for i := range 3 * mostOthers {
		l.Note(fmt.Sprint("work-", i), i, "/b")
	}
	assert.LessOrEqual(t, len(l.others), mostOthers)
	path, host := l.of(&store.Instance{Host: fmt.Sprint("work-", 3*mostOthers-1), PID: 3*mostOthers - 1, Log: "1.log"})
	assert.Equal(t, "/b/1.log", path)
	assert.Equal(t, fmt.Sprint("work-", 3*mostOthers-1), host)
}
