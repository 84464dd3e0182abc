// Package tlsfile has the certificate of a server in files, which whoever renews it replaces while the server runs.
package tlsfile

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// every is how often the files are looked at, at most: when somebody connects.
const every = 10 * time.Second

// Pair is a certificate and its key. It is safe for concurrent use.
type Pair struct {
	cert, key string
	clock     func() time.Time
	log       *slog.Logger

	mu      sync.Mutex
	now     *tls.Certificate
	looked  time.Time
	read    [2][]byte // what the files held when they were last read
	problem string    // what was last said about them
}

// Load reads a certificate, with those of its issuers behind it, and its key. The errors name the file.
func Load(cert, key string, clock func() time.Time, log *slog.Logger) (*Pair, error) {
	p := &Pair{cert: cert, key: key, clock: clock, log: log, looked: clock()}
	read, err := p.files()
	if err != nil {
		return nil, err
	}
	p.read = read
	p.now, err = p.pair(read)
	return p, err
}

// Config is how a server uses it.
func (p *Pair) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.current(), nil }}
}

// current is the certificate of the files. While these are no pair it is the one before.
func (p *Pair) current() *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock()
	if age := now.Sub(p.looked); age >= 0 && age < every {
		return p.now
	}
	p.looked = now
	read, err := p.files()
	if err == nil && bytes.Equal(read[0], p.read[0]) && bytes.Equal(read[1], p.read[1]) {
		p.problem = "" // the files of the certificate that is in use are back
		return p.now
	}
	var next *tls.Certificate
	if err == nil {
		next, err = p.pair(read)
	}
	if err != nil {
		if p.problem != err.Error() { // once
			p.problem = err.Error()
			p.log.Error("read the new TLS certificate; the old one stays in use", "error", err)
		}
		return p.now
	}
	p.now, p.read, p.problem = next, read, ""
	p.log.Info("the TLS certificate is replaced", "file", p.cert, "not_after", next.Leaf.NotAfter)
	return p.now
}

func (p *Pair) files() (read [2][]byte, err error) {
	for i, name := range []string{p.cert, p.key} {
		if read[i], err = os.ReadFile(name); err != nil { //nolint:gosec // the setting says which
			return read, fmt.Errorf("TLS certificate: %w", err)
		}
	}
	return read, nil
}

// pair is the certificate of what the files held. No error shows any of it.
func (p *Pair) pair(read [2][]byte) (*tls.Certificate, error) {
	c, err := tls.X509KeyPair(read[0], read[1])
	if err != nil {
		return nil, fmt.Errorf("TLS certificate %s with the key %s: %w", p.cert, p.key, err)
	}
	if !p.clock().Before(c.Leaf.NotAfter) { // browsers say so; that is no reason to serve nothing
		p.log.Error("the TLS certificate has expired", "file", p.cert, "not_after", c.Leaf.NotAfter)
	}
	return &c, nil
}
