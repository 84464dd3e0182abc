package accounts

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// How many passwords may be wrong within a time: of one user from one address, of one user from anywhere, and from one
// address for anybody. What comes from this machine itself has no limit of the last kind: a proxy sends everybody's.
const (
	limitTime    = 15 * time.Minute
	limitPair    = 10
	limitUser    = 100
	limitAddress = 50
	// limitKeys bounds the memory: the failures that are the oldest are forgotten first.
	limitKeys = 10000
)

// TooManyError says that too many passwords were wrong.
type TooManyError struct{ RetryAfter time.Duration }

// Error says when it may be tried again.
func (e *TooManyError) Error() string {
	return fmt.Sprintf("too many passwords were wrong: try again in %s", e.RetryAfter.Round(time.Second))
}

// limiter counts wrong passwords. An attempt counts before its password is looked at, so that many at once get no further.
type limiter struct {
	clock func() time.Time
	mu    sync.Mutex
	keys  map[string]*failures
}

type failures struct {
	n     int
	since time.Time
}

func newLimiter(clock func() time.Time) *limiter {
	return &limiter{clock: clock, keys: map[string]*failures{}}
}

// bounds are the keys of an attempt, each with how often.
func bounds(user, address string) map[string]int {
	b := map[string]int{"pair\x00" + user + "\x00" + address: limitPair, "user\x00" + user: limitUser}
	if ip, err := netip.ParseAddr(address); err != nil || !ip.Unmap().IsLoopback() {
		b["address\x00"+network(address)] = limitAddress
	}
	return b
}

// network is the part of an address that one machine has to itself: of IPv6, which gives each many, the first 64 bits.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

// begin counts an attempt, or refuses it.
func (l *limiter) begin(user, address string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, bounds := l.clock(), bounds(user, address)
	var wait time.Duration
	for key, bound := range bounds {
		if f := l.keys[key]; f != nil && f.n >= bound {
			wait = max(wait, f.since.Add(limitTime).Sub(now))
		}
	}
	if wait > 0 {
		return &TooManyError{wait}
	}
	for key := range bounds {
		f := l.keys[key]
		if f == nil || !now.Before(f.since.Add(limitTime)) {
			l.makeRoom(now)
			f = &failures{since: now}
			l.keys[key] = f
		}
		f.n++
	}
	return nil
}

// right takes back the count of an attempt whose password was right. Those that were wrong before it stay counted.
func (l *limiter) right(user, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range bounds(user, address) {
		if f := l.keys[key]; f != nil {
			if f.n--; f.n <= 0 {
				delete(l.keys, key)
			}
		}
	}
}

// makeRoom forgets what is over, and if that is not enough the tenth that is the oldest.
func (l *limiter) makeRoom(now time.Time) {
	if len(l.keys) < limitKeys {
		return
	}
	for bound := limitTime; len(l.keys) > limitKeys*9/10 && bound >= 0; bound -= limitTime / 10 {
		for key, f := range l.keys {
			if now.Sub(f.since) >= bound {
				delete(l.keys, key)
			}
		}
	}
}
