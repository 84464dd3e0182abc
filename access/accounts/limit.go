package accounts

import (
	"net/netip"
	"sync"
	"time"

	"github.com/dingdag/dingdag/phrase"
)

// How many passwords may be wrong within a time: of one user from one network, and from one network for anybody. What comes from
// this machine itself has no limit of the last kind: a proxy that is not trusted sends everybody's.
const (
	limitTime    = 15 * time.Minute
	limitPair    = 10
	limitNetwork = 50
	// limitKeys bounds the memory: the failures that are the oldest are forgotten first.
	limitKeys = 10000
)

// From how many wrong passwords on, of one user from anywhere and of all users, each further attempt has to wait. Nobody is
// locked out by what others do; where somebody has signed in lately he does not even wait.
const (
	slowUser = 100
	slowAll  = 1000
	slowTime = 2 * time.Second
	// slowKnown is for how long a network is known as that of a user.
	slowKnown = 7 * 24 * time.Hour
)

// How many attempts may wait because of that, and for a processor, at once. Those that are too many are refused.
const (
	mostSlow    = 64
	mostWaiting = 16
	busyTime    = 2 * time.Second
)

// BusyError says that too many passwords are looked at just now.
type BusyError struct{ RetryAfter time.Duration }

// Error says when it may be tried again.
func (e *BusyError) Error() string { return e.Said().String() }

// Said is that in each language.
func (e *BusyError) Said() phrase.Text { return phrase.Of("sign.busy", e.RetryAfter) }

// TooManyError says that too many passwords were wrong.
type TooManyError struct{ RetryAfter time.Duration }

// Error says when it may be tried again.
func (e *TooManyError) Error() string { return e.Said().String() }

// Said is that in each language.
func (e *TooManyError) Said() phrase.Text { return phrase.Of("sign.many", e.RetryAfter) }

// limiter counts wrong passwords. An attempt counts before its password is looked at, so that many at once get no further.
type limiter struct {
	clock func() time.Time

	mu    sync.Mutex
	keys  map[string]*failures
	known map[string]time.Time // users and networks, with when the password was right last
}

type failures struct {
	n     int
	since time.Time
}

func newLimiter(clock func() time.Time) *limiter {
	return &limiter{clock: clock, keys: map[string]*failures{}, known: map[string]time.Time{}}
}

// everybody is the key of all failures.
const everybody = "all"

func pairOf(user, address string) string { return "pair\x00" + user + "\x00" + network(address) }

// bounds are the keys of an attempt that may refuse it, each with how often.
func bounds(user, address string) map[string]int {
	b := map[string]int{pairOf(user, address): limitPair}
	if ip, err := netip.ParseAddr(address); err != nil || !ip.Unmap().IsLoopback() {
		b["network\x00"+network(address)] = limitNetwork
	}
	return b
}

// slows are those that may slow it down.
func slows(user string) map[string]int {
	return map[string]int{"user\x00" + user: slowUser, everybody: slowAll}
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

// begin counts an attempt, or refuses it. One that it does not refuse may have to wait.
func (l *limiter) begin(user, address string) (slow bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, bounds, slows := l.clock(), bounds(user, address), slows(user)
	var wait time.Duration
	for key, bound := range bounds {
		if f := l.keys[key]; f != nil && f.n >= bound {
			wait = max(wait, f.since.Add(limitTime).Sub(now))
		}
	}
	if wait > 0 {
		return false, &TooManyError{wait}
	}
	last, known := l.known[pairOf(user, address)]
	known = known && now.Before(last.Add(slowKnown))
	for key, bound := range slows {
		if f := l.keys[key]; f != nil && f.n >= bound && now.Before(f.since.Add(limitTime)) && !known {
			slow = true
		}
	}
	for _, keys := range []map[string]int{bounds, slows} {
		for key := range keys {
			f := l.keys[key]
			if f == nil || !now.Before(f.since.Add(limitTime)) {
				l.makeRoom(now)
				f = &failures{since: now}
				l.keys[key] = f
			}
			f.n++
		}
	}
	return slow, nil
}

// right takes back the count of an attempt whose password was right. Those that were wrong before it stay counted.
func (l *limiter) right(user, address string) {
	l.undo(user, address)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) >= limitKeys {
		clear(l.known) // they wait once, if somebody guesses
	}
	l.known[pairOf(user, address)] = l.clock()
}

// undo takes back the count of an attempt whose password was not looked at.
func (l *limiter) undo(user, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, keys := range []map[string]int{bounds(user, address), slows(user)} {
		for key := range keys {
			if f := l.keys[key]; f != nil {
				if f.n--; f.n <= 0 {
					delete(l.keys, key)
				}
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
