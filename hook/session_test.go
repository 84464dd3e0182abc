package hook_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/internal/calltest"
)

func TestReply(t *testing.T) {
	t.Parallel()
	fact := calltest.ReadFacts(t).Operations["robot_session_reply"]
	answers := []string{`{"errcode":0,"errmsg":"ok"}`, `{"errcode":300001,"errmsg":"session 不存在 6d1f-secret"}`, `{"errcode":-1,"errmsg":"busy"}`}
	s := calltest.Start(t, calltest.Answering(answers...))
	a := s.App(t)
	address := s.URL + "/legacy/robot/sendBySession?session=6d1f-secret"
	m := hook.Text("got it")
	m.AtUserIDs = []string{"u001"}
	_, err := a.Reply(t.Context(), address, m)
	require.NoError(t, err)
	got := s.Got()[0]
	assert.Equal(t, []string{fact.Method, fact.Path, "6d1f-secret", ""}, []string{got.Method, got.Path, got.Query.Get("session"), got.Token})
	want, _ := fact.Request.Body.(map[string]any)
	calltest.CheckWithin(t, "body", want, calltest.BodyOf(t, got))
	assert.Zero(t, s.Fetched("legacy"))

	_, err = a.Reply(t.Context(), address, m)
	e := calltest.Failed(t, err)
	assert.Equal(t, hook.KindAuth, e.Kind)
	assert.Contains(t, e.Error(), "the session has expired")
	assert.NotContains(t, e.Error(), "6d1f-secret")

	_, err = a.Reply(t.Context(), address, m)
	assert.Equal(t, hook.KindUnavailable, calltest.Failed(t, err).Kind)
	assert.Len(t, s.Got(), 3, "a reply is not repeated")
	_, err = a.Reply(t.Context(), "6d1f-secret", m)
	assert.Contains(t, calltest.Failed(t, err).Error(), "is not an address")
}
