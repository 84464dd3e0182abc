package owners_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/owners"
)

// asked is a look-up with a key that nobody asks.
type asked string

func (asked) Kind() string  { return "sql" }
func (a asked) Key() string { return string(a) }
func (asked) Look(context.Context, connections.Source, func() time.Time) (owners.People, error) {
	panic("an alert waits for no look-up")
}

func book() *owners.Book {
	return owners.New(
		&owners.Entry{Name: "ann", People: owners.People{Mobiles: []string{"13800000001"}, Emails: []string{"ann@example.com"}}},
		&owners.Entry{Name: "team", People: owners.People{Mobiles: []string{"13800000002", "13800000001"}, UserIDs: []string{"u1"}}},
		&owners.Entry{Name: "night", People: owners.People{UserIDs: []string{"boss"}}, Lookup: asked("k")},
	)
}

var seven = time.Date(2026, 1, 31, 7, 0, 0, 0, time.UTC)

func TestPeopleBehindOwners(t *testing.T) {
	t.Parallel()
	for owner, want := range map[string]owners.Found{
		"ann":            {People: owners.People{Mobiles: []string{"13800000001"}, Emails: []string{"ann@example.com"}}},
		" ann ,team,ann": {People: owners.People{Mobiles: []string{"13800000001", "13800000002"}, UserIDs: []string{"u1"}, Emails: []string{"ann@example.com"}}},
		"airflow":        {},
		"":               {},
		"bob":            {Problem: `the setting owners has no "bob"`},
		"annn, team":     {People: owners.People{Mobiles: []string{"13800000002", "13800000001"}, UserIDs: []string{"u1"}}, Problem: `the setting owners has no "annn"; did you mean "ann"?`},
	} {
		assert.Equal(t, want, book().Of(owner), owner)
	}
	assert.Equal(t, owners.Found{}, (*owners.Book)(nil).Of("ann"), "without the setting nobody is missed")
}

func TestTheSameOwnerIsNotChangedByAnother(t *testing.T) {
	t.Parallel()
	b := book()
	b.Of("ann, team")
	assert.Equal(t, []string{"13800000001"}, b.Of("ann").Mobiles)
}

func TestWhatIsKnownOfALookup(t *testing.T) {
	t.Parallel()
	b := book()
	boss := owners.People{UserIDs: []string{"boss"}}
	both := owners.People{UserIDs: []string{"boss"}, Mobiles: []string{"13800000003"}}
	for _, c := range []struct {
		answer owners.Answer
		want   owners.Found
	}{
		{owners.Answer{}, owners.Found{People: boss, Problem: "night has not been looked up yet"}},
		{owners.Answer{Key: "another", At: seven}, owners.Found{People: boss, Problem: "night has not been looked up yet"}},
		{owners.Answer{Key: "k", At: seven, People: owners.People{Mobiles: both.Mobiles}}, owners.Found{People: both}},
		{owners.Answer{Key: "k", At: seven}, owners.Found{People: boss, Problem: "looking up night found nobody at 2026-01-31 07:00 UTC"}},
		{owners.Answer{Key: "k", FailedSince: seven, Error: "secret"}, owners.Found{People: boss, Problem: "night could not be looked up since 2026-01-31 07:00 UTC"}},
		{
			owners.Answer{Key: "k", At: seven, FailedSince: seven.Add(time.Hour), Error: "secret", People: owners.People{Mobiles: both.Mobiles}},
			owners.Found{People: both, Problem: "night could not be looked up since 2026-01-31 08:00 UTC, this is who it was at 2026-01-31 07:00 UTC"},
		},
	} {
		b.SetAnswer("night", c.answer)
		assert.Equal(t, c.want, b.Of("night"))
	}
}

func TestCheckNamesWhoIsNobody(t *testing.T) {
	t.Parallel()
	assert.Empty(t, book().Check("ann, night, airflow"), "who is looked up may be anybody")
	assert.Equal(t, `the setting owners has no "bob"; the setting owners has no "tean"; did you mean "team"?`, book().Check("bob,ann,tean"))
	assert.Empty(t, (*owners.Book)(nil).Check("bob"))
}
