package api_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/connections"
)

// details are what the events say beside their kinds.
func (w *world) details() (out []string) {
	w.t.Helper()
	es, err := w.Events(w.t.Context(), api.EventQuery{})
	require.NoError(w.t, err)
	for _, e := range es.Items {
		out = append([]string{e.Owner + " " + string(e.Event) + " " + string(e.Extra)}, out...)
	}
	return out
}

func TestConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := &connections.Connection{
		ID: "ops", Type: "http", Host: new("example.com"), Port: new(8080), Login: new("me"), Password: new(connections.Secret("s3cr3t-word")),
		Extra: new(connections.Secret(`{"token": "t0ken-word"}`)),
	}
	require.NoError(t, w.as(ann).SetConnection(t.Context(), c, false))
	err := w.SetConnection(t.Context(), c, false)
	require.ErrorIs(t, err, api.ErrExists)
	require.NoError(t, w.as(ann).SetConnection(t.Context(), c, true))
	all, err := w.Connections(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	one, err := w.Connection(t.Context(), "ops")
	require.NoError(t, err)
	assert.Equal(t, all[0], one)
	assert.Equal(t, "***", *one.Password)
	assert.Equal(t, "me", *one.Login)
	b, err := json.Marshal(all)
	require.NoError(t, err)
	for _, secret := range []string{"s3cr3t-word", "t0ken-word"} {
		assert.NotContains(t, string(b), secret)
	}
	kept, err := w.store.Connections().Connection(t.Context(), "ops")
	require.NoError(t, err)
	assert.Equal(t, "s3cr3t-word", kept.Password.Reveal())

	kept.Password = new(connections.Secret("***"))
	assert.Equal(t, "password", field(t, w.SetConnection(t.Context(), kept, true)))
	require.Error(t, w.SetConnection(t.Context(), &connections.Connection{ID: "a b", Type: "http"}, true))
	_, err = w.Connection(t.Context(), "opps")
	require.ErrorIs(t, err, api.ErrNotFound)
	require.ErrorContains(t, err, `did you mean "ops"`)
	require.ErrorIs(t, w.DeleteConnection(t.Context(), "opps"), api.ErrNotFound)
	require.NoError(t, w.as(ann).DeleteConnection(t.Context(), "ops"))
	assert.Equal(t, []string{
		`ann connection_set {"conn_id":"ops","conn_type":"http"}`, `ann connection_set {"conn_id":"ops","conn_type":"http"}`, `ann connection_delete {"conn_id":"ops"}`,
	}, w.details(), "what was refused is none, and no secret is in it")
}

func TestVariables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := map[string]connections.Variable{"b": {Value: "v4lue-word", Description: "what for"}, "a": {Value: "1"}}
	n, err := w.as(ann).SetVariables(t.Context(), in, api.Fail)
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	all, err := w.Variables(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []api.Variable{{Key: "a"}, {Key: "b", Description: "what for"}}, all, "by key, without the values")
	_, err = w.SetVariables(t.Context(), map[string]connections.Variable{"new": {Value: "1"}, "b": {Value: "2"}}, api.Fail)
	require.ErrorIs(t, err, api.ErrExists)
	n, err = w.as(ann).SetVariables(t.Context(), map[string]connections.Variable{"c": {Value: "1"}, "b": {Value: "2"}}, api.Skip)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	v, err := w.store.Vault().Variable(t.Context(), "b")
	require.NoError(t, err)
	assert.Equal(t, "v4lue-word", v)
	_, err = w.SetVariables(t.Context(), map[string]connections.Variable{"": {}}, api.Overwrite)
	assert.Equal(t, "key", field(t, err))
	_, err = w.SetVariables(t.Context(), in, "maybe")
	assert.Equal(t, "action_on_existing_key", field(t, err))
	require.NoError(t, w.as(ann).DeleteVariable(t.Context(), "c"))
	err = w.DeleteVariable(t.Context(), "new")
	require.ErrorIs(t, err, api.ErrNotFound, "all or none")
	assert.Equal(t, []string{
		`ann variable_set {"key":"a"}`, `ann variable_set {"key":"b"}`, `ann variable_set {"key":"c"}`, `ann variable_delete {"key":"c"}`,
	}, w.details())
}

// Without a store there are no secrets to look for.
func TestThereIsNoVault(t *testing.T) {
	t.Parallel()
	a := api.New(api.Options{})
	cs, err := a.Connections(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []api.Connection{}, cs)
	vs, err := a.Variables(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []api.Variable{}, vs)
	_, err = a.Connection(t.Context(), "ops")
	require.ErrorIs(t, err, api.ErrNotFound)
	require.ErrorIs(t, a.DeleteConnection(t.Context(), "ops"), api.ErrNotFound)
	require.ErrorIs(t, a.DeleteVariable(t.Context(), "a"), api.ErrNotFound)
}
