package accounts_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/users"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	right = "correct horse"
	here  = "192.0.2.1"
)

// house is accounts on a store, with the clock that a test moves and the log.
type house struct {
	*accounts.Accounts

	store *sqlite.Store
	path  string
	now   time.Time
	log   bytes.Buffer
	by    store.Actor
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{path: filepath.Join(t.TempDir(), "db"), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), by: store.Actor{Name: "root", Via: store.ViaCLI}}
	var err error
	h.store, err = sqlite.Open(t.Context(), h.path, sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.store.Close()) })
	h.Accounts = accounts.New(accounts.Options{Store: h.store, Clock: func() time.Time { return h.now }, Log: slog.New(slog.NewTextHandler(&h.log, nil))})
	return h
}

func (h *house) add(t *testing.T, name string, role access.Role, dags ...string) *users.User {
	t.Helper()
	u, err := h.Create(t.Context(), accounts.NewUser{Name: name, Role: role, DAGs: dags, Password: right}, h.by)
	require.NoError(t, err)
	return u
}

func (h *house) wrong(t *testing.T, name, address string) error {
	t.Helper()
	_, err := h.Verify(t.Context(), name, "wrong password", address)
	require.Error(t, err)
	return err
}

func TestCreate(t *testing.T) {
	t.Parallel()
	h := open(t)
	u := h.add(t, "Ann@Example.com", access.Operator, "tag:b", "dag:a")
	assert.Equal(t, "ann@example.com", u.Name)
	assert.Equal(t, []string{"dag:a", "tag:b"}, u.DAGs)
	for name, c := range map[string]struct {
		n    accounts.NewUser
		want string
	}{
		"twice":     {accounts.NewUser{Name: "ANN@example.com", Role: access.Viewer, Password: right}, "user ann@example.com: there is a user of that name"},
		"no name":   {accounts.NewUser{Role: access.Viewer, Password: right}, "the name of the user is empty"},
		"bad name":  {accounts.NewUser{Name: "a b", Role: access.Viewer, Password: right}, "letters, digits"},
		"a line":    {accounts.NewUser{Name: "a\nb", Role: access.Viewer, Password: right}, "letters, digits"},
		"long name": {accounts.NewUser{Name: strings.Repeat("x", 65), Role: access.Viewer, Password: right}, "longer than 64"},
		"no role":   {accounts.NewUser{Name: "x", Password: right}, `unknown role "nobody"`},
		"bad DAGs":  {accounts.NewUser{Name: "x", Role: access.Viewer, DAGs: []string{"etl"}, Password: right}, `"etl" names no DAGs`},
		"limited":   {accounts.NewUser{Name: "x", Role: access.Admin, DAGs: []string{"dag:a"}, Password: right}, "an admin is not limited to DAGs"},
		"no proof":  {accounts.NewUser{Name: "x", Role: access.Admin}, "user x has no password"},
		"weak":      {accounts.NewUser{Name: "x", Role: access.Admin, Password: "short"}, "too short"},
	} {
		_, err := h.Create(t.Context(), c.n, h.by)
		require.ErrorContains(t, err, c.want, name)
	}
	all, err := h.Users(t.Context())
	require.NoError(t, err)
	assert.Len(t, all, 1)
}

// The first user is an admin; there is one first user, however many ask at once.
func TestSetUp(t *testing.T) {
	t.Parallel()
	h := open(t)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		done []string
	)
	for i := range 4 {
		wg.Go(func() {
			u, err := h.SetUp(t.Context(), accounts.NewUser{Name: fmt.Sprintf("u%d", i), Role: access.Viewer, DAGs: []string{"dag:a"}, Password: right}, here)
			if err != nil {
				assert.ErrorIs(t, err, accounts.ErrSetUp)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			done = append(done, u.Name)
		})
	}
	wg.Wait()
	require.Len(t, done, 1)
	i, err := h.ByPassword(t.Context(), done[0], right, here)
	require.NoError(t, err)
	assert.True(t, i.May(access.Configure, nil))
	es, err := h.store.Events(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	require.Len(t, es, 1)
	assert.Equal(t, store.Actor{Name: done[0], Via: store.ViaUI, Address: here}, es[0].Actor)
}

func TestPassword(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, "ann", access.Operator, "dag:a")
	for range 3 { // hashed once
		i, err := h.ByPassword(t.Context(), "ANN", right, here)
		require.NoError(t, err)
		assert.Equal(t, "ann", i.User)
		assert.Equal(t, access.Operator, i.Role)
		assert.Equal(t, "dag:a", i.DAGs.String())
	}
	for _, c := range [][2]string{{"ann", ""}, {"ann", right + " "}, {"bob", right}, {"", right}, {"ann\x00", right}} {
		i, err := h.ByPassword(t.Context(), c[0], c[1], here)
		require.ErrorIs(t, err, accounts.ErrWrong, c[0])
		assert.False(t, i.May(access.Read, nil))
	}
	require.NoError(t, h.SetPassword(t.Context(), "ann", "another one ü", h.by))
	_, err := h.Verify(t.Context(), "ann", right, here)
	require.ErrorIs(t, err, accounts.ErrWrong, "an old password is wrong at once")
	_, err = h.Verify(t.Context(), "ann", "another one ü", here)
	require.NoError(t, err)
	_, err = h.Set(t.Context(), "ann", accounts.Change{Disabled: new(true)}, h.by)
	require.NoError(t, err)
	_, err = h.Verify(t.Context(), "ann", "another one ü", here)
	require.ErrorIs(t, err, accounts.ErrWrong, "who is disabled has no right password")
	_, err = h.Create(t.Context(), accounts.NewUser{Name: "sso", Role: access.Viewer, Issuer: "https://i", Subject: "1"}, h.by)
	require.NoError(t, err)
	_, err = h.Verify(t.Context(), "sso", "", here)
	require.ErrorIs(t, err, accounts.ErrWrong, "who signs in elsewhere has none")
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, "ann", access.Viewer)
	for range 10 {
		require.ErrorIs(t, h.wrong(t, "ann", here), accounts.ErrWrong)
	}
	h.now = h.now.Add(time.Minute)
	_, err := h.Verify(t.Context(), "ann", right, here)
	require.EqualError(t, err, "too many passwords were wrong: try again in 14m", "nor is the right one looked at")
	_, err = h.Verify(t.Context(), "ann", right, "192.0.2.2")
	require.NoError(t, err, "nobody is locked out by somebody elsewhere")
	h.now = h.now.Add(14 * time.Minute)
	_, err = h.Verify(t.Context(), "ann", right, here)
	require.NoError(t, err)
}

// That a password was right tells nobody elsewhere so, and nobody at all once somebody guesses.
func TestRateLimitOfAKnownPassword(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, "ann", access.Viewer)
	var many *accounts.TooManyError
	guess := func(address string) {
		for range 10 {
			require.ErrorIs(t, h.wrong(t, "ann", address), accounts.ErrWrong)
		}
	}
	_, err := h.Verify(t.Context(), "ann", right, here)
	require.NoError(t, err)
	guess("192.0.2.2")
	_, err = h.Verify(t.Context(), "ann", right, "192.0.2.2")
	require.ErrorAs(t, err, &many, "whoever guesses is not told that it is the right one")

	_, err = h.Verify(t.Context(), "ann", right, "192.0.2.3")
	require.NoError(t, err)
	guess("192.0.2.3")
	_, err = h.Verify(t.Context(), "ann", right, "192.0.2.3")
	require.NoError(t, err, "a program that has the right one goes on")
	require.ErrorAs(t, h.wrong(t, "ann", "192.0.2.3"), &many)
	_, err = h.Verify(t.Context(), "ann", right, "192.0.2.3")
	require.ErrorAs(t, err, &many, "until somebody guesses on")
}

// Who tries many names, of users or not, is stopped by the address; those of one network of IPv6 count as one.
func TestRateLimitOfAddresses(t *testing.T) {
	t.Parallel()
	h := open(t)
	for i := range 50 {
		require.ErrorIs(t, h.wrong(t, fmt.Sprintf("u%d", i), fmt.Sprintf("2001:db8::%x", i)), accounts.ErrWrong)
	}
	var many *accounts.TooManyError
	require.ErrorAs(t, h.wrong(t, "u", "2001:db8::ffff"), &many)
	require.ErrorIs(t, h.wrong(t, "u", "2001:db8:0:1::"), accounts.ErrWrong)
	for i := range 60 {
		require.ErrorIs(t, h.wrong(t, fmt.Sprintf("u%d", i), "127.0.0.1"), accounts.ErrWrong, "a proxy")
	}
}

// What others guess of a user locks him out nowhere, and where he has signed in he does not even wait.
func TestGuessesFromManyNetworks(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, "ann", access.Viewer)
	_, err := h.Verify(t.Context(), "ann", right, here)
	require.NoError(t, err)
	for i := range 100 {
		require.ErrorIs(t, h.wrong(t, "ann", fmt.Sprintf("198.51.%d.7", i)), accounts.ErrWrong)
	}
	h.now = h.now.Add(10 * time.Minute) // the password is not known any more, the network is
	soon, done := context.WithTimeout(t.Context(), time.Second)
	defer done()
	_, err = h.Verify(soon, "ann", right, here)
	require.NoError(t, err)
	for range 11 {
		hurry, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err = h.Verify(hurry, "ann", right, "203.0.113.9")
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded, "elsewhere each attempt waits, which is no refusal and counts for none")
	}
	_, err = h.Verify(t.Context(), "bob", right, "203.0.113.9")
	require.ErrorIs(t, err, accounts.ErrWrong, "and others do not")
	h.now = h.now.Add(5 * time.Minute)
	hurry, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = h.Verify(hurry, "ann", right, "203.0.113.10")
	require.NoError(t, err)
}

// Of many passwords at once a few wait, and the others are told to come again.
func TestManyPasswordsAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, "ann", access.Viewer)
	var (
		wg          sync.WaitGroup
		wrong, busy atomic.Int32
	)
	begin := make(chan struct{})
	for i := range 90 {
		wg.Go(func() {
			<-begin
			_, err := h.Verify(t.Context(), "ann", "wrong password", fmt.Sprintf("198.51.%d.7", i))
			var b *accounts.BusyError
			switch {
			case errors.As(err, &b):
				busy.Add(1)
			case errors.Is(err, accounts.ErrWrong):
				wrong.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	close(begin)
	wg.Wait()
	assert.Positive(t, busy.Load())
	assert.GreaterOrEqual(t, wrong.Load(), int32(18))
	assert.EqualValues(t, 90, busy.Load()+wrong.Load())
}

func TestSessions(t *testing.T) {
	t.Parallel()
	h := open(t)
	u := h.add(t, "ann", access.Viewer)
	first, err := h.SignIn(t.Context(), u, "", here)
	require.NoError(t, err)
	second, err := h.SignIn(t.Context(), u, first, here)
	require.NoError(t, err)
	assert.NotEqual(t, first, second)
	_, err = h.BySession(t.Context(), first, here)
	require.ErrorIs(t, err, accounts.ErrToken, "the one before is over")
	i, err := h.BySession(t.Context(), second, here)
	require.NoError(t, err)
	assert.Equal(t, "ann", i.User)
	_, err = h.ByToken(t.Context(), second, here)
	require.ErrorIs(t, err, accounts.ErrToken, "a session is no token of a program")

	h.now = h.now.Add(accounts.SessionLife - 1)
	_, err = h.BySession(t.Context(), second, here)
	require.NoError(t, err)
	h.now = h.now.Add(1)
	_, err = h.BySession(t.Context(), second, here)
	require.ErrorIs(t, err, accounts.ErrToken, "it expires")

	for name, end := range map[string]func(s connections.Secret) error{
		"signed out":       func(s connections.Secret) error { return h.SignOut(t.Context(), s, "ann", here) },
		"another password": func(connections.Secret) error { return h.SetPassword(t.Context(), "ann", right, h.by) },
		"disabled": func(connections.Secret) error {
			_, err := h.Set(t.Context(), "ann", accounts.Change{Disabled: new(true)}, h.by)
			return err
		},
		"deleted": func(connections.Secret) error {
			if err := h.Delete(t.Context(), "ann", false, h.by); err != nil {
				return err
			}
			*u = *h.add(t, "ann", access.Viewer)
			return nil
		},
	} {
		s, err := h.SignIn(t.Context(), u, "", here)
		require.NoError(t, err, name)
		require.NoError(t, end(s), name)
		_, err = h.BySession(t.Context(), s, here)
		require.ErrorIs(t, err, accounts.ErrToken, name)
		_, err = h.Set(t.Context(), "ann", accounts.Change{Disabled: new(false)}, h.by)
		require.NoError(t, err, name)
		_, err = h.BySession(t.Context(), s, here)
		require.ErrorIs(t, err, accounts.ErrToken, "%s: nor does it come back", name)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, "ann", access.Operator, "tag:x", "dag:c")
	create := func(r accounts.TokenRequest) (connections.Secret, *users.Token) {
		r.User, r.Name = "Ann", "CI"
		token, row, err := h.CreateToken(t.Context(), r, h.by)
		require.NoError(t, err)
		return token, row
	}
	whole, row := create(accounts.TokenRequest{ExpiresAt: h.now.Add(time.Hour)})
	i, err := h.ByToken(t.Context(), whole, here)
	require.NoError(t, err)
	assert.Equal(t, access.Operator, i.Role)
	assert.Equal(t, row.ID, i.Token)
	ts, _, err := h.Tokens(t.Context(), "ann")
	require.NoError(t, err)
	assert.Equal(t, h.now, ts[0].UsedAt)
	assert.Equal(t, here, ts[0].Address)

	part, _ := create(accounts.TokenRequest{Role: access.Viewer, DAGs: []string{"dag:c", "dag:d"}})
	i, err = h.ByToken(t.Context(), part, here)
	require.NoError(t, err)
	assert.True(t, i.May(access.Read, &access.DAG{ID: "c"}))
	assert.False(t, i.May(access.Operate, &access.DAG{ID: "c"}), "the token has less than its user")
	assert.False(t, i.May(access.Read, &access.DAG{ID: "d"}), "nor has it more")
	assert.False(t, i.May(access.Read, &access.DAG{ID: "e", Tags: []string{"x"}}))

	// A user who gets less takes it from the tokens too.
	_, err = h.Set(t.Context(), "ann", accounts.Change{Role: new(access.Viewer)}, h.by)
	require.NoError(t, err)
	i, err = h.ByToken(t.Context(), whole, here)
	require.NoError(t, err)
	assert.Equal(t, access.Viewer, i.Role)

	for _, bad := range []connections.Secret{"", "dd_", whole + "x", whole[:len(whole)-1] + "!", connections.Secret(row.Hash), connections.Secret("dd_" + row.Hash[:43])} {
		_, err = h.ByToken(t.Context(), bad, here)
		require.ErrorIs(t, err, accounts.ErrToken)
	}
	_, err = h.BySession(t.Context(), whole, here)
	require.ErrorIs(t, err, accounts.ErrToken, "a token of a program is no session")

	_, err = h.Set(t.Context(), "ann", accounts.Change{Disabled: new(true)}, h.by)
	require.NoError(t, err)
	_, err = h.ByToken(t.Context(), whole, here)
	require.ErrorIs(t, err, accounts.ErrToken, "who is disabled has no tokens")
	_, _, err = h.CreateToken(t.Context(), accounts.TokenRequest{User: "ann", Name: "x"}, h.by)
	require.ErrorContains(t, err, "has the role nobody")
	_, err = h.Set(t.Context(), "ann", accounts.Change{Disabled: new(false)}, h.by)
	require.NoError(t, err)
	h.now = h.now.Add(time.Hour)
	_, err = h.ByToken(t.Context(), whole, here)
	require.ErrorIs(t, err, accounts.ErrToken, "it expires")
	i, err = h.ByToken(t.Context(), part, here)
	require.NoError(t, err, "one without an end does not")
	require.ErrorIs(t, h.Revoke(t.Context(), i.Token, "bob", h.by), store.ErrNotFound, "it is not bob's")
	require.NoError(t, h.Revoke(t.Context(), i.Token, "", h.by))
	require.ErrorIs(t, h.Revoke(t.Context(), i.Token, "", h.by), store.ErrNotFound)
	_, err = h.ByToken(t.Context(), part, here)
	require.ErrorIs(t, err, accounts.ErrToken)

	for want, r := range map[string]accounts.TokenRequest{
		"not found": {User: "bob", Name: "x"}, "no name": {User: "ann"}, "a token cannot have more": {User: "ann", Name: "x", Role: access.Admin},
		"expired at once": {User: "ann", Name: "x", ExpiresAt: h.now}, "names no DAGs": {User: "ann", Name: "x", DAGs: []string{"c"}},
	} {
		_, _, err := h.CreateToken(t.Context(), r, h.by)
		require.ErrorContains(t, err, want)
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	h := open(t)
	u := h.add(t, "ann", access.Operator)
	token, err := h.Access(t.Context(), u, 0, here)
	require.NoError(t, err)
	i, err := h.ByToken(t.Context(), token, here)
	require.NoError(t, err)
	assert.Equal(t, access.Operator, i.Role)
	assert.Zero(t, i.Token)
	h.now = h.now.Add(accounts.AccessLife)
	_, err = h.ByToken(t.Context(), token, here)
	require.ErrorIs(t, err, accounts.ErrToken)
	_, err = h.Access(t.Context(), u, time.Hour, here)
	require.NoError(t, err)
	left, err := h.store.Tokens(t.Context(), users.AccessToken, 0)
	require.NoError(t, err)
	assert.Len(t, left, 1, "what expired is gone")
	assert.Equal(t, h.now.Add(time.Hour), left[0].ExpiresAt, "it is good for no longer than was asked")
}

// Whose tokens they are is said, and one user's are looked for by any spelling of the name.
func TestTokensOfAUser(t *testing.T) {
	t.Parallel()
	h := open(t)
	ids := map[string]int64{}
	for _, name := range []string{"ann", "bob", "eve"} {
		h.add(t, name, access.Viewer)
		_, row, err := h.CreateToken(t.Context(), accounts.TokenRequest{User: name, Name: "CI of " + name}, h.by)
		require.NoError(t, err)
		ids[name] = row.ID
	}
	all, names, err := h.Tokens(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, all, 3)
	for _, row := range all {
		assert.Equal(t, "CI of "+names[row.UserID], row.Name)
	}
	of, _, err := h.Tokens(t.Context(), "Bob")
	require.NoError(t, err)
	require.Len(t, of, 1)
	assert.Equal(t, ids["bob"], of[0].ID)
	_, _, err = h.Tokens(t.Context(), "nobody")
	require.ErrorIs(t, err, store.ErrNotFound)
}

// When somebody signed in last is noted, and who was disabled or deleted since the password was looked at gets no session.
func TestWhoSignsIn(t *testing.T) {
	t.Parallel()
	h := open(t)
	u := h.add(t, "ann", access.Viewer)
	h.now = h.now.Add(time.Hour)
	_, err := h.SignIn(t.Context(), u, "", here)
	require.NoError(t, err)
	us, err := h.Users(t.Context())
	require.NoError(t, err)
	assert.Equal(t, h.now, us[0].SignedInAt)

	_, err = h.Set(t.Context(), "ann", accounts.Change{Disabled: new(true)}, h.by)
	require.NoError(t, err)
	_, err = h.SignIn(t.Context(), u, "", here)
	require.ErrorIs(t, err, accounts.ErrWrong)
	left, err := h.store.Tokens(t.Context(), users.SessionToken, u.ID)
	require.NoError(t, err)
	assert.Empty(t, left)
	require.NoError(t, h.Delete(t.Context(), "ann", true, h.by))
	_, err = h.SignIn(t.Context(), u, "", here)
	require.Error(t, err)
}

func TestFullNames(t *testing.T) {
	t.Parallel()
	h := open(t)
	u, err := h.Create(t.Context(), accounts.NewUser{Name: "ann", FullName: " Ann Lee\n", Role: access.Viewer, Password: right}, h.by)
	require.NoError(t, err)
	assert.Equal(t, "Ann Lee", u.FullName)
	_, err = h.Set(t.Context(), "ann", accounts.Change{Disabled: new(false)}, h.by)
	require.NoError(t, err)
	i, err := h.ByPassword(t.Context(), "ann", right, here)
	require.NoError(t, err)
	assert.Equal(t, "Ann Lee", i.Name, "what is not changed stays")
	_, err = h.Set(t.Context(), "ann", accounts.Change{FullName: new(" 李安 ")}, h.by)
	require.NoError(t, err)
	i, err = h.ByPassword(t.Context(), "ann", right, here)
	require.NoError(t, err)
	assert.Equal(t, "李安", i.Name)
}

// A store that cannot be read refuses nobody: people would be signed out, and programs would throw their tokens away.
func TestAStoreThatIsAway(t *testing.T) {
	t.Parallel()
	h := open(t)
	u := h.add(t, "ann", access.Viewer)
	session, err := h.SignIn(t.Context(), u, "", here)
	require.NoError(t, err)
	token, _, err := h.CreateToken(t.Context(), accounts.TokenRequest{User: "ann", Name: "CI"}, h.by)
	require.NoError(t, err)
	away := accounts.New(accounts.Options{Store: brokenStore{h.store}, Clock: func() time.Time { return h.now }, Log: slog.New(slog.DiscardHandler)})
	for name, ask := range map[string]func() (access.Identity, error){
		"a password": func() (access.Identity, error) { return away.ByPassword(t.Context(), "ann", right, here) },
		"a session":  func() (access.Identity, error) { return away.BySession(t.Context(), session, here) },
		"a token":    func() (access.Identity, error) { return away.ByToken(t.Context(), token, here) },
	} {
		i, err := ask()
		require.ErrorIs(t, err, errAway, name)
		require.NotErrorIs(t, err, accounts.ErrToken, name)
		assert.False(t, i.May(access.Read, nil), name)
	}
}

var errAway = errors.New("the disk is away")

// brokenStore cannot be read.
type brokenStore struct{ accounts.Store }

func (brokenStore) UserByName(context.Context, string) (*users.User, error) { return nil, errAway }

func (brokenStore) TokenByHash(context.Context, string) (*users.Token, *users.User, error) {
	return nil, nil, errAway
}

// Each change has a row that says who made it; no secret is in the rows, in the log, or anywhere in the store.
func TestChangesAreNoted(t *testing.T) {
	t.Parallel()
	h := open(t)
	by := store.Actor{Name: "root", Via: store.ViaRESTAPI, Address: here}
	h.by = by
	u := h.add(t, "ann", access.Operator, "dag:a")
	_, err := h.Set(t.Context(), "ann", accounts.Change{Role: new(access.Viewer), DAGs: new([]string{"tag:x"}), Disabled: new(false)}, by)
	require.NoError(t, err)
	_, err = h.Set(t.Context(), "ann", accounts.Change{Role: new(access.Admin)}, by)
	require.ErrorContains(t, err, "an admin is not limited")
	require.NoError(t, h.SetPassword(t.Context(), "ann", "the second one", by))
	token, row, err := h.CreateToken(t.Context(), accounts.TokenRequest{User: "ann", Name: "CI", ExpiresAt: h.now.Add(time.Hour)}, by)
	require.NoError(t, err)
	require.Error(t, h.wrong(t, "ann", here))
	session, err := h.SignIn(t.Context(), u, "", here)
	require.NoError(t, err)
	require.NoError(t, h.SignOut(t.Context(), session, "ann", here))
	require.NoError(t, h.Revoke(t.Context(), row.ID, "ANN", by))
	require.NoError(t, h.Delete(t.Context(), "ann", true, by))
	es, err := h.store.Events(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	var got []string
	for _, e := range es {
		if e.Kind == store.EventSignIn || e.Kind == store.EventSignOut {
			assert.Equal(t, store.Actor{Name: "ann", Via: store.ViaUI, Address: here}, e.Actor)
		} else {
			assert.Equal(t, by, e.Actor)
		}
		assert.Equal(t, h.now, e.At)
		var extra map[string]any
		require.NoError(t, json.Unmarshal(e.Extra, &extra))
		got = append([]string{fmt.Sprintf("%s %s", e.Kind, e.Extra)}, got...)
	}
	assert.Equal(t, []string{
		`user_create {"user":"ann","role":"operator","dags":["dag:a"]}`,
		`user_set {"user":"ann","role":"viewer","dags":["tag:x"],"disabled":false}`,
		`user_password {"user":"ann"}`,
		`token_create {"user":"ann","role":"viewer","dags":["*"],"token":"CI","token_id":1,"expires_at":"2026-03-01T13:00:00Z"}`,
		`sign_in {"user":"ann"}`,
		`sign_out {"user":"ann"}`,
		`token_revoke {"user":"ann","token":"CI","token_id":1}`,
		`user_delete {"user":"ann"}`,
	}, got)
	files := everything(t, h.path)
	assert.Contains(t, files, "user_password", "the files are read")
	for _, s := range []connections.Secret{token, session, right, "the second one", "wrong password"} {
		assert.NotContains(t, h.log.String(), s.Reveal())
		assert.NotContains(t, files, s.Reveal())
	}
	assert.Contains(t, h.log.String(), "a sign-in was refused")
}

// everything is all that the files of a store hold.
func everything(t *testing.T, path string) string {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	var all []byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		all = append(all, b...)
	}
	return string(all)
}

// Somebody can always sign in and make users, unless it is said that nobody shall.
func TestTheLastAdmin(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, "ann", access.Admin)
	h.add(t, "bob", access.Operator)
	gone, err := h.Create(t.Context(), accounts.NewUser{Name: "eve", Role: access.Admin, Password: right}, h.by)
	require.NoError(t, err)
	_, err = h.Set(t.Context(), gone.Name, accounts.Change{Disabled: new(true)}, h.by)
	require.NoError(t, err, "there is ann")
	lose := map[string]func(last bool) error{
		"disable": func(last bool) error {
			_, err := h.Set(t.Context(), "ann", accounts.Change{Disabled: new(true), LastAdmin: last}, h.by)
			return err
		},
		"demote": func(last bool) error {
			_, err := h.Set(t.Context(), "ann", accounts.Change{Role: new(access.Operator), LastAdmin: last}, h.by)
			return err
		},
		"delete": func(last bool) error { return h.Delete(t.Context(), "ann", last, h.by) },
	}
	for name, do := range lose {
		require.ErrorIs(t, do(false), accounts.ErrLastAdmin, name)
	}
	_, err = h.Set(t.Context(), "ann", accounts.Change{FullName: new("Ann")}, h.by)
	require.NoError(t, err)
	i, err := h.ByPassword(t.Context(), "ann", right, here)
	require.NoError(t, err)
	assert.True(t, i.May(access.Configure, nil), "nothing was changed")
	require.NoError(t, h.Delete(t.Context(), "bob", false, h.by))
	require.NoError(t, lose["disable"](true))
	_, err = h.Set(t.Context(), "ann", accounts.Change{Disabled: new(false)}, h.by)
	require.NoError(t, err)
	require.NoError(t, lose["delete"](true))
}

// Who has another state of a user before them changes nothing.
func TestChangeOfWhatWasSeen(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, "root", access.Admin)
	u := h.add(t, "ann", access.Viewer)
	seen := accounts.State(u)
	_, err := h.Set(t.Context(), "ann", accounts.Change{Role: new(access.Operator), Seen: seen}, h.by)
	require.NoError(t, err)
	for _, c := range []accounts.Change{{Disabled: new(true)}, {DAGs: &[]string{"tag:x"}}, {FullName: new("Ann")}, {Role: new(access.Viewer)}} {
		c.Seen = seen
		_, err := h.Set(t.Context(), "ann", c, h.by)
		require.ErrorIs(t, err, accounts.ErrChanged)
	}
	u, err = h.User(t.Context(), "Ann")
	require.NoError(t, err)
	assert.Equal(t, "operator", u.Role)
	assert.NotEqual(t, seen, accounts.State(u))
	for _, other := range []users.User{{FullName: "x", Role: "operator", DAGs: u.DAGs}, {Role: "viewer", DAGs: u.DAGs}, {Role: "operator", DAGs: []string{"tag:x"}}, {Role: "operator", DAGs: u.DAGs, DisabledAt: h.now}} {
		assert.NotEqual(t, accounts.State(u), accounts.State(&other))
	}
	for _, name := range []string{"nobody", "", "a b"} {
		_, err := h.User(t.Context(), name)
		require.ErrorIs(t, err, store.ErrNotFound, name)
	}
}

func TestSignedOutEverywhere(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann, bob := h.add(t, "ann", access.Admin), h.add(t, "bob", access.Viewer)
	begin := func(u *users.User) connections.Secret {
		s, err := h.SignIn(t.Context(), u, "", here)
		require.NoError(t, err)
		return s
	}
	first := begin(ann)
	h.now = h.now.Add(time.Hour)
	second, others := begin(ann), begin(bob)
	got, err := h.Access(t.Context(), ann, 0, here)
	require.NoError(t, err)
	token, _, err := h.CreateToken(t.Context(), accounts.TokenRequest{User: "ann", Name: "ci"}, h.by)
	require.NoError(t, err)
	all, err := h.Sessions(t.Context(), "ann")
	require.NoError(t, err)
	require.Len(t, all, 2)
	assert.True(t, all[0].UsedAt.After(all[1].UsedAt))
	h.now = h.now.Add(accounts.SessionLife - time.Hour)
	all, err = h.Sessions(t.Context(), "ann")
	require.NoError(t, err)
	assert.Len(t, all, 1, "one is over")
	h.now = h.now.Add(-accounts.SessionLife)

	require.NoError(t, h.EndSessions(t.Context(), "ann", h.by))
	for _, s := range []connections.Secret{first, second} {
		_, err := h.BySession(t.Context(), s, here)
		require.ErrorIs(t, err, accounts.ErrToken)
	}
	_, err = h.ByToken(t.Context(), got, here)
	require.ErrorIs(t, err, accounts.ErrToken)
	_, err = h.ByToken(t.Context(), token, here)
	require.NoError(t, err)
	_, err = h.BySession(t.Context(), others, here)
	require.NoError(t, err)
	require.ErrorIs(t, h.EndSessions(t.Context(), "nobody", h.by), store.ErrNotFound)
	_, err = h.Sessions(t.Context(), "nobody")
	require.ErrorIs(t, err, store.ErrNotFound)
}
