package bindings_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/api/bindings"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{"etl": {"dag", "etl"}, "*": {"all", ""}, "owner:ann lee": {"owner", "ann lee"}, "tag:a:b": {"tag", "a:b"}} {
		kind, value, err := bindings.Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, [2]string{string(kind), value}, text)
	}
	for _, text := range []string{"", "owner:", "tag: ", "dag:x", ":x"} {
		_, _, err := bindings.Parse(text)
		assert.Error(t, err, text)
	}
}

// A message that was carried out binds nothing twice, and each change has its event.
func TestBindOnce(t *testing.T) {
	t.Parallel()
	s := sqlitetest.Open(t, filepath.Join(t.TempDir(), "db"), sqlite.Options{Synchronous: "NORMAL"})
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	bs := bindings.New(s, store.Actor{Name: "opal", Via: store.ViaChat, Ref: "app/m1"}, func() time.Time { return at })
	where := bindings.Conversation{ConnID: "app", ID: "cid", Title: "on call", Group: true}
	b, created, err := bs.Bind(t.Context(), where, "tag:sales")
	require.NoError(t, err)
	assert.True(t, created)
	assert.Equal(t, bindings.Binding{ID: 1, ConnID: "app", ConversationID: "cid", Title: "on call", Group: true, What: "tag:sales", MadeBy: "opal (chat)", MadeAt: at}, b)
	_, created, err = bs.Bind(t.Context(), where, "tag:sales")
	require.NoError(t, err)
	assert.False(t, created)
	_, _, err = bs.Bind(t.Context(), where, "etl")
	require.ErrorIs(t, err, store.ErrRepeated)
	all, err := bs.List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []bindings.Binding{b}, all, "what was refused is not there")

	other := bs.By(store.Actor{Name: "ann", Via: store.ViaCLI})
	ended, err := other.Unbind(t.Context(), func(b bindings.Binding) bool { return b.What == "tag:sales" })
	require.NoError(t, err)
	assert.Equal(t, []bindings.Binding{b}, ended)
	es, err := s.Events(t.Context(), store.EventFilter{Kinds: []store.EventKind{store.EventChatBind, store.EventChatUnbind}})
	require.NoError(t, err)
	require.Len(t, es, 2)
	assert.Equal(t, "ann", es[0].Actor.Name)
	assert.JSONEq(t, `{"binding_id": 1, "conn_id": "app", "open_conversation_id": "cid", "title": "on call", "what": "tag:sales"}`, string(es[0].Extra))
}
