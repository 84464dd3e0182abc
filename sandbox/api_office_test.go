package sandbox_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

// The JSON API does what the methods of the server do.
func TestOfficeAPI(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	api := func(want int, method, path, body string) string {
		t.Helper()
		status, got := b.Do(t, method, "/sandbox/api/"+path, body)
		require.Equal(t, want, status, got)
		return got
	}
	app := sandbox.DemoApp("a")
	app.QPS = 5
	require.JSONEq(t, boxtest.Encoded(t, app), api(200, http.MethodPost, "apps", boxtest.Encoded(t, app)))
	api(409, http.MethodPost, "apps", boxtest.Encoded(t, app))
	app.QPS = -1
	api(200, http.MethodPut, "apps/"+app.AppKey, boxtest.Encoded(t, app))
	api(404, http.MethodPut, "apps/nope", boxtest.Encoded(t, app))
	assert.Equal(t, []sandbox.App{app}, b.Apps())
	o := &boxtest.Office{Bench: b, App: app}
	o.Token, _ = b.NewToken(t, app)

	api(200, http.MethodPost, "organisation", boxtest.Encoded(t, sandbox.DemoOrganisation()))
	assert.Contains(t, api(200, http.MethodGet, "users", ""), `"user_id":"user012"`)
	api(200, http.MethodPost, "departments", `{"id":7,"parent_id":1,"name":"财务部"}`)
	assert.Contains(t, api(200, http.MethodPost, "users", `{"name":"x","mobile":"139","departments":[7]}`), `"union_id":"`)
	api(404, http.MethodPost, "users", `{"name":"x","mobile":"140","departments":[99]}`)
	assert.Contains(t, api(200, http.MethodGet, "departments", ""), "财务部")
	api(200, http.MethodPost, "chats", `{"chat_id":"chatx","open_conversation_id":"cidx==","name":"群","owner":"user001","members":[],"bots":["`+app.AppKey+`"]}`)
	assert.Contains(t, api(200, http.MethodGet, "chats", ""), `"members":["user001"]`)
	api(200, http.MethodPost, "workspaces", `{"id":"SpaceX","name":"x","creator":"user001","root_node_id":"","members":null}`)
	api(200, http.MethodPost, "nodes", `{"workspace_id":"SpaceX","name":"n","extension":"adoc"}`)
	api(200, http.MethodPost, "workbooks", `{"workspace_id":"SpaceX","name":"w","sheets":[{"name":"s","values":[["a",1]]}]}`)
	assert.Contains(t, api(200, http.MethodGet, "workspaces", ""), "SpaceX")
	assert.Contains(t, api(200, http.MethodGet, "nodes", ""), `"extension":"adoc"`)
	assert.Contains(t, api(200, http.MethodGet, "workbooks/"+sandbox.DemoWorkbookID, ""), `["合计",26,`)
	api(404, http.MethodGet, "workbooks/nope", "")
	api(404, http.MethodGet, "cards/nope", "")
	api(404, http.MethodGet, "media/nope", "")
	assert.Contains(t, api(200, http.MethodGet, "calls", ""), `"rows.append"`)

	id, _ := o.Notify(t, `"userid_list":"user001"`, boxtest.TextNotice("x"))
	api(200, http.MethodPost, "notices/"+strconv.FormatInt(id, 10)+"/read", `{"users":["user001"]}`)
	api(404, http.MethodPost, "notices/1/read", `{"users":[]}`)
	api(404, http.MethodPost, "notices/x/read", `{"users":[]}`)
	assert.Contains(t, api(200, http.MethodGet, "notices", ""), `"read":["user001"]`)
	assert.JSONEq(t, `{"dings":[]}`, api(200, http.MethodGet, "dings", ""))
	api(404, http.MethodPost, "messages/read", `{"key":"nope","users":[]}`)
	assert.JSONEq(t, `{"expired":1}`, api(200, http.MethodDelete, "apps/"+app.AppKey+"/tokens", ""))
}
