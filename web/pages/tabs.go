package pages

import (
	"net/url"
	"strings"

	"github.com/dingdag/dingdag/web/pages/desk"
	"github.com/dingdag/dingdag/web/pages/words"
)

// tab is one of the pages about the same thing.
type tab struct {
	Name, To, Text string
	// Here says that it is the page that is shown.
	Here bool
}

// DAGTabs are the pages about a DAG.
func (v *view) DAGTabs(dagID string) (out []tab) {
	for _, t := range []struct {
		name string
		text words.Key
	}{{"", "grid.title"}, {"graph", "graph.title"}, {"runs", "runs.title"}, {"calendar", "calendar.title"}, {"durations", "durations.title"}, {"landing", "landing.title"}, {"backfills", "backfills.title"}} {
		to := v.Link("dags", dagID)
		if t.name != "" {
			to = v.Link("dags", dagID, t.name)
		} else {
			t.name = "grid"
		}
		out = append(out, tab{Name: t.name, To: to, Text: v.say(t.text)})
	}
	return out
}

// RunTabs are the pages about a run.
func (v *view) RunTabs(dagID, runID string) (out []tab) {
	for _, t := range []struct {
		name string
		text words.Key
	}{{"", "run.tasks"}, {"graph", "graph.title"}, {"gantt", "gantt.title"}} {
		to := v.Link("dags", dagID, "runs", runID)
		if t.name != "" {
			to = v.Link("dags", dagID, "runs", runID, t.name)
		}
		out = append(out, tab{Name: t.name, To: to, Text: v.say(t.text), Here: v.isAt(to)})
	}
	return out
}

// isAt reports whether a link leads to the page that is shown, however the address was escaped.
func (v *view) isAt(link string) bool {
	u, err := url.Parse(link)
	return err == nil && u.Path == v.p.o.Base+v.r.URL.Path
}

// SystemTabs are the pages about what concerns all DAGs, as far as they are for whoever asks.
func (v *view) SystemTabs() (out []tab) {
	for _, t := range []struct {
		name  string
		text  words.Key
		shown bool
	}{
		{"system", "system.health", true},
		{"nodes", "nodes.title", true},
		{"import_errors", "files.title", true},
		{"pools", "pools.title", true},
		{"variables", "variables.title", v.Visitor.Configures},
		{"connections", "connections.title", v.Visitor.Configures},
		{"bindings", "bindings.title", v.Visitor.Sees == nil},
		{"users", "users.title", v.Visitor.Configures},
		{"audit", "audit.title", true},
		{"sandbox", "sandbox.tab", v.Visitor.Sees == nil && desk.HasInbox(v.ctx(), v.p.o.Inbox)},
	} {
		if !t.shown {
			continue
		}
		to := v.Link(t.name)
		out = append(out, tab{Name: t.name, To: to, Text: v.say(t.text), Here: strings.HasPrefix(v.p.o.Base+v.r.URL.EscapedPath()+"/", to+"/")})
	}
	return out
}
