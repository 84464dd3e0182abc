package inbound

import (
	"sync"
	"time"
)

// maxLines bounds what is remembered.
const maxLines = 1000

// quiet remembers what was logged, so that a flood of requests is not one of lines.
type quiet struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// silent reports whether the line was logged a moment ago, and notes it otherwise. While too many
// different ones are remembered, no others are logged.
func (q *quiet) silent(line string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at, known := q.last[line]; known && now.Sub(at) < logPause && !now.Before(at) {
		return true
	}
	if len(q.last) >= maxLines {
		for l, at := range q.last {
			if now.Sub(at) >= logPause || now.Before(at) {
				delete(q.last, l)
			}
		}
		if len(q.last) >= maxLines {
			return true
		}
	}
	q.last[line] = now
	return false
}
