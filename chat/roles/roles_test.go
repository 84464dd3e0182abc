package roles_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// people is a directory that counts how often it is asked.
type people struct {
	of    map[string]roles.Person
	err   error
	asked int
}

func (p *people) Person(_ context.Context, _, userID string) (roles.Person, error) {
	p.asked++
	return p.of[userID], p.err
}

func app(extra string) connections.Static {
	return connections.Static{"app": {Type: "dingtalk", Extra: new(connections.Secret(extra))}}
}

func TestWhoHasWhichRole(t *testing.T) {
	t.Parallel()
	dir := &people{of: map[string]roles.Person{
		"dora": {Departments: []int64{7, 42, 1}}, "rolf": {Roles: []string{"oncall", "值班"}}, "both": {Departments: []int64{9}, Roles: []string{"值班"}},
	}}
	r, err := roles.New(roles.Options{
		Lists:       roles.Lists{Viewers: []string{"vera", "dept:42"}, Operators: []string{"role:oncall", "opal", "vera2", "dept:9"}, Admins: []string{"adam", "role:值班"}},
		Connections: app(`{"user_id": "owner"}`), Directory: dir, Clock: func() time.Time { return time.Time{} },
	})
	require.NoError(t, err)
	for user, want := range map[string]roles.Grant{
		"":      {},
		"x":     {},
		"vera":  {Role: roles.Viewer, Setting: roles.Viewers, Entry: "vera"},
		"dora":  {Role: roles.Viewer, Setting: roles.Viewers, Entry: "dept:42"},
		"opal":  {Role: roles.Operator, Setting: roles.Operators, Entry: "opal"},
		"rolf":  {Role: roles.Admin, Setting: roles.Admins, Entry: "role:值班"},
		"both":  {Role: roles.Admin, Setting: roles.Admins, Entry: "role:值班"},
		"adam":  {Role: roles.Admin, Setting: roles.Admins, Entry: "adam"},
		"owner": {Role: roles.Admin, Setting: "user_id", Entry: "app"},
	} {
		got, err := r.Grant(t.Context(), "app", user)
		require.NoError(t, err, user)
		assert.Equal(t, want, got, user)
		role, err := r.Of(t.Context(), "app", user)
		require.NoError(t, err)
		assert.Equal(t, want.Role, role)
	}
}

// An entry with a connection before it counts for the application of that alone.
func TestEntriesOfOneConnection(t *testing.T) {
	t.Parallel()
	dir := &people{of: map[string]roles.Person{"dora": {Departments: []int64{42}}, "rolf": {Roles: []string{"a:b"}}}}
	conn := func(login string) *connections.Connection {
		return &connections.Connection{Type: "dingtalk", Login: &login}
	}
	r, err := roles.New(roles.Options{
		Lists:       roles.Lists{Viewers: []string{"ann"}, Operators: []string{"one:dept:42", "one:role:a:b"}, Admins: []string{"one:ann", "gone:ann"}},
		Connections: connections.Static{"one": conn("k1"), "again": conn("k1"), "two": conn("k2"), "robot": conn("")}, Directory: dir, Clock: func() time.Time { return time.Time{} },
	})
	require.NoError(t, err)
	for _, c := range []struct {
		conn, user string
		want       roles.Grant
	}{
		{"one", "ann", roles.Grant{Role: roles.Admin, Setting: roles.Admins, Entry: "one:ann"}},
		{"again", "ann", roles.Grant{Role: roles.Admin, Setting: roles.Admins, Entry: "one:ann"}}, // the same application
		{"two", "ann", roles.Grant{Role: roles.Viewer, Setting: roles.Viewers, Entry: "ann"}},
		{"robot", "ann", roles.Grant{Role: roles.Viewer, Setting: roles.Viewers, Entry: "ann"}},
		{"one", "dora", roles.Grant{Role: roles.Operator, Setting: roles.Operators, Entry: "one:dept:42"}},
		{"two", "dora", roles.Grant{}},
		{"again", "rolf", roles.Grant{Role: roles.Operator, Setting: roles.Operators, Entry: "one:role:a:b"}},
		{"two", "rolf", roles.Grant{}},
	} {
		got, err := r.Grant(t.Context(), c.conn, c.user)
		require.NoError(t, err)
		assert.Equal(t, c.want, got, c)
	}
}

// busy is a store that cannot be read.
type busy struct{ connections.Source }

func (b busy) Connection(ctx context.Context, id string) (*connections.Connection, error) {
	if id == "other" {
		return nil, errors.New("the store is locked")
	}
	return b.Source.Connection(ctx, id)
}

// Whether an entry of a connection counts that cannot be read is not known.
func TestEntriesOfAConnectionThatCannotBeRead(t *testing.T) {
	t.Parallel()
	login := "k1"
	r, err := roles.New(roles.Options{
		Lists: roles.Lists{Viewers: []string{"ann"}, Admins: []string{"other:ann", "gone:ann"}}, Directory: &people{}, Clock: func() time.Time { return time.Time{} },
		Connections: busy{connections.Static{"app": {Type: "dingtalk", Login: &login}}},
	})
	require.NoError(t, err)
	got, err := r.Of(t.Context(), "app", "ann")
	require.EqualError(t, err, "look up connection other: the store is locked")
	assert.Equal(t, roles.Viewer, got)
	got, err = r.Of(t.Context(), "app", "bob")
	require.NoError(t, err, "it is no entry of his")
	assert.Equal(t, roles.Nobody, got)
}

// What cannot be looked up gives nobody more than his userid does, and is told.
func TestFailuresGiveNoRole(t *testing.T) {
	t.Parallel()
	dir := &people{err: errors.New("DingTalk is away")}
	r, err := roles.New(roles.Options{
		Lists:       roles.Lists{Viewers: []string{"vera"}, Admins: []string{"dept:1", "adam"}},
		Connections: app(`{}`), Directory: dir, Clock: func() time.Time { return time.Time{} },
	})
	require.NoError(t, err)
	for user, want := range map[string]roles.Role{"x": roles.Nobody, "vera": roles.Viewer} {
		got, err := r.Of(t.Context(), "app", user)
		require.ErrorContains(t, err, "look up the departments and roles of "+user+": DingTalk is away")
		assert.Equal(t, want, got)
	}
	got, err := r.Of(t.Context(), "app", "adam")
	require.NoError(t, err, "nothing can give him more")
	assert.Equal(t, roles.Admin, got)
	_, err = r.Of(t.Context(), "gone", "x")
	require.ErrorContains(t, err, "look up connection gone")
}

// Answers are kept for a while, failures are not.
func TestAnswersAreKept(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	dir := &people{of: map[string]roles.Person{"dora": {Departments: []int64{42}}}}
	r, err := roles.New(roles.Options{Lists: roles.Lists{Viewers: []string{"dept:42"}}, Connections: app(`{}`), Directory: dir, Clock: func() time.Time { return now }})
	require.NoError(t, err)
	of := func() roles.Role {
		t.Helper()
		got, err := r.Of(t.Context(), "app", "dora")
		if dir.err == nil {
			require.NoError(t, err)
		}
		return got
	}
	assert.Equal(t, roles.Viewer, of())
	dir.of = nil
	now = now.Add(roles.Fresh - 1)
	assert.Equal(t, roles.Viewer, of())
	assert.Equal(t, 1, dir.asked)
	now = now.Add(1)
	assert.Equal(t, roles.Nobody, of())
	now, dir.err = now.Add(roles.Fresh), errors.New("away")
	assert.Equal(t, roles.Nobody, of())
	assert.Equal(t, roles.Nobody, of())
	assert.Equal(t, 4, dir.asked, "a failure is asked again")
}

// Where lists have userids alone, nobody is looked up.
func TestUserIDsNeedNoDirectory(t *testing.T) {
	t.Parallel()
	dir := &people{err: errors.New("away")}
	r, err := roles.New(roles.Options{Lists: roles.Lists{Viewers: []string{"vera"}}, Connections: app(`{"user_id": ["a", "b"]}`), Directory: dir, Clock: time.Now})
	require.NoError(t, err)
	for user, want := range map[string]roles.Role{"x": roles.Nobody, "vera": roles.Viewer, "b": roles.Admin} {
		got, err := r.Of(t.Context(), "app", user)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	assert.Zero(t, dir.asked)
}

func TestBadEntries(t *testing.T) {
	t.Parallel()
	_, err := roles.New(roles.Options{Lists: roles.Lists{Viewers: []string{"dept:sales", "ok"}, Operators: []string{"a b", "role: "}, Admins: []string{"a:group:1", "dept:0", "dep:1", "a b:ann", ":ann", "a:", "a:dept:x", "a:role:"}}})
	require.Error(t, err)
	for _, want := range []string{
		`chat_viewers: "dept:sales": a department is named by its number, as in dept:42`,
		`chat_operators: "a b" is not a userid: userids have no blanks, and commas separate entries`,
		`chat_operators: "role: ": name the role, as in role:oncall`,
		`chat_admins: "a:group:1" is none of a userid, dept:ID and role:NAME, with CONN_ID: before it or without`,
		`chat_admins: "dep:1": did you mean dept:1?`,
		`chat_admins: "a b:ann": before the first colon there must be dept, role or the id of a connection`,
		`chat_admins: ":ann": before the first colon`,
		`chat_admins: "a:": name somebody of connection a`,
		`chat_admins: "a:dept:x": a department is named by its number`,
		`chat_admins: "a:role:": name the role`,
		`chat_admins: "dept:0": a department is named by its number`,
	} {
		assert.ErrorContains(t, err, want)
	}
	assert.NotContains(t, err.Error(), "ok")
}

// A member of a department is one of those above it too.
func TestDepartmentsOfDingTalk(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t)
	demo := box.Demo()
	box.AddDepartment(sandbox.Department{ID: 100, Name: "data", ParentID: 1})
	box.AddDepartment(sandbox.Department{ID: 200, Name: "night", ParentID: 100})
	box.AddUser(sandbox.User{UserID: "nora", Name: "Nora", Mobile: "13800000093", Departments: []int{200}})
	source := connections.Static{"app": {
		Type: "dingtalk", Host: &box.URL, Login: &demo.AppKey, Password: new(connections.Secret(demo.AppSecret)), Extra: new(connections.Secret(`{"qps": 0}`)),
	}}
	h := hook.New(source)
	t.Cleanup(h.CloseIdleConnections)
	r, err := roles.New(roles.Options{Lists: roles.Lists{Viewers: []string{"dept:1"}, Operators: []string{"dept:100"}}, Connections: source, Directory: roles.InDingTalk(h), Clock: time.Now})
	require.NoError(t, err)
	got, err := r.Grant(t.Context(), "app", "nora")
	require.NoError(t, err)
	assert.Equal(t, roles.Grant{Role: roles.Operator, Setting: roles.Operators, Entry: "dept:100"}, got)
	_, err = r.Grant(t.Context(), "app", "nobody")
	require.ErrorContains(t, err, "look up the departments and roles of nobody")
}

// Of all connections of an application, the user_id of each counts, whichever receives.
func TestUserIDOfAnotherConnectionOfTheApplication(t *testing.T) {
	t.Parallel()
	of := func(login, extra string) *connections.Connection {
		return &connections.Connection{Type: "dingtalk", Login: &login, Extra: new(connections.Secret(extra))}
	}
	source := connections.Static{
		"talk": of("key", `{"user_id": "ann"}`), "sales": of("key", `{"user_id": ["bob"]}`), "other": of("another", `{"user_id": "eve"}`),
		"bare": of("", `{"user_id": "eve"}`), "broken": of("key", `{"user_id": 3}`),
	}
	ids := func(context.Context) ([]string, error) {
		return []string{"bare", "broken", "gone", "other", "sales", "talk"}, nil
	}
	r, err := roles.New(roles.Options{Connections: source, ConnIDs: ids, Directory: &people{}, Clock: time.Now})
	require.NoError(t, err)
	for user, want := range map[string]roles.Grant{
		"ann": {Role: roles.Admin, Setting: "user_id", Entry: "talk"}, "bob": {Role: roles.Admin, Setting: "user_id", Entry: "sales"}, "eve": {},
	} {
		got, err := r.Grant(t.Context(), "talk", user)
		require.NoError(t, err)
		assert.Equal(t, want, got, user)
	}
	got, err := r.Grant(t.Context(), "bare", "ann")
	require.NoError(t, err)
	assert.Equal(t, roles.Grant{}, got)
}
