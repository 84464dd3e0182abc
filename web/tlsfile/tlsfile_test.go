package tlsfile_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/web/tlsfile"
)

// files are a certificate and its key.
type files struct {
	cert, key string
	now       time.Time
	log       bytes.Buffer
}

func newFiles(t *testing.T) *files {
	t.Helper()
	dir := t.TempDir()
	f := &files{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	f.write(t, 1, f.now.Add(time.Hour))
	return f
}

// write makes another pair.
func (f *files) write(t *testing.T, serial int64, end time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	about := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, NotBefore: f.now.Add(-time.Hour), NotAfter: end, DNSNames: []string{"dag.example"}}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	require.NoError(t, err)
	hidden, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(f.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600))
	require.NoError(t, os.WriteFile(f.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: hidden}), 0o600))
}

func (f *files) load() (*tlsfile.Pair, error) {
	return tlsfile.Load(f.cert, f.key, func() time.Time { return f.now }, slog.New(slog.NewTextHandler(&f.log, nil)))
}

func serial(t *testing.T, p *tlsfile.Pair) int64 {
	t.Helper()
	c, err := p.Config().GetCertificate(&tls.ClientHelloInfo{})
	require.NoError(t, err)
	return c.Leaf.SerialNumber.Int64()
}

func TestTheFilesAreReadAnew(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	p, err := f.load()
	require.NoError(t, err)
	assert.EqualValues(t, 1, serial(t, p))
	f.write(t, 2, f.now.Add(time.Hour))
	assert.EqualValues(t, 1, serial(t, p), "they are not read for each connection")
	f.now = f.now.Add(10 * time.Second)
	assert.EqualValues(t, 2, serial(t, p))
	assert.Contains(t, f.log.String(), "the TLS certificate is replaced")

	// Half of a new pair, and none at all, are waited for with what was there.
	old, err := os.ReadFile(f.key)
	require.NoError(t, err)
	f.write(t, 3, f.now.Add(time.Hour))
	whole, err := os.ReadFile(f.key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(f.key, old, 0o600))
	f.log.Reset()
	for range 3 {
		f.now = f.now.Add(10 * time.Second)
		assert.EqualValues(t, 2, serial(t, p))
	}
	assert.Equal(t, 1, strings.Count(f.log.String(), "level=ERROR"), f.log.String())
	assert.Contains(t, f.log.String(), "private key does not match public key")
	require.NoError(t, os.Remove(f.key))
	f.now = f.now.Add(10 * time.Second)
	assert.EqualValues(t, 2, serial(t, p))
	require.NoError(t, os.WriteFile(f.key, whole, 0o600))
	f.now = f.now.Add(10 * time.Second)
	assert.EqualValues(t, 3, serial(t, p))
	assert.NotContains(t, f.log.String(), "PRIVATE")
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*files) error
		want  []string
	}{
		"no certificate": {func(f *files) error { return os.Remove(f.cert) }, []string{"cert.pem: no such file"}},
		"no key":         {func(f *files) error { return os.Remove(f.key) }, []string{"key.pem: no such file"}},
		"no PEM":         {func(f *files) error { return os.WriteFile(f.cert, []byte("s3cret"), 0o600) }, []string{"cert.pem", "failed to find any PEM data"}},
		"exchanged":      {func(f *files) error { f.cert, f.key = f.key, f.cert; return nil }, []string{"key.pem", "did find a private key"}},
		"a key for it":   {func(f *files) error { return os.WriteFile(f.key, []byte("s3cret"), 0o600) }, []string{"key.pem", "failed to find any PEM data"}},
	} {
		f := newFiles(t)
		require.NoError(t, c.spoil(f), name)
		_, err := f.load()
		for _, want := range c.want {
			require.ErrorContains(t, err, want, name)
		}
		assert.NotContains(t, err.Error(), "s3cret", name)
	}
}

// What has expired is said, and served: browsers let people decide.
func TestExpired(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	f.write(t, 7, f.now)
	p, err := f.load()
	require.NoError(t, err)
	assert.EqualValues(t, 7, serial(t, p))
	assert.Contains(t, f.log.String(), "the TLS certificate has expired")
}
