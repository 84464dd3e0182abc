package access_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
)

func scope(t *testing.T, entries ...string) access.Scope {
	t.Helper()
	s, err := access.ParseScope(entries...)
	require.NoError(t, err)
	return s
}

func TestRoles(t *testing.T) {
	t.Parallel()
	for _, name := range access.Roles() {
		r, err := access.ParseRole(name)
		require.NoError(t, err)
		assert.Equal(t, name, r.String())
	}
	for _, bad := range []string{"", "nobody", "Admin", "root", "viewer "} {
		_, err := access.ParseRole(bad)
		require.ErrorContains(t, err, "use viewer, operator, admin", bad)
	}
	assert.Equal(t, "Role(9)", access.Role(9).String())
}

func TestScope(t *testing.T) {
	t.Parallel()
	etl := access.DAG{ID: "etl", Tags: []string{"finance", "daily"}, Owners: []string{"ann"}}
	for _, c := range []struct {
		entries []string
		want    bool
	}{
		{nil, false},
		{[]string{"*"}, true},
		{[]string{"dag:other", "*"}, true},
		{[]string{"dag:etl"}, true},
		{[]string{"dag:et"}, false},
		{[]string{"tag:daily"}, true},
		{[]string{"tag:ann"}, false},
		{[]string{"owner:ann"}, true},
		{[]string{"owner:finance"}, false},
		{[]string{"owner:bob", "tag:finance"}, true},
		{[]string{"tag:*"}, false},
	} {
		assert.Equal(t, c.want, scope(t, c.entries...).Covers(etl), "%v", c.entries)
	}
	for _, bad := range []string{"", "etl", "dag:", "dag: etl", "team:x", ":x", "tag"} {
		_, err := access.ParseScope("dag:ok", bad)
		require.ErrorContains(t, err, "names no DAGs", bad)
	}
	assert.Equal(t, "dag:a,tag:b", scope(t, "tag:b", "dag:a", "tag:b").String())
	assert.Equal(t, "none", access.Scope{}.String())
}

// What is cut down twice is in both.
func TestScopesInCommon(t *testing.T) {
	t.Parallel()
	both := scope(t, "tag:x", "dag:c").And(scope(t, "owner:ann"))
	assert.True(t, both.Covers(access.DAG{ID: "a", Tags: []string{"x"}, Owners: []string{"ann"}}))
	assert.False(t, both.Covers(access.DAG{ID: "a", Tags: []string{"x"}}))
	assert.False(t, both.Covers(access.DAG{ID: "b", Owners: []string{"ann"}}))
	assert.Equal(t, "dag:c,tag:x and owner:ann", both.String())
	assert.False(t, both.All())
	assert.Equal(t, scope(t, "tag:x"), access.AllDAGs().And(scope(t, "tag:x")))
	assert.Equal(t, scope(t, "tag:x"), scope(t, "tag:x").And(access.AllDAGs()))
	assert.False(t, access.AllDAGs().And(access.Scope{}).Covers(access.DAG{ID: "a"}))
	assert.False(t, access.Scope{}.And(access.AllDAGs()).Covers(access.DAG{ID: "a"}))
	assert.True(t, access.AllDAGs().And(access.AllDAGs()).All())
}

// Every role, limited and not, by every action.
func TestMay(t *testing.T) {
	t.Parallel()
	mine, other := &access.DAG{ID: "mine"}, &access.DAG{ID: "other"}
	const none, read, operate, all = "", "r", "ro", "roc"
	for _, c := range []struct {
		role                 access.Role
		dags                 access.Scope
		mine, other, nothing string
	}{
		{access.Nobody, access.AllDAGs(), none, none, none},
		{access.Viewer, access.AllDAGs(), read, read, read},
		{access.Operator, access.AllDAGs(), operate, operate, operate},
		{access.Admin, access.AllDAGs(), all, all, all},
		{access.Nobody, scope(t, "dag:mine"), none, none, none},
		{access.Viewer, scope(t, "dag:mine"), read, none, read},
		{access.Operator, scope(t, "dag:mine"), operate, none, read},
		{access.Admin, scope(t, "dag:mine"), operate, none, read},
		{access.Admin, access.Scope{}, none, none, read},
	} {
		i := access.Identity{User: "ann", Role: c.role, DAGs: c.dags}
		may := func(d *access.DAG) string {
			var got strings.Builder
			for _, a := range []access.Action{access.Read, access.Operate, access.Configure} {
				if i.May(a, d) {
					got.WriteString(a.String()[:1])
					assert.NoError(t, i.Require(a, d))
				} else {
					var denied *access.DeniedError
					assert.ErrorAs(t, i.Require(a, d), &denied)
				}
			}
			return got.String()
		}
		assert.Equal(t, []string{c.mine, c.other, c.nothing}, []string{may(mine), may(other), may(nil)}, "%s %s", c.role, c.dags)
	}
	assert.False(t, access.Identity{}.May(access.Read, nil), "the zero identity may nothing")
	assert.False(t, access.Identity{Role: access.Operator, DAGs: access.AllDAGs()}.May(0, nil), "nor is the zero action free")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	require.ErrorIs(t, access.Check(ctx, access.Read, nil), access.ErrUnknown)
	ctx = access.With(ctx, access.Identity{User: "ann", Role: access.Operator, DAGs: scope(t, "dag:mine")})
	require.NoError(t, access.Check(ctx, access.Operate, &access.DAG{ID: "mine"}))
	require.EqualError(t, access.Check(ctx, access.Configure, nil), "ann may not configure: this needs the role admin, and the request has the role operator")
	require.EqualError(t, access.Check(ctx, access.Read, &access.DAG{ID: "x"}), "ann may not read DAG x: the DAG is none of those that the user or the token is limited to")
	require.EqualError(t, access.Check(ctx, access.Operate, nil), "ann may not operate: this concerns all DAGs, and the user or the token is limited to some")
	require.ErrorIs(t, access.Check(context.Background(), access.Read, nil), access.ErrUnknown)
}
