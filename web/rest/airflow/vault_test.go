package airflow_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	restconnections "github.com/dingdag/dingdag/web/rest/connections"
	"github.com/dingdag/dingdag/web/rest/pools"
	"github.com/dingdag/dingdag/web/rest/server"
	"github.com/dingdag/dingdag/web/rest/variables"
)

// more adds the calls about what belongs to no DAG.
func (w *world) more() {
	w.elsewhere = map[string]string{}
	place := func(kind string) func(string) string {
		return func(name string) string { return w.elsewhere[kind+" "+name] }
	}
	keep := vault.New(vault.Options{Vault: w.store, Masker: w.masker, Clock: func() time.Time { return now }, Places: func() (*vault.Places, error) {
		return &vault.Places{Connection: place("connection"), Variable: place("variable")}, nil
	}})
	as := func(ctx context.Context) *vault.Keeper { return keep.By(browse.Actor(ctx)) }
	variables.Routes(w.srv, as)
	restconnections.Routes(w.srv, as, func(_ context.Context, c *connections.Connection) (bool, string) { return w.tester(c) })
	pools.Routes(w.srv, w.browse)
	server.Routes(w.srv, w.browse, func() ([]server.Provider, error) {
		return []server.Provider{{PackageName: "dingdag-providers-standard", Description: "bash", Version: "test"}, {PackageName: "dingdag-providers-http", Description: "http", Version: "test"}}, nil
	})
}

// do sends a request and returns its answer, which must have a status.
func (w *world) do(method, path, body string, status int) map[string]any {
	w.t.Helper()
	a := w.call("ann", method, "/api/v2"+path, body)
	require.Equal(w.t, status, a.status, "%s %s: %s", method, path, a.body)
	if status == http.StatusNoContent {
		assert.Empty(w.t, a.body)
		return nil
	}
	return w.json(a, status)
}

// texts of an error.
func detail(answer map[string]any) string {
	text, _ := answer["detail"].(string)
	return text
}

// A client that sends what it reads changes nothing, and one that reads what it sent finds that.
func TestVariablesRoundTrip(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sent := `{"key": "a/b", "value": "one", "description": "text"}`
	want := map[string]any{"key": "a/b", "value": "one", "description": "text", "is_encrypted": true, "team_name": nil}
	assert.Equal(t, want, w.do("POST", "/variables", sent, 201))
	assert.Equal(t, want, w.get("/variables/a/b"))
	assert.Equal(t, want, w.get("/variables/a%2Fb")) // 24
	assert.Equal(t, "The Variable with key: `a/b` already exists", detail(w.do("POST", "/variables", sent, 409)))
	want["value"] = "two"
	assert.Equal(t, want, w.do("PATCH", "/variables/a/b", strings.ReplaceAll(sent, "one", "two"), 200))
	assert.Equal(t, want, w.get("/variables/a/b"))
	assert.Equal(t, want, w.do("PATCH", "/variables/a/b", strings.ReplaceAll(sent, "one", "two"), 200))
	w.do("DELETE", "/variables/a/b", "", 204)
	assert.Equal(t, "The Variable with key: `a/b` was not found", detail(w.do("GET", "/variables/a/b", "", 404)))
	assert.Equal(t, 404, w.call("ann", "DELETE", "/api/v2/variables/a/b", "").status)
	assert.Equal(t, 404, w.call("ann", "PATCH", "/api/v2/variables/a/b", sent).status)
}

func TestVariables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// A value of any kind comes back as text, with spaces as Python writes them.
	for value, want := range map[string]string{
		`"plain"`: "plain", `5`: "5", `{"a":1,"b":[true,null,"x:,\"y"]}`: `{"a": 1, "b": [true, null, "x:,\"y"]}`, `null`: "null", `"{\"z\":1,\"a\":2}"`: `{"z":1,"a":2}`,
	} {
		assert.Equal(t, want, w.do("POST", "/variables", `{"key":"v","value":`+value+`}`, 201)["value"])
		w.do("DELETE", "/variables/v", "", 204)
	}
	// Secrets are hidden by the key, and inside of JSON by the names there.
	for key, c := range map[string][2]string{
		"db_password": {`"hunter22"`, "***"}, "limits": {`"{\"rows\": 1, \"token\": \"tttttt\"}"`, `{"rows": 1, "token": "***"}`}, "region": {`"cn"`, "cn"},
	} {
		assert.Equal(t, c[1], w.do("POST", "/variables", `{"key":"`+key+`","value":`+c[0]+`}`, 201)["value"])
	}
	all := w.get("/variables")
	assert.Equal(t, []string{"db_password", "limits", "region"}, ids(all, "variables", "key"))
	assert.Equal(t, []string{"***", `{"rows": 1, "token": "***"}`, "cn"}, ids(all, "variables", "value"))
	// *** that is sent back changes nothing, and a *** that stands for nothing is refused.
	w.do("PATCH", "/variables/db_password", `{"key":"db_password","value":"***","description":"d"}`, 200)
	w.do("PATCH", "/variables/limits", `{"key":"limits","value":"{\"rows\": 2, \"token\": \"***\"}"}`, 200)
	for key, want := range map[string]string{"db_password": "hunter22", "limits": `{"rows":2,"token":"tttttt"}`} {
		got, err := w.store.Vault().Variable(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	assert.Equal(t, "d", w.get("/variables/db_password")["description"])
	assert.Contains(t, detail(w.do("PATCH", "/variables/region", `{"key":"region","value":"***"}`, 400)), "*** stands for a secret")
	assert.Contains(t, detail(w.do("POST", "/variables", `{"key":"other","value":"***"}`, 400)), "give the secret itself")

	// What changes: a mask, and what a body without one must have.
	assert.Equal(t, "m", w.do("PATCH", "/variables/region?update_mask=description", `{"key":"region","value":"x","description":"m"}`, 200)["description"])
	assert.Equal(t, "cn", w.get("/variables/region")["value"])
	assert.Equal(t, "cn", w.do("PATCH", "/variables/region?update_mask=random", `{"value":"x"}`, 200)["value"]) // 15
	assert.Equal(t, "m", w.do("PATCH", "/variables/region", `{"key":"region","value":"x"}`, 200)["description"], "what is not sent stays")
	assert.Nil(t, w.do("PATCH", "/variables/region", `{"key":"region","value":"x","description":null}`, 200)["description"])
	assert.Equal(t, 400, w.call("ann", "PATCH", "/api/v2/variables/region", `{"key":"other","value":"x"}`).status)
	second := w.do("PATCH", "/variables/region", `{"key":"region"}`, 422)["detail"].([]any)[0].(map[string]any)
	assert.Equal(t, []any{"value"}, second["loc"], "no body in front")
	assert.Contains(t, second["url"], "/v/missing")
	first := w.do("POST", "/variables", `{"key":"`+strings.Repeat("k", 251)+`","x":1}`, 422)["detail"].([]any)
	assert.Len(t, first, 3)
	assert.Equal(t, 400, w.call("ann", "POST", "/api/v2/variables", `{"key":"k","value":"v","team_name":"t"}`).status)

	// Lists.
	for query, want := range map[string][]string{
		"order_by=-key": {"region", "limits", "db_password"}, "variable_key_pattern=RE|lim": {"limits", "region"}, "limit=1&offset=1": {"limits"},
		"order_by=description": {"db_password", "limits", "region"}, "order_by=-description": {"db_password", "region", "limits"},
	} {
		assert.Equal(t, want, ids(w.get("/variables?"+query), "variables", "key"), query)
	}
	assert.Equal(t, 400, w.call("ann", "GET", "/api/v2/variables?order_by=value", "").status)
	// Only who may configure sees them.
	for _, who := range []string{"bob", "oli"} {
		assert.Equal(t, 403, w.call(who, "GET", "/api/v2/variables", "").status)
		assert.Equal(t, 403, w.call(who, "DELETE", "/api/v2/variables/region", "").status)
	}
}

// What a file or the environment defines is found first by tasks, so that a change here would be none.
func TestVariablesFromElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.elsewhere["variable region"] = "the environment, as AIRFLOW_VAR_REGION"
	assert.Equal(t, "The Variable with key: `region` was not found in the store: it comes from the environment, as AIRFLOW_VAR_REGION", detail(w.do("GET", "/variables/region", "", 404)))
	body := `{"key":"region","value":"v"}`
	for method, path := range map[string]string{"POST": "/variables", "PATCH": "/variables/region", "DELETE": "/variables/region"} {
		assert.Equal(t, "the variable `region` comes from the environment, as AIRFLOW_VAR_REGION, where tasks find it first: change it there", detail(w.do(method, path, body, 409)), method)
	}
	// One that is in both places can be removed from the store.
	delete(w.elsewhere, "variable region")
	w.do("POST", "/variables", body, 201)
	w.elsewhere["variable region"] = "the variables_file v.yaml"
	assert.Equal(t, 409, w.call("ann", "PATCH", "/api/v2/variables/region", body).status)
	w.do("DELETE", "/variables/region", "", 204)
	got := w.do("PATCH", "/variables", `{"actions":[{"action":"create","entities":[{"key":"region","value":"v"}]}]}`, 200)
	assert.InEpsilon(t, 409.0, got["create"].(map[string]any)["errors"].([]any)[0].(map[string]any)["status_code"], 0)
}

func TestBulkVariables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/variables", `{"key":"a","value":"1","description":"d"}`, 201)
	got := w.do("PATCH", "/variables", `{"actions":[
		{"action":"create","entities":[{"key":"b","value":"2"},{"key":"a","value":"3"}]},
		{"action":"create","entities":[{"key":"b","value":"2"},{"key":"a","value":"3"}],"action_on_existence":"skip"},
		{"action":"create","entities":[{"key":"c","value":"4"},{"key":"a","value":"5"}],"action_on_existence":"overwrite"},
		{"action":"update","entities":[{"key":"a","value":"6","description":"new"},{"key":"none","value":"6"}],"action_on_non_existence":"skip","update_mask":["description"]},
		{"action":"update","entities":[{"key":"none","value":"6"},{"key":"a","value":"7"}]},
		{"action":"delete","entities":["b",{"key":"c","value":"x"}]},
		{"action":"delete","entities":["a","b"]}]}`, 200)
	fault := func(text string, code float64) []any {
		return []any{map[string]any{"error": text, "status_code": code}}
	}
	assert.Equal(t, map[string]any{
		"create": map[string]any{"success": []any{"b", "c", "a"}, "errors": fault("The variables with these variable keys: {'a'} already exist.", 409)},
		"update": map[string]any{"success": []any{"a"}, "errors": fault("The variables with these variable keys: {'none'} were not found.", 404)},
		"delete": map[string]any{"success": []any{"b", "c"}, "errors": fault("The variables with these variable keys: {'b'} were not found.", 404)},
	}, got)
	all := w.get("/variables")
	assert.Equal(t, []string{"a"}, ids(all, "variables", "key"), "what was refused has changed nothing")
	assert.Equal(t, []string{"5"}, ids(all, "variables", "value"))
	assert.Equal(t, []string{"new"}, ids(all, "variables", "description"))
	assert.Nil(t, w.do("PATCH", "/variables", `{"actions":[]}`, 200)["create"])
	for body, kind := range map[string]string{
		`{"actions":[{"action":"drop","entities":[]}]}`:                                            "literal_error",
		`{"actions":[{"action":"create","entities":[],"update_mask":["x"]}]}`:                      "extra_forbidden",
		`{"actions":[{"action":"update","entities":["a"]}]}`:                                       "model_attributes_type",
		`{"actions":[{"action":"delete","entities":["a"],"action_on_non_existence":"overwrite"}]}`: "enum",
		`{}`: "missing",
	} {
		assert.Equal(t, kind, w.do("PATCH", "/variables", body, 422)["detail"].([]any)[0].(map[string]any)["type"], body)
	}
	assert.Equal(t, 403, w.call("oli", "PATCH", "/api/v2/variables", `{"actions":[]}`).status)
}

func TestConnectionsRoundTrip(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sent := `{"connection_id": "c.1", "conn_type": "http", "host": "h", "login": "me", "port": 80, "schema": "https", "description": "d", "extra": "{\"timeout\":  10, \"note\": \"x\"}"}`
	want := map[string]any{
		"connection_id": "c.1", "conn_type": "http", "host": "h", "login": "me", "port": 80.0, "schema": "https", "description": "d", "password": nil, "team_name": nil,
		"extra": `{"timeout":  10, "note": "x"}`,
	}
	assert.Equal(t, want, w.do("POST", "/connections", sent, 201))
	assert.Equal(t, want, w.get("/connections/c.1"))
	refused := w.do("POST", "/connections", sent, 409)["detail"].(map[string]any) // 11
	assert.Equal(t, "Unique constraint violation", refused["reason"])
	assert.Equal(t, "hidden", refused["statement"])
	want["host"], want["extra"] = "h2", `{"note": "y", "timeout": 9}`
	changed := strings.NewReplacer(`"h"`, `"h2"`, `{\"timeout\":  10, \"note\": \"x\"}`, `{\"note\": \"y\", \"timeout\": 9}`).Replace(sent)
	assert.Equal(t, want, w.do("PATCH", "/connections/c.1", changed, 200))
	assert.Equal(t, want, w.get("/connections/c.1"))
	events, err := w.store.CountEvents(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	assert.Equal(t, want, w.do("PATCH", "/connections/c.1", changed, 200))
	again, err := w.store.CountEvents(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	assert.Equal(t, events, again, "nothing was changed")
	w.do("DELETE", "/connections/c.1", "", 204)
	assert.Equal(t, "The Connection with connection_id: `c.1` was not found", detail(w.do("GET", "/connections/c.1", "", 404)))
	assert.Equal(t, 404, w.call("ann", "DELETE", "/api/v2/connections/c.1", "").status)
	assert.Equal(t, 404, w.call("ann", "PATCH", "/api/v2/connections/c.1", sent).status)
}

func TestConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.do("POST", "/connections", `{"connection_id":"db","conn_type":"postgres","password":"hunter22","host":"h","extra":"{\"api_key\":\"kkkkkk\",\"sslmode\":\"require\"}"}`, 201)
	assert.Equal(t, "***", got["password"])
	assert.Equal(t, `{"api_key":"***","sslmode":"require"}`, got["extra"]) // 25
	stored := func() *connections.Connection {
		c, err := w.store.Connections().Connection(t.Context(), "db")
		require.NoError(t, err)
		return c
	}
	// What is sent back as it was shown changes nothing.
	w.do("PATCH", "/connections/db", `{"connection_id":"db","conn_type":"postgres","password":"***","host":"other","extra":"{\"api_key\":\"***\",\"sslmode\":\"verify-ca\"}"}`, 200)
	assert.Equal(t, "hunter22", stored().GetPassword().Reveal())
	assert.JSONEq(t, `{"api_key":"kkkkkk","sslmode":"verify-ca"}`, stored().GetExtra().Reveal())
	assert.Equal(t, "other", stored().GetHost())
	assert.Contains(t, detail(w.do("PATCH", "/connections/db", `{"connection_id":"db","conn_type":"postgres","extra":"{\"other\":\"***\"}"}`, 400)), "extra.other: *** stands for a secret")
	assert.Contains(t, detail(w.do("POST", "/connections", `{"connection_id":"x","conn_type":"http","password":"***"}`, 400)), "give the secret itself")
	// A mask, and what is not sent.
	w.do("PATCH", "/connections/db?update_mask=login&update_mask=port", `{"connection_id":"db","conn_type":"mysql","login":"me","port":1,"host":"no"}`, 200)
	w.do("PATCH", "/connections/db", `{"connection_id":"db","conn_type":"postgres","schema":"s"}`, 200)
	c := w.get("/connections/db")
	assert.Equal(t, []any{"postgres", "me", 1.0, "other", "s"}, []any{c["conn_type"], c["login"], c["port"], c["host"], c["schema"]})
	assert.Nil(t, w.do("PATCH", "/connections/db", `{"connection_id":"db","conn_type":"postgres","password":null}`, 200)["password"])
	assert.Equal(t, "{}", w.do("PATCH", "/connections/db", `{"connection_id":"db","conn_type":"postgres","extra":""}`, 200)["extra"])
	// What is wrong.
	for body, status := range map[string]int{
		`{"connection_id":"other","conn_type":"t"}`:                            400,
		`{"connection_id":"db"}`:                                               422,
		`{"connection_id":"db","conn_type":"t","extra":"[1]"}`:                 400,
		`{"connection_id":"db","conn_type":"t","port":70000}`:                  400,
		`{"connection_id":"db","conn_type":"t","x":1}`:                         422,
		`{"connection_id":"db","conn_type":"t","team_name":"t"}`:               400,
		`{"connection_id":"db","conn_type":"t","port":"many"}`:                 422,
		`{"connection_id":"a b","conn_type":"t"}`:                              422,
		`{"connection_id":"` + strings.Repeat("c", 201) + `","conn_type":"t"}`: 422,
	} {
		assert.Equal(t, status, w.call("ann", "PATCH", "/api/v2/connections/db", body).status, body)
	}
	// Lists.
	w.do("POST", "/connections", `{"connection_id":"api","conn_type":"http","port":9}`, 201)
	w.do("POST", "/connections", `{"connection_id":"群","conn_type":"dingding"}`, 201)
	for query, want := range map[string][]string{
		"": {"api", "db", "群"}, "order_by=-conn_id": {"群", "db", "api"}, "order_by=conn_type": {"群", "api", "db"}, "order_by=port": {"db", "api", "群"},
		"order_by=-port": {"api", "db", "群"}, "connection_id_pattern=A": {"api"}, "limit=1&offset=1": {"db"},
	} {
		all := w.get("/connections?" + query)
		assert.Equal(t, want, ids(all, "connections", "connection_id"), query)
	}
	for _, who := range []string{"bob", "oli"} {
		assert.Equal(t, 403, w.call(who, "GET", "/api/v2/connections", "").status)
		assert.Equal(t, 403, w.call(who, "POST", "/api/v2/connections/test", `{"connection_id":"x","conn_type":"http"}`).status)
	}
	w.do("POST", "/connections/defaults", "", 204)
	assert.Len(t, w.get("/connections")["connections"], 3)
	// Elsewhere.
	w.elsewhere["connection ops"] = "the connections_file c.yaml"
	assert.Contains(t, detail(w.do("GET", "/connections/ops", "", 404)), "it comes from the connections_file c.yaml")
	for method, path := range map[string]string{"POST": "/connections", "PATCH": "/connections/ops", "DELETE": "/connections/ops"} {
		assert.Contains(t, detail(w.do(method, path, `{"connection_id":"ops","conn_type":"http"}`, 409)), "comes from the connections_file c.yaml", method)
	}
}

func TestBulkConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/connections", `{"connection_id":"a","conn_type":"http","password":"hunter22","host":"h"}`, 201)
	got := w.do("PATCH", "/connections", `{"actions":[
		{"action":"create","entities":[{"connection_id":"a","conn_type":"http","password":"***"}],"action_on_existence":"overwrite"},
		{"action":"create","entities":[{"connection_id":"b","conn_type":"http","port":-1}]},
		{"action":"update","entities":[{"connection_id":"a","conn_type":"smtp","login":"me"}],"update_mask":["login"]},
		{"action":"delete","entities":["none"]}]}`, 200)
	assert.Equal(t, []any{"a"}, got["create"].(map[string]any)["success"])
	assert.InEpsilon(t, 400.0, got["create"].(map[string]any)["errors"].([]any)[0].(map[string]any)["status_code"], 0)
	assert.Equal(t, []any{"a"}, got["update"].(map[string]any)["success"])
	assert.Equal(t, "The connections with these connection_ids: {'none'} were not found.", got["delete"].(map[string]any)["errors"].([]any)[0].(map[string]any)["error"])
	c, err := w.store.Connections().Connection(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, []string{"http", "hunter22", "", "me"}, []string{c.Type, c.GetPassword().Reveal(), c.GetHost(), c.GetLogin()}, "all that was not sent is gone")
}

func TestConnectionTests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/connections", `{"connection_id":"a","conn_type":"http","password":"hunter22"}`, 201)
	var got *connections.Connection
	w.tester = func(c *connections.Connection) (bool, string) {
		got = c
		return c.GetHost() == "good", "it is " + c.GetHost()
	}
	assert.Equal(t, map[string]any{"status": true, "message": "it is good"}, w.do("POST", "/connections/test", `{"connection_id":"a","conn_type":"http","host":"good","password":"***"}`, 200))
	assert.Equal(t, "hunter22", got.GetPassword().Reveal(), "stars stand for the stored secret")
	assert.Equal(t, map[string]any{"status": false, "message": "it is bad"}, w.do("POST", "/connections/test", `{"connection_id":"new","conn_type":"http","host":"bad"}`, 200))
	assert.Equal(t, 400, w.call("ann", "POST", "/api/v2/connections/test", `{"connection_id":"new","conn_type":"http","password":"***"}`).status)
	assert.Equal(t, 400, w.call("ann", "POST", "/api/v2/connections/test", `{"connection_id":"new","conn_type":"http","extra":"{"}`).status)
}

func TestPools(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sent := `{"name":"big/one","slots":5,"description":"d","include_deferred":false}`
	want := map[string]any{
		"name": "big/one", "slots": 5.0, "description": "d", "include_deferred": false, "occupied_slots": 0.0, "running_slots": 0.0, "queued_slots": 0.0,
		"scheduled_slots": 0.0, "deferred_slots": 0.0, "open_slots": 5.0, "team_name": nil,
	}
	assert.Equal(t, want, w.do("POST", "/pools", sent, 201))
	assert.Equal(t, "Unique constraint violation", w.do("POST", "/pools", sent, 409)["detail"].(map[string]any)["reason"])
	assert.Equal(t, want, w.get("/pools/big/one"))
	assert.Equal(t, want, w.get("/pools/big%2Fone"))
	// The Terraform provider sends the whole pool, with its name (22).
	want["slots"], want["open_slots"] = -1.0, -1.0
	assert.Equal(t, want, w.do("PATCH", "/pools/big/one", strings.ReplaceAll(sent, "5", "-1"), 200))
	assert.Equal(t, want, w.get("/pools/big/one"))
	assert.InEpsilon(t, 7.0, w.do("PATCH", "/pools/big/one?update_mask=slots", `{"slots":7,"description":"no"}`, 200)["slots"], 0)
	assert.Equal(t, "d", w.get("/pools/big/one")["description"])
	second := w.do("PATCH", "/pools/big/one", `{"pool":"big/one","slots":1}`, 422)["detail"].([]any)
	assert.Len(t, second, 1)
	assert.Equal(t, []any{"include_deferred"}, second[0].(map[string]any)["loc"])
	for body, status := range map[string]int{
		`{"pool":"other","slots":1,"include_deferred":false}`: 400, `{"name":"other","slots":1,"include_deferred":false}`: 400, `{"slots":-2,"include_deferred":false}`: 422, `{"open_slots":1}`: 422,
	} {
		assert.Equal(t, status, w.call("ann", "PATCH", "/api/v2/pools/big/one", body).status, body)
	}
	assert.Equal(t, 422, w.call("ann", "POST", "/api/v2/pools", `{"name":"x"}`).status)
	assert.Equal(t, 422, w.call("ann", "POST", "/api/v2/pools", `{"name":"","slots":1}`).status)
	// The default pool.
	assert.InEpsilon(t, 128.0, w.get("/pools/default_pool")["slots"], 0)
	assert.Equal(t, 400, w.call("ann", "PATCH", "/api/v2/pools/default_pool", `{"slots":1,"include_deferred":false}`).status)
	assert.Equal(t, 400, w.call("ann", "PATCH", "/api/v2/pools/default_pool?update_mask=slots&update_mask=description", `{"slots":1}`).status)
	assert.InEpsilon(t, 9.0, w.do("PATCH", "/pools/default_pool?update_mask=slots", `{"slots":9}`, 200)["slots"], 0)
	assert.Equal(t, "Default Pool can't be deleted", detail(w.do("DELETE", "/pools/default_pool", "", 400)))
	assert.Equal(t, 409, w.call("ann", "POST", "/api/v2/pools", `{"name":"default_pool","slots":1}`).status)
	// Lists.
	w.do("POST", "/pools", `{"name":"small","slots":1,"include_deferred":true}`, 201)
	assert.Equal(t, []string{"big/one", "default_pool", "small"}, ids(w.get("/pools"), "pools", "name"))
	assert.Equal(t, []string{"small", "default_pool", "big/one"}, ids(w.get("/pools?order_by=-pool"), "pools", "name"))
	assert.Equal(t, []string{"small"}, ids(w.get("/pools?pool_name_pattern=SM"), "pools", "name"))
	// Everybody looks, few change.
	assert.Equal(t, 200, w.call("bob", "GET", "/api/v2/pools", "").status)
	for _, who := range []string{"bob", "oli"} {
		assert.Equal(t, 403, w.call(who, "POST", "/api/v2/pools", sent).status)
		assert.Equal(t, 403, w.call(who, "DELETE", "/api/v2/pools/small", "").status)
	}
	got := w.do("PATCH", "/pools", `{"actions":[{"action":"update","entities":[{"name":"small","slots":2}]},{"action":"delete","entities":["default_pool"]},
		{"action":"delete","entities":["small"]},{"action":"create","entities":[{"name":"default_pool","slots":3,"description":"x"}],"action_on_existence":"overwrite"}]}`, 200)
	assert.Equal(t, []any{"small"}, got["update"].(map[string]any)["success"])
	assert.Equal(t, []any{"small"}, got["delete"].(map[string]any)["success"])
	assert.Equal(t, []any{map[string]any{"error": "Default Pool can't be deleted", "status_code": 400.0}}, got["delete"].(map[string]any)["errors"])
	assert.Len(t, got["create"].(map[string]any)["errors"], 1)
	// One that an action names twice is refused, as everywhere.
	got = w.do("PATCH", "/pools", `{"actions":[{"action":"create","entities":[{"name":"twice","slots":1},{"name":"twice","slots":2}]}]}`, 200)
	assert.Equal(t, []any{map[string]any{"error": "The Pool with name: `twice` already exists", "status_code": 409.0}}, got["create"].(map[string]any)["errors"])
	assert.Equal(t, 404, w.call("ann", "GET", "/api/v2/pools/twice", "").status, "and nothing of it stays")
	w.do("DELETE", "/pools/big/one", "", 204)
	assert.Equal(t, "The Pool with name: `big/one` was not found", detail(w.do("DELETE", "/pools/big/one", "", 404)))
	assert.Equal(t, 404, w.call("ann", "PATCH", "/api/v2/pools/big/one", sent).status)
}

// What tasks take of a pool.
func TestPoolsInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/pools", `{"name":"big","slots":5}`, 201)
	in := func(task string, s dag.State) store.Instance {
		return store.Instance{TaskID: task, MapIndex: -1, State: s, Try: 1, MaxTries: 1}
	}
	w.run("etl", "one", 1, dag.RunRunning, in("first", dag.Running), in("second", dag.Queued))
	w.run("etl", "two", 2, dag.RunRunning, in("first", dag.Deferred), in("second", dag.Scheduled))
	w.run("etl", "three", 3, dag.RunRunning, in("first", dag.Queued), in("second", dag.Success))
	w.run("etl", "four", 4, dag.RunFailed, in("first", dag.Running))
	of := func(name string) (out []float64) {
		p := w.get("/pools/" + name)
		for _, k := range []string{"running_slots", "queued_slots", "scheduled_slots", "deferred_slots", "occupied_slots", "open_slots"} {
			out = append(out, p[k].(float64))
		}
		return out
	}
	assert.Equal(t, []float64{1, 1, 0, 1, 2, 3}, of("big"))
	assert.Equal(t, []float64{0, 1, 1, 0, 1, 127}, of("default_pool"))
	w.do("PATCH", "/pools/big?update_mask=include_deferred", `{"include_deferred":true}`, 200)
	assert.Equal(t, []float64{1, 1, 0, 1, 3, 2}, of("big"))
}
