package pages_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
)

func TestPools(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(w.seen("etl"), 1, dag.RunRunning, task("extract", 1, dag.Running), task("load", 1, dag.Queued))
	has(t, w.get("/pools").body, `aria-label="2 of 128 slots are taken"`)

	set := func(form url.Values) int { t.Helper(); return w.post("/pools", form).status }
	assert.Equal(t, http.StatusSeeOther, set(url.Values{"pool": {"ware/<b>house"}, "slots": {"3"}, "description": {"<i>slow</i>"}, "include_deferred": {"on"}}))
	got := w.get("/pools").body
	for _, text := range []string{"ware/&lt;b&gt;house", "&lt;i&gt;slow&lt;/i&gt;", "take slots", "0/3"} {
		has(t, got, text)
	}
	again := w.post("/pools", url.Values{"pool": {"ware/<b>house"}, "slots": {"4"}})
	assert.Equal(t, http.StatusUnprocessableEntity, again.status)
	has(t, again.body, "There is a pool")
	for _, slots := range []string{"-2", "many", ""} {
		bad := w.post("/pools", url.Values{"pool": {"other"}, "slots": {slots}})
		assert.Equal(t, http.StatusUnprocessableEntity, bad.status, slots)
		has(t, bad.body, `value="other"`) // what was filled in is not lost
	}
	has(t, w.get("/pools?edit=ware%2F%3Cb%3Ehouse").body, `name="was" value="ware/&lt;b&gt;house"`)
	assert.Equal(t, http.StatusSeeOther, set(url.Values{"was": {"ware/<b>house"}, "slots": {"-1"}}))
	assert.Equal(t, http.StatusNotFound, set(url.Values{"was": {"gone"}, "slots": {"1"}}), "a tab that is old makes no pool anew")
	assert.Equal(t, http.StatusSeeOther, set(url.Values{"was": {"default_pool"}, "slots": {"16"}}))

	w.visitor.Configures = false
	seen := w.get("/pools?edit=default_pool").body
	has(t, seen, "2/16")
	hasNot(t, seen, "<button class=\"primary\"")
	hasNot(t, seen, "/pools/delete")
	assert.Equal(t, http.StatusForbidden, set(url.Values{"was": {"default_pool"}, "slots": {"1"}}))
	assert.Equal(t, http.StatusForbidden, w.post("/pools/delete", url.Values{"pool": {"ware/<b>house"}}).status)
	w.visitor.Configures = true
	assert.Equal(t, http.StatusUnprocessableEntity, w.post("/pools/delete", url.Values{"pool": {"default_pool"}}).status)
	assert.Equal(t, http.StatusSeeOther, w.post("/pools/delete", url.Values{"pool": {"ware/<b>house"}}).status)
	assert.Equal(t, http.StatusNotFound, w.post("/pools/delete", url.Values{"pool": {"ware/<b>house"}}).status)
	assert.Equal(t, []string{"pool_delete", "pool_set", "pool_set", "pool_set"}, w.events())
}

// value is what a variable has, secrets and all.
func (w *world) value(key string) string {
	w.t.Helper()
	v, err := w.store.Vault().Variable(w.t.Context(), key)
	require.NoError(w.t, err)
	return v
}

func TestVariables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	has(t, w.get("/variables").body, "The store has no variables yet.")
	set := func(form url.Values) answer { t.Helper(); return w.post("/variables", form) }
	assert.Equal(t, http.StatusSeeOther, set(url.Values{"key": {"re/<b>gion"}, "value": {"<i>cn</i>\r\nhz"}, "description": {"where"}}).status)
	assert.Equal(t, "<i>cn</i>\nhz", w.value("re/<b>gion"))
	assert.Equal(t, http.StatusSeeOther, set(url.Values{"key": {"api_token"}, "value": {"tok-en-secret"}}).status)
	assert.Equal(t, http.StatusSeeOther, set(url.Values{"key": {"conf"}, "value": {`{"password": "pass-word-1", "rows": 3}`}}).status)
	got := w.get("/variables").body
	has(t, got, "re/&lt;b&gt;gion")
	has(t, got, "&lt;i&gt;cn&lt;/i&gt;")
	for _, secret := range []string{"tok-en-secret", "pass-word-1"} {
		hasNot(t, got, secret)
		hasNot(t, w.get("/variables?edit=api_token").body, secret)
		hasNot(t, w.get("/variables?edit=conf").body, secret)
		hasNot(t, w.get("/variables/export").body, secret)
	}
	// What is sent back as it was shown keeps its secrets.
	assert.Equal(t, http.StatusSeeOther, set(url.Values{"was": {"api_token"}, "value": {"***"}, "description": {"of the shop"}}).status)
	assert.Equal(t, "tok-en-secret", w.value("api_token"))
	assert.Equal(t, http.StatusSeeOther, set(url.Values{"was": {"conf"}, "value": {`{"password": "***", "rows": 4}`}}).status)
	assert.JSONEq(t, `{"password": "pass-word-1", "rows": 4}`, w.value("conf"))

	for name, form := range map[string]url.Values{
		"no key": {"value": {"x"}}, "there": {"key": {"conf"}, "value": {"tok-en-other"}}, "stars": {"key": {"new"}, "value": {"***"}}, "of a file": {"key": {"of_a_file"}, "value": {"x"}},
	} {
		bad := set(form)
		assert.Equal(t, http.StatusUnprocessableEntity, bad.status, name)
		hasNot(t, bad.body, "tok-en-other")
	}
	has(t, set(url.Values{"key": {"of_a_file"}, "value": {"x"}}).body, "comes from /etc/dingdag/connections.yaml")
	assert.Equal(t, http.StatusNotFound, set(url.Values{"was": {"gone"}, "value": {"x"}}).status)

	file := w.get("/variables/export")
	assert.Equal(t, `attachment; filename=variables.json`, file.header.Get("Content-Disposition"))
	var all map[string]string
	require.NoError(t, json.Unmarshal([]byte(file.body), &all))
	assert.Equal(t, "***", all["api_token"])

	w.visitor.Configures = false
	for _, path := range []string{"/variables", "/variables?edit=conf", "/variables/export", "/connections", "/connections/edit", "/connections/export"} {
		assert.Equal(t, http.StatusForbidden, w.get(path).status, path)
	}
	hasNot(t, w.get("/system").body, `href="/variables"`)
	for _, path := range []string{"/variables", "/variables/delete", "/connections/edit", "/connections/delete", "/connections/test"} {
		assert.Equal(t, http.StatusForbidden, w.post(path, url.Values{"key": {"conf"}, "conn_id": {"ops"}, "value": {"x"}}).status, path)
	}
	w.visitor.Configures = true
	assert.Equal(t, http.StatusSeeOther, w.post("/variables/delete", url.Values{"key": {"conf"}}).status)
	assert.Equal(t, http.StatusNotFound, w.post("/variables/delete", url.Values{"key": {"conf"}}).status)
	assert.Equal(t, []string{"variable_delete", "variable_set", "variable_set", "variable_set", "variable_set", "variable_set"}, w.events())
}

func TestConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	has(t, w.get("/connections").body, "The store has no connections yet.")
	set := func(form url.Values) answer { t.Helper(); return w.post("/connections/edit", form) }
	made := set(url.Values{
		"conn_id": {"ops"}, "conn_type": {"dingding"}, "host": {"http://127.0.0.1:8090/x"}, "port": {"8090"}, "description": {"<b>on call</b>"}, "password": {"robot-token-1"},
		"extra": {"{\r\n\"secret\": \"SEC-of-robot\", \"keyword\": \"alert\"}"},
	})
	assert.Equal(t, http.StatusSeeOther, made.status)
	assert.Equal(t, "/connections/edit?conn_id=ops", made.header.Get("Location"))
	edit := w.get("/connections/edit?conn_id=ops").body
	for _, text := range []string{`name="password" type="password" value="***"`, "&#34;keyword&#34;: &#34;alert&#34;", "&lt;b&gt;on call&lt;/b&gt;", `href="http://127.0.0.1:8090/x/"`, "sends a message to its group"} {
		has(t, edit, text)
	}
	stored := func() (password, extra string) {
		c, err := w.store.Connections().Connection(t.Context(), "ops")
		require.NoError(t, err)
		return c.GetPassword().Reveal(), c.GetExtra().Reveal()
	}
	// The form as it is shown, with another host, keeps the secrets.
	assert.Equal(t, http.StatusSeeOther, set(url.Values{
		"was": {"ops"}, "conn_type": {"dingding"}, "host": {"https://example.com"}, "password": {"***"}, "extra": {"{\"secret\": \"***\", \"keyword\": \"night\"}"},
	}).status)
	password, extra := stored()
	assert.Equal(t, "robot-token-1", password)
	assert.JSONEq(t, `{"secret": "SEC-of-robot", "keyword": "night"}`, extra)
	hasNot(t, w.get("/connections/edit?conn_id=ops").body, "Inbox of the sandbox")

	// What the commands refuse is refused here, secrets in their places.
	refused := set(url.Values{"was": {"ops"}, "conn_type": {"dingding"}, "password": {"***"}, "extra": {`{"secret": "***", "keyword": 5}`}})
	assert.Equal(t, 422, refused.status)
	has(t, refused.body, "checked: the secret is kept")
	_, extra = stored()
	assert.JSONEq(t, `{"secret": "SEC-of-robot", "keyword": "night"}`, extra)

	for name, form := range map[string]url.Values{
		"no id": {"conn_type": {"http"}}, "a wrong id": {"conn_id": {"a b"}, "conn_type": {"http"}}, "no type": {"conn_id": {"x"}}, "a wrong port": {"conn_id": {"x"}, "conn_type": {"http"}, "port": {"99999"}},
		"a wrong extra": {"conn_id": {"x"}, "conn_type": {"http"}, "extra": {`["robot-token-2"]`}}, "stars": {"conn_id": {"x"}, "conn_type": {"http"}, "password": {"***"}},
		"there": {"conn_id": {"ops"}, "conn_type": {"http"}, "password": {"robot-token-2"}}, "of a file": {"conn_id": {"of_a_file"}, "conn_type": {"http"}},
	} {
		bad := set(form)
		assert.Equal(t, http.StatusUnprocessableEntity, bad.status, name)
		has(t, bad.body, `role="alert"`)
		hasNot(t, bad.body, "robot-token-2")
	}
	assert.Equal(t, http.StatusNotFound, set(url.Values{"was": {"gone"}, "conn_type": {"http"}}).status)

	for _, path := range []string{"/connections", "/connections/export", "/connections/edit?conn_id=ops"} {
		got := w.get(path).body
		hasNot(t, got, "robot-token-1")
		hasNot(t, got, "SEC-of-robot")
	}
	var file map[string]map[string]any
	require.NoError(t, json.Unmarshal([]byte(w.get("/connections/export").body), &file))
	assert.Equal(t, "***", file["ops"]["password"])

	tested := w.post("/connections/test", url.Values{"conn_id": {"ops"}})
	assert.Equal(t, http.StatusOK, tested.status)
	has(t, tested.body, "The connection works.")
	has(t, tested.body, "asked &lt;b&gt;DingTalk&lt;/b&gt; about ops with ***")
	assert.Equal(t, http.StatusNotFound, w.post("/connections/test", url.Values{"conn_id": {"gone"}}).status)
	assert.Equal(t, http.StatusSeeOther, w.post("/connections/delete", url.Values{"conn_id": {"ops"}}).status)
	assert.Equal(t, http.StatusNotFound, w.post("/connections/delete", url.Values{"conn_id": {"ops"}}).status)
	assert.Equal(t, []string{"connection_delete", "connection_set", "connection_set"}, w.events())
}
