package connections_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
)

func newCipher(t *testing.T, fill byte) *connections.Cipher {
	t.Helper()
	c, err := connections.NewCipher(bytes.Repeat([]byte{fill}, connections.KeySize))
	require.NoError(t, err)
	return c
}

func TestCipherRoundTrip(t *testing.T) {
	t.Parallel()
	c := newCipher(t, 1)
	for _, plain := range []string{"", "p", "pass\x00word", strings.Repeat("x", 1<<16)} {
		sealed, err := c.Seal([]byte(plain), "place")
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(sealed, "v1:"), "versioned")
		if len(plain) > 1 {
			assert.NotContains(t, sealed, plain)
		}
		again, err := c.Seal([]byte(plain), "place")
		require.NoError(t, err)
		assert.NotEqual(t, sealed, again, "a nonce is never used twice")

		opened, err := newCipher(t, 1).Open(sealed, "place")
		require.NoError(t, err)
		assert.Equal(t, plain, string(opened))
	}
}

// TestCipherOpensOldText guards the stored form: what an earlier program sealed
// must open for good.
func TestCipherOpensOldText(t *testing.T) {
	t.Parallel()
	const sealed = "v1:86fa9f81:UdU7xG5wTnjdhlq4OCKcfg6KjJm4wquhJaMnM76SgOgIQw"
	opened, err := newCipher(t, 1).Open(sealed, "connection/a/password")
	require.NoError(t, err)
	assert.Equal(t, "s3cr3t", string(opened))
}

func TestCipherOpenErrors(t *testing.T) {
	t.Parallel()
	c := newCipher(t, 1)
	sealed, err := c.Seal([]byte("s3cr3t"), "place")
	require.NoError(t, err)
	changed := []byte(sealed)
	if i := len(changed) - 3; changed[i] == 'A' {
		changed[i] = 'B'
	} else {
		changed[i] = 'A'
	}

	tests := map[string]struct{ sealed, aad, want string }{
		"other place":     {sealed, "elsewhere", "changed or belongs to another record"},
		"changed":         {string(changed), "place", "changed or belongs to another record"},
		"cut off":         {sealed[:20], "place", "cut off or damaged"},
		"not base64":      {sealed[:12] + "!!!", "place", "cut off or damaged"},
		"unknown version": {"v9" + sealed[2:], "place", "not an encrypted text of a version this program knows"},
		"plain text":      {"s3cr3t", "place", "not an encrypted text"},
		"empty":           {"", "place", "not an encrypted text"},
		"no key id":       {"v1:s3cr3t-which-is-long", "place", "another key"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opened, err := c.Open(tt.sealed, tt.aad)
			require.ErrorContains(t, err, tt.want)
			assert.Nil(t, opened)
			assert.NotContains(t, err.Error(), "s3cr3t-which-is-long")
		})
	}

	_, err = newCipher(t, 2).Open(sealed, "place")
	require.ErrorContains(t, err, "it was encrypted with another key (id ")
	require.ErrorIs(t, err, connections.ErrOtherKey)
	require.ErrorContains(t, err, "restore the old key")
}

// Keys for other purposes are the same in each process, and differ by the key and by the purpose.
func TestDerive(t *testing.T) {
	t.Parallel()
	derive := func(fill byte, purpose string) []byte {
		key, err := newCipher(t, fill).Derive(purpose)
		require.NoError(t, err)
		require.Len(t, key, connections.KeySize)
		return key
	}
	links := derive(1, "links")
	assert.Equal(t, links, derive(1, "links"))
	assert.NotEqual(t, links, derive(1, "link"))
	assert.NotEqual(t, links, derive(2, "links"))
	assert.NotEqual(t, bytes.Repeat([]byte{1}, connections.KeySize), links)
}

func TestNewCipherWantsAWholeKey(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 16, 31, 33} {
		_, err := connections.NewCipher(make([]byte, size))
		require.ErrorContains(t, err, "want 32")
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{0xfb, 0xff}, 16)
	for name, text := range map[string]string{
		"standard":         base64.StdEncoding.EncodeToString(key),
		"unpadded":         base64.RawStdEncoding.EncodeToString(key),
		"URL-safe, Fernet": base64.URLEncoding.EncodeToString(key),
		"space around":     " " + base64.RawURLEncoding.EncodeToString(key) + "\n",
	} {
		got, err := connections.ParseKey(text)
		require.NoError(t, err, name)
		assert.Equal(t, key, got, name)
	}
	for name, text := range map[string]string{
		"empty":     "",
		"short":     base64.StdEncoding.EncodeToString(key[:31]),
		"long":      base64.StdEncoding.EncodeToString(append(key, 1)),
		"no base64": "s3cr3t!",
	} {
		_, err := connections.ParseKey(text)
		require.ErrorContains(t, err, "key is not base64 of 32 bytes", name)
		assert.NotContains(t, err.Error(), "s3cr3t")
	}
}

func TestLoadOrCreateKey(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "home")
	path := filepath.Join(dir, "secret.key")
	key, err := connections.LoadOrCreateKey(path)
	require.NoError(t, err)
	assert.Len(t, key, connections.KeySize)

	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, base64.StdEncoding.EncodeToString(key)+"\n", string(text))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, files, 1, "nothing else is left behind")

	again, err := connections.LoadOrCreateKey(path)
	require.NoError(t, err)
	assert.Equal(t, key, again)

	other, err := connections.LoadOrCreateKey(filepath.Join(dir, "other.key"))
	require.NoError(t, err)
	assert.NotEqual(t, key, other)
}

func TestLoadOrCreateKeyNeverOverwrites(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret.key")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err := connections.LoadOrCreateKey(path)
	require.ErrorContains(t, err, "key file "+path+": key is not base64")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Empty(t, text)

	_, err = connections.LoadOrCreateKey(t.TempDir())
	require.ErrorContains(t, err, "read key file")
	_, err = connections.LoadOrCreateKey(filepath.Join(path, "below a file", "key"))
	require.Error(t, err)
}

func TestLoadOrCreateKeyConcurrently(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret.key")
	keys := make([][]byte, 16)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			keys[i], err = connections.LoadOrCreateKey(path)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	for _, key := range keys {
		assert.Equal(t, keys[0], key)
	}
}
