package pages_test

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api/bindings"
	"github.com/dingdag/dingdag/store"
)

func TestBindingsAreSeenAndEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assert.Contains(t, w.get("/bindings").body, "No conversation is bound to anything yet")
	bs := bindings.New(w.store, store.Actor{Name: "user001", Via: "chat"}, func() time.Time { return now.Add(-time.Hour) })
	group, _, err := bs.Bind(t.Context(), bindings.Conversation{ConnID: "office", ID: "cidG", Title: "<b>ops</b> & night", Group: true}, "tag:sales")
	require.NoError(t, err)
	_, _, err = bs.Bind(t.Context(), bindings.Conversation{ConnID: "office", ID: "cidP", UserID: "user002"}, "etl")
	require.NoError(t, err)

	a := w.get("/bindings")
	assert.Equal(t, http.StatusOK, a.status)
	for _, text := range []string{"&lt;b&gt;ops&lt;/b&gt; &amp; night", "<code>tag:sales</code>", "user002 <span class=\"dim\">one to one</span>", "<code>etl</code>", "1h 00m ago"} {
		assert.Contains(t, a.body, text)
	}
	assert.NotContains(t, a.body, "<b>ops")
	assert.Contains(t, w.get("/bindings", "Accept-Language", "zh").body, "解除绑定")

	end := func(id string) int { return w.post("/bindings/end", url.Values{"id": {id}}).status }
	assert.Equal(t, http.StatusUnprocessableEntity, end("first"))
	w.visitor.Configures = false
	assert.Equal(t, http.StatusForbidden, end(strconv.FormatInt(group.ID, 10)))
	assert.NotContains(t, w.get("/bindings").body, "Unbind")
	w.visitor.Configures = true
	for range 2 { // twice is no mistake
		assert.Equal(t, http.StatusSeeOther, end(strconv.FormatInt(group.ID, 10)))
	}
	left, err := bs.List(t.Context())
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.Equal(t, "etl", left[0].What)

	w.visitor.Sees = func(string, []string, []string) bool { return true }
	assert.Equal(t, http.StatusForbidden, w.get("/bindings").status, "a conversation may be told of any DAG")
	assert.NotContains(t, w.get("/system").body, `href="/bindings"`)
}
