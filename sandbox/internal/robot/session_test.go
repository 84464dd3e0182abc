package robot_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func TestSessionReply(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	c := o.TeamChat()
	path, expires, err := o.Server.OpenSession(sandbox.Session{AppKey: o.App.AppKey, Chat: c.OpenConversationID, UserID: "user004"})
	require.NoError(t, err)
	assert.Equal(t, boxtest.Moment.Add(90*time.Minute), expires)
	post := func(body string) boxtest.Reply {
		t.Helper()
		_, got := o.Do(t, http.MethodPost, path, body)
		return boxtest.Read[boxtest.Reply](t, got)
	}
	assert.Equal(t, boxtest.OK, post(`{"msgtype":"text","text":{"content":"收到"},"at":{"atUserIds":["user004","user001"]}}`))
	m := o.Messages(sandbox.Filter{})
	require.Len(t, m, 1)
	assert.Equal(t, []string{"user004"}, m[0].Mentions.Notified, "user001 is not in the group")
	assert.Equal(t, "平台组", m[0].Group)
	assert.Equal(t, 43004, func() int {
		_, got := o.Do(t, http.MethodPost, path, boxtest.Hello, "Content-Type", "text/plain")
		return boxtest.Read[boxtest.Reply](t, got).Code
	}())
	assert.Equal(t, 400105, post(`{"msgtype":"none"}`).Code)

	o.Clock.Advance(90 * time.Minute)
	assert.Equal(t, boxtest.Answer(300001, "session 不存在"), post(boxtest.Hello))
	path = "/robot/sendBySession?session=x"
	assert.Equal(t, 300001, post(boxtest.Hello).Code)
	_, _, err = o.Server.OpenSession(sandbox.Session{AppKey: o.App.AppKey, UserID: "nobody"})
	require.ErrorIs(t, err, sandbox.ErrNotFound)
}
