package secret_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access/secret"
)

func TestPassword(t *testing.T) {
	t.Parallel()
	const password = "correct horse ü"
	hash := secret.HashPassword(password)
	assert.Regexp(t, `^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$`, hash)
	assert.NotEqual(t, hash, secret.HashPassword(password), "each has its salt")
	for try, want := range map[string]bool{password: true, "": false, password + "x": false, strings.ToUpper(password): false, strings.Repeat("x", 2<<20): false} {
		ok, err := secret.IsPassword(hash, try)
		require.NoError(t, err)
		assert.Equal(t, want, ok, "%.20q", try)
	}
	ok, err := secret.IsPassword(secret.Nobodys(), "")
	require.NoError(t, err)
	assert.False(t, ok)
	for _, bad := range []string{
		"", "plain", "$2y$10$abc", "$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "$argon2id$v=16$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
		"$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "$argon2id$v=19$m=19456,t=0,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
		"$argon2id$v=19$m=19456,t=2,p=0$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$", "$argon2id$v=19$m=19456,t=2,p=1$!$aGFzaGhhc2hoYXNoaGFzaA",
		hash + "$x", hash[:len(hash)-30], "x" + hash, strings.Replace(hash, "t=2", "t=17", 1), strings.Replace(hash, "p=1", "p=9", 1),
		strings.Replace(hash, "m=19456", "m=262145", 1), hash[:strings.LastIndex(hash, "$")+1] + strings.Repeat("A", 87),
	} {
		_, err := secret.IsPassword(bad, password)
		require.Error(t, err, bad)
		assert.NotContains(t, err.Error(), "aGFzaA", "an error shows no hash")
	}
}

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for password, want := range map[string]string{
		"long enough": "", "ten chars!": "", "nine char": "too short", "四个汉字密码九个字": "too short", "十个汉字的密码才算够": "", "short": "too short", "": "too short", strings.Repeat("x", 1025): "longer than 1024 bytes", strings.Repeat("x", 1024): "",
		"not utf-8 \xff": "no text in UTF-8", "ANN@example.com": "the name of the user",
	} {
		err := secret.CheckPassword("ann@example.com", password)
		if want == "" {
			require.NoError(t, err, password)
		} else {
			require.ErrorContains(t, err, want, password)
		}
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	a, b := secret.NewToken(), secret.NewToken()
	assert.NotEqual(t, a, b)
	assert.Regexp(t, `^dd_[\w-]{43}$`, a.Reveal())
	assert.Equal(t, "***", a.String())
	assert.True(t, secret.IsToken(a.Reveal()))
	assert.Len(t, secret.HashToken(a), 64)
	assert.NotEqual(t, secret.HashToken(a), secret.HashToken(b))
	for _, bad := range []string{"", "dd_", a.Reveal()[1:], a.Reveal() + "x", "Bearer " + a.Reveal()} {
		assert.False(t, secret.IsToken(bad), bad)
	}
	form := secret.FormToken(a)
	assert.True(t, secret.IsFormToken(a, form))
	for _, bad := range []string{"", form[1:], secret.FormToken(b), a.Reveal(), secret.HashToken(a)} {
		assert.False(t, secret.IsFormToken(a, bad), bad)
	}
}
