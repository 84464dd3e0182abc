package whole_test

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// Kinds of DAGs: those that who is limited to some sees, and the others.
const (
	openKind   = "open"
	hiddenKind = "hidden"
)

// classified is in everything that is of the hidden DAGs.
const classified = "classified"

// dagsFor are the DAGs of a kind that are there for a key. %[1]s is both, %[2]s the kind, %[3]s a word that is in all that is of them.
const dagsFor = `
%[1]s:
  description: "%[3]s"
  schedule: "@yearly"
  start_date: 2020-01-01
  catchup: false
  max_active_runs: 50
  tags: [%[2]s]
  default_args: {owner: %[2]s_owner}
  tasks:
    - task_id: load
      operator: bash
      bash_command: echo %[3]s
      outlets: ["x://%[1]s/asset"]
    - task_id: each
      operator: bash
      expand: {bash_command: ["echo %[3]s", "true"]}
    - task_id: gone
      operator: empty
    - task_id: breaks
      operator: bash
      bash_command: echo %[3]s; exit 3
      on_failure_callback: {callback: http, endpoint: "%[3]s"}
%[2]s_asks_%[4]s:
  schedule: "@yearly"
  catchup: false
  max_active_runs: 50
  start_date: 2020-01-01
  tags: [%[2]s]
  default_args: {owner: %[2]s_owner}
  tasks:
    - task_id: asks
      operator: approval
      subject: "%[3]s asks"
      dingtalk_conn_id: nowhere
    - task_id: asks_again
      operator: approval
      subject: "%[3]s asks again"
      dingtalk_conn_id: nowhere
%[2]s_uses_%[4]s:
  schedule: ["x://%[1]s/asset", "x://%[1]s/never"]
  start_date: 2020-01-01
  tags: [%[2]s]
  default_args: {owner: %[2]s_owner}
  tasks: [{task_id: a, operator: empty}]
%[2]s_gone_%[4]s:
  schedule: null
  start_date: 2020-01-01
  tags: [%[2]s]
  default_args: {owner: %[2]s_owner}
  tasks: [{task_id: a, operator: empty}]
%[2]s_lost_%[4]s:
  schedule: null
  start_date: 2020-01-01
  tags: [%[2]s]
  default_args: {owner: %[2]s_owner}
  tasks: [{task_id: a, operator: empty}]
`

// wordOf is in all that is of the DAGs of a kind.
func wordOf(kind string) string {
	return map[string]string{openKind: "anything", hiddenKind: classified}[kind]
}

// robotToken is that of the robot whose message is in the sandbox.
var robotToken = strings.Repeat("1", 64) //nolint:gochecknoglobals // a constant

// spoilt is a DAG of a kind, which cannot be loaded with a schedule that is none.
func spoilt(kind, schedule string) string {
	return fmt.Sprintf("%[1]s_bad:\n  schedule: %[2]s\n  start_date: 2020-01-01\n  tags: [%[1]s]\n  default_args: {owner: %[1]s_owner}\n  tasks: [{task_id: a, operator: empty}]\n", kind, schedule)
}

// keys are those for whom there are things of their own, since what they may change is changed. Who may change nothing, and whoever
// asks about what he may not, shares the first ones.
var keys = []string{"shared", "ann", "olaf", "otto", "cut", "tab", "boss"} //nolint:gochecknoglobals // a constant

// victims are the keys of those who may change users, and that of all others.
func victims() []string { return []string{"shared", "ann", "boss"} }

// victim is the user whom the one with a key tries to change.
func victim(key string) string {
	if !slices.Contains(victims(), key) {
		key = "shared"
	}
	return "victim_" + key
}

// inhabited is a program in which there is something of each kind that a route is about, for each key and kind.
type inhabited struct {
	*program

	token   string // of an admin
	callers []*caller
	// things are the ids by key and kind.
	things map[string]map[string]values
}

func newInhabited(t *testing.T) *inhabited {
	t.Helper()
	files := map[string]string{}
	for _, kind := range []string{openKind, hiddenKind} {
		for _, key := range keys {
			files[kind+"_"+key+".yaml"] = fmt.Sprintf(dagsFor, kind+"_"+key, kind, wordOf(kind), key)
		}
		files[kind+"_bad.yaml"] = spoilt(kind, "null")
	}
	box := sandboxtest.Start(t)
	box.AddRobot(sandbox.Robot{Token: robotToken, Name: "robot"})
	p := newProgram(t, files)
	p.env = []string{"DINGDAG_SANDBOX_URL=" + box.URL, "DINGDAG_TEST_CONNECTION=enabled"}
	w := &inhabited{program: p, things: map[string]map[string]values{}}
	w.people()
	p.serves()
	w.signIn()
	w.fill(box)
	return w
}

// tokenOf makes a token.
func (w *inhabited) tokenOf(user, name string, flags ...string) string {
	w.t.Helper()
	return strings.TrimSpace(w.run("", append([]string{"tokens", "create", user, name, "--days", "1"}, flags...)...))
}

// ownToken is the number of the token with a name.
func (w *inhabited) numberOfToken(user, name string) string {
	w.t.Helper()
	var all []struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	}
	require.NoError(w.t, json.Unmarshal([]byte(w.run("", "tokens", "list", user, "-o", "json")), &all))
	for _, one := range all {
		if one.Name == name {
			return strconv.FormatInt(one.ID, 10)
		}
	}
	require.Fail(w.t, "no token "+name)
	return ""
}

// people are those who ask, and others whom admins change.
func (w *inhabited) people() {
	open := []string{"--dag", "tag:" + openKind}
	w.user("ann", "admin")
	w.user("olaf", "operator")
	w.user("vera", "viewer")
	w.user("otto", "operator", open...)
	w.user("oona", "viewer", "--dag", "owner:"+openKind+"_owner")
	w.user("lily", "viewer", open...)
	w.user("dora", "admin")
	for _, key := range victims() {
		w.user("victim_"+key, "viewer")
		w.tokenOf("victim_"+key, "one")
	}
	bearer := func(token string) []string { return []string{"Authorization", "Bearer " + token} }
	add := func(c caller, token string) { c.header = bearer(token); w.callers = append(w.callers, &c) }
	w.token = w.tokenOf("ann", "all")
	w.callers = append(w.callers, &caller{name: nobody})
	for what, user := range map[string]string{"expired": "ann", "revoked": "ann", "disabled": "dora"} {
		add(caller{name: "one whose token or user is " + what}, w.tokenOf(user, what))
	}
	w.run("", "tokens", "revoke", w.numberOfToken("ann", "revoked"))
	w.run("", "users", "set", "dora", "--disable")
	add(caller{name: "a viewer", role: viewing}, w.tokenOf("vera", "all"))
	add(caller{name: "a viewer of some DAGs", role: viewing, some: true}, w.tokenOf("lily", "all"))
	add(caller{name: "an admin's token of a viewer", role: viewing}, w.tokenOf("ann", "looks", "--role", "viewer"))
	add(caller{name: "an admin's token of a viewer of some DAGs", role: viewing, some: true}, w.tokenOf("ann", "looks at some", append(open, "--role", "viewer")...))
	add(caller{name: "an operator by tag", role: operating, some: true, key: "otto"}, w.tokenOf("otto", "all"))
	add(caller{name: "a viewer by owner", role: viewing, some: true}, w.tokenOf("oona", "all"))
	add(caller{name: "an admin's token for some DAGs", role: administering, some: true, key: "cut"}, w.tokenOf("ann", "some", open...))
	add(caller{name: "an operator", role: operating, key: "olaf"}, w.tokenOf("olaf", "all"))
	add(caller{name: "an admin", role: administering, key: "ann"}, w.token)
	for _, user := range []string{"otto", "ann"} {
		w.tokenOf(user, "spare")
	}
	w.sql("UPDATE account_token SET expires_at = 1000 WHERE name = 'expired'", 1)
}

// signIn has some sign in by a browser.
func (w *inhabited) signIn() {
	a := w.attacker()
	for _, c := range []*caller{
		{name: "an operator of some DAGs in a browser", role: operating, some: true, key: "tab"},
		{name: "an admin in a browser", role: administering, key: "boss"},
	} {
		session := cookie(w.session(map[string]string{"tab": "otto", "boss": "ann"}[c.key]))
		c.session, c.header, c.form = true, []string{"Cookie", session}, a.formToken(session)
		w.callers = append(w.callers, c)
	}
	for _, c := range w.callers {
		if c.key == "" {
			c.key = keys[0]
		}
	}
}

// sql changes the store beside the program, and n rows of it.
func (w *inhabited) sql(query string, n int64) {
	w.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.home, "dingdag.db")+"?_pragma=busy_timeout(10000)")
	require.NoError(w.t, err)
	done, err := db.ExecContext(w.t.Context(), query)
	require.NoError(w.t, err)
	changed, err := done.RowsAffected()
	require.NoError(w.t, err)
	require.Equal(w.t, n, changed, query)
	require.NoError(w.t, db.Close())
}

// get is an answer of a REST API to an admin.
func (w *inhabited) get(path string) map[string]any {
	w.t.Helper()
	var got map[string]any
	w.ask(http.MethodGet, path, w.token, "", &got)
	return got
}

// post asks for something in the name of an admin.
func (w *inhabited) post(path, body string) map[string]any {
	w.t.Helper()
	var got map[string]any
	w.ask(http.MethodPost, path, w.token, body, &got)
	return got
}

// first is an id in the first object of a list.
func (w *inhabited) first(path, list, id string) string {
	w.t.Helper()
	all, _ := w.get(path)[list].([]any)
	require.NotEmpty(w.t, all, path)
	one, _ := all[0].(map[string]any)
	require.NotNil(w.t, one[id], "%s of %v", id, one)
	return text(one[id])
}

func text(v any) string {
	if n, ok := v.(float64); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// fill makes what there is, and notes its ids.
func (w *inhabited) fill(box *sandboxtest.Sandbox) {
	w.t.Helper()
	dags := func(do func(kind, key, id string)) {
		for _, kind := range []string{openKind, hiddenKind} {
			for _, key := range keys {
				do(kind, key, kind+"_"+key)
			}
		}
	}
	w.ask(http.MethodPatch, "/api/v2/dags?dag_id_pattern=%25", w.token, `{"is_paused": false}`, nil)
	runs := []string{"one", "two", "three"}
	dags(func(kind, key, id string) {
		for _, r := range runs {
			w.post("/api/v2/dags/"+id+"/dagRuns", fmt.Sprintf(`{"dag_run_id": %q, "logical_date": null, "note": %q, "conf": {"a": %q}}`, r, wordOf(kind), wordOf(kind)))
		}
		w.post("/api/v2/dags/"+kind+"_asks_"+key+"/dagRuns", `{"dag_run_id": "one", "logical_date": null}`)
	})
	resp, err := http.Post(box.URL+"/robot/send?access_token="+robotToken, "application/json", strings.NewReader(`{"msgtype": "text", "text": {"content": "`+classified+`"}}`))
	require.NoError(w.t, err)
	require.NoError(w.t, resp.Body.Close())
	message := w.first("/api/dingdag/sandbox/messages", "messages", "id")
	static := regexp.MustCompile(`/static/([^"]+)`).FindStringSubmatch(w.attacker().do(http.MethodGet, "/auth/login", nil).body)
	require.NotNil(w.t, static)
	for _, kind := range []string{openKind, hiddenKind} {
		w.post("/api/v2/dags/"+kind+"_bad/dagRuns", `{"logical_date": null}`) // by which it is known whose it is
		w.write(kind+"_bad.yaml", spoilt(kind, "what"))
		require.Eventually(w.t, func() bool { return w.get("/api/v2/importErrors?filename_pattern=" + kind)["total_entries"] != 0.0 }, patience, 20*time.Millisecond, kind)
	}
	dags(func(_, _, id string) {
		for _, r := range runs {
			require.Eventually(w.t, func() bool {
				return w.get("/api/v2/dags/" + id + "/dagRuns/" + r)["state"] == "failed"
			}, patience, 20*time.Millisecond, "the end of %s of %s", r, id)
		}
	})
	dags(func(kind, key, id string) {
		asksID := kind + "_asks_" + key
		require.Eventually(w.t, func() bool {
			return w.get("/api/v2/dags/" + asksID + "/dagRuns/one/taskInstances?state=deferred")["total_entries"] == 2.0
		}, patience, 20*time.Millisecond, "a question of %s", asksID)
		v := values{
			"who": key + kind[:1], "dag_id": id, "asks_id": asksID, "uses_id": kind + "_uses_" + key, "gone_id": kind + "_gone_" + key, "lost_id": kind + "_lost_" + key, "all": "~",
			"dag_run_id": "one", "run_id": "one", "second_run": "two", "third_run": "three", "task_id": "load", "mapped_id": "each", "asking_id": "asks", "gone_task": "gone",
			"map_index": "0", "whole": "-1", "try_number": "1", "task_try_number": "1", "version_number": "1", "xcom_key": "return_value", "key": "return_value",
			"message_id": message, "name": static[1], "token": "unknown", "kind": "unknown", "conn_id": "unknown", "asset_alias_id": "1", "section": "core", "option": "parallelism",
			"uri": "x://" + id + "/asset", "username": victim(key), "until": time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339),
		}
		v["file_token"] = text(w.get("/api/v2/dags/" + id)["file_token"])
		v["event_log_id"] = w.first("/api/v2/eventLogs?dag_id="+id, "event_logs", "event_log_id")
		v["import_error_id"] = w.first("/api/v2/importErrors?filename_pattern="+kind, "import_errors", "import_error_id")
		v["alert_id"] = w.first("/api/dingdag/alerts?dag_run_id=one&dag_id="+id, "alerts", "alert_id")
		v["asset_id"] = w.asset(w.token, "x://"+id+"/asset")
		v["backfill_id"] = text(w.post("/api/v2/backfills", `{"dag_id": "`+asksID+`", "from_date": "2021-01-01", "to_date": "2021-12-31"}`)["id"])
		for _, name := range []string{"snooze_id", "silence_id"} {
			made := w.post("/api/dingdag/snoozes", fmt.Sprintf(`{"dag_id": %q, "until": %q, "reason": %q}`, id, v["until"], wordOf(kind)))
			v[name] = text(made["snooze_id"])
		}
		for _, name := range []string{"pool_name", "other_pool"} {
			v[name] = name + "_" + v["who"]
			w.post("/api/v2/pools", `{"name": "`+v[name]+`", "slots": 1}`)
		}
		for _, name := range []string{"variable_key", "other_variable"} {
			v[name] = name + "_" + v["who"]
			w.post("/api/v2/variables", `{"key": "`+v[name]+`", "value": "`+classified+`"}`)
		}
		for _, name := range []string{"connection_id", "other_connection", "page_connection"} {
			v[name] = name + "_" + v["who"]
			w.post("/api/v2/connections", `{"connection_id": "`+v[name]+`", "conn_type": "http", "host": "127.0.0.1", "port": 1, "description": "`+classified+`"}`)
		}
		for _, name := range []string{"binding_id", "other_binding"} {
			w.sql(fmt.Sprintf("INSERT INTO chat_binding (conn_id, conversation_id, title, is_group, user_id, kind, value, made_by, made_via, made_at) "+
				"VALUES ('robot', '%s %s', '%s', 1, '', 'dag', '%s', 'ann', 'cli', 1000)", name, id, wordOf(kind), id), 1)
		}
		w.things[key] = cloned(w.things[key])
		w.things[key][kind] = v
	})
	w.numbers()
}

func cloned(m map[string]values) map[string]values {
	if m == nil {
		return map[string]values{}
	}
	return maps.Clone(m)
}

// numbers notes the ids that lists alone tell.
func (w *inhabited) numbers() {
	w.t.Helper()
	var asked []struct {
		ID     int64  `json:"id"`
		DAGID  string `json:"dag_id"`
		RunID  string `json:"dag_run_id"`
		TaskID string `json:"task_id"`
	}
	require.NoError(w.t, json.Unmarshal([]byte(w.run("", "asks", "list", "--limit", "0", "-o", "json")), &asked))
	ask := map[string]string{}
	for _, a := range asked {
		if a.TaskID == "asks_again" && a.RunID == "one" {
			ask[a.DAGID] = strconv.FormatInt(a.ID, 10)
		}
	}
	bound, _ := w.get("/api/dingdag/bindings?limit=100")["bindings"].([]any)
	own, of := map[string]string{}, map[string]string{}
	for user, key := range map[string]string{"otto": "tab", "ann": "boss"} {
		own[key] = w.numberOfToken(user, "spare")
	}
	for _, key := range victims() {
		of[victim(key)] = w.numberOfToken(victim(key), "one")
	}
	for key, kinds := range w.things {
		for _, v := range kinds {
			v["ask_id"], v["token_id"], v["own_token_id"] = ask[v["asks_id"]], of[v["username"]], cmp.Or(own[key], own["boss"])
			require.NotEmpty(w.t, v["ask_id"], v["asks_id"])
			for _, b := range bound {
				one, _ := b.(map[string]any)
				if one["what"] == v["dag_id"] {
					if v["binding_id"] == "" {
						v["binding_id"] = text(one["binding_id"])
					} else {
						v["other_binding"] = text(one["binding_id"])
					}
				}
			}
			require.NotEmpty(w.t, v["other_binding"], v["dag_id"])
		}
	}
}
