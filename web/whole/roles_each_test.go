package whole_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/web/rest"
	v1 "github.com/dingdag/dingdag/web/rest/v1"
)

// served are all routes of the real program, those of version 1 among them.
func (p *program) served(token string) []string {
	all := p.allRoutes(token)
	for _, r := range v1.New(rest.New(rest.Options{})).Routes() {
		if strings.Contains(r, " "+v1.Base+"/") {
			all = append(all, r)
		}
	}
	for i := range all {
		all[i] = plain(all[i])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Each route answers each kind of caller by the rights, when what he asks for is there.
func TestEachRouteForEachRole(t *testing.T) {
	t.Parallel()
	w := newInhabited(t)
	a := w.attacker()
	table := rules(t)
	var known []string
	for _, r := range table {
		known = append(known, r.route())
	}
	served := w.served(w.token)
	for _, r := range served {
		assert.Contains(t, known, r, "say in testdata/rights.txt who may ask for it")
	}
	for _, r := range known {
		assert.Contains(t, served, r, "it is in testdata/rights.txt, and served no more")
	}

	// What nobody may change who asks with its ids: all of those who share, and the hidden things of those who are limited.
	kept := map[string]values{"all who may change nothing": w.things["shared"][openKind], "all who may change nothing, hidden": w.things["shared"][hiddenKind]}
	for _, c := range w.callers {
		if c.some && c.key != "shared" {
			kept[c.name] = w.things[c.key][hiddenKind]
		}
	}
	before := map[string]map[string]any{}
	for name, v := range kept {
		before[name] = w.state(v)
	}
	for i := range table {
		r := &table[i]
		for _, c := range w.callers {
			for _, kind := range []string{hiddenKind, openKind} {
				if r.right == everybody && c.name != nobody || kind == openKind && !r.ofDAG() {
					continue
				}
				w.judge(t, a, r, c, kind)
			}
		}
	}
	for name, v := range kept {
		assert.Equal(t, before[name], w.state(v), "somebody has changed what he may not, asking for %s", name)
	}
}

// judge asks for a route and says whether the answer is right.
func (w *inhabited) judge(t *testing.T, a *attacker, r *rule, c *caller, kind string) {
	t.Helper()
	v := w.things[c.key][kind]
	require.NotNil(t, v, c)
	got := r.ask(w.program, a, c, v)
	hidden := kind == hiddenKind
	about := fmt.Sprintf("%s\nfor %s, %s: %d %s %.400s", r.text, c, kind, got.status, got.to, got.body)
	if !slices.Contains(r.also, got.status) {
		assert.Less(t, got.status, 500, about)
	}
	if c.role == noRole && r.right != everybody {
		assert.True(t, got.refused(), about)
		if strings.HasPrefix(r.path, "/api/") || r.method != http.MethodGet {
			assert.Equal(t, http.StatusUnauthorized, got.status, about)
		}
		return
	}
	if r.path == "/metrics" { // which tells this machine of all DAGs
		return
	}
	if c.role == noRole || c.some && hidden {
		assert.NotContains(t, got.body, classified, about)
		if !strings.Contains(r.text, "_id>") && !strings.Contains(r.path, "{dag_id}") && !strings.Contains(r.text, "uri}") && !strings.Contains(r.text, "<uri>") { // whoever has asked with an id knows it
			assert.NotContains(t, got.body, hiddenKind+"_", about)
		}
	}
	fine := got.status < 400 && (!got.refused() || r.right == everybody || r.end) || slices.Contains(r.also, got.status)
	switch {
	case r.may(c, hidden):
		assert.True(t, fine, about)
	case r.right == aProgram:
		assert.Equal(t, http.StatusUnauthorized, got.status, about)
	case r.each && c.role >= r.role():
		assert.Less(t, got.status, 500, about)
	case r.ofDAG() && c.some && hidden: // that it is there is not for him to know
		assert.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, got.status, about)
	case c.role < r.role() || r.right == none || r.right == person:
		assert.Equal(t, http.StatusForbidden, got.status, about)
	default:
		assert.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, got.status, about)
	}
}

// state is what there is of the DAGs of some ids, which nobody must have changed who may not.
func (w *inhabited) state(v values) map[string]any {
	w.t.Helper()
	out := map[string]any{}
	for _, id := range []string{v["dag_id"], v["asks_id"], v["uses_id"], v["gone_id"], v["lost_id"]} {
		for _, path := range []string{
			"/api/v2/dags/" + id, "/api/v2/dags/" + id + "/dagRuns?limit=100", "/api/v2/dags/" + id + "/dagRuns/~/taskInstances?limit=100", "/api/v2/dags/" + id + "/dagRuns/~/hitlDetails?limit=100",
			"/api/v2/dags/" + id + "/dagRuns/~/taskInstances/~/xcomEntries?limit=100", "/api/v2/backfills?dag_id=" + id, "/api/dingdag/alerts?limit=100&dag_id=" + id, "/api/dingdag/snoozes?dag_id=" + id,
		} {
			out[path] = w.get(path)
		}
	}
	for _, path := range []string{
		"/api/v2/pools/" + v["pool_name"], "/api/v2/pools/" + v["other_pool"], "/api/v2/variables/" + v["variable_key"], "/api/v2/connections/" + v["connection_id"],
		"/api/v2/connections/" + v["page_connection"], "/api/v2/assets/" + v["asset_id"] + "/queuedEvents", "/api/v2/assets/events?source_dag_id=" + v["dag_id"],
	} {
		out[path] = w.get(path)
	}
	out["tokens"] = w.run("", "tokens", "list", v["username"], "-o", "json")
	return out
}
