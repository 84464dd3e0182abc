package pages_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
)

const password = "correct horse"

// user adds somebody who may sign in, with a password.
func (w *world) user(name string, role access.Role, dags ...string) {
	w.t.Helper()
	_, err := w.people.Create(w.t.Context(), accounts.NewUser{Name: name, FullName: "<b>" + name + "</b>", Role: role, DAGs: dags, Password: password}, accounts.Actor{Name: "root", Via: "cli"})
	require.NoError(w.t, err)
}

// known adds somebody without one, which takes no time.
func (w *world) known(u accounts.User) {
	w.t.Helper()
	u.CreatedAt = now
	w.write(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.InsertUser(ctx, &u)
		return err
	})
}

func TestUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("ann", access.Admin)
	w.known(accounts.User{Name: "olga", Role: "operator", DAGs: []string{"tag:sales"}, Issuer: "https://id.example.com", Subject: "7"})
	has(t, w.get("/system").body, `href="/users"`)
	list := w.get("/users").body
	for _, text := range []string{`href="/users/ann"`, "&lt;b&gt;ann&lt;/b&gt;", "admin", "<code>tag:sales</code>", "https://id.example.com", "never"} {
		has(t, list, text)
	}

	create := func(form url.Values) answer { t.Helper(); return w.post("/users", form) }
	for name, c := range map[string]struct {
		form   url.Values
		status int
		text   string
	}{
		"no name":         {url.Values{"role": {"viewer"}, "password": {password}}, 422, "A user name has"},
		"a wrong name":    {url.Values{"username": {"a b"}, "role": {"viewer"}, "password": {password}}, 422, "A user name has"},
		"taken":           {url.Values{"username": {"ANN"}, "role": {"viewer"}, "password": {password}}, 422, "already"},
		"short":           {url.Values{"username": {"bob"}, "role": {"viewer"}, "password": {"short-pw!"}}, 422, "it needs 10"},
		"long":            {url.Values{"username": {"bob"}, "role": {"viewer"}, "password": {strings.Repeat("x", 1025)}}, 422, "longer than 1024 bytes"},
		"its own name":    {url.Values{"username": {"bobbobbob1"}, "role": {"viewer"}, "password": {"BOBBOBBOB1"}}, 422, "the password is the name of the user"},
		"no role":         {url.Values{"username": {"bob"}, "role": {"root"}, "password": {password}}, 422, "no such choice"},
		"wrong DAGs":      {url.Values{"username": {"bob"}, "role": {"viewer"}, "password": {password}, "dags": {"sales"}}, 422, "names no DAGs"},
		"a limited admin": {url.Values{"username": {"bob"}, "role": {"admin"}, "password": {password}, "dags": {"tag:sales"}}, 422, "an admin is not limited"},
	} {
		got := create(c.form)
		assert.Equal(t, c.status, got.status, name)
		has(t, got.body, c.text)
		hasNot(t, got.body, c.form.Get("password"))
	}
	made := create(url.Values{"username": {"Bob"}, "full_name": {"Bob B"}, "role": {"operator"}, "password": {password}, "dags": {"tag:sales\r\n\r\nowner:data team"}})
	require.Equal(t, http.StatusSeeOther, made.status, made.body)
	assert.Equal(t, "/users/bob", made.header.Get("Location"))
	bob, err := w.people.User(t.Context(), "bob")
	require.NoError(t, err)
	assert.Equal(t, []string{"owner:data team", "tag:sales"}, bob.DAGs)
	_, err = w.people.Verify(t.Context(), "bob", password, "192.0.2.1")
	require.NoError(t, err)

	for _, path := range []string{"/users/nobody", "/users/a%20b"} {
		assert.Equal(t, http.StatusNotFound, w.get(path).status, path)
	}
	has(t, w.get("/users/olga").body, "signs in elsewhere")
	assert.Equal(t, []string{"user_create", "user_create"}, w.events())

	w.visitor.Configures = false
	for _, path := range []string{"/users", "/users/bob", "/users/nobody"} {
		assert.Equal(t, http.StatusForbidden, w.get(path).status, path)
	}
	for _, path := range []string{"/users", "/users/bob", "/users/bob/disable", "/users/bob/password", "/users/bob/sign_out", "/users/bob/delete", "/users/nobody/delete", "/users/bob/tokens/1/revoke"} {
		assert.Equal(t, http.StatusForbidden, w.post(path, url.Values{"username": {"x"}, "password": {password}, "disabled": {"true"}}).status, path)
	}
	hasNot(t, w.get("/system").body, `href="/users"`)
}

func TestUserIsChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("ann", access.Admin)
	w.user("bob", access.Viewer)
	bob := func() *accounts.User {
		t.Helper()
		u, err := w.people.User(t.Context(), "bob")
		require.NoError(t, err)
		return u
	}
	page := w.get("/users/bob").body
	seen := regexp.MustCompile(`name="seen" value="([^"]+)"`).FindStringSubmatch(page)
	require.NotNil(t, seen)
	form := url.Values{"seen": {strings.ReplaceAll(seen[1], "&#34;", `"`)}, "full_name": {"Bob"}, "role": {"operator"}, "dags": {"dag:etl"}}
	form.Set("seen", strings.NewReplacer("&lt;", "<", "&gt;", ">").Replace(form.Get("seen")))
	stale := url.Values{"seen": form["seen"], "role": {"viewer"}}
	require.Equal(t, http.StatusSeeOther, w.post("/users/bob", form).status)
	assert.Equal(t, "operator", bob().Role)
	assert.Equal(t, []string{"dag:etl"}, bob().DAGs)
	late := w.post("/users/bob", stale)
	assert.Equal(t, http.StatusConflict, late.status)
	has(t, late.body, "Somebody has changed this user meanwhile")
	assert.Equal(t, "operator", bob().Role)
	wrong := w.post("/users/bob", url.Values{"role": {"operator"}, "dags": {"<i>"}})
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	has(t, wrong.body, "&lt;i&gt;</textarea>")

	session, err := w.people.SignIn(t.Context(), bob(), "", "192.0.2.1")
	require.NoError(t, err)
	_, token, err := w.people.CreateToken(t.Context(), accounts.TokenRequest{User: "bob", Name: "<b>ci</b>", ExpiresAt: now.Add(time.Hour)}, accounts.Actor{Name: "bob"})
	require.NoError(t, err)
	with := w.get("/users/bob").body
	for _, text := range []string{"192.0.2.1", "&lt;b&gt;ci&lt;/b&gt;", `action="/users/bob/tokens/` + num(token.ID) + `/revoke"`} {
		has(t, with, text)
	}
	require.Equal(t, http.StatusSeeOther, w.post("/users/bob/sign_out", url.Values{}).status)
	_, err = w.people.BySession(t.Context(), session, "192.0.2.1")
	require.ErrorIs(t, err, accounts.ErrToken)
	assert.Equal(t, http.StatusNotFound, w.post("/users/ann/tokens/"+num(token.ID)+"/revoke", url.Values{}).status, "it is bob's")
	require.Equal(t, http.StatusSeeOther, w.post("/users/bob/tokens/"+num(token.ID)+"/revoke", url.Values{}).status)
	assert.Equal(t, http.StatusNotFound, w.post("/users/bob/tokens/"+num(token.ID)+"/revoke", url.Values{}).status)

	require.Equal(t, http.StatusSeeOther, w.post("/users/bob/disable", url.Values{"disabled": {"true"}}).status)
	assert.False(t, bob().DisabledAt.IsZero())
	has(t, w.get("/users").body, "disabled")
	require.Equal(t, http.StatusSeeOther, w.post("/users/bob/disable", url.Values{"disabled": {"false"}}).status)
	assert.True(t, bob().DisabledAt.IsZero())

	// What is no choice enables nobody, and names that nobody can have are not found.
	require.Equal(t, http.StatusSeeOther, w.post("/users/bob/disable", url.Values{"disabled": {"true"}}).status)
	for _, word := range []string{"", "1", "no"} {
		assert.Equal(t, http.StatusUnprocessableEntity, w.post("/users/bob/disable", url.Values{"disabled": {word}}).status, word)
	}
	assert.False(t, bob().DisabledAt.IsZero())
	require.Equal(t, http.StatusSeeOther, w.post("/users/bob/disable", url.Values{"disabled": {"false"}}).status)
	for path, form := range map[string]url.Values{
		"": {"role": {"viewer"}}, "/disable": {"disabled": {"true"}}, "/password": {"password": {"another horse"}}, "/sign_out": {}, "/delete": {}, "/tokens/1/revoke": {},
	} {
		for _, name := range []string{"nobody", "a%20b"} {
			assert.Equal(t, http.StatusNotFound, w.post("/users/"+name+path, form).status, name+path)
		}
	}

	assert.Equal(t, http.StatusUnprocessableEntity, w.post("/users/bob/password", url.Values{"password": {"short"}}).status)
	has(t, w.post("/users/bob/password", url.Values{"password": {"another horse"}}).body, "The password is changed.")
	_, err = w.people.Verify(t.Context(), "bob", "another horse", "192.0.2.1")
	require.NoError(t, err)

	// The last admin stays.
	for path, form := range map[string]url.Values{"/users/ann/delete": {}, "/users/ann/disable": {"disabled": {"true"}}, "/users/ann": {"role": {"viewer"}}} {
		got := w.post(path, form)
		assert.Equal(t, http.StatusConflict, got.status, path)
		has(t, got.body, "the last admin")
	}
	require.Equal(t, http.StatusSeeOther, w.post("/users/bob/delete", url.Values{}).status)
	assert.Equal(t, http.StatusNotFound, w.post("/users/bob/delete", url.Values{}).status)
	assert.Equal(t, []string{
		"user_delete", "user_password", "user_set", "user_set", "user_set", "user_set", "token_revoke", "sign_out", "token_create", "sign_in", "user_set", "user_create", "user_create",
	}, w.events())
}

func TestAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("lily", access.Operator, "tag:sales")
	w.user("ann", access.Admin)
	w.who = access.Identity{User: "lily", Role: access.Operator, Address: "192.0.2.7"}
	w.visitor.Configures = false
	mine := w.get("/account").body
	for _, text := range []string{"&lt;b&gt;lily&lt;/b&gt;", "<code>tag:sales</code>", `action="/account/password"`, "There are no tokens.", `<option value="operator">`, `<option value="viewer">`} {
		has(t, mine, text)
	}
	hasNot(t, mine, `<option value="admin">`)

	token := func(form url.Values) answer { t.Helper(); return w.post("/account/tokens", form) }
	for name, form := range map[string]url.Values{
		"no name": {"days": {"1"}}, "no days": {"name": {"ci"}}, "wrong days": {"name": {"ci"}, "days": {"-1"}}, "more than she has": {"name": {"ci"}, "days": {"1"}, "role": {"admin"}},
		"no role": {"name": {"ci"}, "days": {"1"}, "role": {"x"}}, "wrong DAGs": {"name": {"ci"}, "days": {"1"}, "dags": {"x"}},
	} {
		assert.Equal(t, http.StatusUnprocessableEntity, token(form).status, name)
	}
	made := token(url.Values{"name": {"ci"}, "days": {"30"}, "role": {"viewer"}, "dags": {"dag:etl"}})
	require.Equal(t, http.StatusOK, made.status, made.body)
	plain := regexp.MustCompile(`dd_[\w-]{43}`).FindString(made.body)
	require.NotEmpty(t, plain)
	i, err := w.people.ByToken(t.Context(), connections.Secret(plain), "192.0.2.1")
	require.NoError(t, err)
	assert.Equal(t, access.Viewer, i.Role)
	assert.Equal(t, "tag:sales and dag:etl", i.DAGs.String())
	again := w.get("/account").body
	hasNot(t, again, plain)
	has(t, again, "2026-03-31")
	require.Equal(t, http.StatusOK, token(url.Values{"name": {"for ever"}, "days": {"0"}}).status)
	has(t, w.get("/account").body, "never")

	// A token makes none that has more than itself, and does nothing else to the account.
	w.who.Token = i.Token
	byToken := w.get("/account").body
	has(t, byToken, "An API token may not change an account")
	hasNot(t, byToken, `action="/account/`)
	for _, path := range []string{"/account/tokens", "/account/password", "/account/sign_out", "/account/tokens/" + num(i.Token) + "/revoke"} {
		assert.Equal(t, http.StatusForbidden, w.post(path, url.Values{"name": {"x"}, "days": {"1"}, "current": {password}, "password": {"another horse"}}).status, path)
	}
	w.who.Token = 0

	_, of, err := w.people.CreateToken(t.Context(), accounts.TokenRequest{User: "ann", Name: "hers"}, accounts.Actor{Name: "ann"})
	require.NoError(t, err)
	assert.Equal(t, http.StatusNotFound, w.post("/account/tokens/"+num(of.ID)+"/revoke", url.Values{}).status)
	require.Equal(t, http.StatusSeeOther, w.post("/account/tokens/"+num(i.Token)+"/revoke", url.Values{}).status)
	_, err = w.people.ByToken(t.Context(), connections.Secret(plain), "192.0.2.1")
	require.ErrorIs(t, err, accounts.ErrToken)
}

func TestOwnPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("lily", access.Viewer)
	w.who = access.Identity{User: "lily", Role: access.Viewer, Address: "192.0.2.7"}
	lily, err := w.people.User(t.Context(), "lily")
	require.NoError(t, err)
	begin := func() connections.Secret {
		t.Helper()
		s, err := w.people.SignIn(t.Context(), lily, "", "192.0.2.1")
		require.NoError(t, err)
		return s
	}
	session := begin()
	set := func(current, next string) answer {
		t.Helper()
		return w.post("/account/password", url.Values{"current": {current}, "password": {next}})
	}
	wrong := set("wrong horse", "another horse")
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	has(t, wrong.body, "The present password is wrong.")
	assert.Equal(t, http.StatusUnprocessableEntity, set(password, "short").status)
	done := set(password, "another horse")
	require.Equal(t, http.StatusSeeOther, done.status, done.body)
	assert.Equal(t, "/auth/login?next=/account", done.header.Get("Location"))
	_, err = w.people.BySession(t.Context(), session, "192.0.2.1")
	require.ErrorIs(t, err, accounts.ErrToken)
	_, err = w.people.Verify(t.Context(), "lily", "another horse", "192.0.2.1")
	require.NoError(t, err)

	session = begin()
	out := w.post("/account/sign_out", url.Values{})
	assert.Equal(t, http.StatusSeeOther, out.status)
	assert.Equal(t, "/auth/login", out.header.Get("Location"))
	_, err = w.people.BySession(t.Context(), session, "192.0.2.1")
	require.ErrorIs(t, err, accounts.ErrToken)

	// Who guesses is held up, as where people sign in.
	var last answer
	for range 30 {
		if last = set("wrong horse", "another horse"); last.status == http.StatusTooManyRequests {
			break
		}
	}
	assert.Equal(t, http.StatusTooManyRequests, last.status)

	w.known(accounts.User{Name: "olga", Role: "viewer", DAGs: []string{"*"}, Issuer: "https://id.example.com", Subject: "7"})
	w.who.User = "olga"
	hasNot(t, w.get("/account").body, `action="/account/password"`)
	assert.Equal(t, http.StatusUnprocessableEntity, set("", "another horse").status)
}
