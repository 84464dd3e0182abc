package login_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/elsewhere"
	"github.com/dingdag/dingdag/chat/login"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rights are those of one person in one organisation.
type rights struct {
	role roles.Role
	err  error
}

func (r rights) Of(_ context.Context, connID, userID string) (roles.Role, error) {
	if connID != "office" || userID != "user001" {
		return access.Nobody, nil
	}
	return r.role, r.err
}

// dingtalk answers as the test says, by path.
func dingtalk(t *testing.T, answers map[string]string) *hook.App {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := answers[r.URL.Path]
		if !ok {
			text = `{"errcode":0,"access_token":"app","expires_in":7200,"accessToken":"app","expireIn":7200}`
		}
		if len(text) > 1 && text[0] == '!' {
			w.WriteHeader(http.StatusBadRequest)
			text = text[1:]
		}
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(srv.Close)
	h := hook.New(connections.Static{"office": {Type: "dingtalk", Host: &srv.URL, Login: new("key"), Password: new(connections.Secret("s3cr3t-word"))}})
	t.Cleanup(h.CloseIdleConnections)
	return h.App("office")
}

func TestWhoMaySignIn(t *testing.T) {
	t.Parallel()
	const token, me, member = "/v1.0/oauth2/userAccessToken", "/v1.0/contact/users/me", "/topapi/user/getbyunionid"
	good := map[string]string{
		token: `{"accessToken":"ut","expireIn":7200}`, me: `{"nick":"张三","unionId":"union1"}`, member: `{"errcode":0,"result":{"userid":"user001","contact_type":0}}`,
	}
	operator := rights{role: access.Operator}
	for name, c := range map[string]struct {
		back    string
		answers map[string]string
		rights  rights
		refused string // the reason
		fails   string // or what cannot be done now
	}{
		"a member":                {rights: operator},
		"despite a problem":       {rights: rights{access.Operator, errors.New("departments")}},
		"cancelled":               {back: "error=access_denied", rights: operator, refused: "refused or cancelled in DingTalk"},
		"a used code":             {answers: map[string]string{token: `!{"code":"invalidParameter.authCode.notFound","message":"no"}`}, rights: operator, refused: "was used before, or is too old"},
		"nobody's":                {answers: map[string]string{me: `{"nick":"x"}`}, rights: operator, refused: "not a member"},
		"an outsider":             {answers: map[string]string{member: `{"errcode":60121,"errmsg":"no user"}`}, rights: operator, refused: "not a member"},
		"an external contact":     {answers: map[string]string{member: `{"errcode":0,"result":{"userid":"user001","contact_type":1}}`}, rights: operator, refused: "not a member"},
		"a member without a role": {refused: "user user001 has no role"},
		"roles are not known":     {rights: rights{err: errors.New("directory is down")}, fails: "directory is down"},
		"a wrong app secret":      {answers: map[string]string{token: `!{"code":"invalidClientIdOrSecret","message":"no"}`}, rights: operator, fails: "invalidClientIdOrSecret"},
	} {
		answers := maps.Clone(good)
		maps.Copy(answers, c.answers)
		if c.back == "" {
			c.back = "authCode=abcd"
		}
		back, err := url.ParseQuery(c.back)
		require.NoError(t, err)
		who, err := login.New(dingtalk(t, answers), c.rights).Finish(t.Context(), elsewhere.Trip{}, back)
		var refused *elsewhere.RefusedError
		switch {
		case c.refused != "":
			require.ErrorAs(t, err, &refused, name)
			assert.Contains(t, refused.Reason.String(), c.refused, name)
		case c.fails != "":
			require.ErrorContains(t, err, c.fails, name)
			assert.NotErrorAs(t, err, &refused, name)
			assert.NotContains(t, err.Error(), "s3cr3t", name)
		default:
			require.NoError(t, err, name)
			assert.Equal(t, &elsewhere.Person{Issuer: "dingtalk", Subject: "union1", Names: []string{"user001", "user001@dingtalk"}, FullName: "张三", Role: access.Operator}, who, name)
		}
	}
}
