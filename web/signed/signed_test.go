package signed_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/web/signed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// made is a link, and the signer that made it at a moment which the test moves.
func made(t *testing.T, people ...string) (s *signed.Signer, token string, now *time.Time) {
	t.Helper()
	now = new(time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC))
	s = signed.New("https://x.example/dag", bytes.Repeat([]byte{7}, 32), func() time.Time { return *now })
	link, err := s.URL("act", "card-1/retry", people)
	require.NoError(t, err)
	token, ok := strings.CutPrefix(link, "https://x.example/dag/act/")
	require.True(t, ok, link)
	return s, token, now
}

func TestLink(t *testing.T) {
	t.Parallel()
	s, token, now := made(t, "ann", "bob")
	assert.Regexp(t, `^[\w-]+\.[\w-]+$`, token)
	l, err := s.Read("act", token)
	require.NoError(t, err)
	assert.Len(t, l.Nonce, 26)
	assert.Equal(t, signed.Link{
		Purpose: "act", Subject: "card-1/retry", People: []string{"ann", "bob"}, Nonce: l.Nonce, Expires: time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC),
	}, l)
	again, err := s.URL("act", "card-1/retry", nil)
	require.NoError(t, err)
	other, err := s.Read("act", again[strings.LastIndex(again, "/")+1:])
	require.NoError(t, err)
	assert.NotEqual(t, l.Nonce, other.Nonce)
	assert.Empty(t, other.People)

	*now = l.Expires.Add(-1)
	_, err = s.Read("act", token)
	require.NoError(t, err)
	*now = l.Expires
	late, err := s.Read("act", token)
	require.ErrorIs(t, err, signed.ErrExpired)
	assert.Equal(t, l, late)
}

// No other token is read: not one with a bit changed, for another page, or of another key.
func TestForged(t *testing.T) {
	t.Parallel()
	s, token, now := made(t)
	_, err := s.Read("asks", token)
	require.ErrorIs(t, err, signed.ErrForged)
	_, err = signed.New("", bytes.Repeat([]byte{8}, 32), func() time.Time { return *now }).Read("act", token)
	require.ErrorIs(t, err, signed.ErrForged)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i, c := range []byte(token) {
		changed := []byte(token)
		changed[i] = alphabet[(strings.IndexByte(alphabet, c)+1)%len(alphabet)]
		_, err := s.Read("act", string(changed))
		require.ErrorIs(t, err, signed.ErrForged, i)
	}
	body, mac, _ := strings.Cut(token, ".")
	longer := base64.RawURLEncoding.EncodeToString([]byte(`{"s":"card-1/retry","n":"x","e":99999999999}`))
	for _, bad := range []string{"", ".", body, body + ".", "." + mac, token + "A", token + "=", token + "." + mac, body + "." + mac[:22], longer + "." + mac, " " + token} {
		_, err := s.Read("act", bad)
		require.ErrorIs(t, err, signed.ErrForged, bad)
	}
}

func TestHide(t *testing.T) {
	t.Parallel()
	_, token, _ := made(t, "ann")
	assert.Equal(t, "open https://x.example/act/***, or [retry](https://x.example/act/***) eyJzIjoi", signed.Hide("open https://x.example/act/"+token+", or [retry](https://x.example/act/"+token+") eyJzIjoi"))
}
