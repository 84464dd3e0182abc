package accounts

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/dingdag/dingdag/store/users"
)

// How long, and of how many, it is known that a password was right: programs send theirs with every request.
const (
	provenTime = 5 * time.Minute
	provenKeys = 1000
)

// proven remembers which passwords were right, by a MAC with a key of this process. The hash that is stored is part of it: a
// new password, and a new salt, make it another one.
type proven struct {
	clock func() time.Time
	key   []byte
	mu    sync.Mutex
	until map[[sha256.Size]byte]time.Time
}

func newProven(clock func() time.Time) *proven {
	p := &proven{clock: clock, key: make([]byte, sha256.Size), until: map[[sha256.Size]byte]time.Time{}}
	_, _ = rand.Read(p.key) // it never fails
	return p
}

func (p *proven) mac(u *users.User, password string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, p.key)
	h.Write([]byte(u.Password + "\x00" + u.Name + "\x00" + password)) // neither the hash nor the name has a zero
	h.Sum(sum[:0])
	return sum
}

func (p *proven) has(u *users.User, password string) bool {
	sum := p.mac(u, password)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clock().Before(p.until[sum])
}

func (p *proven) add(u *users.User, password string) {
	sum, now := p.mac(u, password), p.clock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.until) >= provenKeys {
		for k, until := range p.until {
			if !now.Before(until) {
				delete(p.until, k)
			}
		}
		if len(p.until) >= provenKeys {
			clear(p.until)
		}
	}
	p.until[sum] = now.Add(provenTime)
}
