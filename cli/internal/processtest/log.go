// Package processtest is for tests that start programs: what these say, and what stands between them and a server.
package processtest

import (
	"bytes"
	"sync"
)

// Log is what a program says, which one goroutine writes and others read. The zero value is empty.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to it.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is all that was said.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
