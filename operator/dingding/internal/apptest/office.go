package apptest

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// Office is a task whose app belongs to the demo organisation of a sandbox.
type Office struct {
	*operatortest.Task
	Box *sandboxtest.Sandbox
	App sandbox.App

	suite Suite
}

// Office starts a sandbox that ends with the test.
func (s Suite) Office(t *testing.T) *Office {
	t.Helper()
	box := sandboxtest.Start(t, sandboxtest.WithPathPrefix("/dingtalk"))
	o := &Office{Task: operatortest.NewTask(t), Box: box, App: box.Demo(), suite: s}
	o.Conns["dingtalk_default"] = &connections.Connection{
		ID: "dingtalk_default", Type: "dingtalk", Host: &box.URL, Login: &o.App.AppKey, Password: new(connections.Secret(o.App.AppSecret)),
		Extra: new(connections.Secret(fmt.Sprintf(`{"qps": 0, "agent_id": %d}`, o.App.AgentID))),
	}
	return o
}

// Run runs an operator, which must succeed, and returns its result as JSON values.
func (o *Office) Run(t *testing.T, name, text string) map[string]any {
	t.Helper()
	got, err := o.suite.Exec(t, o.Task, name, text)
	require.NoError(t, err, name)
	encoded, err := json.Marshal(got)
	require.NoError(t, err)
	var result map[string]any
	require.NoError(t, json.Unmarshal(encoded, &result))
	for _, a := range o.Box.Attempts() {
		assert.Empty(t, a.Ignored, "DingTalk does not know these parameters of %s", a.Call)
	}
	return result
}

// Fails runs an operator, which must fail at once, and returns what it says.
func (o *Office) Fails(t *testing.T, name, text string) string {
	t.Helper()
	_, err := o.suite.Exec(t, o.Task, name, text)
	require.Error(t, err, name)
	assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind, "%v", err)
	return err.Error()
}

// Text is a text in a result, which must not be empty.
func Text(t *testing.T, values map[string]any, name string) string {
	t.Helper()
	s, ok := values[name].(string)
	require.True(t, ok && s != "", "%s in %v", name, values)
	return s
}

// Nested is a mapping in a result.
func Nested(t *testing.T, values map[string]any, name string) map[string]any {
	t.Helper()
	m, ok := values[name].(map[string]any)
	require.True(t, ok, "%s in %v", name, values)
	return m
}
